#include "l2-line/apirequest.h"

#include "l0-base/err.h"
#include "l0-base/utf8.h"
#include "l1-value/timestamp.h"

static int refuse(struct apirefusal *why, int status, const char *detail)
{
	*why = (struct apirefusal){status, detail};
	return -1;
}

static int no_memory(struct apirefusal *why)
{
	return refuse(why, 503, "Out of memory.");
}

void apirequest_clear(struct apirequest *r)
{
	struct buf tags = r->if_none_match, decoded = r->decoded, made = r->made;

	buf_clear(&tags);
	buf_clear(&decoded);
	buf_clear(&made);
	*r = (struct apirequest){.if_none_match = tags, .decoded = decoded, .made = made};
}

void apirequest_free(struct apirequest *r)
{
	buf_free(&r->if_none_match);
	buf_free(&r->decoded);
	buf_free(&r->made);
	*r = (struct apirequest){0};
}

/* ---- variables ---- */

void apirequest_variable(struct apirequest *r, struct slice name, struct slice value)
{
	if (slice_is(name, "REQUEST_METHOD")) {
		r->method_text = value;
	} else if (slice_is(name, "REQUEST_URI")) {
		r->uri = value;
	} else if (slice_is(name, "PATH_INFO")) {
		r->path_info = value;
	} else if (slice_is(name, "QUERY_STRING")) {
		r->query_string = value;
	} else if (slice_is(name, "REMOTE_ADDR")) {
		r->address = value;
	} else if (slice_is(name, "HTTP_X_API_KEY")) {
		r->key = value;
		r->keys++;
	} else if (slice_is(name, "HTTP_ORIGIN")) {
		r->origin = value;
		r->origins++;
	} else if (slice_is(name, "HTTP_X_REQUEST_ID")) {
		r->id = value;
		r->ids++;
	} else if (slice_is(name, "HTTP_IF_NONE_MATCH")) {
		if (r->if_none_match.len > 0)
			buf_byte(&r->if_none_match, ',');
		buf_slice(&r->if_none_match, value);
	}
}

/* ---- percent-encoding ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether the bytes can be a target at all. What is above ASCII is looked at as UTF-8, later: RFC
 * 3986 wants it encoded, and people type it. */
static int check_raw(struct slice uri, struct apirefusal *why)
{
	for (size_t i = 0; i < uri.len; i++) {
		unsigned char c = (unsigned char)uri.at[i];

		if (c <= 0x20 || c == 0x7f)
			return refuse(why, 400, "The address has a control character or a space.");
		if (c < 0x80 && strchr("\"#<>\\^`{|}", c) != NULL)
			return refuse(why, 400,
				      "The address has a character that must be "
				      "percent-encoded.");
	}
	return 0;
}

/* A letter or symbol: no control character, of ASCII or of Latin 1. */
static int is_clean(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		unsigned char d = (unsigned char)(i + 1 < text.len ? text.at[i + 1] : 0);

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && d < 0xa0))
			return 0;
	}
	return 1;
}

/* Append the decoded text to r->decoded, which has room for it. plus: '+' is a space, as forms have
 * it. */
static int decode(struct apirequest *r, struct slice raw, int plus, struct slice *text,
		  struct apirefusal *why)
{
	char *to = r->decoded.at + r->decoded.len;

	*text = (struct slice){to, 0};
	for (size_t i = 0; i < raw.len; i++) {
		int high, low;

		if (raw.at[i] != '%') {
			to[text->len++] = (char)(plus && raw.at[i] == '+' ? ' ' : raw.at[i]);
			continue;
		}
		high = i + 2 < raw.len ? hex_digit(raw.at[i + 1]) : -1;
		low = i + 2 < raw.len ? hex_digit(raw.at[i + 2]) : -1;
		if (i + 2 >= raw.len || high < 0 || low < 0)
			return refuse(why, 400,
				      "A percent sign in the address has not two hexadecimal "
				      "digits behind it.");
		to[text->len++] = (char)(high << 4 | low);
		i += 2;
	}
	r->decoded.len += text->len;
	if (utf8_valid(*text) != text->len)
		return refuse(why, 400, "The address is not UTF-8.");
	if (!is_clean(*text))
		return refuse(why, 400, "The address has a control character.");
	return 0;
}

/* ---- the path ---- */

/* What CGI servers without REQUEST_URI give: PATH_INFO, decoded, and QUERY_STRING, which is not. */
static int make_uri(struct apirequest *r)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < r->path_info.len; i++) {
		unsigned char c = (unsigned char)r->path_info.at[i];

		if (c > 0x20 && c < 0x7f && strchr("%?;\"#<>\\^`{|}", c) == NULL) {
			buf_byte(&r->made, (char)c);
			continue;
		}
		buf_byte(&r->made, '%');
		buf_byte(&r->made, digits[c >> 4]);
		buf_byte(&r->made, digits[c & 15]);
	}
	if (r->query_string.len > 0) {
		buf_byte(&r->made, '?');
		buf_slice(&r->made, r->query_string);
	}
	r->uri = buf_view(&r->made);
	return r->made.failed ? -1 : 0;
}

static void read_method(struct apirequest *r)
{
	if (slice_is(r->method_text, "GET"))
		r->method = API_GET;
	else if (slice_is(r->method_text, "HEAD"))
		r->method = API_HEAD;
	else if (slice_is(r->method_text, "OPTIONS"))
		r->method = API_OPTIONS;
	else
		r->method = API_OTHER;
}

static const struct {
	const char *path, *name;
} routes[API_ROUTES] = {
	[API_UNKNOWN] = {NULL, "-"},
	[API_CLIENTE] = {NULL, "/metricas/cliente/{cliente_id}"},
	[API_PRODUCTO] = {NULL, "/metricas/producto/{producto_id}"},
	[API_HEALTH] = {"health", "/health"},
	[API_OPENAPI] = {"openapi.json", "/openapi.json"},
	[API_PAGE] = {"", "/"},
	[API_STYLE] = {"page.css", "/page.css"},
	[API_SCRIPT] = {"page.js", "/page.js"},
	[API_SERVER] = {NULL, "*"},
};

const char *apirequest_route_name(enum apirequest_route route)
{
	return routes[route].name;
}

enum { SEGMENTS = 3 };

static enum apirequest_route find_route(struct apirequest *r, const struct slice *segment,
					size_t count)
{
	for (size_t i = 0; count == 1 && i < API_ROUTES; i++)
		if (routes[i].path != NULL && slice_is(segment[0], routes[i].path))
			return (enum apirequest_route)i;
	if (count != SEGMENTS || !slice_is(segment[0], "metricas") || segment[2].len == 0)
		return API_UNKNOWN;
	if (slice_is(segment[1], "cliente")) {
		r->cliente_id = segment[2];
		return API_CLIENTE;
	}
	if (slice_is(segment[1], "producto")) {
		r->producto = segment[2];
		return API_PRODUCTO;
	}
	return API_UNKNOWN;
}

static int is_dots(struct slice segment)
{
	return slice_is(segment, ".") || slice_is(segment, "..");
}

/* path: behind its first slash. All of it is decoded before anything is said about where it leads:
 * what is malformed is so wherever it stands. */
static int read_path(struct apirequest *r, struct slice path, struct apirefusal *why)
{
	struct slice segment[SEGMENTS];
	size_t count = 0;
	int strange = 0;

	for (;;) {
		const char *slash =
			path.len > 0 ? (const char *)memchr(path.at, '/', path.len) : NULL;
		struct slice raw = {path.at, slash == NULL ? path.len : (size_t)(slash - path.at)};
		struct slice text;

		if (decode(r, raw, 0, &text, why) != 0)
			return -1;
		if (raw.len > 0 && memchr(raw.at, ';', raw.len) != NULL)
			strange = 1;
		if (text.len > 0 && memchr(text.at, '/', text.len) != NULL)
			strange = 1;
		if (is_dots(text))
			strange = 1;
		if (count < SEGMENTS)
			segment[count] = text;
		count++;
		if (slash == NULL)
			break;
		path = (struct slice){slash + 1, path.len - raw.len - 1};
	}
	r->route = strange ? API_UNKNOWN : find_route(r, segment, count);
	return r->route == API_UNKNOWN ? refuse(why, 404, "There is nothing at this address.") : 0;
}

int apirequest_target(struct apirequest *r, struct slice base, struct apirefusal *why)
{
	struct slice path;
	const char *mark;

	read_method(r);
	if (r->uri.len == 0 && make_uri(r) != 0)
		return no_memory(why);
	if (r->uri.len > APIREQUEST_TARGET_MOST)
		return refuse(why, 414, "The address is too long.");
	if (r->method == API_OPTIONS && slice_is(r->uri, "*")) {
		r->route = API_SERVER;
		return 0;
	}
	/* Decoding makes nothing longer. */
	if (buf_room(&r->decoded, r->uri.len + 1) == NULL)
		return no_memory(why);
	if (check_raw(r->uri, why) != 0)
		return -1;
	if (r->uri.len == 0 || r->uri.at[0] != '/')
		return refuse(why, 400, "The address does not begin with a slash.");
	mark = memchr(r->uri.at, '?', r->uri.len);
	path = (struct slice){r->uri.at, mark == NULL ? r->uri.len : (size_t)(mark - r->uri.at)};
	if (mark != NULL)
		r->query = (struct slice){mark + 1, r->uri.len - path.len - 1};
	if (path.len <= base.len || (base.len > 0 && memcmp(path.at, base.at, base.len) != 0) ||
	    path.at[base.len] != '/')
		return refuse(why, 404, "There is nothing at this address.");
	path = (struct slice){path.at + base.len + 1, path.len - base.len - 1};
	return read_path(r, path, why);
}

/* ---- parameters ---- */

static int is_customer(struct slice id)
{
	enum { DIGITS_MOST = 18 };

	if (id.len == 0 || id.len > DIGITS_MOST || (id.at[0] == '0' && id.len > 1))
		return 0;
	for (size_t i = 0; i < id.len; i++)
		if (id.at[i] < '0' || id.at[i] > '9')
			return 0;
	return 1;
}

static int read_parameter(struct apirequest *r, struct slice name, struct slice value,
			  struct apirefusal *why)
{
	struct slice *to;

	if (slice_is(name, "fecha") && (r->route == API_CLIENTE || r->route == API_PRODUCTO))
		to = &r->fecha;
	else if (slice_is(name, "producto") && r->route == API_CLIENTE)
		to = &r->producto;
	else
		return refuse(why, 400, "There is a parameter that is not known here.");
	if (to->at != NULL)
		return refuse(why, 400, "A parameter is given twice.");
	if (value.len == 0)
		return refuse(why, 400, "A parameter has no value.");
	*to = value;
	return 0;
}

static int read_query(struct apirequest *r, struct apirefusal *why)
{
	struct slice rest = r->query;

	while (rest.len > 0) {
		const char *end = memchr(rest.at, '&', rest.len);
		struct slice pair = {rest.at, end == NULL ? rest.len : (size_t)(end - rest.at)};
		const char *equals = pair.len > 0 ? memchr(pair.at, '=', pair.len) : NULL;
		struct slice name = {pair.at,
				     equals == NULL ? pair.len : (size_t)(equals - pair.at)};
		struct slice value = {name.at + name.len, 0};

		if (equals != NULL)
			value = (struct slice){equals + 1, pair.len - name.len - 1};
		if (decode(r, name, 1, &name, why) != 0 || decode(r, value, 1, &value, why) != 0 ||
		    read_parameter(r, name, value, why) != 0)
			return -1;
		if (end == NULL)
			break;
		rest = (struct slice){end + 1, rest.len - pair.len - 1};
		if (rest.len == 0)
			return refuse(why, 400, "There is a parameter without a name.");
	}
	return 0;
}

int apirequest_parameters(struct apirequest *r, struct apirefusal *why)
{
	struct err ignored;
	int64_t day;

	if (read_query(r, why) != 0)
		return -1;
	if (r->route == API_CLIENTE && !is_customer(r->cliente_id))
		return refuse(why, 400,
			      "cliente_id must be digits without a leading zero, at most 18.");
	if (r->producto.len > APIREQUEST_NAME_MOST)
		return refuse(why, 400, "producto is too long.");
	if (r->fecha.at != NULL && date_parse(r->fecha, &day, &ignored) != 0)
		return refuse(why, 400, "fecha must be a day that exists, as YYYY-MM-DD.");
	return 0;
}

/* ---- If-None-Match ---- */

static void skip_space(struct slice *s)
{
	while (s->len > 0 && (*s->at == ' ' || *s->at == '\t')) {
		s->at++;
		s->len--;
	}
}

/* The next tag of a list, quoted, at its front. Returns 0, or -1 when there is none. */
static int next_tag(struct slice *list, struct slice *tag)
{
	size_t end = 1;

	if (list->len >= 2 && list->at[0] == 'W' && list->at[1] == '/')
		*list = (struct slice){list->at + 2, list->len - 2};
	if (list->len < 2 || list->at[0] != '"')
		return -1;
	while (end < list->len && list->at[end] != '"' && (unsigned char)list->at[end] > 0x20 &&
	       list->at[end] != 0x7f)
		end++;
	if (end == list->len || list->at[end] != '"')
		return -1;
	*tag = (struct slice){list->at, end + 1};
	*list = (struct slice){list->at + end + 1, list->len - end - 1};
	return 0;
}

int apirequest_has_tag(const struct apirequest *r, struct slice tag)
{
	struct slice list = buf_view(&r->if_none_match), one;
	int found = 0;

	if (r->if_none_match.failed)
		return 0;
	skip_space(&list);
	if (list.len > 0 && list.at[0] == '*') {
		list = (struct slice){list.at + 1, list.len - 1};
		skip_space(&list);
		return list.len == 0;
	}
	while (list.len > 0) {
		if (list.at[0] != ',') {
			if (next_tag(&list, &one) != 0)
				return 0;
			found |= slice_equal(one, tag);
			skip_space(&list);
			if (list.len > 0 && list.at[0] != ',')
				return 0;
		}
		if (list.len > 0)
			list = (struct slice){list.at + 1, list.len - 1};
		skip_space(&list);
	}
	return found;
}
