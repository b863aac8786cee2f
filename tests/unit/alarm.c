/* Alarms: when they are raised, when they are over, and what is held meanwhile. */
#include "l3-stream/alarm.h"

#include <stdio.h>

#include "check.h"

static struct err err;

static int look(struct alarms *a, const char *key, int64_t end, int amount)
{
	struct decimal d = {amount, 0};

	return alarms_look(a, slice_of(key), end, &d, &err);
}

/* How many are over at `now`; the last one's key begins with what. */
static int over(struct alarms *a, int64_t now, char *what)
{
	struct slice key;
	struct decimal value;
	int64_t end;
	int known, count = 0, more;

	alarms_time(a, now);
	while ((more = alarms_next(a, &key, &end, &value, &known, &err)) == 1) {
		count++;
		*what = *key.at;
	}
	return more < 0 ? -1 : count;
}

static void test_sums(void)
{
	struct alarm_rule rule = {.threshold = {10, 0}, .add = 1, .size = 60, .max_keys = 100};
	struct alarms *a = alarms_new(&rule);
	struct decimal huge = {0, 0};
	char what = '-';

	CHECK(look(a, "a", 60, 10) == ALARM_QUIET, "at the threshold");
	CHECK(look(a, "a", 60, 1) == ALARM_RAISED, "above it");
	CHECK(look(a, "a", 60, 1) == ALARM_QUIET, "once");
	CHECK(look(a, "a", 60, -5) == ALARM_QUIET && look(a, "a", 60, 5) == ALARM_QUIET,
	      "below and above again in one window is one alert");
	CHECK(look(a, "a", 120, 1) == ALARM_QUIET && look(a, "b", 120, 11) == ALARM_RAISED,
	      "each key and window by itself");
	CHECK(look(a, "a", 60, 1) == ALARM_QUIET, "the window before still takes records");
	CHECK(over(a, 119, &what) == 0, "not over while the next window runs");
	CHECK(over(a, 120, &what) == 1 && what == 'a', "over when it has passed");
	CHECK(look(a, "a", 60, 100) == ALARM_LATE, "too late to be added up");
	CHECK(over(a, 110, &what) == 0, "time never goes back");
	CHECK(over(a, 240, &what) == 1 && what == 'b', "the other one, later");
	CHECK(over(a, 400, &what) == 0 && alarms_held(a) == 0, "what is over is forgotten");
	for (huge.unscaled = 1; decimal_add(&huge, &huge, &err) == 0;)
		;
	CHECK(alarms_look(a, slice_of("h"), 500, &huge, &err) == ALARM_RAISED, "a huge sum");
	CHECK(alarms_look(a, slice_of("h"), 500, &huge, &err) == -1 && err.status == ERR_DATA,
	      "that overflows");
	alarms_free(a);
}

static void test_many(void)
{
	struct alarm_rule rule = {.threshold = {10, 0}, .add = 1, .size = 60, .max_keys = 1300};
	struct alarms *a = alarms_new(&rule);
	int bad = 0, resolved = 0;
	char key[32], what;

	/* New keys in each window: only those of the last few windows are held. */
	for (int window = 1; window <= 50; window++) {
		for (int i = 0; i < 400; i++) {
			snprintf(key, sizeof key, "%d-%d", window, i);
			bad += look(a, key, 60 * window, i == 0 ? 11 : 1) !=
			       (i == 0 ? ALARM_RAISED : ALARM_QUIET);
		}
		resolved += over(a, 60 * window - 59, &what);
	}
	CHECK(bad == 0 && alarms_held(a) <= 1300, "old keys make room for new ones");
	resolved += over(a, 60 * 60, &what);
	CHECK(resolved == 50, "and none is forgotten before it is resolved");
	alarms_free(a);

	rule.max_keys = 1000;
	a = alarms_new(&rule);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "%d", i);
		bad += look(a, key, 60, 1) != ALARM_QUIET;
	}
	CHECK(bad == 0 && look(a, "more", 60, 1) == -1 && err.status == ERR_CONFIG,
	      "one more than allowed");
	CHECK(look(a, "7", 60, 10) == ALARM_RAISED, "those that are there go on");
	alarms_free(a);
}

static void test_values(void)
{
	struct alarm_rule rule = {.threshold = {10, 0}, .below = 1, .size = 60, .max_keys = 2};
	struct alarms *a = alarms_new(&rule);
	char what;

	for (char key[2] = "a"; *key <= 'z'; ++*key)
		look(a, key, 60, 10);
	CHECK(alarms_held(a) == 0, "what keeps to the rule is not held");
	CHECK(look(a, "a", 60, 9) == ALARM_RAISED && look(a, "a", 120, 8) == ALARM_RAISED,
	      "two windows in a row are two alerts");
	CHECK(look(a, "a", 60, 20) == ALARM_QUIET, "an earlier window resolves nothing");
	CHECK(look(a, "a", 180, 10) == ALARM_RESOLVED && look(a, "a", 240, 10) == ALARM_QUIET,
	      "resolved by a later one, once");
	CHECK(look(a, "a", 60, 1) == ALARM_RAISED, "an old window that breaks it is one");
	CHECK(over(a, 10000, &what) == 1, "over by the clock");
	alarms_free(a);
	alarms_free(NULL);
}

int main(void)
{
	test_sums();
	test_many();
	test_values();
	return check_done();
}
