/* Control records: read, kept whole, printed again. */
#include "l3-stream/control.h"

#include <stdlib.h>

#include "check.h"
#include "l2-line/json.h"

static int parses(const char *value, struct barrier *b)
{
	struct err err;

	return barrier_parse(slice_of(value), b, &err) == 0;
}

static void test_barrier(void)
{
	const char *line =
		"{\"@barrier\":{\"epoch\":42,\"pos\":\"pg1:7:0/16B3748:0:d.p.t\",\"time\":"
		"\"2024-03-21T10:00:05.123Z\",\"x\":[1.50],\"snapshot\":true,\"resume\":"
		"\"r\",\"watermark\":\"2024-03-21T09:59:00Z\",\"pending\":{\"epoch\":43,"
		"\"pos\":\"p\",\"time\":\"2024-03-21T10:00:06Z\"}}}";
	struct barrier b = {0};
	struct buf out = {0};
	struct err err;

	CHECK(barrier_parse_line(slice_of(line), &b, &err) == 0 && b.epoch == 42 &&
		      strcmp(b.pos, "pg1:7:0/16B3748:0:d.p.t") == 0 &&
		      b.time == INT64_C(1711015205123000) && b.snapshot == 1 &&
		      strcmp(b.resume, "r") == 0 &&
		      strcmp(b.watermark, "2024-03-21T09:59:00Z") == 0 && b.pending != NULL &&
		      strcmp(json_string(json_get(b.pending, "pos")), "p") == 0,
	      "all members");
	CHECK(barrier_print(&out, &b) == 0 && slice_is(buf_view(&out), line),
	      "printed as it was, with what is unknown");
	json_put_string_value(b.document, "resume", "earlier");
	json_remove(b.document, "pending");
	CHECK(barrier_reread(&b, &err) == 0 && strcmp(b.resume, "earlier") == 0 &&
		      b.pending == NULL,
	      "read again after a change");
	json_remove(b.document, "pos");
	CHECK(barrier_reread(&b, &err) == -1 && err.status == ERR_DATA, "a change that breaks it");
	barrier_free(&b);
	barrier_free(&b);
	CHECK(b.document == NULL && b.pos == NULL, "freed twice");

	CHECK(parses("{\"epoch\":0,\"pos\":\"\",\"time\":\"1969-12-31T23:59:59.9+05:45\"}", &b) &&
		      b.epoch == 0 && b.snapshot == 0 && b.resume == NULL && b.watermark == NULL &&
		      b.pending == NULL && b.time == INT64_C(-20700100000),
	      "the least that there may be; a time before 1970, with an offset");
	barrier_free(&b);
	CHECK(parses("{\"epoch\":4611686018427387904,\"pos\":\"\",\"snapshot\":false,\"time\":"
		     "\"2024-03-21T10:00:05Z\"}",
		     &b),
	      "the greatest epoch");
	barrier_free(&b);
	buf_free(&out);
}

static void test_bad_barriers(void)
{
	static const char *const bad[] = {
		"5",
		"null",
		"[]",
		"{}",
		"{\"epoch\":1,\"pos\":\"p\"}",
		"{\"epoch\":1,\"time\":\"2024-03-21T10:00:05Z\"}",
		"{\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\"}",
		"{\"epoch\":-1,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\"}",
		"{\"epoch\":1.0,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\"}",
		"{\"epoch\":\"1\",\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\"}",
		"{\"epoch\":4611686018427387905,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\"}",
		"{\"epoch\":1,\"pos\":5,\"time\":\"2024-03-21T10:00:05Z\"}",
		"{\"epoch\":1,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05\"}",
		"{\"epoch\":1,\"pos\":\"p\",\"time\":\"2024-02-30T10:00:05Z\"}",
		"{\"epoch\":1,\"pos\":\"p\",\"time\":\"2024-03-21\"}",
		"{\"epoch\":1,\"pos\":\"p\",\"time\":1711015205}",
		"{\"epoch\":1,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\",\"snapshot\":1}",
		"{\"epoch\":1,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\",\"resume\":null}",
		"{\"epoch\":1,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\",\"watermark\":\"x\"}",
		"{\"epoch\":1,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\",\"pending\":{}}",
		"{\"epoch\":1,\"epoch\":1,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\"}",
	};
	static const char *const lines[] = {
		"", "{}", "{\"@end\":{}}",
		("{\"@barrier\":{\"epoch\":1,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\"},"
		 "\"a\":1}"),
		"{\"epoch\":1,\"pos\":\"p\",\"time\":\"2024-03-21T10:00:05Z\"}"};
	struct barrier b;
	struct err err;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(barrier_parse(slice_of(bad[i]), &b, &err) == -1 && err.status == ERR_DATA &&
			      b.document == NULL,
		      "refused: %s: %s", bad[i], err.message);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		CHECK(barrier_parse_line(slice_of(lines[i]), &b, &err) == -1 &&
			      err.status == ERR_DATA && b.document == NULL,
		      "no barrier: %s", lines[i]);
}

static void test_put(void)
{
	struct barrier b;
	struct buf out = {0};
	struct err err;
	uint64_t records = 0;

	CHECK(control_put_barrier(&out, 7, "a\"b", INT64_C(1711015205123999), 0) == 0 &&
		      slice_is(buf_view(&out),
			       "{\"@barrier\":{\"epoch\":7,\"pos\":\"a\\\"b\",\"time\":"
			       "\"2024-03-21T10:00:05.123Z\"}}\n"),
	      "a barrier from its parts");
	buf_clear(&out);
	CHECK(control_put_barrier(&out, 8, "p", -1000, 1) == 0 &&
		      slice_is(buf_view(&out),
			       "{\"@barrier\":{\"epoch\":8,\"pos\":\"p\",\"time\":"
			       "\"1969-12-31T23:59:59.999Z\",\"snapshot\":true}}\n"),
	      "of a snapshot, before 1970");
	out.len--;
	CHECK(barrier_parse_line(buf_view(&out), &b, &err) == 0 && b.time == -1000 && b.snapshot,
	      "and read again");
	barrier_free(&b);
	buf_clear(&out);
	CHECK(control_put_end(&out, UINT64_C(406829)) == 0 &&
		      slice_is(buf_view(&out), "{\"@end\":{\"records\":406829}}\n"),
	      "the end");
	CHECK(control_parse_end(slice_of("{\"records\":406829}"), &records, &err) == 0 &&
		      records == 406829,
	      "and read again");
	CHECK(control_parse_end(slice_of("{}"), &records, &err) == -1 &&
		      control_parse_end(slice_of("{\"records\":-1}"), &records, &err) == -1 &&
		      control_parse_end(slice_of("{\"records\":1.5}"), &records, &err) == -1 &&
		      control_parse_end(slice_of("true"), &records, &err) == -1 &&
		      err.status == ERR_DATA && records == 406829,
	      "no end without a count");
	buf_free(&out);
}

static void test_gap(void)
{
	struct buf out = {0};

	CHECK(control_put_gap(&out, 42) == 0 &&
		      slice_is(buf_view(&out), "{\"@gap\":{\"records\":42}}\n") &&
		      control_lost(buf_view(&out)) == 42,
	      "a gap");
	CHECK(control_lost(slice_of("{\"@gap\":{\"records\":-1}}")) == 0 &&
		      control_lost(slice_of("{\"@gap\":7}")) == 0 &&
		      control_lost(slice_of("{\"@other\":{\"records\":7}}")) == 0 &&
		      control_lost(slice_of("")) == 0,
	      "what is none");
	buf_free(&out);
}

int main(void)
{
	setenv("TZ", "America/Bogota", 1); /* which must not matter */
	test_barrier();
	test_bad_barriers();
	test_put();
	test_gap();
	return check_done();
}
