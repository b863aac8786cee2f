#include "l3-stream/awssource.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "l0-base/file.h"
#include "l0-base/hash.h"
#include "l1-value/httpdate.h"
#include "l1-value/percent.h"
#include "l1-value/timestamp.h"
#include "l1-value/xmltext.h"
#include "l2-line/reader.h"
#include "l2-line/sigv4.h"
#include "l3-stream/awsrequest.h"
#include "l3-stream/http.h"

enum {
	SECOND = 1000000,
	SKEW_MOST = 240, /* AWS allows 300 seconds */
	REPLY_MOST = 1 << 20,
	TOKEN_MOST = 1 << 17
};

struct awssource {
	const struct awsconfig *config;
	int64_t *skew;
	const sigset_t *allowed;
	const volatile sig_atomic_t *stop;
	struct http *http;
	struct http_request request;
	int done;
	struct buf url, body, header;
	const char *headers[1];
};

struct awssource *awssource_new(const struct awsconfig *config, int64_t *skew,
				const sigset_t *allowed, const volatile sig_atomic_t *stop)
{
	struct awssource *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->config = config;
	s->skew = skew;
	s->allowed = allowed;
	s->stop = stop;
	return s;
}

/* Forget what went back and forth: it was all secrets. */
static void wipe(struct awssource *s)
{
	hash_cleanse_buf(&s->body);
	hash_cleanse_buf(&s->request.reply);
	hash_cleanse_buf(&s->url);
	hash_cleanse_buf(&s->header);
}

void awssource_free(struct awssource *s)
{
	if (s == NULL)
		return;
	http_close(s->http);
	wipe(s);
	http_request_free(&s->request);
	free(s);
}

/* ---- one request, waited for ---- */

static void on_done(struct http_request *r)
{
	struct awssource *s = r->context;

	s->done = 1;
}

static int open_http(struct awssource *s, struct err *err)
{
	struct http_options o = {
		.connections = 1,
		.ca_bundle = awsconfig_get(s->config, "AWS_CA_BUNDLE", "ca_bundle"),
		.user_agent = "tuberia",
		.allowed = s->allowed,
	};

	return s->http != NULL ? 0 : http_open(&o, &s->http, err);
}

/* Send what is in s->request, once. Returns 0 when there is an answer, of whatever status. */
static int send_once(struct awssource *s, struct err *err)
{
	struct http_request *r = &s->request;

	r->body = buf_view(&s->body);
	r->done = on_done;
	r->context = s;
	r->body_limit = REPLY_MOST;
	s->done = 0;
	if (s->body.failed)
		return err_memory(err);
	if (open_http(s, err) != 0 || http_start(s->http, r, err) != 0)
		return -1;
	while (!s->done) {
		if (http_step(s->http, -1, err) < 0) {
			http_cancel(s->http, r);
			return -1;
		}
	}
	if (r->outcome == HTTP_ANSWERED)
		return 0;
	*err = r->err;
	return -1;
}

static void nap(int64_t micros)
{
	struct timespec t = {micros / SECOND, micros % SECOND * 1000};

	nanosleep(&t, NULL);
}

static int is_stopped(const struct awssource *s)
{
	return s->stop != NULL && *s->stop;
}

/* Send, and again when there was no answer or one that may be better next time. `before` signs. */
static int send_request(struct awssource *s, int attempts,
			int (*before)(struct awssource *s, void *context, struct err *err),
			void *context, struct err *err)
{
	int failed = -1;

	for (int i = 0; i < attempts; i++) {
		if (i > 0 && is_stopped(s))
			break;
		if (i > 0)
			nap(100000 << i);
		if (before(s, context, err) != 0)
			return -1;
		failed = send_once(s, err);
		if (failed && s->request.outcome == HTTP_REFUSED)
			break;
		if (!failed && s->request.status < 500 && s->request.status != 429)
			break;
	}
	return failed;
}

/* URL and header as they were put. */
static int plain(struct awssource *s, void *context, struct err *err)
{
	(void)context;
	s->headers[0] = buf_text(&s->header);
	s->request.headers = s->headers;
	s->request.header_count = s->header.len > 0;
	s->request.url = buf_text(&s->url);
	return s->url.failed || s->header.failed ? err_memory(err) : 0;
}

static void begin(struct awssource *s, const char *method, int64_t timeout, int direct)
{
	buf_clear(&s->url);
	buf_clear(&s->body);
	buf_clear(&s->header);
	s->request.method = method;
	s->request.connect = s->request.timeout = timeout;
	s->request.direct = direct;
}

/* An answer of JSON into keys. */
static int take_json(struct awssource *s, struct awskeys *k, const char *source, struct err *err)
{
	struct slice json;

	if (buf_room(&s->request.reply, READER_PADDING) == NULL)
		return err_memory(err);
	json = buf_view(&s->request.reply);
	return awskeys_set_json(k, json, "Token", err, source);
}

/* ---- STS ---- */

static void put_parameter(struct buf *body, const char *name, struct slice value)
{
	buf_printf(body, "&%s=", name);
	percent_put(body, value, "");
}

static void put_role(struct buf *body, const struct awsrole *role)
{
	char name[64];
	int64_t now;
	int32_t nanos;

	put_parameter(body, "RoleArn", slice_of(role->arn));
	timestamp_now(&now, &nanos);
	snprintf(name, sizeof name, "tuberia-%lld-%d", (long long)now, (int)getpid());
	put_parameter(body, "RoleSessionName",
		      slice_of(role->session != NULL ? role->session : name));
	if (role->external_id != NULL)
		put_parameter(body, "ExternalId", slice_of(role->external_id));
	if (role->duration != NULL)
		put_parameter(body, "DurationSeconds", slice_of(role->duration));
}

/* An attempt at STS: signed anew, by the time it is then. */
struct signing {
	struct awsrequest request;
	struct awsplace place;
	const struct awskeys *by; /* NULL: not signed */
};

static int sign(struct awssource *s, void *context, struct err *err)
{
	struct signing *g = context;
	int64_t now;
	int32_t nanos;

	timestamp_now(&now, &nanos);
	g->request.body = buf_view(&s->body);
	if (awsrequest_make(&g->request, &g->place, g->by, now + *s->skew, err) != 0)
		return -1;
	s->request.url = g->request.url.at;
	s->request.headers = g->request.list;
	s->request.header_count = g->request.count;
	return 0;
}

/* The answer is an error, which has a code and a message. Always -1. */
static int refused(struct awssource *s, const struct awsrole *role, struct err *err)
{
	struct slice reply = buf_view(&s->request.reply);
	struct buf code = {0}, message = {0};
	int status = s->request.status;

	if (xmltext_find(reply, "*/Error/Code", &code) <= 0)
		buf_printf(&code, "HTTP status %d", status);
	xmltext_find(reply, "*/Error/Message", &message);
	err_set(err, status >= 500 ? ERR_UNAVAILABLE : ERR_DENIED, "%s: role %s: STS: %s%s%s",
		role->source, role->arn, buf_text(&code), message.len > 0 ? ": " : "",
		buf_text(&message));
	buf_free(&code);
	buf_free(&message);
	return -1;
}

/* The clock of the service is another than ours, says its answer: go by that. */
static int clock_is_off(struct awssource *s)
{
	int64_t theirs, ours;
	int32_t nanos;

	if (s->request.status / 100 != 4 ||
	    httpdate_parse(http_header(&s->request, "date"), &theirs) != 0)
		return 0;
	timestamp_now(&ours, &nanos);
	ours += *s->skew;
	if (theirs - ours < SKEW_MOST && ours - theirs < SKEW_MOST)
		return 0;
	*s->skew += theirs - ours;
	return 1;
}

static int call_sts(struct awssource *s, const char *action, const struct awskeys *by,
		    const struct awsrole *role, struct awskeys *k, struct err *err)
{
	const struct awsservice *sts = awsconfig_service("sts", err);
	const char *region = awsconfig_region(s->config, err);
	struct signing g = {.by = by};
	struct buf rest = {0};
	int given, failed;

	if (sts == NULL || region == NULL ||
	    awsconfig_endpoint(s->config, sts, region, &s->url, &given, err) != 0)
		return -1;
	g.place.endpoint = buf_view(&s->url);
	g.place.signer = sigv4_new(region, sts->signing);
	if (g.place.signer == NULL)
		return err_memory(err);
	g.request.type = "application/x-www-form-urlencoded; charset=utf-8";
	buf_slice(&rest, buf_view(&s->body));
	buf_clear(&s->body);
	buf_printf(&s->body, "Action=%s&Version=2011-06-15", action);
	put_role(&s->body, role);
	buf_slice(&s->body, buf_view(&rest));
	hash_cleanse_buf(&rest);
	failed = send_request(s, 3, sign, &g, err);
	if (!failed && by != NULL && clock_is_off(s))
		failed = send_request(s, 3, sign, &g, err);
	sigv4_free(g.place.signer);
	awsrequest_free(&g.request);
	if (failed)
		return err_prefix(err, "%s: STS (%.*s)", role->source, SLICE_ARG(s->url));
	if (s->request.status != 200)
		return refused(s, role, err);
	return awskeys_set_xml(k, buf_view(&s->request.reply), err, role->source);
}

int awssource_assume(struct awssource *s, const struct awskeys *by, const struct awsrole *role,
		     struct awskeys *k, struct err *err)
{
	int failed;

	begin(s, "POST", 10 * SECOND, 0);
	failed = call_sts(s, "AssumeRole", by, role, k, err);
	wipe(s);
	return failed;
}

int awssource_web_identity(struct awssource *s, const char *token_file, const struct awsrole *role,
			   struct awskeys *k, struct err *err)
{
	struct buf token = {0};
	int found = file_read(token_file, TOKEN_MOST, &token, err), failed = -1;

	while (token.len > 0 && strchr("\r\n \t", token.at[token.len - 1]) != NULL)
		token.len--;
	if (found == 0 || (found > 0 && token.len == 0))
		err_set(err, ERR_CONFIG, "%s: no web identity token in %s", role->source,
			token_file);
	if (found > 0 && token.len > 0) {
		begin(s, "POST", 10 * SECOND, 0);
		put_parameter(&s->body, "WebIdentityToken", buf_view(&token));
		failed = call_sts(s, "AssumeRoleWithWebIdentity", NULL, role, k, err);
		wipe(s);
	}
	hash_cleanse_buf(&token);
	return failed;
}

/* ---- a container ---- */

/* Only to this machine, to the addresses of ECS and EKS, or encrypted: what is sent there is a
 * token, and what comes back are keys. */
static int may_be_asked(const char *url)
{
	static const char *const hosts[] = {"localhost",     "127.0.0.1",      "[::1]",
					    "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
	struct slice host = awsrequest_host(slice_of(url));

	if (strncasecmp(url, "https://", 8) == 0)
		return 1;
	if (host.len > 0 && memrchr(host.at, ':', host.len) != NULL && host.at[host.len - 1] != ']')
		host.len = (size_t)((const char *)memrchr(host.at, ':', host.len) - host.at);
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (slice_is(host, hosts[i]))
			return 1;
	return host.len > 4 && memcmp(host.at, "127.", 4) == 0;
}

static int put_container_token(struct awssource *s, struct err *err)
{
	const char *token = awsconfig_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	const char *file = awsconfig_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	struct buf *h = &s->header;

	if (token == NULL && file == NULL)
		return 0;
	buf_puts(h, "Authorization: ");
	if (file == NULL) {
		buf_puts(h, token);
		return 0;
	}
	if (file_read(file, TOKEN_MOST, h, err) < 0)
		return -1;
	while (h->len > 0 && strchr("\r\n", h->at[h->len - 1]) != NULL)
		h->len--;
	return 0;
}

int awssource_container(struct awssource *s, struct awskeys *k, struct err *err)
{
	const char *relative = awsconfig_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = awsconfig_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	int failed;

	if (relative == NULL && full == NULL)
		return 0;
	if (relative == NULL && !may_be_asked(full))
		return err_set(
			err, ERR_CONFIG,
			"AWS_CONTAINER_CREDENTIALS_FULL_URI: neither https:// nor an address "
			"of this machine");
	begin(s, "GET", 2 * SECOND, 1);
	if (relative != NULL)
		buf_printf(&s->url, "http://169.254.170.2%s", relative);
	else
		buf_puts(&s->url, full);
	failed = put_container_token(s, err) != 0 || send_request(s, 3, plain, NULL, err) != 0;
	if (!failed && s->request.status != 200)
		failed = err_set(err, ERR_DENIED, "HTTP status %d", s->request.status);
	if (!failed)
		failed = take_json(s, k, "the container's endpoint", err);
	else
		err_prefix(err, "credentials of the container's endpoint");
	wipe(s);
	return failed ? -1 : 1;
}

/* ---- an instance ---- */

struct metadata {
	const char *endpoint;
	int64_t timeout, attempts;
};

static int metadata_settings(struct awssource *s, struct metadata *m, struct err *err)
{
	const struct awsconfig *c = s->config;
	const char *mode = awsconfig_get(c, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
					 "ec2_metadata_service_endpoint_mode");

	m->endpoint = awsconfig_get(c, "AWS_EC2_METADATA_SERVICE_ENDPOINT",
				    "ec2_metadata_service_endpoint");
	if (m->endpoint == NULL)
		m->endpoint = mode != NULL && strcasecmp(mode, "ipv6") == 0
				      ? "http://[fd00:ec2::254]"
				      : "http://169.254.169.254";
	m->timeout = m->attempts = 1;
	return awsconfig_number(c, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout", 1,
				60, &m->timeout, err) != 0 ||
			       awsconfig_number(c, "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
						"metadata_service_num_attempts", 1, 10,
						&m->attempts, err) != 0
		       ? -1
		       : 0;
}

static int ask_metadata(struct awssource *s, const struct metadata *m, const char *method,
			const char *path, struct slice name, struct slice token, struct err *err)
{
	size_t n = strlen(m->endpoint);

	begin(s, method, m->timeout * SECOND, 1);
	buf_put(&s->url, m->endpoint, n > 0 && m->endpoint[n - 1] == '/' ? n - 1 : n);
	buf_puts(&s->url, path);
	percent_put(&s->url, name, "");
	if (token.len > 0)
		buf_printf(&s->header, "X-aws-ec2-metadata-token: %.*s", SLICE_ARG(token));
	else
		buf_puts(&s->header, "X-aws-ec2-metadata-token-ttl-seconds: 21600");
	return send_request(s, (int)m->attempts, plain, NULL, err);
}

/* The role's name, and its keys. Returns 1, 0 without a role, -1. */
static int ask_role(struct awssource *s, const struct metadata *m, struct slice token,
		    struct awskeys *k, struct err *err)
{
	static const char path[] = "/latest/meta-data/iam/security-credentials/";
	struct buf role = {0};
	int result;

	if (ask_metadata(s, m, "GET", path, slice_of(""), token, err) != 0)
		return -1;
	if (s->request.status == 404)
		return 0;
	buf_slice(&role, buf_view(&s->request.reply));
	role.len = strcspn(buf_text(&role), "\r\n");
	if (s->request.status != 200 || role.len == 0) {
		result = err_set(err, ERR_UNAVAILABLE, "HTTP status %d", s->request.status);
	} else {
		result = ask_metadata(s, m, "GET", path, buf_view(&role), token, err);
		if (result == 0 && s->request.status != 200)
			result = err_set(err, ERR_UNAVAILABLE, "HTTP status %d", s->request.status);
		if (result == 0)
			result = take_json(s, k, "the instance's role", err) == 0 ? 1 : -1;
	}
	buf_free(&role);
	return result;
}

int awssource_instance(struct awssource *s, struct awskeys *k, struct err *err)
{
	int disabled = awsconfig_truth(s->config, "AWS_EC2_METADATA_DISABLED",
				       "ec2_metadata_disabled", err);
	struct metadata m;
	struct buf token = {0};
	struct err ignored;
	int result = 0;

	if (disabled != 0)
		return disabled < 0 ? -1 : 0;
	if (metadata_settings(s, &m, err) != 0)
		return -1;
	if (ask_metadata(s, &m, "PUT", "/latest/api/token", slice_of(""), slice_of(""), &ignored) !=
	    0) {
		/* Most machines are no instance of EC2: nobody answers there. */
		result = s->request.outcome == HTTP_REFUSED ? -1 : 0;
		if (result < 0)
			*err = ignored;
	} else if (s->request.status == 200) {
		buf_slice(&token, buf_view(&s->request.reply));
		result = ask_role(s, &m, buf_view(&token), k, err);
	}
	if (result < 0)
		err_prefix(err, "credentials of the instance");
	hash_cleanse_buf(&token);
	wipe(s);
	return result;
}
