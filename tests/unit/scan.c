/* The record scanner: the fields that were asked for, and nothing else. */
#include "l2-line/scan.h"

#include <stdint.h>
#include <stdlib.h>

#include "check.h"
#include "l2-line/reader.h"

/* A copy whose last byte is READER_PADDING bytes before the end of what may be read. */
static struct slice padded(const char *at, size_t len, char fill)
{
	char *copy = malloc(len + READER_PADDING);

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, at, len);
	memset(copy + len, fill, READER_PADDING);
	return (struct slice){copy, len};
}

static struct scan *scanner(const char *const *fields, size_t count)
{
	struct scan *s;
	struct err err;

	if (scan_new(fields, count, &s, &err) != 0)
		abort();
	return s;
}

static int value_is(const struct scan_value *v, enum scan_kind kind, const char *raw,
		    const char *text, size_t byte)
{
	return v->kind == kind && slice_is(v->raw, raw) && slice_is(v->text, text) &&
	       v->byte == byte;
}

static int absent(const struct scan_value *v)
{
	return v->kind == SCAN_ABSENT && v->raw.len == 0 && v->text.len == 0 && v->byte == 0;
}

static void test_fields(void)
{
	static const char *const fields[] = {"a", "b.c", "b.d.e", "x\\.y", "\\\\", "b.d.f"};
	struct scan *s = scanner(fields, 6);
	struct scan_value v[6];
	struct slice line, name, value;
	struct err err;

#define SCAN(text) (line = padded(text, sizeof(text) - 1, '"'), scan_line(s, line, v, &err))
#define DONE() free((void *)(uintptr_t)line.at)
	CHECK(SCAN("{\"a\":-1.50,\"b\":{\"c\":\"x\\ny\",\"d\":{\"e\":[1,{\"f\":2}],\"f\":null}},"
		   "\"x.y\":{\"a\":9},\"\\\\\":true}") == 0 &&
		      value_is(&v[0], SCAN_NUMBER, "-1.50", "-1.50", 6) &&
		      value_is(&v[1], SCAN_STRING, "\"x\\ny\"", "x\ny", 21) &&
		      value_is(&v[2], SCAN_ARRAY, "[1,{\"f\":2}]", "[1,{\"f\":2}]", 37) &&
		      value_is(&v[3], SCAN_OBJECT, "{\"a\":9}", "{\"a\":9}", 66) &&
		      value_is(&v[4], SCAN_TRUE, "true", "true", 79) &&
		      value_is(&v[5], SCAN_NULL, "null", "null", 53),
	      "fields of all kinds, nested, a dot and a backslash in a name");
	DONE();
	CHECK(SCAN("{ \"b\" : { \"d\" : { \"f\" : false } , \"c\" : { } } }") == 0 &&
		      absent(&v[0]) && value_is(&v[1], SCAN_OBJECT, "{ }", "{ }", 41) &&
		      absent(&v[2]) && absent(&v[3]) && absent(&v[4]) &&
		      value_is(&v[5], SCAN_FALSE, "false", "false", 25),
	      "any order, white space, the rest is absent");
	DONE();
	CHECK(SCAN("{\"q\":{\"a\":1,\"b\":{\"c\":1}},\"b\":[{\"c\":1},{\"d\":{\"e\":1}}],\"x\":{"
		   "\"y\":1}}") == 0 &&
		      absent(&v[0]) && absent(&v[1]) && absent(&v[2]) && absent(&v[3]),
	      "same names in other places are not taken");
	DONE();
	CHECK(SCAN("{\"b\":5,\"a\":\"\"}") == 0 && absent(&v[1]) &&
		      value_is(&v[0], SCAN_STRING, "\"\"", "", 12),
	      "no object where one was wanted: absent; an empty string");
	DONE();
	CHECK(SCAN("{\"\\u0061\":\"\\u00e9\\ud83d\\ude00\\u0000\\/\"}") == 0 &&
		      v[0].kind == SCAN_STRING && v[0].text.len == 8 &&
		      memcmp(v[0].text.at, "\xc3\xa9\xf0\x9f\x98\x80\0/", 8) == 0,
	      "escapes undone in keys and values, a NUL byte among them");
	DONE();
	CHECK(SCAN("{\"a\":\"\\\\\\\"1\",\"b\":{\"c\":\"\\t2\",\"d\":{\"e\":\"3\\n\"}},\"x.y\":"
		   "\"4\"}") == 0 &&
		      slice_is(v[0].text, "\\\"1") && slice_is(v[1].text, "\t2") &&
		      slice_is(v[2].text, "3\n") && slice_is(v[3].text, "4"),
	      "several escaped strings in one line");
	CHECK(scan_control(s, &name, &value) == 0, "an ordinary record is no control record");
	DONE();
	CHECK(SCAN("[]") == -1 && err.byte == 1 && strcmp(err.message, "not a JSON object") == 0,
	      "an array is no record");
	DONE();
	CHECK(SCAN(" 5") == -1 && err.byte == 2, "a number is no record");
	DONE();
	CHECK(SCAN("{\"@barrier\" : {\"epoch\":1, \"a\":[]} } ") == 0 &&
		      scan_control(s, &name, &value) == 1 && slice_is(name, "barrier") &&
		      slice_is(value, "{\"epoch\":1, \"a\":[]}"),
	      "a control record");
	DONE();
	CHECK(SCAN("{\"\\u0040end\":7}") == 0 && scan_control(s, &name, &value) == 1 &&
		      slice_is(name, "end") && slice_is(value, "7"),
	      "a control record, escaped");
	DONE();
	CHECK(SCAN("{\"@op\":\"-\",\"a\":1}") == 0 && scan_control(s, &name, &value) == 0,
	      "two keys: no control record");
	DONE();
	CHECK(SCAN("{\"a\":{\"@x\":1}}") == 0 && scan_control(s, &name, &value) == 0,
	      "an '@' inside: no control record");
	DONE();
	CHECK(SCAN("{\"@x\":1") == -1, "a control record cut short");
	DONE();
	CHECK(SCAN("{}") == 0 && scan_control(s, &name, &value) == 0,
	      "nothing is left of the line before");
	DONE();
	scan_free(s);
}

static void test_paths(void)
{
	static const char *const wrong[][2] = {{"a", "a"},    {"a", "a.b"},     {"a.b", "a"},
					       {"", "a"},     {"a.", "b"},      {".a", "b"},
					       {"a..b", "b"}, {"a.b.c", "a.b"}, {"a\\.b", "a\\.b"}};
	static const char *const right[] = {"a.b", "a.c", "a\\.b", "a b", "\\", "\xc3\xb1"};
	const char *many[SCAN_FIELDS_MAX + 1];
	char names[SCAN_FIELDS_MAX + 1][8];
	struct scan *s;
	struct err err;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		CHECK(scan_new(wrong[i], 2, &s, &err) == -1 && err.status == ERR_USAGE,
		      "refused: fields \"%s\", \"%s\" (%s)", wrong[i][0], wrong[i][1], err.message);
	CHECK(scan_new(right, 6, &s, &err) == 0, "fields that look alike");
	scan_free(s);
	CHECK(scan_new(NULL, 0, &s, &err) == 0 &&
		      scan_line(s, (struct slice){"{}\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"", 2}, NULL,
				&err) == 0,
	      "no fields at all");
	scan_free(s);
	for (size_t i = 0; i < SCAN_FIELDS_MAX + 1; i++) {
		snprintf(names[i], sizeof names[i], "f%zu", i);
		many[i] = names[i];
	}
	CHECK(scan_new(many, SCAN_FIELDS_MAX + 1, &s, &err) == -1 && err.status == ERR_USAGE,
	      "too many fields");
	CHECK(scan_new(many, SCAN_FIELDS_MAX, &s, &err) == 0, "just as many as may be");
	scan_free(s);
}

static int same_values(const struct scan_value *a, const struct scan_value *b)
{
	for (size_t i = 0; i < 5; i++)
		if (a[i].kind != b[i].kind || !slice_equal(a[i].raw, b[i].raw) ||
		    !slice_equal(a[i].text, b[i].text) || a[i].byte != b[i].byte ||
		    a[i].raw.at != b[i].raw.at)
			return 0;
	return 1;
}

/* A scanner that has seen lines of one shape must judge a line as a new one does: every single-byte
 * change, cut and insertion. */
static int same_verdict(struct scan *trained, const char *text, size_t len)
{
	static const char *const fields[] = {"cliente_id", "producto", "monto", "fecha", "n.m"};
	struct slice line = padded(text, len, '"');
	struct scan *fresh = scanner(fields, 5);
	struct scan_value a[5], b[5];
	struct err e, f;
	int one = scan_line(trained, line, a, &e), two = scan_line(fresh, line, b, &f);
	int same = one == two;

	if (same && one != 0)
		same = e.byte == f.byte && strcmp(e.message, f.message) == 0;
	same = same && (one != 0 || same_values(a, b));
	scan_free(fresh);
	free((void *)(uintptr_t)line.at);
	return same;
}

/* What it takes for a line when more stands behind it must be the line up to the first newline, if
 * it takes anything; *found counts how often. */
static int same_ahead(struct scan *trained, const char *text, size_t len, int *found)
{
	static const char *const fields[] = {"cliente_id", "producto", "monto", "fecha", "n.m"};
	struct slice all = padded(text, len, '\n'), line, first;
	static struct scan_value a[5];
	struct scan_value b[5];
	struct err e;
	const char *newline = len > 0 ? memchr(all.at, '\n', len) : NULL;
	int got = scan_ahead(trained, all, &line, a, &e), same = got == 0;

	if (got == 1 && newline != NULL) {
		struct scan *fresh = scanner(fields, 5);

		first = padded(all.at, (size_t)(newline - all.at), 'x');
		same = line.at == all.at && line.len == first.len &&
		       scan_line(fresh, first, b, &e) == 0;
		for (size_t i = 0; same && i < 5; i++)
			if (b[i].kind != SCAN_ABSENT)
				b[i].raw.at += all.at - first.at;
		same = same && same_values(a, b);
		scan_free(fresh);
		free((void *)(uintptr_t)first.at);
		++*found;
	}
	free((void *)(uintptr_t)all.at);
	return same;
}

static void test_shapes(void)
{
	static const char *const fields[] = {"cliente_id", "producto", "monto", "fecha", "n.m"};
	static const char *const bases[] = {
		"{\"cliente_id\":17850,\"producto\":\"85123A\",\"monto\":15.30,\"fecha\":"
		"\"2010-12-01T08:26:00\"}",
		"{\"@op\":\"-\",\"producto\":\"caf\xc3\xa9 "
		"\\\"x\\\"\",\"n\":{\"x\":[1,null,{}],\"m\":true}"
		",\"monto\":-0.1e+10}",
		" { \"monto\" : 1 , \"n\" : { \"m\" : [ 1 , { } ] } , \"z\" : \"\" , \"fecha\" : "
		"false } ",
	};
	struct scan *s = scanner(fields, 5);
	struct scan_value v[5];
	struct err err;
	char text[300];

	for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
		size_t len = strlen(bases[i]);
		struct slice line = padded(bases[i], len, ' ');
		int same = 1, found = 0;

		for (size_t at = 0; at <= len && same; at++) {
			for (int c = 0; c < 256 && same; c++) {
				for (int k = 0; k < 2; k++)
					same &= scan_line(s, line, v, &err) == 0;
				memcpy(text, bases[i], len);
				if (at < len) {
					text[at] = (char)c;
					same &= same_verdict(s, text, len);
					text[len] = '\n';
					same &= same_ahead(s, text, len + 1, &found);
					memcpy(text + len + 1, bases[i], len);
					same &= same_ahead(s, text, 2 * len + 1, &found);
					same &= same_verdict(s, text, 2 * len + 1);
				}
				memcpy(text, bases[i], at);
				text[at] = (char)c;
				memcpy(text + at + 1, bases[i] + at, len - at);
				same &= same_verdict(s, text, len + 1);
			}
			same &= same_verdict(s, bases[i], at);
			memcpy(text, bases[i], at);
			memcpy(text + at, bases[i] + at + (at < len), len - at);
			same &= same_verdict(s, text, len - (at < len));
			if (!same)
				printf("# base %zu at byte %zu\n", i, at + 1);
		}
		free((void *)(uintptr_t)line.at);
		CHECK(same, "a scanner in practice judges as a new one does: %s", bases[i]);
		/* The last one has no shape: a field of it is an array. */
		CHECK(i == 2 || found >= 2 * (int)len, "and finds the ends of %d lines", found);
	}
	scan_free(s);
}

/* Lines of several shapes in turn, some of which lack a field, and one that has no shape. */
static void test_ahead(void)
{
	static const char *const fields[] = {"@op", "m"};
	static const char *const lines[] = {
		"{\"@op\":\"-\",\"m\":1,\"n\":2}", "{\"@op\":\"+\",\"m\":3}", "{\"m\":4}",
		"{\"@op\":\"-\",\"m\":5,\"o\":6}", "{\"@op\":\"-\",\"m\":[]}"};
	struct scan *s = scanner(fields, 2);
	struct scan_value v[2], w[2];
	struct err err;
	unsigned state = 1, ahead = 0;
	int same = 1;

	for (int i = 0; i < 3000 && same; i++) {
		char text[200];
		const char *now;
		struct slice all, line, rest;
		struct scan *fresh = scanner(fields, 2);
		int found;

		state = state * 1103515245 + 12345;
		now = lines[(state >> 16) % 5];
		snprintf(text, sizeof text, "%s\n%s\n", now, lines[(state >> 20) % 5]);
		all = padded(text, strlen(text), '"');
		/* Without its newline it may not be all of it, and what it sets counts for nothing.
		 */
		rest = (struct slice){all.at + strlen(now) + 1, all.len - strlen(now) - 2};
		same &= scan_ahead(s, rest, &line, v, &err) == 0;
		found = scan_ahead(s, all, &line, v, &err);
		ahead += found == 1;
		if (found == 0) {
			line = (struct slice){all.at, strlen(now)};
			same &= scan_line(s, line, v, &err) == 0;
		}
		same &= slice_is(line, now) && scan_line(fresh, line, w, &err) == 0;
		for (int k = 0; k < 2; k++)
			same &= v[k].kind == w[k].kind && slice_equal(v[k].raw, w[k].raw) &&
				slice_equal(v[k].text, w[k].text) && v[k].byte == w[k].byte;
		if (!same)
			printf("# line %d: %s\n", i, now);
		scan_free(fresh);
		free((void *)(uintptr_t)all.at);
	}
	CHECK(same && ahead > 1500, "lines of several shapes in turn: %u were found ahead", ahead);
	scan_free(s);
}

int main(void)
{
	test_fields();
	test_paths();
	test_shapes();
	test_ahead();
	return check_done();
}
