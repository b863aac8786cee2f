#include "l2-line/metric.h"

#include "check.h"

static int is_number(const char *text, int64_t expected)
{
	int64_t n = ~expected;

	return metric_number_kind(slice_of(text), &n) == METRIC_NUMBER && n == expected;
}

static int is_text(const char *text)
{
	int64_t n;

	return metric_number_kind(slice_of(text), &n) == METRIC_STRING;
}

static void numbers(void)
{
	CHECK(is_number("0", 0) && is_number("7", 7) && is_number("-7", -7), "small integers");
	CHECK(is_number("9223372036854775807", INT64_MAX), "the greatest");
	CHECK(is_number("-9223372036854775808", INT64_MIN), "the least");
	CHECK(is_text("9223372036854775808") && is_text("-9223372036854775809") &&
		      is_text("1234567890123456789012345678901234567890"),
	      "beyond 64 bits");
	CHECK(is_text("-0") && is_text("1.0") && is_text("1e3") && is_text("1E+3"),
	      "what would not come back as it was");
}

static void ids(void)
{
	struct buf b = {0};
	struct metric_key part, key = {slice_of("a#b"), slice_of("*"), slice_of("2024-01-01")};

	CHECK(metric_put_id(&b, &key) == 0 && slice_is(buf_view(&b), "a%23b#%2A#2024-01-01"), "%s",
	      buf_text(&b));
	CHECK(metric_cut_id(buf_view(&b), &part) == 0 && slice_is(part.cliente_id, "a%23b") &&
		      slice_is(part.producto, "%2A") && slice_is(part.fecha, "2024-01-01"),
	      "and cut again");
	buf_clear(&b);
	key = (struct metric_key){{NULL, 0}, {NULL, 0}, {NULL, 0}};
	CHECK(metric_put_id(&b, &key) == 0 && slice_is(buf_view(&b), "*#*#*"), "all");
	buf_clear(&b);
	key = (struct metric_key){slice_of(""), slice_of(""), slice_of("")};
	CHECK(metric_put_id(&b, &key) == 0 && slice_is(buf_view(&b), "##"),
	      "empty names are not all");
	CHECK(metric_cut_id(slice_of("##"), &part) == 0 && part.cliente_id.len == 0,
	      "and cut again");
	CHECK(metric_cut_id(slice_of("a#b"), &part) == -1 &&
		      metric_cut_id(slice_of(""), &part) == -1 &&
		      metric_cut_id(slice_of("a#b#c#d"), &part) == -1,
	      "not three parts");
	buf_free(&b);
}

static void texts(void)
{
	char id[] = "1#a#*";
	struct buf b = {0}, line = {0};
	struct metric m = {.id = slice_of(id),
			   .cliente_id = {slice_of("1"), METRIC_NUMBER},
			   .producto = {slice_of("a\"\n"), METRIC_STRING},
			   .fecha = slice_of("*"),
			   .num_transacciones = -3,
			   .monto_total = {-5, 2},
			   .fecha_hora = slice_of("2024-01-01T00:00:00")};

	CHECK(metric_print(&line, &m) == 0 &&
		      slice_is(buf_view(&line),
			       "{\"id\":\"1#a#*\",\"cliente_id\":1,\"producto\":\"a\\\"\\n\","
			       "\"fecha\":\"*\",\"num_transacciones\":-3,\"monto_total\":-0.05,"
			       "\"fecha_hora\":\"2024-01-01T00:00:00\"}"),
	      "%s", buf_text(&line));
	metric_keep(&m, &b);
	id[0] = 'x';
	CHECK(slice_is(m.id, "1#a#*") && slice_is(m.cliente_id.text, "1") &&
		      slice_is(m.fecha_hora, "2024-01-01T00:00:00"),
	      "what is kept does not change");
	buf_free(&b);
	buf_free(&line);
}

int main(void)
{
	numbers();
	ids();
	texts();
	return check_done();
}
