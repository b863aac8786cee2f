#include "l3-stream/aws.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "l0-base/hash.h"
#include "l1-value/httpdate.h"
#include "l1-value/timestamp.h"
#include "l2-line/reader.h"
#include "l2-line/sigv4.h"
#include "l3-stream/awsconfig.h"
#include "l3-stream/awscredentials.h"

enum {
	SECOND = 1000000,
	ATTEMPTS = 10,
	BACKOFF = 50000,
	BACKOFF_MOST = 20 * SECOND,
	TIMEOUT = 30 * SECOND,
	CONNECT = 5 * SECOND,
	STALL = 30 * SECOND,
	SKEW_MOST = 240, /* AWS allows 300 seconds */
	CORRECTIONS = 2  /* of keys and clock, for one call */
};

struct aws {
	const struct awsservice *service;
	struct awsconfig *config;
	struct awscredentials *credentials;
	struct sigv4 *signer;
	struct http *http;
	const volatile sig_atomic_t *stop;
	struct buf endpoint, label;
	const char *region;
	int endpoint_is_set, is_s3;
	int64_t skew;  /* seconds, added to this machine's clock */
	unsigned keys; /* how many times they were renewed because they had expired */
	int64_t attempts, backoff;
	uint64_t random;

	struct aws_call *waiting; /* for their next attempt */
	size_t begun, ended;
	size_t in_flight, most;
	size_t limit, successes; /* adaptive: limit goes down and up within most */
	int adaptive;
	struct aws_counts counts;
};

/* ---- open, close ---- */

static int read_settings(struct aws *a, const struct aws_options *o, struct err *err)
{
	const char *mode = awsconfig_get(a->config, "AWS_RETRY_MODE", "retry_mode");

	a->attempts = o->attempts > 0 ? o->attempts : ATTEMPTS;
	a->backoff = o->backoff > 0 ? o->backoff : BACKOFF;
	if (awsconfig_number(a->config, "AWS_MAX_ATTEMPTS", "max_attempts", 1, 100, &a->attempts,
			     err) != 0)
		return -1;
	if (mode == NULL || strcasecmp(mode, "standard") == 0 || strcasecmp(mode, "legacy") == 0)
		return 0;
	a->adaptive = strcasecmp(mode, "adaptive") == 0;
	if (a->adaptive)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "AWS_RETRY_MODE: \"%s\" is not legacy, standard or adaptive", mode);
}

static int find_service(struct aws *a, const struct aws_options *o, struct err *err)
{
	a->service = awsconfig_service(o->service, err);
	if (a->service == NULL)
		return -1;
	a->is_s3 = strcmp(a->service->name, "s3") == 0;
	a->region = awsconfig_region(a->config, err);
	if (a->region == NULL || awsconfig_endpoint(a->config, a->service, a->region, &a->endpoint,
						    &a->endpoint_is_set, err) != 0)
		return -1;
	if (a->endpoint_is_set)
		buf_printf(&a->label, "%s at %.*s", o->service, SLICE_ARG(a->endpoint));
	else
		buf_printf(&a->label, "%s in %s", o->service, a->region);
	if (a->label.failed || buf_room(&a->label, 1) == NULL)
		return err_memory(err);
	buf_text(&a->label);
	return 0;
}

static int set_up(struct aws *a, const struct aws_options *o, struct err *err)
{
	struct http_options h = {.connections = o->in_flight == 0 ? 1 : o->in_flight,
				 .user_agent = "tuberia",
				 .allowed = o->allowed};

	a->stop = o->stop;
	a->most = a->limit = h.connections;
	a->config = awsconfig_new(err);
	if (a->config == NULL || read_settings(a, o, err) != 0 || find_service(a, o, err) != 0)
		return -1;
	a->signer = sigv4_new(a->region, a->service->signing);
	a->credentials = awscredentials_new(a->config, &a->skew, o->allowed, o->stop);
	if (a->signer == NULL || a->credentials == NULL)
		return err_memory(err);
	if (getrandom(&a->random, sizeof a->random, 0) != (ssize_t)sizeof a->random)
		a->random = (uint64_t)time(NULL);
	a->random |= 1;
	h.ca_bundle = awsconfig_get(a->config, "AWS_CA_BUNDLE", "ca_bundle");
	return http_open(&h, &a->http, err);
}

int aws_open(const struct aws_options *o, struct aws **out, struct err *err)
{
	struct aws *a = calloc(1, sizeof *a);

	if (a == NULL)
		return err_memory(err);
	if (set_up(a, o, err) == 0) {
		*out = a;
		return 0;
	}
	aws_close(a);
	return -1;
}

void aws_close(struct aws *a)
{
	if (a == NULL)
		return;
	http_close(a->http);
	awscredentials_free(a->credentials);
	sigv4_free(a->signer);
	awsconfig_free(a->config);
	buf_free(&a->endpoint);
	buf_free(&a->label);
	free(a);
}

const char *aws_region(const struct aws *a)
{
	return a->region;
}

const struct awsconfig *aws_config(const struct aws *a)
{
	return a->config;
}

const char *aws_label(const struct aws *a)
{
	return a->label.at;
}

int64_t aws_skew(const struct aws *a)
{
	return a->skew;
}

int aws_endpoint_is_set(const struct aws *a)
{
	return a->endpoint_is_set;
}

const char *aws_setting(const struct aws *a, const char *env, const char *service, const char *key)
{
	return awsconfig_get_below(a->config, env, service, key);
}

struct aws_counts aws_counts(const struct aws *a)
{
	return a->counts;
}

void aws_call_free(struct aws_call *c)
{
	awsrequest_free(&c->request);
	buf_free(&c->code);
	buf_free(&c->message);
	http_request_free(&c->http);
}

int aws_is(const struct aws_call *c, const char *code)
{
	return c->code.len > 0 && strcmp(c->code.at, code) == 0;
}

/* ---- time and chance ---- */

static int64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec / 1000;
}

static int64_t wall(const struct aws *a)
{
	int64_t now;
	int32_t nanos;

	timestamp_now(&now, &nanos);
	return now + a->skew;
}

/* 0 to most: xorshift64. */
static int64_t random_up_to(struct aws *a, int64_t most)
{
	a->random ^= a->random << 13;
	a->random ^= a->random >> 7;
	a->random ^= a->random << 17;
	return (int64_t)(a->random % (uint64_t)(most + 1));
}

static int is_stopped(const struct aws *a)
{
	return a->stop != NULL && *a->stop;
}

/* ---- an attempt: what is sent ---- */

static void on_done(struct http_request *r);

static int attempt(struct aws *a, struct aws_call *c, struct err *err)
{
	struct awsplace place = {buf_view(&a->endpoint), a->signer, a->is_s3};
	struct awsrequest *q = &c->request;
	struct http_request *r = &c->http;
	const struct awskeys *keys = awscredentials_get(a->credentials, wall(a), err);

	if (keys == NULL || awsrequest_make(q, &place, keys, wall(a), err) != 0)
		return -1;
	r->method = q->method == NULL ? "POST" : q->method;
	r->url = q->url.at;
	r->headers = q->list;
	r->header_count = q->count;
	r->body = q->body;
	r->source = q->source;
	r->connect = CONNECT;
	r->timeout = c->unlimited ? 0 : c->timeout > 0 ? c->timeout : TIMEOUT;
	r->stall = c->unlimited ? STALL : 0;
	r->on_body = c->on_body;
	r->done = on_done;
	r->context = c;
	c->skew = a->skew;
	c->keys = a->keys;
	if (http_start(a->http, r, err) != 0)
		return -1;
	c->sent++;
	a->counts.sent++;
	a->counts.again += c->sent > 1;
	return 0;
}

/* ---- an attempt: what has come of it ---- */

static void end(struct aws_call *c)
{
	struct aws *a = c->a;

	c->a = NULL;
	a->in_flight--;
	a->ended++;
	awsrequest_wipe(&c->request);
	if (c->done != NULL)
		c->done(c);
}

/* It stays what it is: put in front where that was. */
static void end_failed(struct aws_call *c)
{
	struct slice what = c->what != NULL ? slice_of(c->what) : awsrequest_operation(&c->request);

	err_prefix(&c->err, "%s: %.*s", aws_label(c->a), SLICE_ARG(what));
	end(c);
}

static void wait_until(struct aws_call *c, int64_t due)
{
	c->due = due;
	c->next = c->a->waiting;
	c->a->waiting = c;
}

/* Again, after a while, if there may be another attempt. */
static void again_or_end(struct aws_call *c)
{
	struct aws *a = c->a;
	int64_t attempts = c->attempts > 0 ? c->attempts : a->attempts, most = a->backoff;

	if (c->sent - c->corrected >= attempts || is_stopped(a)) {
		end_failed(c);
		return;
	}
	for (int i = 1; i < c->sent && most < BACKOFF_MOST; i++)
		most *= 2;
	wait_until(c, monotonic() + random_up_to(a, most < BACKOFF_MOST ? most : BACKOFF_MOST));
}

/* At once: what was wrong has been corrected. */
static void corrected(struct aws_call *c)
{
	c->corrected++;
	wait_until(c, 0);
}

/* Is the service's clock another? Another call may have found out meanwhile. */
static int clock_corrected(struct aws_call *c)
{
	struct aws *a = c->a;
	int64_t theirs, off;

	if (c->skew != a->skew)
		return 1;
	if (httpdate_parse(http_header(&c->http, "date"), &theirs) != 0)
		return 0;
	off = theirs - wall(a);
	if (off < SKEW_MOST && off > -SKEW_MOST)
		return 0;
	a->skew += off;
	return 1;
}

static int keys_renewed(struct aws_call *c)
{
	struct aws *a = c->a;

	if (c->keys != a->keys)
		return 1;
	if (!awscredentials_expired(a->credentials))
		return 0;
	a->keys++;
	return 1;
}

/* Adaptive mode: as TCP does it. */
static void adapt(struct aws *a, int throttled)
{
	if (throttled) {
		a->limit = a->adaptive && a->limit > 1 ? a->limit / 2 : a->limit;
		a->successes = 0;
	} else if (a->limit < a->most && ++a->successes >= a->limit) {
		a->limit++;
		a->successes = 0;
	}
}

static const char *keys_source(struct aws *a)
{
	struct err ignored;
	const struct awskeys *keys = awscredentials_get(a->credentials, wall(a), &ignored);

	return keys == NULL ? "nowhere" : keys->source;
}

static void say_error(struct aws_call *c)
{
	const char *code = c->code.at, *message = c->message.at;
	enum err_status status = awserror_status(c->kind);
	int64_t theirs;

	if (c->kind == AWSERROR_EXPIRED)
		err_set(&c->err, status, "the credentials (%s) have expired: %s: %s",
			keys_source(c->a), code, message);
	else if (c->kind == AWSERROR_CLOCK || c->kind == AWSERROR_DENIED)
		err_set(&c->err, status, "%s: %s (credentials: %s)", code, message,
			keys_source(c->a));
	else
		err_set(&c->err, status, "%s%s%s", code, *message == '\0' ? "" : ": ", message);
	if (c->kind == AWSERROR_CLOCK && strcmp(code, "SignatureDoesNotMatch") != 0 &&
	    httpdate_parse(http_header(&c->http, "date"), &theirs) != 0) {
		c->err.status = ERR_CONFIG;
		err_prefix(&c->err, "is this machine's clock right?");
	}
}

/* An answer that is none of 2xx. */
static void on_error(struct aws_call *c)
{
	struct aws *a = c->a;
	struct http_request *r = &c->http;

	buf_clear(&c->code);
	buf_clear(&c->message);
	if (buf_room(&r->reply, READER_PADDING) == NULL ||
	    awserror_read(buf_view(&r->reply), http_header(r, "x-amzn-errortype"), c->status,
			  &c->code, &c->message) != 0) {
		err_memory(&c->err);
		end_failed(c);
		return;
	}
	c->kind = awserror_kind(c->code.at, c->status);
	if (c->corrected < CORRECTIONS &&
	    ((c->kind == AWSERROR_CLOCK && clock_corrected(c)) ||
	     ((c->kind == AWSERROR_EXPIRED || strcmp(c->code.at, "RequestExpired") == 0) &&
	      keys_renewed(c)))) {
		corrected(c);
		return;
	}
	say_error(c);
	if (c->kind == AWSERROR_THROTTLED) {
		c->throttled++;
		a->counts.throttled++;
		adapt(a, 1);
	}
	if (c->kind == AWSERROR_THROTTLED || c->kind == AWSERROR_TRANSIENT)
		again_or_end(c);
	else
		end_failed(c);
}

/* DynamoDB sends the CRC-32 of what it sends. */
static int checksum_is_wrong(const struct http_request *r)
{
	struct slice header = http_header(r, "x-amz-crc32");
	uint64_t expected = 0;

	if (header.len == 0 || header.len > 10)
		return header.len > 0;
	for (size_t i = 0; i < header.len; i++) {
		if (header.at[i] < '0' || header.at[i] > '9')
			return 1;
		expected = expected * 10 + (uint64_t)(header.at[i] - '0');
	}
	return expected != hash_crc32(buf_view(&r->reply));
}

static void on_done(struct http_request *r)
{
	struct aws_call *c = r->context;

	c->status = r->outcome == HTTP_ANSWERED ? r->status : 0;
	if (r->outcome == HTTP_ANSWERED && c->on_body == NULL && checksum_is_wrong(r)) {
		r->outcome = HTTP_LOST;
		err_set(&r->err, ERR_UNAVAILABLE, "the reply does not match its x-amz-crc32");
	}
	switch (r->outcome) {
	case HTTP_ANSWERED:
		if (c->status / 100 == 2) {
			adapt(c->a, 0);
			c->err.status = ERR_NONE;
			buf_clear(&c->code);
			end(c);
		} else {
			/* Trouble there may be trouble after it was done. */
			c->ambiguous |= c->status >= 500;
			on_error(c);
		}
		return;
	case HTTP_LOST:
		c->ambiguous = 1;
		break;
	case HTTP_NOT_SENT:
	case HTTP_REFUSED:
		break;
	}
	c->err = r->err;
	if (r->outcome == HTTP_REFUSED)
		end_failed(c);
	else
		again_or_end(c);
}

/* ---- calls ---- */

int aws_start(struct aws *a, struct aws_call *c, struct err *err)
{
	c->a = a;
	c->sent = c->throttled = c->ambiguous = c->corrected = c->status = 0;
	c->err.status = ERR_NONE;
	buf_clear(&c->code);
	if (attempt(a, c, err) != 0) {
		c->a = NULL;
		return err_prefix(err, "%s", aws_label(a));
	}
	a->in_flight++;
	return 0;
}

/* Those whose wait is over. One that is stopped ends with what was wrong the last time. */
static void start_due(struct aws *a)
{
	struct aws_call *c = a->waiting, *next;
	int64_t now;

	if (c == NULL)
		return;
	a->waiting = NULL;
	now = monotonic();
	for (; c != NULL; c = next) {
		next = c->next;
		if (c->due > now && !is_stopped(a)) {
			c->next = a->waiting;
			a->waiting = c;
		} else if ((is_stopped(a) && c->due != 0) || attempt(a, c, &c->err) != 0) {
			end_failed(c);
		}
	}
}

int64_t aws_due(const struct aws *a)
{
	int64_t due = http_due(a->http);

	for (const struct aws_call *c = a->waiting; c != NULL; c = c->next) {
		int64_t left = c->due - monotonic();

		if (left < 0)
			left = 0;
		if (due < 0 || left < due)
			due = left;
	}
	return due;
}

int aws_fd(const struct aws *a)
{
	return http_fd(a->http);
}

int aws_step(struct aws *a, int64_t wait, struct err *err)
{
	size_t ended = a->ended;

	start_due(a);
	if (a->waiting != NULL) {
		int64_t due = aws_due(a);

		wait = wait < 0 || due < wait ? due : wait;
	}
	if (a->ended != ended)
		wait = 0;
	if (http_step(a->http, wait, err) < 0)
		return err_prefix(err, "%s", aws_label(a));
	return (int)(a->ended - ended);
}

int aws_run(struct aws *a, struct aws_call *c, struct err *err)
{
	c->done = NULL;
	if (aws_start(a, c, err) != 0) {
		c->err = *err;
		return -1;
	}
	while (c->a != NULL)
		if (aws_step(a, -1, err) < 0)
			return -1;
	if (c->err.status == ERR_NONE)
		return 0;
	*err = c->err;
	return -1;
}

size_t aws_in_flight(const struct aws *a)
{
	return a->in_flight;
}

size_t aws_room(const struct aws *a)
{
	return a->in_flight < a->limit ? a->limit - a->in_flight : 0;
}
