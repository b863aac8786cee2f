/* Objects in a bucket of S3.
 *
 * S3 is consistent: what was put is what is read and listed from then on. An object appears whole
 * or not at all, and stays as it is until its place is taken. So a step is over when all of its
 * requests were answered. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l4-service/dest_s3.h"

enum { JOBS = 16 };

/* ---- jobs ---- */

static int stopped(const struct bucket *b)
{
	return b->o.stop != NULL && *b->o.stop;
}

int s3_wait(struct bucket *b, struct err *err)
{
	struct aws *aws = s3_client(b->s3);

	if (b->failed.status == ERR_NONE && stopped(b))
		err_set(&b->failed, ERR_TEMP, "%s: stopped before all was done", aws_label(aws));
	if (b->failed.status == ERR_NONE && aws_step(aws, -1, err) < 0)
		b->failed = *err;
	if (b->failed.status == ERR_NONE)
		return 0;
	*err = b->failed;
	return -1;
}

static void on_done(struct aws_call *c)
{
	struct job *j = c->context;

	j->ended(j);
}

static struct job *new_job(struct bucket *b)
{
	struct job *j = calloc(1, sizeof *j);

	if (j == NULL)
		return NULL;
	j->b = b;
	j->r.call.done = on_done;
	j->r.call.context = j;
	j->all = b->jobs;
	b->jobs = j;
	b->count++;
	return j;
}

int s3_take(struct bucket *b, const char *key, void (*ended)(struct job *j), struct job **out,
	    struct err *err)
{
	struct job *j;

	while (b->failed.status != ERR_NONE || stopped(b) ||
	       (b->free == NULL && b->count == b->o.jobs) || aws_room(s3_client(b->s3)) == 0)
		if (s3_wait(b, err) != 0)
			return -1;
	j = b->free;
	if (j != NULL)
		b->free = j->next;
	else
		j = new_job(b);
	if (j == NULL)
		return err_memory(err);
	j->ended = ended;
	j->over = 0;
	buf_clear(&j->key);
	if (buf_puts(&j->key, key) != 0 || buf_byte(&j->key, '\0') != 0) {
		s3_release(j);
		return err_memory(err);
	}
	*out = j;
	return 0;
}

void s3_release(struct job *j)
{
	j->next = j->b->free;
	j->b->free = j;
}

void s3_fail(struct job *j, const struct err *err)
{
	if (j->b->failed.status == ERR_NONE)
		j->b->failed = *err;
	s3_release(j);
}

void s3_send(struct job *j)
{
	if (s3_start(j->b->s3, &j->r, &j->r.call.err) != 0) {
		j->r.call.status = 0;
		j->ended(j);
	}
}

static void on_over(struct job *j)
{
	j->over = 1;
}

int s3_send_wait(struct job *j, struct err *err)
{
	j->ended = on_over;
	j->over = 0;
	s3_send(j);
	while (!j->over)
		if (s3_wait(j->b, err) != 0)
			return -1;
	return 0;
}

/* The request has failed, and that cannot be helped. */
static void fail_as_said(struct job *j)
{
	s3_explain(j->b->s3, &j->r);
	s3_fail(j, &j->r.call.err);
}

static int is_missing(const struct job *j)
{
	return j->r.call.status == 404 && !aws_is(&j->r.call, "NoSuchBucket");
}

/* Something of our own has failed. */
static void fail_with(struct job *j, struct err *err)
{
	err_prefix(err, "%s: %s", aws_label(s3_client(j->b->s3)), buf_text(&j->r.what));
	s3_fail(j, err);
}

/* ---- open, close ---- */

static int bucket_open(const char *place, const struct dest_options *o, struct dest **out,
		       struct err *err)
{
	struct s3_options s = {.stop = o->stop, .wait_mask = o->wait_mask};
	struct bucket *b = calloc(1, sizeof *b);

	if (b == NULL)
		return err_memory(err);
	b->d.backend = &dest_s3;
	b->o = *o;
	if (b->o.jobs == 0)
		b->o.jobs = JOBS;
	s.in_flight = b->o.jobs;
	if (s3_open(place, &s, &b->s3, err) != 0) {
		free(b);
		return -1;
	}
	*out = &b->d;
	return 0;
}

static void bucket_close(struct dest *dest)
{
	struct bucket *b = (struct bucket *)dest;
	struct job *next;

	if (b->upload != NULL)
		s3_upload_abort(b);
	s3_close(b->s3);
	for (struct job *j = b->jobs; j != NULL; j = next) {
		next = j->all;
		s3_request_free(&j->r);
		s3text_page_free(&j->page);
		buf_free(&j->key);
		free(j);
	}
	s3_unfinished_free(b);
	free(b);
}

static int bucket_lock(struct dest *dest, struct err *err)
{
	(void)dest;
	(void)err;
	return 0;
}

/* ---- list ---- */

static void ask_list(struct job *j)
{
	struct buf prefix = {0};

	s3_ask(j->b->s3, &j->r, "ListObjectsV2", "GET", NULL);
	buf_slice(&prefix, s3_prefix(j->b->s3));
	buf_puts(&prefix, j->key.at);
	s3_parameter(&j->r, "list-type", slice_of("2"));
	s3_parameter(&j->r, "encoding-type", slice_of("url"));
	if (prefix.failed)
		j->r.query.failed = 1;
	else if (prefix.len > 0)
		s3_parameter(&j->r, "prefix", buf_view(&prefix));
	if (!j->list.deep)
		s3_parameter(&j->r, "delimiter", slice_of("/"));
	if (j->page.more)
		s3_parameter(&j->r, "continuation-token", j->page.token);
	buf_free(&prefix);
	s3_send(j);
}

static int take_page(struct job *j, struct err *err)
{
	struct slice prefix = s3_prefix(j->b->s3);

	if (s3text_page_read(&j->page, buf_view(&j->r.call.http.reply), err) != 0)
		return -1;
	for (size_t i = 0; i < j->page.count; i++) {
		const struct s3text_entry *e = &j->page.entries[i];
		struct slice key = e->key;

		if (key.len < prefix.len || memcmp(key.at, prefix.at, prefix.len) != 0)
			return err_set(err, ERR_DATA, "%.*s: is not below what was asked for",
				       SLICE_ARG(key));
		key.at += prefix.len;
		key.len -= prefix.len;
		if (j->list.found(j->list.context, key, e->size, err) != 0)
			return -1;
	}
	return 0;
}

static void list_ended(struct job *j)
{
	struct err err;

	if (j->r.call.err.status != ERR_NONE) {
		fail_as_said(j);
	} else if (take_page(j, &err) != 0) {
		/* What answers so is no S3. */
		if (err.status == ERR_DATA)
			err.status = ERR_CONFIG;
		fail_with(j, &err);
	} else if (j->page.more) {
		ask_list(j);
	} else {
		s3_release(j);
	}
}

static int bucket_list(struct dest *dest, const struct dest_list *list, struct err *err)
{
	struct job *j;

	if (s3_take((struct bucket *)dest, list->prefix, list_ended, &j, err) != 0)
		return -1;
	j->list = *list;
	j->page.more = 0;
	ask_list(j);
	return 0;
}

/* ---- get ---- */

/* A range at a time: one that breaks off comes again, and what has come is not taken twice. */
static void ask_get(struct job *j)
{
	char range[64];

	s3_ask(j->b->s3, &j->r, "GetObject", "GET", j->key.at);
	snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, j->at, j->at + S3_RANGE - 1);
	s3_header(&j->r, "range", slice_of(range));
	if (j->at > 0 && j->get->version[0] != '\0')
		s3_header(&j->r, "if-match", slice_of(j->get->version));
	s3_send(j);
}

/* "bytes 0-99/1234": 1234; without one, 0. */
static uint64_t total_of(struct slice range)
{
	const char *slash = range.len == 0 ? NULL : memrchr(range.at, '/', range.len);
	uint64_t total = 0;

	while (slash != NULL && ++slash < range.at + range.len && *slash >= '0' && *slash <= '9' &&
	       total < UINT64_MAX / 20)
		total = total * 10 + (uint64_t)(*slash - '0');
	return total;
}

static void got_all(struct job *j)
{
	if (j->got_all != NULL)
		j->got_all(j);
	else
		s3_release(j);
}

static void take_range(struct job *j)
{
	const struct http_request *h = &j->r.call.http;
	struct slice tag = http_header(h, "etag"), bytes = buf_view(&h->reply);
	struct err err;

	if (j->at == 0 && tag.len < DEST_VERSION_SIZE) {
		memcpy(j->get->version, tag.at == NULL ? "" : tag.at, tag.len);
		j->get->version[tag.len] = '\0';
	}
	j->get->there = 1;
	if (bytes.len > 0 && j->get->got(j->get->context, bytes, &err) != 0) {
		s3_fail(j, &err);
		return;
	}
	j->at += bytes.len;
	if (j->r.call.status == 206 && bytes.len > 0 &&
	    j->at < total_of(http_header(h, "content-range")))
		ask_get(j);
	else
		got_all(j);
}

static void get_ended(struct job *j)
{
	const struct aws_call *c = &j->r.call;
	struct err err;

	if (c->err.status == ERR_NONE) {
		take_range(j);
	} else if (j->at == 0 && (is_missing(j) || aws_is(c, "InvalidRange"))) {
		/* A range of an empty object there is not. */
		j->get->there = !is_missing(j);
		got_all(j);
	} else if (j->at > 0 && (is_missing(j) || c->status == 412)) {
		err_set(&err, ERR_TEMP, "has changed while it was read");
		fail_with(j, &err);
	} else {
		fail_as_said(j);
	}
}

static int bucket_get(struct dest *dest, struct dest_get *get, struct err *err)
{
	struct job *j;

	if (s3_take((struct bucket *)dest, get->key, get_ended, &j, err) != 0)
		return -1;
	j->get = get;
	j->get->there = 0;
	j->get->version[0] = '\0';
	j->at = 0;
	j->got_all = NULL;
	ask_get(j);
	return 0;
}

/* ---- put ---- */

static void ask_put(struct job *j)
{
	const struct dest_put *put = &j->put;
	int conditional = put->instead_of != NULL && !j->b->unconditional;

	s3_ask(j->b->s3, &j->r, "PutObject", "PUT", j->key.at);
	s3_digest(&j->r, put->sha256, 1);
	if (put->only_new || (conditional && *put->instead_of == '\0'))
		s3_header(&j->r, "if-none-match", slice_of("*"));
	else if (conditional)
		s3_header(&j->r, "if-match", slice_of(put->instead_of));
	if (put->size > 0)
		j->r.call.request.source = &j->source;
	s3_send(j);
}

static int got_other(void *context, struct slice bytes, struct err *err)
{
	struct job *j = context;

	(void)err;
	hash_sha256_put(&j->hash, bytes);
	return 0;
}

/* The condition did not hold. An attempt whose answer was lost may have put it: then it is there.
 */
static void got_other_all(struct job *j)
{
	unsigned char digest[HASH_SHA256_BYTES];
	char hex[2 * HASH_SHA256_BYTES + 1];
	struct err err;

	hash_sha256_end(&j->hash, digest);
	hash_hex(digest, sizeof digest, hex);
	if (j->check.there && strcmp(hex, j->put.sha256) == 0) {
		s3_release(j);
		return;
	}
	if (j->put.only_new)
		err_set(&err, ERR_CREATE, "s3://%s: is there already", j->key.at);
	else
		err_set(&err, ERR_TEMP, "another run has published it meanwhile");
	fail_with(j, &err);
}

static void compare(struct job *j)
{
	j->check = (struct dest_get){.key = j->key.at, .got = got_other, .context = j};
	j->get = &j->check;
	j->at = 0;
	j->got_all = got_other_all;
	j->ended = get_ended;
	hash_sha256_begin(&j->hash);
	ask_get(j);
}

static void put_ended(struct job *j)
{
	const struct aws_call *c = &j->r.call;
	int conditional = j->put.only_new || (j->put.instead_of != NULL && !j->b->unconditional);

	if (c->err.status == ERR_NONE) {
		s3_release(j);
	} else if (conditional && (c->status == 412 || is_missing(j))) {
		compare(j);
	} else if (conditional && !j->put.only_new && aws_is(c, "NotImplemented")) {
		j->b->unconditional = 1;
		ask_put(j);
	} else {
		fail_as_said(j);
	}
}

static int bucket_put(struct dest *dest, const struct dest_put *put, struct err *err)
{
	struct bucket *b = (struct bucket *)dest;
	struct job *j;

	/* What depends on a condition goes in one piece, which may be larger. */
	if (put->size > S3_PART && !put->only_new && put->instead_of == NULL)
		return s3_upload(b, put, err);
	if (s3_take(b, put->key, put_ended, &j, err) != 0)
		return -1;
	j->put = *put;
	j->put.key = j->key.at;
	if (put->instead_of != NULL) {
		snprintf(j->version, sizeof j->version, "%s", put->instead_of);
		j->put.instead_of = j->version;
	}
	j->source = (struct http_source){put->size, put->read, put->context};
	ask_put(j);
	return 0;
}

/* ---- remove ---- */

static void remove_ended(struct job *j)
{
	if (j->r.call.err.status == ERR_NONE || is_missing(j))
		s3_release(j);
	else
		fail_as_said(j);
}

/* One by one: DeleteObjects is not known everywhere, wants different digests of its body, and saves
 * requests that cost nothing. */
static int bucket_remove(struct dest *dest, const char *key, struct err *err)
{
	struct bucket *b = (struct bucket *)dest;
	struct job *j;

	if (s3_take(b, key, remove_ended, &j, err) != 0)
		return -1;
	s3_ask(b->s3, &j->r, "DeleteObject", "DELETE", j->key.at);
	s3_send(j);
	return 0;
}

static int bucket_clear(struct dest *dest, const char *prefix,
			int (*ours)(void *context, struct slice name), void *context,
			struct err *err)
{
	return s3_unfinished_clear((struct bucket *)dest, prefix, ours, context, err);
}

static int bucket_sync(struct dest *dest, struct err *err)
{
	struct bucket *b = (struct bucket *)dest;

	while (aws_in_flight(s3_client(b->s3)) > 0)
		if (s3_wait(b, err) != 0)
			return -1;
	if (b->failed.status == ERR_NONE)
		return 0;
	*err = b->failed;
	return -1;
}

const struct dest_backend dest_s3 = {
	.open = bucket_open,
	.close = bucket_close,
	.lock = bucket_lock,
	.list = bucket_list,
	.get = bucket_get,
	.put = bucket_put,
	.remove = bucket_remove,
	.clear = bucket_clear,
	.sync = bucket_sync,
};
