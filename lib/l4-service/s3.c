#include "l4-service/s3.h"

#include <stdlib.h>

#include "l0-base/hash.h"
#include "l1-value/percent.h"
#include "l1-value/xmltext.h"
#include "l2-line/s3text.h"

enum { ATTEMPTS = 10 };

struct s3 {
	struct aws *aws;
	struct aws_options options;
	struct buf bucket, prefix; /* terminated */
	int in_host;               /* the bucket is part of the host's name */
};

/* ---- open, close ---- */

static int choose_style(struct s3 *s, struct err *err)
{
	const char *style =
		aws_setting(s->aws, "AWS_S3_ADDRESSING_STYLE", "s3", "addressing_style");
	int is_label = s3text_is_label(buf_view(&s->bucket));

	if (style == NULL || strcmp(style, "auto") == 0)
		s->in_host = is_label && !aws_endpoint_is_set(s->aws);
	else if (strcmp(style, "virtual") == 0)
		s->in_host = 1;
	else if (strcmp(style, "path") != 0)
		return err_set(err, ERR_CONFIG,
			       "AWS_S3_ADDRESSING_STYLE (or addressing_style of the profile): "
			       "\"%s\" is not auto, path or virtual",
			       style);
	return 0;
}

int s3_open(const char *place, const struct s3_options *o, struct s3 **out, struct err *err)
{
	struct slice bucket, prefix;
	struct s3 *s;

	if (s3text_place(place, &bucket, &prefix, err) != 0)
		return -1;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return err_memory(err);
	s->options = (struct aws_options){.service = "s3",
					  .in_flight = o->in_flight,
					  .attempts = ATTEMPTS,
					  .allowed = o->wait_mask,
					  .stop = o->stop};
	buf_slice(&s->bucket, bucket);
	buf_slice(&s->prefix, prefix);
	if (prefix.len > 0)
		buf_byte(&s->prefix, '/');
	if (s->bucket.failed || s->prefix.failed || buf_room(&s->bucket, 1) == NULL ||
	    buf_room(&s->prefix, 1) == NULL)
		err_memory(err);
	else if (aws_open(&s->options, &s->aws, err) == 0 && choose_style(s, err) == 0) {
		buf_text(&s->bucket);
		buf_text(&s->prefix);
		*out = s;
		return 0;
	}
	s3_close(s);
	return -1;
}

void s3_close(struct s3 *s)
{
	if (s == NULL)
		return;
	aws_close(s->aws);
	buf_free(&s->bucket);
	buf_free(&s->prefix);
	free(s);
}

int s3_reset(struct s3 *s, struct err *err)
{
	aws_close(s->aws);
	s->aws = NULL;
	return aws_open(&s->options, &s->aws, err);
}

struct aws *s3_client(struct s3 *s)
{
	return s->aws;
}

struct slice s3_prefix(const struct s3 *s)
{
	return buf_view(&s->prefix);
}

/* ---- requests ---- */

void s3_ask(const struct s3 *s, struct s3_request *r, const char *operation, const char *method,
	    const char *key)
{
	struct awsrequest *q = &r->call.request;

	buf_clear(&r->path);
	buf_clear(&r->query);
	buf_clear(&r->what);
	buf_clear(&r->headers);
	q->method = method;
	q->bucket = s->in_host ? s->bucket.at : NULL;
	q->header_count = 0;
	q->body = (struct slice){NULL, 0};
	q->source = NULL;
	q->payload = NULL;
	r->call.unlimited = 1;
	buf_byte(&r->path, '/');
	if (!s->in_host) {
		buf_slice(&r->path, buf_view(&s->bucket));
		buf_puts(&r->path, key == NULL ? "" : "/");
	}
	if (key != NULL) {
		percent_put(&r->path, buf_view(&s->prefix), "/");
		percent_put(&r->path, slice_of(key), "/");
	}
	buf_printf(&r->what, "%s s3://%s/%s%s", operation, s->bucket.at, s->prefix.at,
		   key == NULL ? "" : key);
}

void s3_parameter(struct s3_request *r, const char *name, struct slice value)
{
	if (r->query.len > 0)
		buf_byte(&r->query, '&');
	buf_puts(&r->query, name);
	buf_byte(&r->query, '=');
	percent_put(&r->query, value, "");
}

void s3_header(struct s3_request *r, const char *name, struct slice value)
{
	r->header_at[r->call.request.header_count++] = r->headers.len;
	buf_puts(&r->headers, name);
	buf_puts(&r->headers, ": ");
	buf_slice(&r->headers, value);
	buf_byte(&r->headers, '\0');
}

static int hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

void s3_digest(struct s3_request *r, const char *sha256, int stored)
{
	unsigned char digest[HASH_SHA256_BYTES];
	struct buf text = {0};

	memcpy(r->payload, sha256, sizeof r->payload);
	r->call.request.payload = r->payload;
	if (!stored)
		return;
	for (size_t i = 0; i < sizeof digest; i++)
		digest[i] = (unsigned char)(hex_digit(sha256[2 * i]) << 4 |
					    hex_digit(sha256[2 * i + 1]));
	if (hash_base64(&text, digest, sizeof digest) != 0)
		r->headers.failed = 1;
	else
		s3_header(r, "x-amz-checksum-sha256", buf_view(&text));
	buf_free(&text);
}

static int finish(struct s3_request *r, struct err *err)
{
	struct awsrequest *q = &r->call.request;

	r->call.what = buf_text(&r->what);
	q->path = buf_view(&r->path);
	q->query = buf_view(&r->query);
	q->headers = r->header_list;
	if (r->path.failed || r->query.failed || r->what.failed || r->headers.failed)
		return err_memory(err);
	for (size_t i = 0; i < q->header_count; i++)
		r->header_list[i] = r->headers.at + r->header_at[i];
	return 0;
}

int s3_start(struct s3 *s, struct s3_request *r, struct err *err)
{
	return finish(r, err) != 0 ? -1 : aws_start(s->aws, &r->call, err);
}

int s3_run(struct s3 *s, struct s3_request *r, struct err *err)
{
	if (finish(r, err) != 0)
		return -1;
	if (aws_run(s->aws, &r->call, err) == 0)
		return 0;
	s3_explain(s, r);
	*err = r->call.err;
	return -1;
}

void s3_request_free(struct s3_request *r)
{
	aws_call_free(&r->call);
	buf_free(&r->path);
	buf_free(&r->query);
	buf_free(&r->what);
	buf_free(&r->headers);
}

/* ---- errors ---- */

/* Where the bucket is, as the answer to a request in a wrong region says. */
static void find_region(const struct aws_call *c, struct buf *region)
{
	struct slice header = http_header(&c->http, "x-amz-bucket-region");

	if (header.len > 0)
		buf_slice(region, header);
	else
		xmltext_find(buf_view(&c->http.reply), "Error/Region", region);
}

void s3_explain(const struct s3 *s, struct s3_request *r)
{
	struct aws_call *c = &r->call;
	struct buf region = {0};

	if (aws_is(c, "NoSuchBucket")) {
		err_set(&c->err, ERR_CONFIG, "%s: there is no bucket \"%s\"", aws_label(s->aws),
			s->bucket.at);
		return;
	}
	if (!aws_is(c, "PermanentRedirect") && !aws_is(c, "AuthorizationHeaderMalformed") &&
	    !aws_is(c, "IllegalLocationConstraintException") && c->status / 100 != 3)
		return;
	find_region(c, &region);
	if (region.len > 0 && strcmp(buf_text(&region), aws_region(s->aws)) != 0)
		err_set(&c->err, ERR_CONFIG,
			"%s: the bucket \"%s\" is in region %s (AWS_REGION=%s)", aws_label(s->aws),
			s->bucket.at, buf_text(&region), buf_text(&region));
	buf_free(&region);
}
