/* JSON documents: numbers survive as text, nothing invalid gets in, trees can be built. */
#include "l2-line/json.h"

#include <stdlib.h>

#include "check.h"

/* Parsed and printed again. */
static int prints(const char *text, const char *as)
{
	struct err err;
	struct json *j = json_parse(slice_of(text), &err);
	struct buf out = {0};
	int same = j != NULL && json_print(&out, j) == 0 && slice_is(buf_view(&out), as);

	if (!same)
		printf("# %s became %s\n", text, j == NULL ? err.message : buf_text(&out));
	buf_free(&out);
	json_free(j);
	return same;
}

static int refused(struct slice text, size_t byte, const char *why)
{
	struct err err = {0};
	struct json *j = json_parse(text, &err);
	int right = j == NULL && err.status == ERR_DATA && err.byte == byte &&
		    strcmp(err.message, why) == 0;

	if (!right)
		printf("# byte %zu: %s\n", err.byte, err.message);
	json_free(j);
	return right;
}

static void test_round_trip(void)
{
	static const char *const same[] = {
		"null",
		"true",
		"false",
		"[]",
		"{}",
		"\"\"",
		"0",
		"-0",
		"1e999",
		"-1.50",
		"1E+2",
		"12345678901234567890123456789012345678901234567890",
		"0.10000000000000000000000001",
		"9007199254740993",
		"[1,2.0,[3.00,{}]]",
		"{\"a\":1,\"A\":2,\"\":3}",
		"{\"b\":{\"b\":[null,true,false]},\"a\":\"x\"}",
		"\"\xc3\xb1\xf0\x9f\x98\x80\"",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"",
	};

	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
		CHECK(prints(same[i], same[i]), "as it stood: %s", same[i]);
	CHECK(prints(" { \"a\" : [ 1 , 2 ] } ", "{\"a\":[1,2]}"), "without spaces");
	CHECK(prints("\"\\u00f1\\ud83d\\ude00\\/\"", "\"\xc3\xb1\xf0\x9f\x98\x80/\""),
	      "escapes that need not be");
}

static void test_refusals(void)
{
	struct buf b = {0};

	CHECK(refused(slice_of(""), 1, "unexpected end of line"), "nothing");
	CHECK(refused(slice_of("{} x"), 4, "text behind the object"), "trailing text");
	CHECK(refused(slice_of("[01]"), 3, "not a JSON number"), "01");
	CHECK(refused(slice_of("{\"a\":1,\"\\u0061\":2}"), 8, "duplicate key \"a\""),
	      "a key twice");
	CHECK(refused(slice_of("[\"a\",\"b\\u0000c\"]"), 6, "\\u0000 in a string"), "\\u0000");
	CHECK(refused(slice_of("{\"\\u0000\":1}"), 2, "\\u0000 in a string"), "\\u0000 in a key");
	CHECK(refused((struct slice){"{}\0", 3}, 3, "text behind the object"), "a NUL byte behind");
	CHECK(refused(slice_of("\"\xff\""), 2, "invalid UTF-8"), "invalid UTF-8");
	CHECK(refused(slice_of("\"\\ud800\""), 2, "lone surrogate in a string"), "lone surrogate");
	for (int i = 0; i < 100000; i++)
		buf_byte(&b, '[');
	CHECK(refused(buf_view(&b), 1001, "nested deeper than 1000 levels"), "too deep");
	buf_clear(&b);
	for (int i = 0; i < 1000; i++)
		buf_byte(&b, '[');
	for (int i = 0; i < 1000; i++)
		buf_byte(&b, ']');
	CHECK(prints(buf_text(&b), buf_text(&b)), "1000 levels");
	buf_free(&b);
}

static void test_look(void)
{
	struct err err;
	struct json *j =
		json_parse(slice_of("{\"n\":-9223372036854775808,\"s\":\"x\",\"A\":1,\"a\":"
				    "[1.0,true,null,{\"k\":false}],\"big\":"
				    "9223372036854775808,\"e\":1e2}"),
			   &err);
	struct json *a = json_get(j, "a");
	int64_t n = 7;

	CHECK(json_int64(json_get(j, "n"), &n) == 0 && n == INT64_MIN, "an integer");
	CHECK(json_int64(json_get(j, "big"), &n) == -1 && json_int64(json_get(j, "e"), &n) == -1 &&
		      json_int64(json_get(j, "s"), &n) == -1 && json_int64(NULL, &n) == -1 &&
		      json_int64(json_item(a, 0), &n) == -1 && n == INT64_MIN,
	      "what is no integer, or too large");
	CHECK(strcmp(json_number(json_get(j, "big")), "9223372036854775808") == 0 &&
		      json_number(json_get(j, "s")) == NULL && json_number(NULL) == NULL,
	      "a number's text");
	CHECK(strcmp(json_string(json_get(j, "s")), "x") == 0 &&
		      json_string(json_get(j, "n")) == NULL && json_string(NULL) == NULL,
	      "a string");
	CHECK(json_count(j) == 6 && json_count(a) == 4 && json_count(json_item(a, 0)) == 0 &&
		      json_count(NULL) == 0,
	      "counts");
	CHECK(json_get(j, "S") == NULL && json_get(j, "x") == NULL && json_get(a, "k") == NULL &&
		      json_get(NULL, "a") == NULL && json_get(json_get(j, "s"), "a") == NULL,
	      "keys are exact");
	CHECK(json_bool(json_item(a, 1)) == 1 && json_bool(json_item(a, 2)) == -1 &&
		      json_bool(json_get(json_item(a, 3), "k")) == 0 && json_bool(NULL) == -1,
	      "truth");
	CHECK(json_item(a, 4) == NULL && json_item(a, (size_t)-1) == NULL &&
		      json_item(NULL, 0) == NULL && json_item(json_get(j, "s"), 0) == NULL,
	      "items that are not there");
	CHECK(strcmp(json_key(json_get(j, "e")), "e") == 0 && json_key(json_item(a, 0)) == NULL &&
		      json_key(j) == NULL && json_key(NULL) == NULL,
	      "keys of members");
	CHECK(strcmp(json_key(json_item(j, 1)), "s") == 0, "a member by its number");
	json_free(j);
	json_free(NULL);
}

static void test_build(void)
{
	struct json *root = json_put_object(NULL, NULL), *list, *copy;
	struct buf out = {0};

	json_put_int64(root, "n", INT64_MIN);
	list = json_put_array(root, "list");
	json_put_number(list, NULL, "1.50");
	json_put_string_value(list, NULL, "a\"\n\xc3\xb1");
	json_put_bool(list, NULL, 0);
	json_put_object(list, NULL);
	json_put_bool(root, "t", 1);
	json_put_number(root, "N", "1e999");
	CHECK(json_print(&out, root) == 0 &&
		      slice_is(buf_view(&out),
			       "{\"n\":-9223372036854775808,\"list\":[1.50,\"a\\\"\\n"
			       "\xc3\xb1\",false,{}],\"t\":true,\"N\":1e999}"),
	      "a tree from nothing");
	copy = json_put_copy(NULL, NULL, root);
	json_put_string_value(root, "list", "gone");
	json_put_copy(root, "n", json_get(copy, "list"));
	json_remove(root, "t");
	json_remove(root, "T");
	buf_clear(&out);
	CHECK(json_print(&out, root) == 0 &&
		      slice_is(buf_view(&out),
			       "{\"n\":[1.50,\"a\\\"\\n\xc3\xb1\",false,{}],\"list\":\"gone\","
			       "\"N\":1e999}"),
	      "members replaced at their place, removed");
	json_free(root);
	buf_clear(&out);
	CHECK(json_print(&out, json_get(copy, "list")) == 0 &&
		      slice_is(buf_view(&out), "[1.50,\"a\\\"\\n\xc3\xb1\",false,{}]"),
	      "a copy lives on");
	CHECK(json_put_copy(NULL, NULL, NULL) == NULL, "no copy of nothing");
	json_free(copy);
	buf_free(&out);
}

int main(void)
{
	test_round_trip();
	test_refusals();
	test_look();
	test_build();
	return check_done();
}
