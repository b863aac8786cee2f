/* The grammar of JSON, through the scanner: what is JSON and what is not, and where it says so. */
#include "l2-line/scan.h"

#include <stdint.h>
#include <stdlib.h>

#include "check.h"
#include "l2-line/reader.h"

/* Bytes behind a line may be read but must not matter: every case runs with each of these there. */
static const char paddings[] = {'"', '0', '}', ' ', '\\', '\x80', '\0'};

struct text {
	const char *at;
	size_t len;
};
#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

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

/* Any value, RFC 8259. */
static const struct text valid[] = {
	TEXT("null"),
	TEXT("true"),
	TEXT("false"),
	TEXT("0"),
	TEXT("-0"),
	TEXT("-1"),
	TEXT("10"),
	TEXT("1.5"),
	TEXT("0.0"),
	TEXT("-0.000"),
	TEXT("1e5"),
	TEXT("1E+5"),
	TEXT("1e-5"),
	TEXT("0e0"),
	TEXT("-0E-0"),
	TEXT("1.25e007"),
	TEXT("1e999"),
	TEXT("123456789012345678901234567890123456789012345678901234567890"),
	TEXT("\"\""),
	TEXT("\"a\""),
	TEXT("\" \""),
	TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	TEXT("\"\\u0000\""),
	TEXT("\"a\\u0000b\""),
	TEXT("\"\\u00E9\\u00e9\""),
	TEXT("\"\\uD83D\\uDE00\""),
	TEXT("\"\\ud800\\udc00\\udbff\\udfff\""),
	TEXT("\"\\uFFFF\\uFFFE\\uFDD0\""),
	TEXT("\"\\uE000\""),
	TEXT("\"\x7f\""),
	TEXT("\"\xc3\xa9\""),
	TEXT("\"\xc2\x80\xdf\xbf\""),
	TEXT("\"\xe0\xa0\x80\xef\xbf\xbf\""),
	TEXT("\"\xed\x9f\xbf\xee\x80\x80\""),
	TEXT("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
	TEXT("\"\xe2\x80\xa8\xe2\x80\xa9\""),
	TEXT("\"\xef\xbb\xbf\""),
	TEXT("[]"),
	TEXT("{}"),
	TEXT(" [ ] "),
	TEXT("\t{\r\n}\n"),
	TEXT("[1,2,3]"),
	TEXT("[[],{},[[]]]"),
	TEXT("[null, 1, \"1\", {}]"),
	TEXT("{\"\":0}"),
	TEXT("{\"\":0,\" \":1}"),
	TEXT("{\"a\":{\"a\":{\"a\":[{\"a\":1}]}}}"),
	TEXT("{\"a\":1,\"A\":2}"),
	TEXT("{\"a\\u0000\":1,\"a\":2}"),
	TEXT("[{\"a\":1},{\"a\":1}]"),
	TEXT("{\"a\" :\t1\r, \"b\"\n:[ 1 , 2 ] }"),
	TEXT("\"0123456789abcde\""),
	TEXT("\"0123456789abcdef\""),
	TEXT("\"0123456789abcdef0\""),
	TEXT("\"0123456789abcdef0123456789abcde\\n\""),
	TEXT("\"0123456789abcdef\xc3\xb1"
	     "0123456789abcd\\t\xc3\xb1\""),
};

/* Not a value: at which byte, and why. */
static const struct {
	struct text text;
	size_t byte;
	const char *why;
} invalid[] = {
	/* It ends too early. */
	{TEXT(""), 1, "unexpected end of line"},
	{TEXT("   "), 4, "unexpected end of line"},
	{TEXT("{"), 2, "unexpected end of line"},
	{TEXT("["), 2, "unexpected end of line"},
	{TEXT("[1"), 3, "unexpected end of line"},
	{TEXT("[1,"), 4, "unexpected end of line"},
	{TEXT("[[]"), 4, "unexpected end of line"},
	{TEXT("{\"a"), 4, "unexpected end of line"},
	{TEXT("{\"a\""), 5, "unexpected end of line"},
	{TEXT("{\"a\":"), 6, "unexpected end of line"},
	{TEXT("{\"a\":1"), 7, "unexpected end of line"},
	{TEXT("{\"a\":1,"), 8, "unexpected end of line"},
	{TEXT("{\"a\":1 "), 8, "unexpected end of line"},
	{TEXT("\""), 2, "unexpected end of line"},
	{TEXT("\"\\"), 3, "unexpected end of line"},
	{TEXT("\"\\\""), 4, "unexpected end of line"},
	{TEXT("\"\\u"), 4, "unexpected end of line"},
	{TEXT("\"\\u00e"), 7, "unexpected end of line"},
	{TEXT("\"\\ud83d"), 8, "unexpected end of line"},
	{TEXT("\"\\ud83d\\"), 9, "unexpected end of line"},
	{TEXT("\"\\ud83d\\u"), 10, "unexpected end of line"},
	{TEXT("\"\\ud83d\\ude0"), 13, "unexpected end of line"},
	{TEXT("\"0123456789abcdef"), 18, "unexpected end of line"},
	{TEXT("-"), 2, "unexpected end of line"},
	{TEXT("1."), 3, "unexpected end of line"},
	{TEXT("1e"), 3, "unexpected end of line"},
	{TEXT("1e+"), 4, "unexpected end of line"},
	{TEXT("t"), 2, "unexpected end of line"},
	{TEXT("fals"), 5, "unexpected end of line"},
	{TEXT("nul"), 4, "unexpected end of line"},
	/* Numbers. */
	{TEXT("01"), 2, "not a JSON number"},
	{TEXT("00"), 2, "not a JSON number"},
	{TEXT("-01"), 3, "not a JSON number"},
	{TEXT("+1"), 1, "not a JSON number"},
	{TEXT(".5"), 1, "not a JSON number"},
	{TEXT("-.5"), 2, "not a JSON number"},
	{TEXT("[1.]"), 4, "not a JSON number"},
	{TEXT("[1.e5]"), 4, "not a JSON number"},
	{TEXT("[1e]"), 4, "not a JSON number"},
	{TEXT("[1e+]"), 5, "not a JSON number"},
	{TEXT("[1e5.5]"), 5, "not a JSON number"},
	{TEXT("[--1]"), 3, "not a JSON number"},
	{TEXT("[-]"), 3, "not a JSON number"},
	{TEXT("[1-2]"), 3, "not a JSON number"},
	{TEXT("[1.2.3]"), 5, "not a JSON number"},
	{TEXT("[0x10]"), 3, "not a JSON number"},
	{TEXT("[1_000]"), 3, "not a JSON number"},
	{TEXT("[12a]"), 4, "not a JSON number"},
	{TEXT("NaN"), 1, "not a JSON number"},
	{TEXT("[-NaN]"), 3, "not a JSON number"},
	{TEXT("Infinity"), 1, "not a JSON number"},
	{TEXT("-Infinity"), 2, "not a JSON number"},
	{TEXT("[\xef\xbc\x91]"), 2, "expected a value or ']'"}, /* a full-width 1 */
	{TEXT("[1 2]"), 4, "expected ',' or ']'"},
	/* Words. */
	{TEXT("[tru]"), 5, "expected true"},
	{TEXT("[falze]"), 5, "expected false"},
	{TEXT("[nULL]"), 3, "expected null"},
	{TEXT("True"), 1, "expected a value"},
	{TEXT("truee"), 5, "text behind the value"},
	{TEXT("[nan]"), 3, "expected null"},
	{TEXT("undefined"), 1, "expected a value"},
	/* Strings. */
	{TEXT("'a'"), 1, "expected a value"},
	{TEXT("\"a\nb\""), 3, "control byte in a string"},
	{TEXT("\"a\tb\""), 3, "control byte in a string"},
	{TEXT("\"\0\""), 2, "control byte in a string"},
	{TEXT("\"0123456789abcdef\x1f\""), 18, "control byte in a string"},
	{TEXT("\"\\a\""), 3, "bad escape in a string"},
	{TEXT("\"\\x41\""), 3, "bad escape in a string"},
	{TEXT("\"\\'\""), 3, "bad escape in a string"},
	{TEXT("\"\\U0041\""), 3, "bad escape in a string"},
	{TEXT("\"\\\n\""), 3, "bad escape in a string"},
	{TEXT("\"\\u00g0\""), 6, "bad escape in a string"},
	{TEXT("\"\\u 041\""), 4, "bad escape in a string"},
	{TEXT("\"\\u+041\""), 4, "bad escape in a string"},
	{TEXT("\"\\u004\""), 7, "bad escape in a string"},
	{TEXT("\"\\ud800\""), 2, "lone surrogate in a string"},
	{TEXT("\"x\\udc00\""), 3, "lone surrogate in a string"},
	{TEXT("\"\\ud800\\n\""), 2, "lone surrogate in a string"},
	{TEXT("\"\\ud800x\""), 2, "lone surrogate in a string"},
	{TEXT("\"\\ud800u0041\""), 2, "lone surrogate in a string"},
	{TEXT("\"\\ud800\\ud800\""), 2, "lone surrogate in a string"},
	{TEXT("\"\\ud800\\u0041\""), 2, "lone surrogate in a string"},
	{TEXT("\"\\udc00\\ud800\""), 2, "lone surrogate in a string"},
	{TEXT("\"\\ud800\\ude0g\""), 13, "bad escape in a string"},
	/* UTF-8 (RFC 3629). */
	{TEXT("\"\x80\""), 2, "invalid UTF-8"},
	{TEXT("\"a\xff\""), 3, "invalid UTF-8"},
	{TEXT("\"\xc3\""), 2, "invalid UTF-8"},
	{TEXT("\"\xe2\x82\""), 2, "invalid UTF-8"},
	{TEXT("\"\xc0\xaf\""), 2, "invalid UTF-8"},         /* overlong */
	{TEXT("\"\xe0\x80\xaf\""), 2, "invalid UTF-8"},     /* overlong */
	{TEXT("\"\xf0\x80\x80\xaf\""), 2, "invalid UTF-8"}, /* overlong */
	{TEXT("\"\xed\xa0\x80\""), 2, "invalid UTF-8"},     /* surrogate */
	{TEXT("\"\xf4\x90\x80\x80\""), 2, "invalid UTF-8"}, /* above U+10FFFF */
	{TEXT("\"\xc3\xa9\xe9\""), 4, "invalid UTF-8"},     /* Latin-1 */
	{TEXT("\"\xc3\xa9\\n\xe9\\n\""), 6, "invalid UTF-8"},
	{TEXT("{\"\xe9\":1}"), 3, "invalid UTF-8"},
	{TEXT("\"\xe9\\q\""), 2, "invalid UTF-8"}, /* the first fault counts */
	{TEXT("\"\\q\xe9\""), 3, "bad escape in a string"},
	{TEXT("\"\xe9"), 2, "invalid UTF-8"},
	{TEXT("\xef\xbb\xbf{}"), 1, "expected a value"}, /* byte order mark */
	{TEXT("\xff\xfe{\0}\0"), 1, "expected a value"}, /* UTF-16 */
	{TEXT("[\xe9]"), 2, "expected a value or ']'"},
	/* Structure. */
	{TEXT("]"), 1, "expected a value"},
	{TEXT("[,1]"), 2, "expected a value or ']'"},
	{TEXT("[1,]"), 4, "expected a value"},
	{TEXT("[1,,2]"), 4, "expected a value"},
	{TEXT("[1}"), 3, "expected ',' or ']'"},
	{TEXT("[1:2]"), 3, "expected ',' or ']'"},
	{TEXT("[1;2]"), 3, "expected ',' or ']'"},
	{TEXT("[\"a\" \"b\"]"), 6, "expected ',' or ']'"},
	{TEXT("{1:2}"), 2, "expected a key or '}'"},
	{TEXT("{a:2}"), 2, "expected a key or '}'"},
	{TEXT("{'a':2}"), 2, "expected a key or '}'"},
	{TEXT("{,}"), 2, "expected a key or '}'"},
	{TEXT("{null:1}"), 2, "expected a key or '}'"},
	{TEXT("{\"a\"}"), 5, "expected ':'"},
	{TEXT("{\"a\",1}"), 5, "expected ':'"},
	{TEXT("{\"a\"=1}"), 5, "expected ':'"},
	{TEXT("{\"a\"::1}"), 6, "expected a value"},
	{TEXT("{\"a\":}"), 6, "expected a value"},
	{TEXT("{\"a\":1,}"), 8, "expected a key"},
	{TEXT("{\"a\":1,,}"), 8, "expected a key"},
	{TEXT("{\"a\":1]"), 7, "expected ',' or '}'"},
	{TEXT("{\"a\":1 \"b\":2}"), 8, "expected ',' or '}'"},
	{TEXT("{\"a\":1;}"), 7, "expected ',' or '}'"},
	{TEXT("{}}"), 3, "text behind the object"},
	{TEXT("{} {}"), 4, "text behind the object"},
	{TEXT("{}\0"), 3, "text behind the object"},
	{TEXT("[]]"), 3, "text behind the value"},
	{TEXT("1 2"), 3, "text behind the value"},
	{TEXT("{}#"), 3, "text behind the object"},
	{TEXT("{}//x"), 3, "text behind the object"},
	{TEXT("/**/{}"), 1, "expected a value"},
	{TEXT("[1,/*x*/2]"), 4, "expected a value"},
	{TEXT("\x0c[]"), 1, "expected a value"}, /* a form feed is no white space */
	{TEXT("[\x0b]"), 2, "expected a value or ']'"},
	{TEXT("[\xc2\xa0]"), 2, "expected a value or ']'"},
	{TEXT("\0"), 1, "expected a value"},
	/* Keys. */
	{TEXT("{\"a\":1,\"a\":1}"), 8, "duplicate key \"a\""},
	{TEXT("{\"\":1,\"\":1}"), 7, "duplicate key \"\""},
	{TEXT("{\"a\":1,\"\\u0061\":1}"), 8, "duplicate key \"a\""},
	{TEXT("{\"\\u00e9\":1,\"\xc3\xa9\":1}"), 13, "duplicate key \"\xc3\xa9\""},
	{TEXT("{\"b\":1,\"a\":{\"b\":1,\"c\":{},\"b\":1}}"), 26, "duplicate key \"b\""},
	{TEXT("{\"a\":{\"b\":1,\"c\":1},\"b\":1,\"a\":1}"), 26, "duplicate key \"a\""},
	{TEXT("[{\"a\":1,\"b\":[{\"a\":1}],\"a\":1}]"), 23, "duplicate key \"a\""},
	{TEXT("{\"\\n\":1,\"\\n\":1}"), 9, "duplicate key \"\\x0a\""},
};

static void test_grammar(void)
{
	struct err err, shown;

	for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
		int result = scan_check((struct slice){valid[i].at, valid[i].len}, &err);

		err_set(&shown, ERR_DATA, "%s", valid[i].at); /* escapes control bytes */
		CHECK(result == 0, "accepted: %s%s%s", shown.message, result ? ": " : "",
		      result ? err.message : "");
	}
	for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
		struct slice text = {invalid[i].text.at, invalid[i].text.len};
		int result = scan_check(text, &err);

		CHECK(result == -1 && err.status == ERR_DATA && err.byte == invalid[i].byte &&
			      strcmp(err.message, invalid[i].why) == 0,
		      "refused at byte %zu, %s (it said %zu, %s)", invalid[i].byte, invalid[i].why,
		      result ? err.byte : 0, result ? err.message : "nothing");
	}
}

/* The same verdicts by scan_line, whatever lies behind the line. */
static void test_padding(void)
{
	static const char *const fields[] = {"a", "v"};
	struct scan *s = scanner(fields, 2);
	struct scan_value v[2];
	struct err err;
	int right = 1;

	for (size_t p = 0; p < sizeof paddings; p++) {
		for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
			char text[200];
			struct slice line;
			int n = snprintf(text, sizeof text, "{\"v\":");

			memcpy(text + n, valid[i].at, valid[i].len);
			text[(size_t)n + valid[i].len] = '}';
			line = padded(text, (size_t)n + valid[i].len + 1, paddings[p]);
			right &= scan_line(s, line, v, &err) == 0 && v[1].kind != SCAN_ABSENT &&
				 (v[0].kind == SCAN_ABSENT) && v[1].raw.at >= line.at + n &&
				 v[1].raw.len > 0;
			free((void *)(uintptr_t)line.at);
		}
		for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
			struct slice line =
				padded(invalid[i].text.at, invalid[i].text.len, paddings[p]);
			int result = scan_line(s, line, v, &err);

			/* A scalar or an array may be told to be no object first. */
			right &= result == -1 && err.status == ERR_DATA;
			if (line.len > 0 && line.at[0] == '{')
				right &= err.byte == invalid[i].byte &&
					 strcmp(err.message, invalid[i].why) == 0;
			free((void *)(uintptr_t)line.at);
		}
	}
	CHECK(right, "the bytes behind a line do not matter");
	scan_free(s);
}

/* Deep nesting, up to the limit and far beyond. */
static void test_depth(void)
{
	static const char *const fields[] = {"a"};
	struct scan *s = scanner(fields, 1);
	struct scan_value v[1];
	struct buf b = {0};
	struct err err;

	for (int i = 0; i < SCAN_DEPTH_MAX; i++)
		buf_puts(&b, i % 2 ? "[" : "{\"a\":");
	buf_puts(&b, "1");
	for (int i = SCAN_DEPTH_MAX; i-- > 0;)
		buf_puts(&b, i % 2 ? "]" : "}");
	buf_room(&b, READER_PADDING);
	CHECK(scan_check(buf_view(&b), &err) == 0 && scan_line(s, buf_view(&b), v, &err) == 0 &&
		      v[0].raw.len == b.len - 6,
	      "as deep as may be");
	buf_clear(&b);
	for (int i = 0; i < 10000; i++)
		buf_puts(&b, "[");
	CHECK(scan_check(buf_view(&b), &err) == -1 && err.byte == SCAN_DEPTH_MAX + 1 &&
		      strcmp(err.message, "nested deeper than 1000 levels") == 0,
	      "10,000 levels are refused");
	buf_clear(&b);
	for (int i = 0; i < 10000; i++)
		buf_puts(&b, "{\"a\":");
	buf_room(&b, READER_PADDING);
	CHECK(scan_line(s, buf_view(&b), v, &err) == -1 && err.byte == 5 * SCAN_DEPTH_MAX + 1,
	      "in objects too");
	buf_free(&b);
	scan_free(s);
}

/* Objects of many keys: all different, one twice, and many such objects inside one another. */
static void test_keys(void)
{
	const int count = 100000;
	struct buf b = {0};
	struct err err;
	int found = 1;

	buf_puts(&b, "{");
	for (int i = 0; i < count; i++)
		buf_printf(&b, "\"llave_%d\":%d,", i, i);
	buf_puts(&b, "\"x\":{}}");
	CHECK(scan_check(buf_view(&b), &err) == 0, "100,000 keys");
	b.len -= 7;
	buf_puts(&b, "\"llave_77777\":1}");
	CHECK(scan_check(buf_view(&b), &err) == -1 && err.byte == b.len - 15 &&
		      strcmp(err.message, "duplicate key \"llave_77777\"") == 0,
	      "one of them twice");
	/* Around the number from which on a table is used, at every depth. */
	for (int n = 1; n < 50; n++) {
		for (int twice = 0; twice < 2; twice++) {
			buf_clear(&b);
			for (int depth = 0; depth < 3; depth++) {
				buf_puts(&b, "{");
				for (int i = 0; i < n; i++)
					buf_printf(&b, "\"k%d\":%d,", i, i);
				buf_puts(&b, "\"in\":");
			}
			buf_puts(&b, "0");
			for (int depth = 0; depth < 3; depth++) {
				for (int i = n; i < 2 * n; i++)
					buf_printf(&b, ",\"k%d\":{\"k%d\":1}", i, i);
				if (twice && depth == n % 3)
					buf_printf(&b, ",\"k%d\":0", n / 2);
				buf_puts(&b, "}");
			}
			found &= scan_check(buf_view(&b), &err) == -twice;
		}
	}
	CHECK(found, "a key twice is found at every number of keys and depth");
	buf_free(&b);
}

int main(void)
{
	test_grammar();
	test_padding();
	test_depth();
	test_keys();
	return check_done();
}
