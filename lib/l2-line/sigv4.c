#include "l2-line/sigv4.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "l0-base/hash.h"
#include "l1-value/percent.h"

enum { DAY = 8 /* "20150830" */ };

/* The derived key is as good as the secret, for a day. */
struct derived {
	unsigned char key[HASH_SHA256_BYTES];
	char key_id[256], day[DAY + 1];
};

struct sigv4 {
	char *region, *service;
	struct derived *derived;
	struct buf canonical, names, to_sign;
};

struct sigv4 *sigv4_new(const char *region, const char *service)
{
	struct sigv4 *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->region = strdup(region);
	s->service = strdup(service);
	s->derived = secret_new(sizeof *s->derived);
	if (s->region != NULL && s->service != NULL && s->derived != NULL)
		return s;
	sigv4_free(s);
	return NULL;
}

void sigv4_free(struct sigv4 *s)
{
	if (s == NULL)
		return;
	secret_free(s->derived, sizeof *s->derived);
	free(s->region);
	free(s->service);
	buf_free(&s->canonical);
	buf_free(&s->names);
	buf_free(&s->to_sign);
	free(s);
}

void sigv4_time(int64_t at, char out[SIGV4_TIME_SIZE])
{
	time_t t = (time_t)at;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, SIGV4_TIME_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

static int compare_slices(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len == 0 ? 0 : memcmp(a.at, b.at, len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* ---- step 1: the canonical request ---- */

struct parameter {
	struct slice name, value;
};

static int compare_parameters(const void *a, const void *b)
{
	const struct parameter *x = a, *y = b;
	int order = compare_slices(x->name, y->name);

	return order != 0 ? order : compare_slices(x->value, y->value);
}

/* Sorted by name, then by value; a name without '=' gets one. */
static int put_query(struct buf *out, struct slice query, struct err *err)
{
	struct parameter p[SIGV4_PARAMETERS_MAX];
	const char *at = query.len == 0 ? "" : query.at, *end = at + query.len;
	size_t n = 0;

	while (query.len > 0 && at <= end) {
		const char *next = at < end ? memchr(at, '&', (size_t)(end - at)) : NULL, *equal;

		if (next == NULL)
			next = end;
		if (n == SIGV4_PARAMETERS_MAX)
			return err_set(err, ERR_CONFIG, "more than %d parameters in a query",
				       SIGV4_PARAMETERS_MAX);
		equal = next > at ? memchr(at, '=', (size_t)(next - at)) : NULL;
		p[n].name = (struct slice){at, (size_t)((equal == NULL ? next : equal) - at)};
		p[n].value = (struct slice){NULL, 0};
		if (equal != NULL)
			p[n].value = (struct slice){equal + 1, (size_t)(next - equal - 1)};
		if (next > at)
			n++;
		at = next + 1;
	}
	qsort(p, n, sizeof *p, compare_parameters);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_byte(out, '&');
		buf_slice(out, p[i].name);
		buf_byte(out, '=');
		buf_slice(out, p[i].value);
	}
	return 0;
}

struct named {
	struct slice value;
	const struct sigv4_header *header; /* those of one name stay in their order */
	size_t len;
	char name[64]; /* lower case */
};

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->header > y->header) - (x->header < y->header);
}

/* Without spaces at its ends, and one for each run of them within. */
static void put_value(struct buf *out, struct slice value)
{
	size_t begin = out->len;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.at[i];

		if (c == ' ' || c == '\t') {
			if (out->len == begin || out->at[out->len - 1] == ' ')
				continue;
			c = ' ';
		}
		buf_byte(out, c);
	}
	if (out->len > begin && out->at[out->len - 1] == ' ')
		out->len--;
}

static int put_headers(struct sigv4 *s, const struct sigv4_request *r, struct err *err)
{
	struct named h[SIGV4_HEADERS_MAX];

	if (r->header_count > SIGV4_HEADERS_MAX)
		return err_set(err, ERR_CONFIG, "more than %d headers to sign", SIGV4_HEADERS_MAX);
	for (size_t i = 0; i < r->header_count; i++) {
		struct slice name = r->headers[i].name;

		if (name.len >= sizeof h[i].name)
			return err_set(err, ERR_CONFIG, "%.*s: too long for a header's name",
				       SLICE_ARG(name));
		for (size_t k = 0; k < name.len; k++)
			h[i].name[k] = (char)tolower((unsigned char)name.at[k]);
		h[i].name[name.len] = '\0';
		h[i].header = &r->headers[i];
		h[i].value = r->headers[i].value;
	}
	qsort(h, r->header_count, sizeof *h, compare_named);
	buf_clear(&s->names);
	for (size_t i = 0; i < r->header_count; i++) {
		int again = i > 0 && strcmp(h[i].name, h[i - 1].name) == 0;

		if (!again) {
			if (i > 0) {
				buf_byte(&s->canonical, '\n');
				buf_byte(&s->names, ';');
			}
			buf_puts(&s->names, h[i].name);
			buf_puts(&s->canonical, h[i].name);
		}
		buf_byte(&s->canonical, again ? ',' : ':');
		put_value(&s->canonical, h[i].value);
	}
	buf_byte(&s->canonical, '\n');
	return 0;
}

static int put_canonical(struct sigv4 *s, const struct sigv4_request *r, struct err *err)
{
	struct buf *c = &s->canonical;

	buf_clear(c);
	buf_puts(c, r->method);
	buf_byte(c, '\n');
	if (r->path.len == 0)
		buf_byte(c, '/');
	else if (r->path_is_final)
		buf_slice(c, r->path);
	else
		percent_put(c, r->path, "/");
	buf_byte(c, '\n');
	if (put_query(c, r->query, err) != 0)
		return -1;
	buf_byte(c, '\n');
	if (put_headers(s, r, err) != 0)
		return -1;
	buf_byte(c, '\n');
	buf_slice(c, buf_view(&s->names));
	buf_byte(c, '\n');
	buf_slice(c, r->payload);
	return c->failed || s->names.failed ? err_memory(err) : 0;
}

/* ---- steps 2 and 3 ---- */

static void put_scope(struct sigv4 *s, struct buf *out, const char *day)
{
	buf_put(out, day, DAY);
	buf_byte(out, '/');
	buf_puts(out, s->region);
	buf_byte(out, '/');
	buf_puts(out, s->service);
	buf_puts(out, "/aws4_request");
}

static void put_to_sign(struct sigv4 *s, const char time_text[SIGV4_TIME_SIZE])
{
	unsigned char digest[HASH_SHA256_BYTES];
	char hex[2 * HASH_SHA256_BYTES + 1];

	hash_sha256(buf_view(&s->canonical), digest);
	hash_hex(digest, sizeof digest, hex);
	buf_clear(&s->to_sign);
	buf_puts(&s->to_sign, "AWS4-HMAC-SHA256\n");
	buf_puts(&s->to_sign, time_text);
	buf_byte(&s->to_sign, '\n');
	put_scope(s, &s->to_sign, time_text);
	buf_byte(&s->to_sign, '\n');
	buf_puts(&s->to_sign, hex);
}

static void chain(unsigned char key[HASH_SHA256_BYTES], const char *text)
{
	unsigned char next[HASH_SHA256_BYTES];

	hash_hmac_sha256((struct slice){(char *)key, HASH_SHA256_BYTES}, slice_of(text), next);
	memcpy(key, next, sizeof next);
	hash_cleanse(next, sizeof next);
}

static int derive(struct sigv4 *s, const char *key_id, const char *secret, const char *day,
		  struct err *err)
{
	struct derived *d = s->derived;
	struct buf first = {0};

	if (memcmp(d->day, day, DAY) == 0 && strcmp(d->key_id, key_id) == 0)
		return 0;
	if (strlen(key_id) >= sizeof d->key_id)
		return err_set(err, ERR_CONFIG, "the access key id is too long to be one");
	buf_puts(&first, "AWS4");
	if (buf_room(&first, strlen(secret)) == NULL) /* so that no copy is left behind */
		return err_memory(err);
	buf_puts(&first, secret);
	memcpy(d->day, day, DAY);
	strcpy(d->key_id, key_id);
	hash_hmac_sha256(buf_view(&first), (struct slice){day, DAY}, d->key);
	hash_cleanse_buf(&first);
	chain(d->key, s->region);
	chain(d->key, s->service);
	chain(d->key, "aws4_request");
	return 0;
}

int sigv4_sign(struct sigv4 *s, const char *key_id, const char *secret,
	       const struct sigv4_request *r, struct buf *out, struct err *err)
{
	char text[SIGV4_TIME_SIZE], hex[2 * HASH_SHA256_BYTES + 1];
	unsigned char signature[HASH_SHA256_BYTES];

	sigv4_time(r->time, text);
	if (put_canonical(s, r, err) != 0 || derive(s, key_id, secret, text, err) != 0)
		return -1;
	put_to_sign(s, text);
	hash_hmac_sha256((struct slice){(char *)s->derived->key, HASH_SHA256_BYTES},
			 buf_view(&s->to_sign), signature);
	hash_hex(signature, sizeof signature, hex);
	buf_puts(out, "AWS4-HMAC-SHA256 Credential=");
	buf_puts(out, key_id);
	buf_byte(out, '/');
	put_scope(s, out, text);
	buf_puts(out, ", SignedHeaders=");
	buf_slice(out, buf_view(&s->names));
	buf_puts(out, ", Signature=");
	buf_puts(out, hex);
	return out->failed || s->to_sign.failed ? err_memory(err) : 0;
}

struct slice sigv4_canonical(const struct sigv4 *s)
{
	return buf_view(&s->canonical);
}

struct slice sigv4_to_sign(const struct sigv4 *s)
{
	return buf_view(&s->to_sign);
}
