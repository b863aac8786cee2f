/* Input: a FastCGI stream, as a web server would send it. However it is cut into pieces, the same
 * requests come out of it; and of each request every part that is taken for good is good, and
 * written anew gives the same again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "l0-base/err.h"
#include "l0-base/utf8.h"
#include "l1-value/timestamp.h"
#include "l2-line/apirequest.h"
#include "l2-line/fcgi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

static int within(struct slice s, const struct buf *b)
{
	return s.at == NULL || (s.at >= b->at && s.at + s.len <= b->at + b->len);
}

static void put_encoded(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_printf(out, "%%%02x", (unsigned char)s.at[i]);
}

/* What was understood, as a target that can mean nothing else. */
static void put_target(struct buf *out, const struct apirequest *r)
{
	buf_puts(out, r->route == API_CLIENTE ? "/metricas/cliente/" : "/metricas/producto/");
	put_encoded(out, r->route == API_CLIENTE ? r->cliente_id : r->producto);
	if (r->fecha.at != NULL) {
		buf_puts(out, "?fecha=");
		put_encoded(out, r->fecha);
	}
	if (r->route == API_CLIENTE && r->producto.at != NULL) {
		buf_puts(out, r->fecha.at != NULL ? "&producto=" : "?producto=");
		put_encoded(out, r->producto);
	}
}

static void check_again(const struct apirequest *r)
{
	static struct apirequest again;
	static struct buf target;
	struct apirefusal why;

	buf_clear(&target);
	put_target(&target, r);
	if (target.len > APIREQUEST_TARGET_MOST)
		return;
	apirequest_clear(&again);
	apirequest_variable(&again, slice_of("REQUEST_METHOD"), slice_of("GET"));
	apirequest_variable(&again, slice_of("REQUEST_URI"), buf_view(&target));
	demand(apirequest_target(&again, slice_of(""), &why) == 0);
	demand(apirequest_parameters(&again, &why) == 0);
	demand(again.route == r->route && slice_equal(again.cliente_id, r->cliente_id) &&
	       slice_equal(again.producto, r->producto) && slice_equal(again.fecha, r->fecha));
}

/* One request out of its variables. Returns a digest of what was understood. */
static uint64_t check_request(struct slice params)
{
	static struct apirequest r;
	struct apirefusal why = {200, ""};
	struct slice name, value;
	struct err err;
	int64_t day;

	apirequest_clear(&r);
	while (fcgi_param(&params, &name, &value) > 0)
		apirequest_variable(&r, name, value);
	if (apirequest_target(&r, slice_of(""), &why) == 0)
		apirequest_parameters(&r, &why);
	demand(why.status == 200 || why.status == 400 || why.status == 404 || why.status == 414);
	apirequest_has_tag(&r, slice_of("\"abc\""));
	if (why.status != 200 || (r.route != API_CLIENTE && r.route != API_PRODUCTO))
		return (uint64_t)why.status;
	demand(within(r.cliente_id, &r.decoded) && within(r.producto, &r.decoded) &&
	       within(r.fecha, &r.decoded));
	demand(utf8_valid(r.producto) == r.producto.len);
	demand(r.producto.at == NULL ||
	       (r.producto.len > 0 && r.producto.len <= APIREQUEST_NAME_MOST));
	for (size_t i = 0; i < r.producto.len; i++)
		demand((unsigned char)r.producto.at[i] >= 0x20);
	demand(r.fecha.at == NULL || date_parse(r.fecha, &day, &err) == 0);
	demand(r.route != API_CLIENTE || (r.cliente_id.len >= 1 && r.cliente_id.len <= 18));
	check_again(&r);
	return (uint64_t)why.status + r.producto.len * 1000 + r.cliente_id.len * 1000000;
}

/* The whole stream, in pieces of this size. Returns a digest of all that came of it. */
static uint64_t check_stream(struct slice rest, size_t piece)
{
	struct fcgi f = {0};
	struct buf out = {0};
	uint64_t story = 0;
	int bad = 0;

	while (rest.len > 0 && !bad) {
		struct slice some = {rest.at, piece < rest.len ? piece : rest.len};

		rest = (struct slice){rest.at + some.len, rest.len - some.len};
		while (some.len > 0 && !bad) {
			size_t used;
			enum fcgi_event event = fcgi_take(&f, some, &used, &out);

			demand(used <= some.len && f.params.len <= FCGI_PARAMS_MOST);
			some = (struct slice){some.at + used, some.len - used};
			bad = event == FCGI_BAD;
			demand(event != FCGI_MORE || some.len == 0);
			if (event != FCGI_REQUEST)
				continue;
			story = story * 31 + check_request(buf_view(&f.params));
			fcgi_put_answer(&f, slice_of("Status: 200 OK\r\n\r\n"), &out);
		}
	}
	story = story * 31 + out.len * 2 + (uint64_t)bad;
	demand(out.len % 8 == 0);
	fcgi_free(&f);
	buf_free(&out);
	return story;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = {(const char *)data, size};
	uint64_t whole = check_stream(all, size + 1);

	demand(check_stream(all, 1) == whole);
	demand(check_stream(all, 7) == whole);
	return 0;
}
