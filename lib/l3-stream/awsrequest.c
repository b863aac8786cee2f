#include "l3-stream/awsrequest.h"

#include "l0-base/hash.h"
#include "l2-line/awskeys.h"
#include "l2-line/sigv4.h"

void awsrequest_wipe(struct awsrequest *r)
{
	if (r->text.len > 0)
		hash_cleanse(r->text.at, r->text.len);
	buf_clear(&r->text);
}

void awsrequest_free(struct awsrequest *r)
{
	hash_cleanse_buf(&r->text);
	buf_free(&r->url);
}

struct slice awsrequest_operation(const struct awsrequest *r)
{
	const char *dot = r->target == NULL ? NULL : strrchr(r->target, '.');

	if (dot != NULL)
		return slice_of(dot + 1);
	return slice_of(r->method == NULL ? "POST" : r->method);
}

struct slice awsrequest_host(struct slice url)
{
	const char *at = url.len == 0 ? NULL : memmem(url.at, url.len, "://", 3);
	const char *end = url.at + url.len, *stop;

	if (at == NULL)
		return (struct slice){NULL, 0};
	at += 3;
	for (stop = at; stop < end && strchr("/?#", *stop) == NULL;)
		stop++;
	return (struct slice){at, (size_t)(stop - at)};
}

/* *path: from the endpoint's own path on. */
static int put_url(struct awsrequest *r, struct slice endpoint, struct slice *path, struct err *err)
{
	struct slice host = awsrequest_host(endpoint);
	size_t begin = host.at == NULL ? 0 : (size_t)(host.at - endpoint.at), path_at;

	buf_clear(&r->url);
	buf_put(&r->url, endpoint.at, begin);
	if (r->bucket != NULL) {
		buf_puts(&r->url, r->bucket);
		buf_byte(&r->url, '.');
	}
	buf_slice(&r->url, host);
	path_at = r->url.len;
	buf_put(&r->url, endpoint.at + begin + host.len, endpoint.len - begin - host.len);
	if (r->path.len == 0)
		buf_byte(&r->url, '/');
	buf_slice(&r->url, r->path);
	path->len = r->url.len - path_at;
	if (r->query.len > 0) {
		buf_byte(&r->url, '?');
		buf_slice(&r->url, r->query);
	}
	if (r->url.failed || buf_room(&r->url, 1) == NULL)
		return err_memory(err);
	path->at = buf_text(&r->url) + path_at;
	return 0;
}

/* The headers while they are made: where each begins in r->text, and how long its name is. */
struct making {
	struct awsrequest *r;
	size_t at[AWSREQUEST_HEADERS_ALL], name[AWSREQUEST_HEADERS_ALL];
};

static void put_header(struct making *m, const char *name, struct slice value)
{
	struct awsrequest *r = m->r;

	m->at[r->count] = r->text.len;
	m->name[r->count++] = strlen(name);
	buf_puts(&r->text, name);
	buf_puts(&r->text, ": ");
	buf_slice(&r->text, value);
	buf_byte(&r->text, '\0');
}

static int put_given(struct making *m, const char *header, struct err *err)
{
	struct awsrequest *r = m->r;
	const char *colon = strchr(header, ':');

	if (colon == NULL)
		return err_set(err, ERR_CONFIG, "a header without colon: %s", header);
	m->at[r->count] = r->text.len;
	m->name[r->count++] = (size_t)(colon - header);
	buf_puts(&r->text, header);
	return buf_byte(&r->text, '\0');
}

static int sign(struct making *m, const struct awsplace *place, const struct awskeys *keys,
		struct sigv4_request *s, struct sigv4_header header[AWSREQUEST_HEADERS_ALL],
		struct err *err)
{
	struct awsrequest *r = m->r;

	/* The signer reads from r->text while it writes there: there must be room. */
	if (buf_room(&r->text, 2048) == NULL)
		return err_memory(err);
	for (size_t i = 0; i < r->count; i++) {
		const char *at = r->text.at + m->at[i];

		header[i].name = (struct slice){at, m->name[i]};
		header[i].value = slice_of(at + m->name[i] + 1);
	}
	s->header_count = r->count;
	m->at[r->count++] = r->text.len;
	buf_puts(&r->text, "Authorization: ");
	if (sigv4_sign(place->signer, keys->id, keys->secret, s, &r->text, err) != 0)
		return -1;
	return buf_byte(&r->text, '\0') == 0 ? 0 : err_memory(err);
}

int awsrequest_make(struct awsrequest *r, const struct awsplace *place, const struct awskeys *keys,
		    int64_t time, struct err *err)
{
	unsigned char digest[HASH_SHA256_BYTES];
	char date[SIGV4_TIME_SIZE], hex[2 * HASH_SHA256_BYTES + 1];
	const char *payload = r->payload;
	struct making m = {.r = r};
	struct slice path;

	if (r->header_count > AWSREQUEST_HEADERS)
		return err_set(err, ERR_CONFIG, "more than %d headers", AWSREQUEST_HEADERS);
	if (payload == NULL) {
		hash_sha256(r->body, digest);
		hash_hex(digest, sizeof digest, hex);
		payload = hex;
	}
	if (put_url(r, place->endpoint, &path, err) != 0)
		return -1;
	sigv4_time(time, date);
	buf_clear(&r->text);
	r->count = 0;
	put_header(&m, "Host", awsrequest_host(buf_view(&r->url)));
	if (r->type != NULL)
		put_header(&m, "Content-Type", slice_of(r->type));
	if (r->encoding != NULL)
		put_header(&m, "Content-Encoding", slice_of(r->encoding));
	if (r->target != NULL)
		put_header(&m, "X-Amz-Target", slice_of(r->target));
	if (keys != NULL)
		put_header(&m, "X-Amz-Date", slice_of(date));
	if (keys != NULL && keys->token[0] != '\0')
		put_header(&m, "X-Amz-Security-Token", slice_of(keys->token));
	if (keys != NULL && place->is_s3)
		put_header(&m, "X-Amz-Content-Sha256", slice_of(payload));
	for (size_t i = 0; i < r->header_count; i++)
		if (put_given(&m, r->headers[i], err) != 0)
			return -1;
	if (keys != NULL) {
		struct sigv4_header header[AWSREQUEST_HEADERS_ALL];
		struct sigv4_request s = {.method = r->method == NULL ? "POST" : r->method,
					  .headers = header,
					  .path = path,
					  .query = r->query,
					  .payload = slice_of(payload),
					  .time = time,
					  .path_is_final = place->is_s3};

		if (sign(&m, place, keys, &s, header, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < r->count; i++)
		r->list[i] = r->text.at + m.at[i];
	return r->text.failed ? err_memory(err) : 0;
}
