#include "l3-stream/apianswer.h"

#include "l0-base/hash.h"
#include "l1-value/text.h"

void apianswer_clear(struct apianswer *a)
{
	struct buf text = a->text;

	buf_clear(&text);
	*a = (struct apianswer){.text = text};
}

void apianswer_free(struct apianswer *a)
{
	buf_free(&a->text);
	*a = (struct apianswer){0};
}

static const char *phrase_of(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{200, "OK"},
		{204, "No Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{414, "URI Too Long"},
		{429, "Too Many Requests"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Status";
}

void apianswer_problem(struct apianswer *a, int status, const char *detail, struct slice id)
{
	a->status = status;
	a->type = "application/problem+json";
	a->tagged = 0;
	a->lasting = 0;
	buf_clear(&a->text);
	buf_puts(&a->text, "{\"type\":\"about:blank\",\"title\":\"");
	buf_puts(&a->text, phrase_of(status));
	buf_puts(&a->text, "\",\"status\":");
	buf_int(&a->text, status);
	buf_puts(&a->text, ",\"detail\":");
	json_put_string(&a->text, slice_of(detail));
	buf_puts(&a->text, ",\"request_id\":");
	json_put_string(&a->text, id);
	buf_puts(&a->text, "}");
	a->body = buf_view(&a->text);
}

/* ---- headers ---- */

/* By hand: what printf(3) makes of them is a fifth of what an answer costs. name: with ": ". */
static void put_header(struct buf *out, const char *name, struct slice value)
{
	buf_puts(out, name);
	buf_slice(out, value);
	buf_puts(out, "\r\n");
}

static void put_number(struct buf *out, const char *name, int64_t n)
{
	buf_puts(out, name);
	buf_int(out, n);
	buf_puts(out, "\r\n");
}

/* The origin, as it stands in the list of those that are allowed; empty when it does not. */
static struct slice allowed_origin(const struct apirequest *r, struct slice origins)
{
	const char *at = origins.at, *end = origins.at + origins.len;

	if (slice_is(origins, "*"))
		return origins;
	while (r->origins == 1 && at != NULL && at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		struct slice one = {at, (size_t)((comma == NULL ? end : comma) - at)};

		if (one.len > 0 && slice_equal(one, r->origin))
			return one;
		at += one.len + 1;
	}
	return (struct slice){NULL, 0};
}

static void put_cors(const struct apirequest *r, struct slice origins, struct buf *out)
{
	struct slice origin = allowed_origin(r, origins);

	if (origin.len == 0)
		return;
	put_header(out, "Access-Control-Allow-Origin: ", origin);
	if (r->method == API_OPTIONS)
		buf_puts(out, "Access-Control-Allow-Methods: GET, HEAD\r\n"
			      "Access-Control-Allow-Headers: X-API-Key, X-Request-Id\r\n"
			      "Access-Control-Max-Age: 600\r\n");
	else
		buf_puts(out, "Access-Control-Expose-Headers: ETag, RateLimit, RateLimit-Policy, "
			      "Retry-After, X-Data-As-Of, X-Request-Id\r\n");
}

static void put_vary(const struct apianswer *a, struct slice origins, struct buf *out)
{
	int by_origin = origins.len > 0 && !slice_is(origins, "*");

	if (a->by_key || by_origin)
		put_header(out, "Vary: ",
			   slice_of(!by_origin  ? "X-API-Key"
				    : a->by_key ? "X-API-Key, Origin"
						: "Origin"));
}

static const char *cache_of(const struct apianswer *a)
{
	if (a->status != 200 && a->status != 304 && a->status != 204)
		return "no-store";
	if (a->lasting)
		return "public, max-age=3600";
	/* May be kept, and must be asked for again with its ETag. */
	return a->by_key ? "private, no-cache" : "no-cache";
}

static void put_limit(const struct apianswer *a, const struct apianswer_frame *frame,
		      struct buf *out)
{
	if (a->verdict == NULL)
		return;
	buf_puts(out, "RateLimit-Policy: \"default\";q=");
	buf_int(out, frame->quota);
	buf_puts(out, ";w=");
	buf_int(out, LIMIT_WINDOW_SECONDS);
	buf_puts(out, "\r\nRateLimit: \"default\";r=");
	buf_int(out, a->verdict->remaining);
	buf_puts(out, ";t=");
	buf_int(out, a->verdict->reset);
	buf_puts(out, "\r\n");
}

/* A digest of the body, quoted. */
static struct slice tag_of(struct slice body, char tag[40])
{
	unsigned char digest[HASH_SHA256_BYTES];

	hash_sha256(body, digest);
	tag[0] = '"';
	hash_hex(digest, 16, tag + 1);
	tag[33] = '"';
	return (struct slice){tag, 34};
}

void apianswer_print(struct apianswer *a, const struct apirequest *r, struct slice id,
		     const struct apianswer_frame *frame, struct buf *out)
{
	char room[40];
	struct slice tag = {NULL, 0};

	if (a->tagged && a->status == 200) {
		tag = tag_of(a->body, room);
		if (apirequest_has_tag(r, tag))
			a->status = 304;
	}
	buf_puts(out, "Status: ");
	buf_int(out, a->status);
	put_header(out, " ", slice_of(phrase_of(a->status)));
	if (a->status != 304 && a->type != NULL) {
		put_header(out, "Content-Type: ", slice_of(a->type));
		put_number(out, "Content-Length: ", (int64_t)a->body.len);
	}
	put_header(out, "Cache-Control: ", slice_of(cache_of(a)));
	put_vary(a, frame->origins, out);
	if (tag.len > 0)
		put_header(out, "ETag: ", tag);
	if (a->as_of.len > 0)
		put_header(out, "X-Data-As-Of: ", a->as_of);
	put_header(out, "X-Request-Id: ", id);
	buf_puts(out, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
	put_header(out, "Content-Security-Policy: ",
		   slice_of(a->policy != NULL ? a->policy
					      : "default-src 'none'; frame-ancestors 'none'"));
	put_limit(a, frame, out);
	if (a->retry_after > 0)
		put_number(out, "Retry-After: ", a->retry_after);
	if (a->status == 401)
		buf_puts(out, "WWW-Authenticate: ApiKey realm=\"metricas\"\r\n");
	if (a->status == 405 || (r->method == API_OPTIONS && a->status == 204))
		buf_puts(out, "Allow: GET, HEAD, OPTIONS\r\n");
	put_cors(r, frame->origins, out);
	buf_puts(out, "\r\n");
	if (a->status != 304 && a->type != NULL && r->method != API_HEAD)
		buf_slice(out, a->body);
}
