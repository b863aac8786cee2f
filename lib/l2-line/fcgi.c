#include "l2-line/fcgi.h"

enum {
	VERSION = 1,
	BEGIN_REQUEST = 1,
	ABORT_REQUEST = 2,
	END_REQUEST = 3,
	PARAMS = 4,
	STDIN = 5,
	STDOUT = 6,
	DATA = 8,
	GET_VALUES = 9,
	GET_VALUES_RESULT = 10,
	UNKNOWN_TYPE = 11
};

enum { RESPONDER = 1, KEEP_CONN = 1 };

enum protocol_status { REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE };

enum {
	BEGIN_BODY = 8,
	SMALL_MOST = 512,    /* bytes of a record that is taken whole */
	CONTENT_MOST = 65528 /* bytes of a record that we write: a multiple of 8 */
};

void fcgi_free(struct fcgi *f)
{
	buf_free(&f->small);
	buf_free(&f->params);
	*f = (struct fcgi){0};
}

/* ---- writing ---- */

static void put_header(struct buf *out, unsigned type, unsigned id, size_t content)
{
	unsigned padding = (unsigned)(-content & 7);
	const unsigned char header[8] = {VERSION,
					 (unsigned char)type,
					 (unsigned char)(id >> 8),
					 (unsigned char)id,
					 (unsigned char)(content >> 8),
					 (unsigned char)content,
					 (unsigned char)padding,
					 0};

	buf_put(out, header, sizeof header);
}

static void put_padding(struct buf *out, size_t content)
{
	static const char zeros[8];

	buf_put(out, zeros, -content & 7);
}

static void put_end(struct buf *out, unsigned id, enum protocol_status status)
{
	const char body[8] = {0, 0, 0, 0, (char)status, 0, 0, 0};

	put_header(out, END_REQUEST, id, sizeof body);
	buf_put(out, body, sizeof body);
}

static void put_unknown_type(struct buf *out, unsigned type)
{
	const char body[8] = {(char)type, 0, 0, 0, 0, 0, 0, 0};

	put_header(out, UNKNOWN_TYPE, 0, sizeof body);
	buf_put(out, body, sizeof body);
}

static void end_request(struct fcgi *f)
{
	f->request = 0;
	f->params_ended = 0;
	buf_clear(&f->params);
}

void fcgi_put_answer(struct fcgi *f, struct slice response, struct buf *out)
{
	while (response.len > 0) {
		size_t n = response.len < CONTENT_MOST ? response.len : CONTENT_MOST;

		put_header(out, STDOUT, f->request, n);
		buf_put(out, response.at, n);
		put_padding(out, n);
		response = (struct slice){response.at + n, response.len - n};
	}
	put_header(out, STDOUT, f->request, 0);
	put_end(out, f->request, REQUEST_COMPLETE);
	end_request(f);
}

/* ---- names and values ---- */

static int read_length(struct slice *s, size_t *length)
{
	const unsigned char *p = (const unsigned char *)s->at;
	size_t used = 1;

	if (s->len < 1)
		return -1;
	*length = p[0];
	if (p[0] & 0x80) {
		if (s->len < 4)
			return -1;
		used = 4;
		*length =
			(size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	}
	*s = (struct slice){s->at + used, s->len - used};
	return 0;
}

int fcgi_param(struct slice *params, struct slice *name, struct slice *value)
{
	size_t name_length, value_length;

	if (params->len == 0)
		return 0;
	if (read_length(params, &name_length) != 0 || read_length(params, &value_length) != 0 ||
	    name_length > params->len || value_length > params->len - name_length)
		return -1;
	*name = (struct slice){params->at, name_length};
	*value = (struct slice){params->at + name_length, value_length};
	*params =
		(struct slice){value->at + value_length, params->len - name_length - value_length};
	return 1;
}

/* FCGI_GET_VALUES: which of these we know, and their values. */
static void put_values(struct buf *out, struct slice asked)
{
	static const struct {
		const char *name, *value;
	} known[] = {{"FCGI_MPXS_CONNS", "0"}};
	struct slice name, value;
	struct buf body = {0};

	while (fcgi_param(&asked, &name, &value) > 0) {
		for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
			if (!slice_is(name, known[i].name))
				continue;
			buf_byte(&body, (char)strlen(known[i].name));
			buf_byte(&body, (char)strlen(known[i].value));
			buf_puts(&body, known[i].name);
			buf_puts(&body, known[i].value);
		}
	}
	put_header(out, GET_VALUES_RESULT, 0, body.len);
	buf_slice(out, buf_view(&body));
	put_padding(out, body.len);
	if (body.failed)
		out->failed = 1;
	buf_free(&body);
}

/* ---- reading ---- */

static void begin_request(struct fcgi *f, struct buf *out)
{
	const unsigned char *body = (const unsigned char *)f->small.at;
	unsigned role = (unsigned)body[0] << 8 | body[1];

	if (f->request != 0 && f->request != f->id) {
		put_end(out, f->id, CANT_MPX_CONN);
		return;
	}
	end_request(f);
	if (role != RESPONDER) {
		put_end(out, f->id, UNKNOWN_ROLE);
		return;
	}
	f->request = f->id;
	f->keep = (body[2] & KEEP_CONN) != 0;
}

/* Where the content of this record goes. */
enum goal { TAKE_WHOLE, TAKE_PARAMS, FORGET };

static enum goal goal_of(const struct fcgi *f)
{
	if (f->type == BEGIN_REQUEST || (f->type == GET_VALUES && f->id == 0))
		return TAKE_WHOLE;
	return f->type == PARAMS && f->id == f->request && f->request != 0 && !f->params_ended
		       ? TAKE_PARAMS
		       : FORGET;
}

/* The header has come. Returns 0, or -1: no FastCGI. */
static int begin_record(struct fcgi *f)
{
	const unsigned char *h = f->header;

	f->type = h[1];
	f->id = (unsigned)h[2] << 8 | h[3];
	f->content = (unsigned)h[4] << 8 | h[5];
	f->padding = h[6];
	buf_clear(&f->small);
	if (h[0] != VERSION)
		return -1;
	if (f->type == BEGIN_REQUEST && (f->content != BEGIN_BODY || f->id == 0))
		return -1;
	if (goal_of(f) == TAKE_WHOLE && f->content > SMALL_MOST)
		return -1;
	return goal_of(f) == TAKE_PARAMS && f->params.len + f->content > FCGI_PARAMS_MOST ? -1 : 0;
}

/* The record has come whole. Returns 1 when the request has, too. */
static int end_record(struct fcgi *f, unsigned length, struct buf *out)
{
	int ours = f->id == f->request && f->request != 0;

	f->header_got = 0;
	switch (f->type) {
	case BEGIN_REQUEST:
		begin_request(f, out);
		return 0;
	case ABORT_REQUEST:
		if (ours) {
			put_end(out, f->id, REQUEST_COMPLETE);
			end_request(f);
		}
		return 0;
	case PARAMS:
		if (ours && length == 0)
			f->params_ended = 1;
		return 0;
	case STDIN:
		return ours && length == 0 && f->params_ended;
	case GET_VALUES:
		if (f->id == 0)
			put_values(out, buf_view(&f->small));
		return 0;
	case DATA:
		return 0;
	default:
		if (f->id == 0)
			put_unknown_type(out, f->type);
		return 0;
	}
}

/* Content that is there, as far as it goes. */
static size_t take_content(struct fcgi *f, struct slice bytes)
{
	size_t n = bytes.len < f->content ? bytes.len : f->content;

	switch (goal_of(f)) {
	case TAKE_WHOLE:
		buf_put(&f->small, bytes.at, n);
		break;
	case TAKE_PARAMS:
		buf_put(&f->params, bytes.at, n);
		break;
	case FORGET:
		break;
	}
	f->content -= (unsigned)n;
	return n;
}

enum fcgi_event fcgi_take(struct fcgi *f, struct slice bytes, size_t *used, struct buf *out)
{
	*used = 0;
	for (;;) {
		struct slice rest = {bytes.at + *used, bytes.len - *used};
		unsigned length;
		size_t n;

		if (f->header_got < sizeof f->header) {
			n = sizeof f->header - f->header_got;
			n = n < rest.len ? n : rest.len;
			if (n > 0)
				memcpy(f->header + f->header_got, rest.at, n);
			f->header_got += (unsigned)n;
			*used += n;
			if (f->header_got < sizeof f->header)
				return FCGI_MORE;
			if (begin_record(f) != 0)
				return FCGI_BAD;
			continue;
		}
		if (f->content > 0) {
			*used += take_content(f, rest);
			if (f->small.failed || f->params.failed)
				return FCGI_BAD;
			if (f->content > 0)
				return FCGI_MORE;
			continue;
		}
		n = f->padding < rest.len ? f->padding : rest.len;
		f->padding -= (unsigned)n;
		*used += n;
		if (f->padding > 0)
			return FCGI_MORE;
		length = (unsigned)f->header[4] << 8 | f->header[5];
		if (end_record(f, length, out))
			return FCGI_REQUEST;
	}
}
