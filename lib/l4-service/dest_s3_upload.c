/* Objects in parts, and what is left of those whose maker was killed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l1-value/xmltext.h"
#include "l4-service/dest_s3.h"

enum {
	TRIES = 3,
	COMPLETE_TRIES = 6,
	COMPLETE_WAIT = 100000,
	BLOCK = 64 << 10,
	CHECKSUM_SIZE = 48
};

struct part {
	char tag[DEST_VERSION_SIZE], checksum[CHECKSUM_SIZE];
};

struct upload {
	struct dest_put put;
	char *key;
	struct buf id;
	uint64_t part_size;
	struct part *parts;
	size_t count, left; /* left: in flight */
	int open, gone;     /* to be given up when all fails; S3 does not know it any more */
};

static void upload_free(struct upload *u)
{
	buf_free(&u->id);
	free(u->key);
	free(u->parts);
	free(u);
}

static struct upload *upload_new(const struct dest_put *put)
{
	struct upload *u = calloc(1, sizeof *u);

	if (u == NULL)
		return NULL;
	u->put = *put;
	u->put.key = u->key = strdup(put->key);
	u->part_size = S3_PART;
	while ((put->size + u->part_size - 1) / u->part_size > S3_PARTS_MAX)
		u->part_size *= 2;
	u->count = (size_t)((put->size + u->part_size - 1) / u->part_size);
	u->parts = calloc(u->count, sizeof *u->parts);
	if (u->parts != NULL && u->key != NULL)
		return u;
	upload_free(u);
	return NULL;
}

/* Take a job, and set it up for a request about this upload. */
static int take(struct bucket *b, struct upload *u, const char *operation, const char *method,
		struct job **out, struct err *err)
{
	if (s3_take(b, u->put.key, NULL, out, err) != 0)
		return -1;
	(*out)->upload = u;
	s3_ask(b->s3, &(*out)->r, operation, method, (*out)->key.at);
	return 0;
}

/* Send it and wait. Returns 1 for a good answer, 0 when the upload is gone, or -1. */
static int ask(struct job *j, struct err *err)
{
	struct aws_call *c = &j->r.call;

	if (s3_send_wait(j, err) != 0)
		return -1;
	if (c->err.status == ERR_NONE)
		return 1;
	if (aws_is(c, "NoSuchUpload"))
		return 0;
	s3_explain(j->b->s3, &j->r);
	*err = c->err;
	return -1;
}

static int create(struct bucket *b, struct upload *u, struct err *err)
{
	struct job *j;
	int result;

	if (take(b, u, "CreateMultipartUpload", "POST", &j, err) != 0)
		return -1;
	s3_parameter(&j->r, "uploads", slice_of(""));
	s3_header(&j->r, "x-amz-checksum-algorithm", slice_of("SHA256"));
	result = ask(j, err);
	buf_clear(&u->id);
	if (result >= 0 && xmltext_find(buf_view(&j->r.call.http.reply), "*/UploadId", &u->id) <= 0)
		result = err_set(err, ERR_CONFIG, "%s: an upload without an id",
				 aws_label(s3_client(b->s3)));
	if (result > 0 && buf_byte(&u->id, '\0') != 0)
		result = err_memory(err);
	s3_release(j);
	return result < 0 ? -1 : 0;
}

/* ---- parts ---- */

static int read_part(void *context, uint64_t offset, char *to, size_t len, struct err *err)
{
	const struct job *j = context;
	const struct dest_put *put = &j->upload->put;

	return put->read(put->context, j->part * j->upload->part_size + offset, to, len, err);
}

static int digest_part(struct job *j, struct err *err)
{
	unsigned char digest[HASH_SHA256_BYTES];
	char block[BLOCK], hex[2 * HASH_SHA256_BYTES + 1];
	struct buf text = {0};
	struct hash h;

	hash_sha256_begin(&h);
	for (uint64_t at = 0; at < j->source.length;) {
		uint64_t left = j->source.length - at;
		size_t n = left < BLOCK ? (size_t)left : BLOCK;

		if (read_part(j, at, block, n, err) != 0)
			return -1;
		hash_sha256_put(&h, (struct slice){block, n});
		at += n;
	}
	hash_sha256_end(&h, digest);
	hash_hex(digest, sizeof digest, hex);
	s3_digest(&j->r, hex, 1);
	if (hash_base64(&text, digest, sizeof digest) != 0)
		return err_memory(err);
	snprintf(j->upload->parts[j->part].checksum, CHECKSUM_SIZE, "%.*s", SLICE_ARG(text));
	buf_free(&text);
	return 0;
}

static void part_ended(struct job *j)
{
	struct upload *u = j->upload;
	const struct aws_call *c = &j->r.call;
	struct slice tag = http_header(&c->http, "etag");

	u->left--;
	if (c->err.status == ERR_NONE && tag.len < DEST_VERSION_SIZE) {
		snprintf(u->parts[j->part].tag, DEST_VERSION_SIZE, "%.*s", SLICE_ARG(tag));
		s3_release(j);
	} else if (aws_is(c, "NoSuchUpload")) {
		u->gone = 1;
		s3_release(j);
	} else {
		s3_explain(j->b->s3, &j->r);
		s3_fail(j, &c->err);
	}
}

static int send_part(struct bucket *b, struct upload *u, size_t number, struct err *err)
{
	uint64_t left = u->put.size - number * u->part_size;
	char text[24];
	struct job *j;

	if (take(b, u, "UploadPart", "PUT", &j, err) != 0)
		return -1;
	j->ended = part_ended;
	j->part = number;
	j->source = (struct http_source){left < u->part_size ? left : u->part_size, read_part, j};
	snprintf(text, sizeof text, "%zu", number + 1);
	s3_parameter(&j->r, "partNumber", slice_of(text));
	s3_parameter(&j->r, "uploadId", slice_of(u->id.at));
	if (digest_part(j, err) != 0) {
		s3_release(j);
		return -1;
	}
	j->r.call.request.source = &j->source;
	u->left++;
	s3_send(j);
	return 0;
}

static int send_parts(struct bucket *b, struct upload *u, struct err *err)
{
	u->gone = 0;
	for (size_t i = 0; i < u->count && !u->gone; i++)
		if (send_part(b, u, i, err) != 0)
			return -1;
	while (u->left > 0)
		if (s3_wait(b, err) != 0)
			return -1;
	if (b->failed.status == ERR_NONE)
		return 0;
	*err = b->failed;
	return -1;
}

/* ---- complete ---- */

static void put_parts(const struct upload *u, struct buf *xml)
{
	buf_puts(xml,
		 "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (size_t i = 0; i < u->count; i++) {
		buf_printf(xml, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
		for (const char *c = u->parts[i].tag; *c != '\0'; c++)
			if (*c == '&' || *c == '<' || *c == '>')
				buf_printf(xml, "&#%d;", *c);
			else
				buf_byte(xml, *c);
		buf_printf(xml, "</ETag><ChecksumSHA256>%s</ChecksumSHA256></Part>",
			   u->parts[i].checksum);
	}
	buf_puts(xml, "</CompleteMultipartUpload>");
}

/* S3 answers 200 before it knows whether it can be done: the reply may be an error all the same.
 * Returns 1 when it is done, 0 when it is not. */
static int is_complete(const struct job *j, struct buf *code)
{
	buf_clear(code);
	return xmltext_find(buf_view(&j->r.call.http.reply), "Error/Code", code) == 0;
}

static int complete_once(struct job *j, const struct buf *xml, struct buf *code, struct err *err)
{
	int result;

	j->r.call.request.body = buf_view(xml);
	result = ask(j, err);
	return result <= 0 ? result : is_complete(j, code) ? 1 : 2;
}

/* Returns 1; 0 when the upload is gone; or -1. */
static int complete(struct bucket *b, struct upload *u, struct err *err)
{
	struct buf xml = {0}, code = {0};
	struct job *j;
	int result = 2;

	put_parts(u, &xml);
	if (take(b, u, "CompleteMultipartUpload", "POST", &j, err) != 0) {
		buf_free(&xml);
		return -1;
	}
	s3_parameter(&j->r, "uploadId", slice_of(u->id.at));
	if (xml.failed)
		result = err_memory(err);
	for (int i = 0; result == 2 && i < COMPLETE_TRIES; i++) {
		if (i > 0 && aws_step(s3_client(b->s3), COMPLETE_WAIT << i, err) < 0)
			result = -1;
		else
			result = complete_once(j, &xml, &code, err);
	}
	if (result == 2)
		result = err_set(err, ERR_TEMP, "%s: %s: %s", aws_label(s3_client(b->s3)),
				 buf_text(&j->r.what), buf_text(&code));
	s3_release(j);
	buf_free(&xml);
	buf_free(&code);
	return result;
}

/* Returns 1; 0 when the upload is gone; or -1. */
static int upload_once(struct bucket *b, struct upload *u, struct err *err)
{
	int result;

	if (create(b, u, err) != 0)
		return -1;
	u->open = 1;
	if (send_parts(b, u, err) != 0)
		return -1;
	result = u->gone ? 0 : complete(b, u, err);
	u->open = result < 0;
	return result;
}

static void drop(struct bucket *b)
{
	upload_free(b->upload);
	b->upload = NULL;
}

int s3_upload(struct bucket *b, const struct dest_put *put, struct err *err)
{
	int result = 0;

	b->upload = upload_new(put);
	if (b->upload == NULL)
		return err_memory(err);
	/* Gone: somebody has given it up, or it is complete and the answer was lost. */
	for (int i = 0; result == 0 && i < TRIES; i++)
		result = upload_once(b, b->upload, err);
	if (result == 0)
		err_set(err, ERR_TEMP, "%s: %s: uploads of it are given up by somebody",
			aws_label(s3_client(b->s3)), put->key);
	if (result <= 0)
		return -1; /* what is open is given up at the end */
	drop(b);
	return 0;
}

void s3_upload_abort(struct bucket *b)
{
	struct s3_request r = {0};
	const struct upload *u = b->upload;
	struct err ignored;

	/* Parts that are still on their way would make it cost money again. */
	if (u->open && s3_reset(b->s3, &ignored) == 0) {
		s3_ask(b->s3, &r, "AbortMultipartUpload", "DELETE", u->key);
		s3_parameter(&r, "uploadId", slice_of(u->id.at));
		s3_run(b->s3, &r, &ignored);
	}
	s3_request_free(&r);
	drop(b);
}

/* ---- left by others ---- */

void s3_unfinished_free(struct bucket *b)
{
	for (size_t i = 0; i < b->unfinished_count; i++) {
		free(b->unfinished[i].key);
		free(b->unfinished[i].id);
	}
	free(b->unfinished);
}

static int keep_page(struct bucket *b, const struct s3text_page *page, struct err *err)
{
	size_t prefix = s3_prefix(b->s3).len;
	struct unfinished *more =
		realloc(b->unfinished, (b->unfinished_count + page->count + 1) * sizeof *more);

	if (more == NULL)
		return err_memory(err);
	b->unfinished = more;
	for (size_t i = 0; i < page->count; i++) {
		const struct s3text_entry *e = &page->entries[i];
		struct unfinished *u = &b->unfinished[b->unfinished_count];

		if (e->key.len < prefix)
			continue;
		u->key = strndup(e->key.at + prefix, e->key.len - prefix);
		u->id = strndup(e->upload.at, e->upload.len);
		b->unfinished_count++;
		if (u->key == NULL || u->id == NULL)
			return err_memory(err);
	}
	return 0;
}

static int ask_page(struct bucket *b, struct job *j, struct err *err)
{
	s3_ask(b->s3, &j->r, "ListMultipartUploads", "GET", NULL);
	s3_parameter(&j->r, "uploads", slice_of(""));
	s3_parameter(&j->r, "encoding-type", slice_of("url"));
	if (s3_prefix(b->s3).len > 0)
		s3_parameter(&j->r, "prefix", s3_prefix(b->s3));
	if (j->page.more) {
		s3_parameter(&j->r, "key-marker", j->page.key_marker);
		s3_parameter(&j->r, "upload-id-marker", j->page.upload_marker);
	}
	return s3_send_wait(j, err);
}

/* All of the destination, once. Who may not see them, or has a server that knows of none, does
 * without. */
static int find_unfinished(struct bucket *b, struct err *err)
{
	struct job *j;
	int result = 0;

	b->unfinished_known = 1;
	if (s3_take(b, "", NULL, &j, err) != 0)
		return -1;
	j->page.more = 0;
	do {
		const struct aws_call *c = &j->r.call;

		j->page.count = 0;
		result = ask_page(b, j, err);
		j->page.more = 0;
		if (result != 0 || c->status / 100 == 4 || c->status == 501)
			break;
		if (c->err.status != ERR_NONE) {
			*err = c->err;
			result = -1;
		} else if (s3text_page_read(&j->page, buf_view(&c->http.reply), err) != 0) {
			result = err->status == ERR_DATA ? 0 : -1;
		} else {
			result = keep_page(b, &j->page, err);
		}
	} while (result == 0 && j->page.more);
	s3_release(j);
	return result;
}

static void gone(struct job *j)
{
	if (j->r.call.err.status == ERR_NONE || j->r.call.status / 100 == 4) {
		s3_release(j);
		return;
	}
	s3_fail(j, &j->r.call.err);
}

static int give_up(struct bucket *b, const struct unfinished *u, struct err *err)
{
	struct job *j;

	if (s3_take(b, u->key, gone, &j, err) != 0)
		return -1;
	s3_ask(b->s3, &j->r, "AbortMultipartUpload", "DELETE", j->key.at);
	s3_parameter(&j->r, "uploadId", slice_of(u->id));
	s3_send(j);
	return 0;
}

int s3_unfinished_clear(struct bucket *b, const char *prefix,
			int (*ours)(void *context, struct slice name), void *context,
			struct err *err)
{
	size_t len = strlen(prefix);

	if (!b->unfinished_known && find_unfinished(b, err) != 0)
		return -1;
	for (size_t i = 0; i < b->unfinished_count; i++) {
		const struct unfinished *u = &b->unfinished[i];

		if (strncmp(u->key, prefix, len) == 0 && strchr(u->key + len, '/') == NULL &&
		    ours(context, slice_of(u->key + len)) && give_up(b, u, err) != 0)
			return -1;
	}
	return 0;
}
