#include "l2-line/omit.h"

#include "check.h"
#include "l2-line/reader.h"

/* The line without the fields a, b and c.d. */
static const char *without(const char *line)
{
	static const char *const fields[] = {"a", "b", "c.d"};
	static struct buf in, out;
	struct scan_value values[3];
	const struct scan_value *which[] = {&values[0], &values[1], &values[2]};
	struct scan *s;
	static struct err err;
	struct slice text;

	buf_clear(&in);
	buf_clear(&out);
	buf_puts(&in, line);
	buf_room(&in, READER_PADDING);
	text = buf_view(&in);
	if (scan_new(fields, 3, &s, &err) != 0 || scan_line(s, text, values, &err) != 0 ||
	    omit_fields(text, which, 3, &out) != 0)
		return err.message;
	scan_free(s);
	return buf_text(&out);
}

#define IS(line, expected)                                              \
	do {                                                            \
		const char *got = without(line);                        \
		CHECK(strcmp(got, expected) == 0, "%s: %s", line, got); \
	} while (0)

int main(void)
{
	IS("{\"x\":1}", "{\"x\":1}");
	IS("{\"a\":1}", "{}");
	IS("{\"a\":1,\"x\":2}", "{\"x\":2}");
	IS("{\"x\":2,\"a\":1}", "{\"x\":2}");
	IS("{\"x\":2,\"a\":1,\"y\":3}", "{\"x\":2,\"y\":3}");
	IS("{\"a\":1,\"b\":2}", "{}");
	IS("{\"x\":0,\"b\":1,\"a\":2}", "{\"x\":0}");
	IS("{\"b\":\"x,\\\"\",\"x\":0,\"a\":{\"b\":1}}", "{\"x\":0}");
	IS(" { \"x\" : 1 , \"a\" : 2 } ", " { \"x\" : 1 } ");
	IS("{ \"a\" : 2 , \"x\" : 1 }", "{  \"x\" : 1 }");
	IS("{\"\\u0061\":1,\"x\":2}", "{\"x\":2}");
	IS("{\"x\\\"\":1,\"\\u0062\":[1,2],\"c\":{\"d\":1,\"e\":2}}",
	   "{\"x\\\"\":1,\"c\":{\"e\":2}}");
	IS("{\"c\":{\"d\":null},\"a\":true}", "{\"c\":{}}");
	IS("{\"a\":\"\\\\\",\"x\":2}", "{\"x\":2}");
	return check_done();
}
