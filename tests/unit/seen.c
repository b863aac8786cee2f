/* What was met: against a plain set, within the promise that kinesis-put keeps. */
#include "l2-line/seen.h"

#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "l1-value/base64.h"
#include "l2-line/eras.h"
#include "l3-stream/kinpos.h"

static void test_labels(void)
{
	struct slice parts[2], name;
	struct buf out = {0};
	uint64_t n;

	CHECK(seen_put_label(&out, slice_of("{\"a\":1 } \r"), "n.0f", 7) == 0 &&
		      slice_is(buf_view(&out), "{\"a\":1 ,\"@put\":\"n.0f:7\"}"),
	      "a label");
	CHECK(seen_cut_label(buf_view(&out), parts, &name, &n) == 1 && n == 7 &&
		      slice_is(name, "n.0f") && slice_is(parts[0], "{\"a\":1 ") &&
		      slice_is(parts[1], "}"),
	      "and off again");
	CHECK(seen_put_label(&out, slice_of("{ }"), "n", 7) == -1 &&
		      seen_put_label(&out, slice_of("[1]"), "n", 7) == -1 &&
		      seen_put_label(&out, slice_of(""), "n", 7) == -1,
	      "what can have none");
	CHECK(!seen_cut_label(slice_of("{\"a\":\",\\\"@put\\\":\\\"n:7\\\"\"}"), parts, &name,
			      &n) &&
		      !seen_cut_label(slice_of("{\"a\":1,\"@put\":\"n:07\"}"), parts, &name, &n) &&
		      !seen_cut_label(slice_of("{\"a\":1,\"@put\":\"n:99999999999999999999\"}"),
				      parts, &name, &n) &&
		      !seen_cut_label(slice_of("{\"a\":1,\"@put\":\":7\"}"), parts, &name, &n) &&
		      !seen_cut_label(slice_of("\"}"), parts, &name, &n),
	      "what is none");
	buf_free(&out);
}

/* Ordinals are sent in windows: none before all that are so far behind it are met. */
static void test_window(void)
{
	enum { N = 20000 };
	static char met[N + 1];
	struct seen s = {.name = "n"}, again;
	struct buf text = {0};
	uint64_t low = 1;
	int bad = 0, unread = 0;

	srandom(5);
	for (int i = 0; low <= N && i < 60 * N; i++) {
		uint64_t o = low + (uint64_t)random() % 500;

		if (random() % 10 == 0) /* a replay */
			o = 1 + (uint64_t)random() % low;
		if (o > N)
			continue;
		bad += seen_meet(&s, o) != !met[o];
		met[o] = 1;
		while (low <= N && met[low])
			low++;
		if (i % 100 != 0)
			continue;
		buf_clear(&text);
		unread += seen_put(&text, &s) != 0 || seen_get(buf_view(&text), &again) != 0 ||
			  memcmp(&s, &again, sizeof s) != 0;
	}
	CHECK(bad == 0 && low == N + 1, "each once, whatever is repeated (%d)", bad);
	CHECK(unread == 0, "as text, and back");
	CHECK(seen_meet(&s, N + 5000) && seen_meet(&s, N + 4999) && !seen_meet(&s, N + 5000) &&
		      !seen_meet(&s, N + 5000 - SEEN_WINDOW),
	      "far ahead");
	buf_free(&text);
}

static void test_text(void)
{
	const char *const bad[] = {"",       "n",       "n:1",
				   "n:1:",   "n:1:g",   ":1:1",
				   "n:-1:1", "a b:1:1", "n:18446744073709551616:1"};
	struct seen s;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(seen_get(slice_of(bad[i]), &s) == -1, "no text of it: %s", bad[i]);
	CHECK(seen_name_ok("a-Z_9") && !seen_name_ok("") && !seen_name_ok("a.b") &&
		      !seen_name_ok("123456789012345678901234567890123"),
	      "names");
}

static void test_join(void)
{
	struct seen a = {.name = "n"}, b = {.name = "n"};
	int bad = 0;

	for (uint64_t i = 1; i <= 1000; i++)
		seen_meet(i % 3 == 0 && i <= 900 ? &b : &a, i);
	seen_join(&b, &a);
	for (uint64_t i = 600; i <= 1000; i++)
		bad += seen_meet(&b, i) != (i % 3 == 0 && i > 900 && 0);
	CHECK(b.high == 1000 && bad == 0, "two together (%d)", bad);
}

static void test_generations(void)
{
	char plain[SEEN_NAME_MAX + 1], first[SEEN_NAME_MAX + 1], second[SEEN_NAME_MAX + 1];
	struct seen s = {.high = 3};
	struct buf text = {0};

	seen_generation(plain, "put", 0, NULL);
	seen_generation(first, "put", 1, NULL);
	seen_generation(second, "put", 1, first);
	CHECK(strlen(plain) == 20 && strlen(first) == 21, "%s %s", plain, first);
	CHECK(!seen_is_anew(slice_of(plain)) && seen_is_anew(slice_of(first)), "of two kinds");
	CHECK(!seen_is_one_writer(slice_of(plain), slice_of(first)) &&
		      seen_is_one_writer(slice_of(first), slice_of(second)) &&
		      !seen_is_one_writer(slice_of(first), slice_of("put2.N0")),
	      "writers");
	CHECK(seen_compare(slice_of(first), slice_of(second)) < 0 &&
		      seen_compare(slice_of(second), slice_of(first)) > 0 &&
		      seen_compare(slice_of(first), slice_of(first)) == 0,
	      "%s before %s", first, second);
	seen_generation(second, "put", 1, "put.N7fffffffffffffff");
	CHECK(strcmp(second, "put.N8000000000000000") == 0, "whatever the clock says: %s", second);
	memcpy(s.name, second, sizeof second);
	CHECK(seen_put(&text, &s) == 0 && seen_get(buf_view(&text), &s) == 0 &&
		      strcmp(s.name, second) == 0,
	      "as text");
	buf_free(&text);
}

static void test_eras(void)
{
	struct eras e = {0};

	CHECK(eras_judge(&e, slice_of("a.N0000000000000002")) == ERA_COUNTS,
	      "the first met counts");
	CHECK(eras_judge(&e, slice_of("a.N0000000000000001")) == ERA_VOID,
	      "an earlier one is void");
	CHECK(eras_judge(&e, slice_of("a.N0000000000000003")) == ERA_ANEW &&
		      eras_judge(&e, slice_of("a.N0000000000000003")) == ERA_ANEW,
	      "a later one begins anew, until it is learnt");
	eras_learn(&e, slice_of("a.N0000000000000003"));
	eras_learn(&e, slice_of("a.N0000000000000002"));
	CHECK(eras_judge(&e, slice_of("a.N0000000000000003")) == ERA_COUNTS &&
		      eras_judge(&e, slice_of("a.N0000000000000002")) == ERA_VOID,
	      "learnt");
	CHECK(eras_judge(&e, slice_of("a.0000000000000001")) == ERA_COUNTS &&
		      eras_judge(&e, slice_of("b.N0000000000000001")) == ERA_COUNTS,
	      "others have nothing to do with it");
	for (int i = 0; i < 2 * ERAS_MAX; i++) {
		char name[SEEN_NAME_MAX + 1];

		snprintf(name, sizeof name, "w%d.N01", i);
		eras_judge(&e, slice_of(name));
	}
	CHECK(e.count == ERAS_MAX, "no more than there is room for");
}

static void test_inheritance(void)
{
	struct kinshard a = {0}, b = {0}, child = {0};
	struct err err;

	seen_meet(kinshard_writer(&a, slice_of("p.N2"), &err), 7);
	seen_meet(kinshard_writer(&b, slice_of("p.N1"), &err), 9);
	CHECK(kinshard_inherit(&child, &a, &err) == 0 && kinshard_inherit(&child, &b, &err) == 0,
	      "a child of two");
	CHECK(child.seen_count == 1 && strcmp(child.seen[0].name, "p.N2") == 0 &&
		      child.seen[0].high == 7,
	      "the later generation counts");
	kinshard_free(&a);
	kinshard_free(&b);
	kinshard_free(&child);
}

static void test_base64(void)
{
	struct buf out = {0};
	const char *const bad[] = {"A",    "AA",   "AAA",   "A===", "AA=A",
				   "AB==", "AAB=", "AA\n=", "=AAA", "AAAAA==="};

	CHECK(base64_get(&out, slice_of("Zm9vYmFy")) == 0 &&
		      base64_get(&out, slice_of("Zm8=")) == 0 &&
		      base64_get(&out, slice_of("/+A=")) == 0 &&
		      base64_get(&out, slice_of("Zg==")) == 0 &&
		      base64_get(&out, slice_of("")) == 0 &&
		      slice_is(buf_view(&out), "foobarfo\xff\xe0"
					       "f"),
	      "base64");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(base64_get(&out, slice_of(bad[i])) == -1 && out.len == 11, "none: %s",
		      bad[i]);
	buf_free(&out);
}

int main(void)
{
	test_labels();
	test_window();
	test_text();
	test_join();
	test_generations();
	test_eras();
	test_inheritance();
	test_base64();
	return check_done();
}
