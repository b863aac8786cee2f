#include "l4-service/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "l0-base/hash.h"
#include "l1-value/text.h"
#include "l1-value/timestamp.h"
#include "l2-line/freshness.h"
#include "l2-line/keyring.h"
#include "l2-line/limit.h"
#include "l3-stream/apianswer.h"
#include "l4-service/apifiles.h"
#include "l4-service/store.h"

enum {
	ID_BYTES = 12,   /* of a request's id that we make */
	RETRY_STORE = 2, /* seconds after which the store may be there */
	ID_LENGTH_MOST = 64
};

struct api {
	struct api_options o;
	struct apianswer_frame frame;
	struct limit *limit;
	struct keyring *keys;
	struct store_reader *reader; /* NULL: not open */
	struct apianswer answer;
	struct limit_verdict verdict;
	struct metric_key *wanted; /* products of a key: */
	int wanted_room;
	/* What requests that came together share; see api_pause. */
	int keys_looked_at, asking;
	struct freshness fresh;
	struct buf as_of; /* of fresh */
	unsigned char random[64 * ID_BYTES];
	size_t random_left;
	int answered; /* a request */
	char id[2 * ID_BYTES + 1];

	/* the request at hand */
	struct apirequest *r;
	struct slice request_id;
	int64_t arrived;
	int who; /* of keys; -1: nobody */
	struct api_result *result;
};

int api_new(const struct api_options *o, struct api **out, struct err *err)
{
	struct api *a = calloc(1, sizeof *a);

	if (a == NULL)
		return err_memory(err);
	a->o = *o;
	a->frame = (struct apianswer_frame){slice_of(o->origins == NULL ? "" : o->origins),
					    o->quota, o->burst};
	a->keys = keyring_new(o->keys);
	if (a->keys == NULL)
		err_memory(err);
	else if (limit_open(o->limit_file, o->quota, o->burst, &a->limit, err) == 0) {
		*out = a;
		return 0;
	}
	api_free(a);
	return -1;
}

void api_free(struct api *a)
{
	if (a == NULL)
		return;
	store_reader_close(a->reader);
	keyring_free(a->keys);
	limit_close(a->limit);
	apianswer_free(&a->answer);
	buf_free(&a->as_of);
	free(a->wanted);
	free(a);
}

/* ---- who asks ---- */

static int is_id(struct slice id)
{
	if (id.len == 0 || id.len > ID_LENGTH_MOST)
		return 0;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.at[i], low = (char)(c | 0x20);

		if (!(c >= '0' && c <= '9') && !(low >= 'a' && low <= 'z') && c != '.' &&
		    c != '_' && c != '-')
			return 0;
	}
	return 1;
}

/* The client's own id of its request, or one that we make. It is no secret: without random numbers
 * it says nothing. */
static struct slice id_of(struct api *a, const struct apirequest *r)
{
	if (r->ids == 1 && is_id(r->id))
		return r->id;
	if (a->random_left < ID_BYTES) {
		/* One for the first request, which may be the only one; then many at once. */
		a->random_left = a->answered ? sizeof a->random : ID_BYTES;
		a->answered = 1;
		if (getrandom(a->random, a->random_left, 0) != (ssize_t)a->random_left)
			memset(a->random, 0, a->random_left);
	}
	a->random_left -= ID_BYTES;
	hash_hex(a->random + a->random_left, ID_BYTES, a->id);
	return (struct slice){a->id, 2 * (size_t)ID_BYTES};
}

static void problem(struct api *a, int status, const char *detail)
{
	apianswer_problem(&a->answer, status, detail, a->request_id);
}

static int64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

/* Look whether the key file has changed, once. */
static int look_at_keys(struct api *a)
{
	if (!a->keys_looked_at && keyring_refresh(a->keys, &a->result->why) != 0)
		return -1;
	a->keys_looked_at = 1;
	return 0;
}

/* Who it is, and whether there is still something left for them. Returns 0, or -1 with a problem.
 */
static int admit(struct api *a)
{
	unsigned char digest[HASH_SHA256_BYTES];
	struct apirequest *r = a->r;
	int no_keys = r->keys == 1 && look_at_keys(a) != 0;

	a->who = -1;
	if (r->keys == 1 && !no_keys)
		a->who = keyring_find(a->keys, r->key, seconds_now(), digest);
	if (a->who >= 0) {
		a->result->name = keyring_name(a->keys, a->who);
		limit_take(a->limit, LIMIT_KEY, (struct slice){(char *)digest, sizeof digest},
			   a->arrived, &a->verdict);
	} else {
		limit_take(a->limit, LIMIT_ADDRESS, r->address, a->arrived, &a->verdict);
	}
	a->answer.verdict = &a->verdict;
	if (!a->verdict.allowed) {
		a->answer.retry_after = (int)a->verdict.retry_after;
		problem(a, 429, "Too many requests. Retry-After says when to go on.");
		return -1;
	}
	if (no_keys && (r->route == API_CLIENTE || r->route == API_PRODUCTO)) {
		a->answer.retry_after = RETRY_STORE;
		problem(a, 503, "Keys cannot be checked now.");
		return -1;
	}
	/* Of no interest to the others. */
	if (no_keys)
		a->result->why.status = ERR_NONE;
	return 0;
}

static int authenticate(struct api *a)
{
	a->answer.by_key = 1;
	if (a->who >= 0)
		return 0;
	problem(a, 401,
		a->r->keys == 0  ? "A key is needed, in the header X-API-Key."
		: a->r->keys > 1 ? "There is more than one header X-API-Key."
				 : "The key is not known, or no longer.");
	return -1;
}

/* ---- the store ---- */

static int64_t micros_left(const struct api *a)
{
	return a->o.deadline - (limit_now() - a->arrived) / 1000;
}

static void forget_store(struct api *a)
{
	store_reader_close(a->reader);
	a->reader = NULL;
	a->asking = 0;
}

/* The store did not answer; the next request starts from nothing. */
static void store_failed(struct api *a)
{
	int late = a->result->why.status == ERR_TEMP && micros_left(a) <= 0;

	forget_store(a);
	a->answer.retry_after = RETRY_STORE;
	if (late)
		problem(a, 504, "The data did not come in time.");
	else
		problem(a, 503, "The data cannot be had now.");
}

static int open_and_begin(struct api *a, struct err *err)
{
	int64_t left = micros_left(a);

	if (left <= 0)
		return err_set(err, ERR_TEMP, "no time left to ask the store");
	if (a->reader == NULL && store_reader_open(a->o.store, left, &a->reader, err) != 0) {
		a->reader = NULL;
		return -1;
	}
	store_within(a->reader, left);
	return store_begin(a->reader, err);
}

/* Begin to ask, and learn how fresh the answer will be. Returns 0, or -1 with a problem. */
static int begin_anew(struct api *a)
{
	struct err *err = &a->result->why;
	struct freshness *f = &a->fresh;
	int had_one = a->reader != NULL, failed = open_and_begin(a, err);

	/* The one that was open may be of a file that is no longer there. */
	if (failed && had_one && micros_left(a) > 0) {
		forget_store(a);
		failed = open_and_begin(a, err);
	}
	f->known = failed ? -1 : store_fresh(a->reader, &f->time, &f->epoch, err);
	if (f->known < 0) {
		store_failed(a);
		return -1;
	}
	err->status = ERR_NONE;
	a->asking = 1;
	buf_clear(&a->as_of);
	if (f->known)
		freshness_put_time(&a->as_of, f);
	return 0;
}

/* The same, or go on in the epoch that is being asked. */
static int begin(struct api *a)
{
	int64_t left = micros_left(a);

	if (a->asking && left > 0)
		store_within(a->reader, left);
	else if (begin_anew(a) != 0)
		return -1;
	a->answer.as_of = buf_view(&a->as_of);
	return 0;
}

void api_pause(struct api *a)
{
	if (a->asking)
		store_end(a->reader);
	a->asking = a->keys_looked_at = 0;
}

/* Two counts and two sums into the first ones. */
static int add(struct metric *sum, const struct metric *m, struct err *err)
{
	if (__builtin_add_overflow(sum->num_transacciones, m->num_transacciones,
				   &sum->num_transacciones))
		return err_set(err, ERR_DATA, "num_transacciones: out of range");
	return decimal_add(&sum->monto_total, &m->monto_total, err);
}

/* The sum over the products that the key may see: a look-up for each of them, whatever there is.
 * Returns 1, 0 when there is nothing, -1. */
static int add_up_allowed(struct api *a, struct metric *sum, struct err *err)
{
	int count = keyring_products(a->keys, a->who), more;
	struct metric m;

	if (count > a->wanted_room) {
		free(a->wanted);
		a->wanted = calloc((size_t)count, sizeof *a->wanted);
		a->wanted_room = a->wanted == NULL ? 0 : count;
		if (a->wanted == NULL)
			return err_memory(err);
	}
	for (int i = 0; i < count; i++)
		a->wanted[i] = (struct metric_key){
			a->r->cliente_id, keyring_product(a->keys, a->who, i), a->r->fecha};
	if (store_get_many(a->reader, a->wanted, (size_t)count, err) != 0)
		return -1;
	*sum = (struct metric){0};
	while ((more = store_next(a->reader, &m, err)) > 0)
		if (add(sum, &m, err) != 0)
			return -1;
	return more < 0 ? -1 : sum->num_transacciones != 0;
}

static void put_metrics(struct api *a, const struct metric *m)
{
	struct buf *text = &a->answer.text;
	char amount[DECIMAL_TEXT_MAX];
	size_t length = decimal_print(&m->monto_total, amount);

	buf_clear(text);
	if (a->r->route == API_CLIENTE) {
		buf_puts(text, "{\"cliente_id\":");
		buf_slice(text, a->r->cliente_id);
	} else {
		buf_puts(text, "{\"producto\":");
		json_put_string(text, a->r->producto);
	}
	buf_puts(text, ",\"metricas\":{\"num_transacciones\":");
	buf_int(text, m->num_transacciones);
	buf_puts(text, ",\"monto_total\":");
	buf_put(text, amount, length);
	buf_puts(text, "}}");
	a->answer.body = buf_view(text);
	a->answer.status = 200;
	a->answer.type = "application/json";
	a->answer.tagged = 1;
}

static void answer_metrics(struct api *a)
{
	struct apirequest *r = a->r;
	struct err *err = &a->result->why;
	struct metric_key key = {r->cliente_id, r->producto, r->fecha};
	struct metric m;
	int found;

	/* Before the store is asked: what a key may not see, it may not see be there. */
	if (r->producto.at != NULL && !keyring_allows(a->keys, a->who, r->producto)) {
		problem(a, 403, "This key is not for this product.");
		return;
	}
	if (begin(a) != 0)
		return;
	if (r->producto.at == NULL && keyring_products(a->keys, a->who) >= 0)
		found = add_up_allowed(a, &m, err);
	else
		found = store_get(a->reader, &key, &m, err);
	if (found < 0) {
		store_failed(a);
		return;
	}
	if (found > 0)
		put_metrics(a, &m);
	else
		problem(a, 404, "There are no such sales.");
}

/* ---- the others ---- */

static void answer_health(struct api *a)
{
	struct freshness *f = &a->fresh;
	struct buf *text = &a->answer.text;
	struct decimal age;
	char seconds[DECIMAL_TEXT_MAX];

	if (begin(a) != 0)
		return;
	f->now = freshness_now();
	age = freshness_age(f);
	if (f->known && f->now - f->time > a->o.stale) {
		a->answer.retry_after = RETRY_STORE;
		problem(a, 503, "The data are older than they should be: X-Data-As-Of.");
		return;
	}
	decimal_print(&age, seconds);
	buf_clear(text);
	buf_puts(text, "{\"status\":\"ok\"");
	if (f->known)
		buf_printf(text, ",\"as_of\":\"%.*s\",\"age_seconds\":%s,\"epoch\":%" PRId64,
			   SLICE_ARG(a->answer.as_of), seconds, f->epoch);
	buf_puts(text, "}");
	a->answer.body = buf_view(text);
	a->answer.status = 200;
	a->answer.type = "application/json";
}

static void answer_file(struct api *a)
{
	apifiles_get(a->r->route, &a->answer.body, &a->answer.type);
	a->answer.status = 200;
	a->answer.tagged = 1;
	a->answer.lasting = 1;
	if (a->r->route == API_PAGE)
		a->answer.policy = "default-src 'none'; style-src 'self'; script-src 'self'; "
				   "connect-src 'self'; img-src data:; base-uri 'none'; "
				   "form-action 'none'; frame-ancestors 'none'";
}

static void decide(struct api *a)
{
	struct apirequest *r = a->r;
	struct apirefusal why;
	int by_key, refused = apirequest_target(r, slice_of(a->o.base == NULL ? "" : a->o.base),
						&why) != 0;

	a->result->route = r->route;
	a->result->method = r->method;
	if (admit(a) != 0)
		return;
	if (refused) {
		problem(a, why.status, why.detail);
		return;
	}
	if (r->method == API_OPTIONS) {
		a->answer.status = 204;
		return;
	}
	if (r->method == API_OTHER) {
		problem(a, 405, "GET and HEAD are what can be done here.");
		return;
	}
	by_key = r->route == API_CLIENTE || r->route == API_PRODUCTO;
	if (by_key && authenticate(a) != 0)
		return;
	if (apirequest_parameters(r, &why) != 0)
		problem(a, why.status, why.detail);
	else if (by_key)
		answer_metrics(a);
	else if (r->route == API_HEALTH)
		answer_health(a);
	else
		answer_file(a);
}

void api_answer(struct api *a, struct apirequest *r, int64_t arrived, struct buf *out,
		struct api_result *result)
{
	*result = (struct api_result){0};
	apianswer_clear(&a->answer);
	a->r = r;
	a->arrived = arrived;
	a->result = result;
	a->request_id = id_of(a, r);
	result->id = a->request_id;
	decide(a);
	if (a->answer.text.failed || a->as_of.failed)
		out->failed = 1;
	apianswer_print(&a->answer, r, a->request_id, &a->frame, out);
	result->status = a->answer.status;
}

/* ---- the access log ---- */

void api_log(const struct api_result *result, int64_t micros, struct buf *out)
{
	static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "-"};
	int64_t utc;
	int32_t nanos;

	timestamp_now(&utc, &nanos);
	buf_puts(out, "{\"fecha\":\"");
	timestamp_put_utc(out, utc, nanos);
	buf_printf(out, "\",\"ruta\":\"%s\",\"metodo\":\"%s\",\"estado\":%d",
		   apirequest_route_name(result->route), methods[result->method], result->status);
	buf_printf(out, ",\"milisegundos\":%" PRId64 ".%03d,\"clave\":", micros / 1000,
		   (int)(micros % 1000));
	json_put_string(out, result->name.len > 0 ? result->name : slice_of("-"));
	buf_puts(out, ",\"peticion\":");
	json_put_string(out, result->id);
	buf_puts(out, "}\n");
}
