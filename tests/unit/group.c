#include "l2-line/group.h"

#include <stdint.h>
#include <stdlib.h>

#include "check.h"

static struct decimal decimal(const char *text)
{
	struct decimal d;
	struct err err;

	if (decimal_parse(slice_of(text), &d, &err) != 0)
		abort();
	return d;
}

static int add(struct groups *g, const char *key, const char *amount)
{
	struct decimal d = decimal(amount);
	struct err err;

	return groups_add(g, slice_of(key), 0, &d, &err);
}

/* Records packed for the same groups, until `add_all`. */
static _Alignas(GROUP_PACKED_ALIGN) char packed[1 << 16];
static size_t packed_len;

static int add_all(struct groups *g)
{
	struct err err;
	int failed = groups_add_packed(g, packed, packed_len, &err);

	packed_len = 0;
	return failed;
}

static int pack(const struct group_plan *p, struct groups *g, struct slice key, int retract,
		const struct decimal *amounts)
{
	size_t size = group_packed_size(p, key.len);

	if (!group_packable(p, amounts) || size % GROUP_PACKED_ALIGN != 0 ||
	    (packed_len + size > sizeof packed && add_all(g) != 0))
		return -1;
	group_pack(p, packed + packed_len, key, retract, amounts);
	packed_len += size;
	return 0;
}

static struct buf tail;

/* A plan whose groups `print` prints from now on. */
static struct group_plan *plan_of(const struct group_shape *shape)
{
	struct group_plan *p = group_plan_new(shape);

	buf_clear(&tail);
	if (p == NULL || group_plan_put_tail(p, slice_of("\"10:00\""), &tail) != 0)
		abort();
	return p;
}

/* Group i as a text; "" when it is not printed. */
static const char *print(struct groups *g, size_t i)
{
	static const char day[32] = "2024-03-21";
	static struct buf out;

	buf_clear(&out);
	groups_print(g, i, slice_of(day), buf_view(&tail), &out);
	return buf_text(&out);
}

static int is(const char *got, const char *expected)
{
	if (strcmp(got, expected) == 0)
		return 1;
	printf("# got %s\n# expected %s\n", got, expected);
	return 0;
}

static void test_ids(void)
{
	static const struct {
		const char *key, *id;
	} cases[] = {
		{"17850,\"85123A\"", "17850#85123A"},
		{"\"\",\"\"", "#"},
		{"-1.50e3,true", "-1.50e3#true"},
		{"\"a#b\",\"c%*\"", "a%23b#c%25%2A"},
		{"\"a,b\",\"\\\",\\\"\"", "a,b#\\\",\\\""},
		{"\"\\\\\",\"\\n\\t\\b\\f\\r\"", "\\\\#%0A%09%08%0C%0D"},
		{"\"\\u0000\\u001f\x7f\",1", "%00%1F%7F#1"},
		{"\"caf\xc3\xa9\",\"/\"", "caf\xc3\xa9#/"},
	};
	struct group_shape shape = {.by = {"a", "b"}, .by_count = 2, .time = "t", .id = 1};
	struct group_plan *plan = plan_of(&shape);
	struct groups *g = groups_new(plan);
	struct buf expected = {0};
	struct err err;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *comma = strstr(cases[i].key, i == 4 ? "\",\"" : ",") + (i == 4);

		groups_add(g, slice_of(cases[i].key), 0, NULL, &err);
		buf_clear(&expected);
		buf_printf(&expected,
			   "{\"id\":\"%s#2024-03-21\",\"a\":%.*s,\"b\":%s,\"t\":\"10:00\"}\n",
			   cases[i].id, (int)(comma - cases[i].key), cases[i].key, comma + 1);
		CHECK(is(print(g, i), buf_text(&expected)), "the id of %s", cases[i].key);
	}
	buf_free(&expected);
	groups_free(g);
	group_plan_free(plan);
}

static void test_measures(void)
{
	struct group_shape shape = {
		.by = {"k"},
		.by_count = 1,
		.count = "n",
		.measures = {{MEASURE_SUM, 0, "s"}, {MEASURE_MIN, 0, "lo"}, {MEASURE_MAX, 0, "hi"}},
		.measure_count = 3,
		.time = "t"};
	struct group_plan *plan = plan_of(&shape);
	struct groups *g = groups_new(plan);
	struct decimal d = decimal("100");
	struct err err;

	CHECK(add(g, "1", "1.5") == 0 && add(g, "1", "-0.25") == 0 && groups_count(g) == 1,
	      "two records, one group");
	add(g, "1", "1.50");
	CHECK(is(print(g, 0),
		 "{\"k\":1,\"n\":3,\"s\":2.75,\"lo\":-0.25,\"hi\":1.5,\"t\":\"10:00\"}\n"),
	      "sum, least, greatest; of equal ones the first");
	CHECK(groups_add(g, slice_of("1"), 1, &d, &err) == 0, "a retraction");
	CHECK(is(print(g, 0),
		 "{\"k\":1,\"n\":2,\"s\":-97.25,\"lo\":-0.25,\"hi\":1.5,\"t\":\"10:00\"}\n"),
	      "moves count and sum only");
	groups_add(g, slice_of("2"), 1, &d, &err);
	CHECK(is(print(g, 1), "{\"k\":2,\"n\":-1,\"s\":-100,\"t\":\"10:00\"}\n"),
	      "no least or greatest among retractions alone");
	add(g, "2", "100");
	CHECK(is(print(g, 1), "{\"k\":2,\"n\":0,\"s\":0,\"lo\":100,\"hi\":100,\"t\":\"10:00\"}\n"),
	      "with least and greatest, a group never vanishes");
	groups_clear(g);
	CHECK(groups_count(g) == 0 && add(g, "2", "7") == 0, "cleared: all new");
	CHECK(is(print(g, 0), "{\"k\":2,\"n\":1,\"s\":7,\"lo\":7,\"hi\":7,\"t\":\"10:00\"}\n"),
	      "and nothing left of before");
	groups_free(g);
	group_plan_free(plan);
}

static void test_first_key(void)
{
	/* Whatever comes first, the record begins with its brace. */
	struct group_shape shape = {
		.measures = {{MEASURE_MAX, 0, "hi"}}, .measure_count = 1, .time = "t"};
	struct group_plan *plan = plan_of(&shape);
	struct groups *g = groups_new(plan);
	struct decimal d = decimal("1");
	struct err err;

	groups_add(g, (struct slice){"", 0}, 1, &d, &err);
	CHECK(is(print(g, 0), "{\"t\":\"10:00\"}\n"), "nothing but the time");
	groups_add(g, (struct slice){"", 0}, 0, &d, &err);
	CHECK(is(print(g, 0), "{\"hi\":1,\"t\":\"10:00\"}\n"), "a measure first");
	groups_free(g);
	group_plan_free(plan);
}

static void test_wide_sums(void)
{
	struct group_shape shape = {.by = {"k"},
				    .by_count = 1,
				    .measures = {{MEASURE_SUM, 0, "s"}},
				    .measure_count = 1,
				    .time = "t"};
	struct group_plan *plan = plan_of(&shape);
	struct groups *g = groups_new(plan);

	/* Over the bounds of 64 bits, and of scales, to and fro. */
	add(g, "1", "9223372036854775807");
	add(g, "1", "9223372036854775807");
	add(g, "1", "9223372036854775807");
	CHECK(is(print(g, 0), "{\"k\":1,\"s\":27670116110564327421,\"t\":\"10:00\"}\n"),
	      "beyond 64 bits");
	add(g, "1", "-27670116110564327421");
	add(g, "1", "-9223372036854775808");
	add(g, "1", "-1");
	CHECK(is(print(g, 0), "{\"k\":1,\"s\":-9223372036854775809,\"t\":\"10:00\"}\n"),
	      "and below");
	add(g, "1", "0.001");
	CHECK(is(print(g, 0), "{\"k\":1,\"s\":-9223372036854775808.999,\"t\":\"10:00\"}\n"),
	      "with a scale");
	CHECK(add(g, "1", "-99999999999999999999999999999999999999") == -1,
	      "39 digits are refused");
	CHECK(is(print(g, 0), "{\"k\":1,\"s\":-9223372036854775808.999,\"t\":\"10:00\"}\n"),
	      "and change nothing");
	groups_free(g);
	group_plan_free(plan);
}

/* Packed records, many or few at once, in a table that grows: sums and order. */
static void test_packed(void)
{
	enum { KEYS = 5000, RECORDS = 100000 };
	static int64_t sums[KEYS], counts[KEYS];
	static int order[KEYS];
	struct group_shape shape = {.by = {"k"},
				    .by_count = 1,
				    .count = "n",
				    .measures = {{MEASURE_SUM, 0, "s"}},
				    .measure_count = 1,
				    .time = "t"};
	struct group_plan *plan = plan_of(&shape);
	struct groups *g = groups_new(plan);
	struct buf expected = {0}, key = {0};
	uint64_t random = 88172645463325252u;
	int seen = 0, good = 1;
	struct err err;

	for (int i = 0; i < RECORDS; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		int k = (int)(random % KEYS), retract = random >> 40 & 1;
		int64_t amount = (int64_t)(random >> 50) - 8000;
		struct decimal d = {amount, 2};

		buf_clear(&key);
		buf_printf(&key, "\"%0*d\"", k % 50 == 0 ? 100 : 5, k);
		good &= pack(plan, g, buf_view(&key), retract, &d) == 0;
		if (random % 1009 == 0)
			good &= add_all(g) == 0;
		if (counts[k] == 0 && sums[k] == 0) {
			int known = 0;

			for (int n = 0; n < seen && !known; n++)
				known = order[n] == k;
			if (!known)
				order[seen++] = k;
		}
		counts[k] += retract ? -1 : 1;
		sums[k] += retract ? -amount : amount;
	}
	good &= add_all(g) == 0 && groups_count(g) == (size_t)seen;
	for (int n = 0; n < seen; n++) {
		int k = order[n];
		struct decimal sum = {sums[k], 2};
		char text[DECIMAL_TEXT_MAX];

		decimal_print(&sum, text);
		buf_clear(&expected);
		if (counts[k] != 0 || sums[k] != 0)
			buf_printf(&expected,
				   "{\"k\":\"%0*d\",\"n\":%d,\"s\":%s,\"t\":\"10:00\"}\n",
				   k % 50 == 0 ? 100 : 5, k, (int)counts[k], text);
		good &= is(print(g, (size_t)n), buf_text(&expected));
	}
	CHECK(good && seen == KEYS, "100,000 records in 5,000 groups");

	struct decimal wide = {(int128)INT64_MAX + 1, 2}, deep = {1, 7}, least = {INT64_MIN, 6};

	CHECK(!group_packable(plan, &wide) && !group_packable(plan, &deep) &&
		      group_packable(plan, &least),
	      "what has more than 64 bits or 6 decimals cannot be packed");
	CHECK(groups_add_packed(g, packed, 0, &err) == 0, "nothing to add");
	buf_free(&key);
	buf_free(&expected);
	groups_free(g);
	group_plan_free(plan);
}

/* Packed as one by one: scales, least and greatest, what is taken back; and by-values
 * are told apart whatever stands in them. */
static void test_packed_alike(void)
{
	static const struct {
		const char *key, *amount;
		int retract;
	} records[] = {
		{"\"a\\\",b\\\\\",7", "1.50", 0},
		{"\"a\\\",b\\\\\",7", "1.50", 1},
		{"\"a\\\",b\\\\\",7", "5", 0},
		{"8,\"c\"", "1.50", 0},
		{"8,\"c\"", "5", 0},
		{"8,\"c\"", "0.001", 0},
		{"8,\"c\"", "100", 1},
	};
	struct group_shape shape = {
		.by = {"k", "l"},
		.by_count = 2,
		.count = "n",
		.measures = {{MEASURE_SUM, 0, "s"}, {MEASURE_MIN, 0, "lo"}, {MEASURE_MAX, 0, "hi"}},
		.measure_count = 3,
		.time = "t"};
	struct group_plan *plan = plan_of(&shape);

	for (int others = 0; others <= 2000; others += 1000) {
		struct groups *g = groups_new(plan);
		struct buf key = {0};
		struct err err;

		for (int i = 0; i < others; i++) {
			buf_clear(&key);
			buf_printf(&key, "%d,%d", i, i);
			add(g, buf_text(&key), "1");
		}
		for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
			struct decimal d = decimal(records[i].amount);

			if (others == 0)
				groups_add(g, slice_of(records[i].key), records[i].retract, &d,
					   &err);
			else
				pack(plan, g, slice_of(records[i].key), records[i].retract, &d);
		}
		add_all(g);
		CHECK(is(print(g, (size_t)others),
			 "{\"k\":\"a\\\",b\\\\\",\"l\":7,\"n\":1,\"s\":5.00,\"lo\":1.50,\"hi\":5,"
			 "\"t\":\"10:00\"}\n"),
		      "a scale stays, beside %d others", others);
		CHECK(is(print(g, (size_t)others + 1),
			 "{\"k\":8,\"l\":\"c\",\"n\":2,\"s\":-93.499,\"lo\":0.001,\"hi\":5,"
			 "\"t\":\"10:00\"}\n"),
		      "what is taken back is neither least nor greatest, beside %d others", others);
		buf_free(&key);
		groups_free(g);
	}
	group_plan_free(plan);
}

int main(void)
{
	test_packed_alike();
	test_ids();
	test_measures();
	test_first_key();
	test_wide_sums();
	test_packed();
	return check_done();
}
