#include "l2-line/tumble.h"

#include <stdlib.h>
#include <time.h>

#include "check.h"

static struct zone *zone;

static void use_zone(const char *name)
{
	zone_free(zone);
	setenv("TZ", name, 1);
	tzset();
	zone = zone_new();
}

static struct tumble_window find(struct tumble *u, const char *text)
{
	struct timestamp t;
	struct err err;

	if (timestamp_parse(zone, slice_of(text), &t, &err) != 0)
		abort();
	tumble_find(u, &t);
	return u->window;
}

/* The window's begin, and how many seconds it lasts, of a fresh struct each time. */
static int falls_into(int64_t size, const char *text, const char *start, int64_t length)
{
	struct tumble u = tumble_of(zone, size, 0);
	struct tumble_window v = find(&u, text);
	struct buf begin = {0};
	int64_t from = u.by_clock ? zone_utc(zone, v.start) : v.start;
	int good;

	tumble_put_start(&u, &v, &begin);
	good = strcmp(buf_text(&begin), start) == 0 && v.end - from == length;
	if (!good)
		printf("# %s: got %s, %lld s\n", text, buf_text(&begin), (long long)(v.end - from));
	buf_free(&begin);
	return good;
}

/* One struct that remembers its last window must answer as a fresh one does each time. */
static int remembers_rightly(int64_t size, int by_day)
{
	struct tumble warm = tumble_of(zone, size, by_day);
	uint64_t random = 88172645463325252u;

	for (int i = 0; i < 20000; i++) {
		struct tumble cold = tumble_of(zone, size, by_day);
		struct timestamp t = {0};

		/* Two days around each change of clocks of 2024 in Madrid; texts with and without
		 * an offset, also those of the hour that does not exist. */
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		t.utc = (i & 1 ? 1711846800 : 1729990800) + (int64_t)(random % 172800) - 86400;
		t.local = t.utc + zone_offset(zone, t.utc);
		if (i & 2) {
			t.local = t.utc + 3600;
			t.utc = zone_utc(zone, t.local);
		}
		tumble_find(&warm, &t);
		tumble_find(&cold, &t);
		if (tumble_compare(&warm.window, &cold.window) != 0 || cold.window.end <= t.utc)
			return 0;
	}
	return 1;
}

static void test_sizes(void)
{
	int64_t seconds = 0;
	struct err err;

	CHECK(tumble_size(60000000, &seconds, &err) == 0 && seconds == 60, "a minute");
	CHECK(tumble_size(INT64_C(86400000000) * 7, &seconds, &err) == 0 && seconds == 604800,
	      "a week");
	CHECK(tumble_size(1500000, &seconds, &err) == -1, "not a second and a half");
	CHECK(tumble_size(0, &seconds, &err) == -1, "not nothing");
	CHECK(tumble_size(7000000, &seconds, &err) == -1, "not 7 s");
	CHECK(tumble_size(INT64_C(86400000000) * 3 / 2, &seconds, &err) == -1,
	      "not a day and a half");
}

static void test_places(void)
{
	use_zone("UTC");
	CHECK(falls_into(60, "2024-03-21T10:00:59.999999999", "\"2024-03-21T10:00:00\"", 60),
	      "the end of a minute");
	CHECK(falls_into(60, "1969-12-31T23:59:59", "\"1969-12-31T23:59:00\"", 60), "before 1970");
	CHECK(falls_into(604800, "2024-03-21T10:00:00", "\"2024-03-21T00:00:00\"", 604800),
	      "weeks begin on Thursdays, as 1970 did");

	use_zone("Europe/Madrid");
	CHECK(falls_into(86400, "2024-03-31T12:00:00", "\"2024-03-31T00:00:00\"", 82800),
	      "a day of 23 hours");
	CHECK(falls_into(86400, "2024-10-27T12:00:00", "\"2024-10-27T00:00:00\"", 90000),
	      "a day of 25 hours");
	CHECK(falls_into(7200, "2024-03-31T03:30:00", "\"2024-03-31T02:00:00\"", 3600),
	      "two hours of which one does not exist");
	CHECK(falls_into(3600, "2024-10-27T00:59:59Z", "\"2024-10-27T02:00:00+02:00\"", 3600),
	      "the first of two equal hours");
	CHECK(falls_into(3600, "2024-10-27T01:00:00Z", "\"2024-10-27T02:00:00\"", 3600),
	      "the second");
	CHECK(falls_into(5400, "2024-03-31T02:50:00", "\"2024-03-31T03:00:00\"", 5400),
	      "a time that does not exist is that an hour later");

	use_zone("Pacific/Apia");
	CHECK(falls_into(86400, "2011-12-30T10:00:00", "\"2011-12-31T00:00:00\"", 86400),
	      "a day that does not exist is the next one");
	/* 02:00+11:00 became 01:30+10:30: the hour of 01:00+10:30 begins where the clock still
	 * showed 01:30. */
	use_zone("Australia/Lord_Howe");
	CHECK(falls_into(3600, "2024-04-07T01:45:00+10:30", "\"2024-04-07T01:30:00+11:00\"", 3600),
	      "clocks that change by half an hour");
}

static void test_memory(void)
{
	static const int64_t sizes[] = {1, 60, 900, 3600, 2880, 5400, 7200, 86400, 172800};
	int good = 1;

	use_zone("Europe/Madrid");
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		good &= remembers_rightly(sizes[i], 0) && remembers_rightly(sizes[i], 1);
	CHECK(good, "the window found last is used only where it is right, and no record is behind "
		    "its own window's end");
}

static void test_days(void)
{
	struct tumble u;
	struct tumble_window a, b;

	use_zone("UTC");
	u = tumble_of(zone, 172800, 1);
	a = find(&u, "1970-01-03T12:00:00");
	b = find(&u, "1970-01-04T12:00:00");
	CHECK(a.start == b.start && a.end == b.end && b.day - a.day == 1,
	      "by day: one window for each day");
	CHECK(tumble_compare(&a, &b) < 0, "in order of days");
	u = tumble_of(zone, 172800, 0);
	a = find(&u, "1970-01-03T12:00:00");
	b = find(&u, "1970-01-04T12:00:00");
	CHECK(tumble_compare(&a, &b) == 0, "not by day: one");
}

int main(void)
{
	test_sizes();
	test_places();
	test_memory();
	test_days();
	zone_free(zone);
	return check_done();
}
