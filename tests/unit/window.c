#include "l3-stream/window.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"

/* A little command of its own: one by-value, a count, a sum. */
struct bench {
	struct zone *zone;
	struct windows *windows;
	struct buf out;
	int rooms, fail_at; /* calls of room; the one that fails, if any */
	struct err err;
};

static int threads = 1; /* of the windows that `begin` makes */

static int room(void *context, struct err *err)
{
	struct bench *b = context;

	return ++b->rooms == b->fail_at ? err_set(err, ERR_IO, "no room") : 0;
}

static void begin(struct bench *b, enum window_emit emit, int64_t size, int64_t lateness)
{
	struct window_options o = {.emit = emit,
				   .size = size,
				   .lateness = lateness,
				   .max_ahead = -1,
				   .max_groups = 1000,
				   .threads = threads,
				   .shape = {.by = {"k"},
					     .by_count = 1,
					     .count = "n",
					     .measures = {{MEASURE_SUM, 0, "s"}},
					     .measure_count = 1,
					     .time = "t",
					     .id = 0}};

	*b = (struct bench){.zone = zone_new()};
	b->windows = windows_new(&o, b->zone, &(struct gather_output){&b->out, room, b});
}

static void end(struct bench *b)
{
	windows_free(b->windows);
	zone_free(b->zone);
	buf_free(&b->out);
}

/* Add {"k":key,"s":amount} at a time. Returns the record's fate; one that makes something due must
 * say so. */
static int add(struct bench *b, const char *time, const char *key, const char *amount)
{
	char bytes[WINDOW_KEY_FRONT + 64];
	struct timestamp t;
	struct decimal d;
	int retract = *amount == '~', fate;

	if (timestamp_parse(b->zone, slice_of(time), &t, &b->err) != 0 ||
	    decimal_parse(slice_of(amount + retract), &d, &b->err) != 0)
		abort();
	strcpy(bytes + WINDOW_KEY_FRONT, key);
	fate = windows_add(b->windows, &t, slice_of(bytes + WINDOW_KEY_FRONT), retract, &d,
			   &b->err);
	if ((fate == WINDOW_COUNTED || fate == WINDOW_DUE) &&
	    (fate == WINDOW_DUE) != windows_due(b->windows))
		CHECK(0, "the fate says whether something is due at %s", time);
	return fate;
}

/* What is due, as text. */
static const char *take(struct bench *b)
{
	buf_clear(&b->out);
	if (windows_print(b->windows, &b->err) != 0 || windows_settle(b->windows, &b->err) != 0)
		return b->err.message;
	return buf_text(&b->out);
}

static int is(const char *got, const char *expected)
{
	if (strcmp(got, expected) == 0)
		return 1;
	printf("# got %s\n# expected %s\n", got, expected);
	return 0;
}

static int barrier(struct bench *b, int64_t epoch, int64_t seconds, const char *pos,
		   const char *resume, const char *watermark, int empty)
{
	struct window_barrier w = {.epoch = epoch,
				   .time = seconds * 1000000,
				   .pos = pos,
				   .resume = resume,
				   .watermark = watermark,
				   .pending = -1,
				   .empty = empty};

	return windows_barrier(b->windows, &w, &b->err);
}

static const char *watermark(struct bench *b)
{
	buf_clear(&b->out);
	windows_watermark(b->windows, &b->out);
	return buf_text(&b->out);
}

static const char *resume(struct bench *b)
{
	const char *pos = "?";

	switch (windows_resume(b->windows, &pos)) {
	case 1:
		return pos;
	case 0:
		return "none open";
	default:
		return "not known";
	}
}

static void test_closing(void)
{
	struct bench b;

	begin(&b, WINDOW_FINAL, 60, 30000000);
	CHECK(is(watermark(&b), ""), "no watermark before the first record");
	CHECK(!windows_due(b.windows), "nothing due at first");
	CHECK(add(&b, "2024-03-21T10:00:00", "1", "1.5") == WINDOW_COUNTED, "a record counts");
	CHECK(is(watermark(&b), "2024-03-21T09:59:30.000Z"),
	      "watermark is the clock less lateness");
	add(&b, "2024-03-21T10:01:29.999999999", "1", "1");
	CHECK(!windows_due(b.windows), "a nanosecond before the end nothing is due");
	CHECK(is(watermark(&b), "2024-03-21T10:00:59.999999999Z"), "watermark to its last digit");
	CHECK(add(&b, "2024-03-21T10:00:59", "1", "0.25") == WINDOW_COUNTED, "not late yet");
	add(&b, "2024-03-21T10:01:30", "2", "1");
	CHECK(windows_due(b.windows), "due when the watermark is at the end");
	CHECK(is(take(&b), "{\"k\":1,\"n\":2,\"s\":1.75,\"t\":\"2024-03-21T10:00:00\"}\n"),
	      "comes out whole");
	CHECK(!windows_due(b.windows) && is(take(&b), ""), "and once");
	CHECK(add(&b, "2024-03-21T10:00:59.9", "1", "1") == WINDOW_LATE, "late now");
	CHECK(is(watermark(&b), "2024-03-21T10:01:00.000Z"), "a late record moves nothing");
	windows_flush(b.windows);
	CHECK(is(take(&b), "{\"k\":1,\"n\":1,\"s\":1,\"t\":\"2024-03-21T10:01:00\"}\n"
			   "{\"k\":2,\"n\":1,\"s\":1,\"t\":\"2024-03-21T10:01:00\"}\n"),
	      "a flush gives the rest");
	CHECK(is(watermark(&b), "2024-03-21T10:02:00.000Z"), "which counts as closed then");
	end(&b);
}

static void test_failed_record(void)
{
	struct bench b;
	const char *nines = "99999999999999999999999999999999999999";

	begin(&b, WINDOW_FINAL, 60, 0);
	add(&b, "2024-03-21T10:00:00", "1", nines);
	CHECK(add(&b, "2024-03-21T10:00:59", "1", "1") == -1 && b.err.status == ERR_DATA,
	      "a sum of 39 digits is refused");
	CHECK(is(b.err.message, "s: more than 38 digits"), "with its name");
	CHECK(is(watermark(&b), "2024-03-21T10:00:00.000Z"), "and does not move the clock");
	CHECK(add(&b, "2024-03-21T10:00:01", "1", "~1") == WINDOW_COUNTED, "less is possible");
	windows_flush(b.windows);
	CHECK(is(take(&b), "{\"k\":1,\"n\":0,\"s\":99999999999999999999999999999999999998,"
			   "\"t\":\"2024-03-21T10:00:00\"}\n"),
	      "nothing of the refused record was counted");
	end(&b);
}

static void test_many_windows(void)
{
	struct bench b;
	struct buf expected = {0};
	char time[80], key[16];
	int same = 1;

	/* Backwards, so that each goes in front of all others; then taken in order of time. */
	begin(&b, WINDOW_FINAL, 1, (int64_t)86400 * 1000000);
	for (int i = 899; i >= 0; i--) {
		snprintf(time, sizeof time, "2024-03-21T10:%02d:%02d.5", i / 60, i % 60);
		snprintf(key, sizeof key, "%d", i);
		same &= add(&b, time, key, "1") == WINDOW_COUNTED;
	}
	for (int i = 0; i < 900; i++)
		buf_printf(&expected,
			   "{\"k\":%d,\"n\":1,\"s\":1,\"t\":\"2024-03-21T10:%02d:%02d\"}\n", i,
			   i / 60, i % 60);
	windows_flush(b.windows);
	CHECK(same && is(take(&b), buf_text(&expected)), "900 open windows come out in order");
	buf_free(&expected);
	end(&b);
}

static void test_limit(void)
{
	struct bench b;
	char key[16];
	int fate = 0, i;

	begin(&b, WINDOW_FINAL, 60, 0);
	for (i = 0; i < 1001 && fate == WINDOW_COUNTED; i++) {
		snprintf(key, sizeof key, "%d", i);
		fate = add(&b, "2024-03-21T10:00:00", key, "1");
	}
	CHECK(i == 1001 && fate == -1 && b.err.status == ERR_CONFIG, "group 1001 of 1000 ends it");
	end(&b);

	begin(&b, WINDOW_FINAL, 60, 0);
	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "%d", i);
		add(&b, "2024-03-21T10:00:00", key, "1");
	}
	CHECK(add(&b, "2024-03-21T10:01:00", "1", "1") == WINDOW_DUE,
	      "unless the others are due by then");
	end(&b);

	begin(&b, WINDOW_DELTA, 60, 0);
	for (i = 0; i < 1000 && !windows_due(b.windows); i++) {
		snprintf(key, sizeof key, "%d", i);
		add(&b, "2024-03-21T10:00:00", key, "1");
	}
	CHECK(i == 1000 && windows_due(b.windows), "deltas are due at the limit");
	take(&b);
	CHECK(!windows_due(b.windows), "and not behind it");
	end(&b);
}

/* 60 windows of 950 groups, each with two records; the windows before are printed while records
 * come, and nothing waits for that. One group of every third window has an amount that cannot be
 * packed. */
static void test_many_records(void)
{
	enum { WINDOWS = 60, GROUPS = 950 };
	struct bench b;
	struct buf expected = {0};
	int good = 1, idle, fate;

	begin(&b, WINDOW_FINAL, 60, 0);
	for (int i = 0; i < WINDOWS * 2 * GROUPS; i++) {
		int minute = i / (2 * GROUPS), k = i % GROUPS;
		int wide = minute % 3 == 2 && k == GROUPS / 2;
		char time[80], key[32];

		snprintf(time, sizeof time, "2024-03-21T10:%02d:00", minute);
		snprintf(key, sizeof key, "\"%d-%d\"", minute, k);
		fate = add(&b, time, key, wide ? "0.0000001" : "0.25");
		good &= fate >= 0;
		if (fate == WINDOW_DUE)
			good &= windows_print(b.windows, &b.err) == 0;
		if (i < 2 * GROUPS * minute + GROUPS)
			buf_printf(&expected,
				   "{\"k\":%s,\"n\":2,\"s\":%s,\"t\":\"2024-03-21T10:%02d:00\"}\n",
				   key, wide ? "0.0000002" : "0.50", minute);
	}
	while ((idle = windows_idle(b.windows, &b.err)) == 0)
		;
	CHECK(good && idle == 1 && windows_printed(b.windows) == (WINDOWS - 1) * GROUPS,
	      "idle when what is due has been printed");
	windows_flush(b.windows);
	good &= windows_print(b.windows, &b.err) == 0 && windows_settle(b.windows, &b.err) == 0;
	CHECK(good && windows_printed(b.windows) == WINDOWS * GROUPS && b.rooms == WINDOWS * GROUPS,
	      "every group is printed, and counted");
	CHECK(strcmp(buf_text(&b.out), buf_text(&expected)) == 0, "each with its sums, in order");
	buf_free(&expected);
	end(&b);
}

/* The output fails amidst a window: the next calls say so, and windows still open can be freed. */
static void test_failing_output(void)
{
	struct bench b;
	int fate = WINDOW_COUNTED, i;

	begin(&b, WINDOW_FINAL, 60, 0);
	b.fail_at = 3;
	for (i = 0; i < 1000000 && fate >= 0; i++) {
		char time[80], key[32];

		snprintf(time, sizeof time, "2024-03-21T%02d:%02d:00", i / 6000 % 24, i / 100 % 60);
		snprintf(key, sizeof key, "%d", i % 100);
		fate = add(&b, time, key, "1");
		if (fate == WINDOW_DUE && windows_print(b.windows, &b.err) != 0)
			fate = -1;
	}
	CHECK(fate == -1 && i < 144000 && b.err.status == ERR_IO && is(b.err.message, "no room"),
	      "a failing output is told");
	CHECK(windows_settle(b.windows, &b.err) == -1 && windows_idle(b.windows, &b.err) == -1 &&
		      windows_printed(b.windows) == 3 && b.rooms == 3,
	      "again and again, and nothing is printed behind it");
	end(&b);
}

static void test_barriers(void)
{
	struct bench b;

	begin(&b, WINDOW_FINAL, 60, 0);
	CHECK(barrier(&b, 1, 0, "p1", NULL, NULL, 1) == WINDOW_PASS, "the first passes");
	CHECK(is(resume(&b), "none open"), "nothing to rebuild");
	add(&b, "2024-03-21T10:00:00", "1", "1");
	CHECK(barrier(&b, 2, 10, "p2", NULL, NULL, 0) == WINDOW_STAMP, "the next is stamped");
	CHECK(is(resume(&b), "p1"), "rebuilt from the barrier before the window's first record");
	CHECK(is(watermark(&b), "2024-03-21T10:00:00.000Z"), "an epoch with records is not idle");
	add(&b, "2024-03-21T10:00:30", "1", "1");
	barrier(&b, 3, 20, "p3", NULL, NULL, 0);
	CHECK(is(resume(&b), "p1"), "the first record decides");
	barrier(&b, 4, 35, "p4", NULL, NULL, 1);
	CHECK(is(watermark(&b), "2024-03-21T10:00:45.000Z"),
	      "idle: time goes on with the barriers");
	barrier(&b, 5, 50, "p5", NULL, NULL, 1);
	CHECK(windows_due(b.windows), "which closes windows");
	take(&b);
	CHECK(is(resume(&b), "none open"), "closed: nothing to rebuild");
	add(&b, "2024-03-21T10:05:00", "1", "1");
	barrier(&b, 6, 51, "p6", NULL, NULL, 0);
	CHECK(is(resume(&b), "p5"), "another window, another place");
	CHECK(barrier(&b, 7, 52, "p7", NULL, "2024-03-21T10:00:00Z", 1) == -1 &&
		      b.err.status == ERR_CONFIG,
	      "a watermark of somebody else is refused");
	end(&b);

	begin(&b, WINDOW_FINAL, 60, 0);
	add(&b, "2024-03-21T10:00:00", "1", "1");
	barrier(&b, 1, 0, "p1", NULL, NULL, 0);
	CHECK(is(resume(&b), "not known"), "a window from before the first barrier");
	end(&b);
}

static void test_replay(void)
{
	struct bench b;

	begin(&b, WINDOW_FINAL, 60, 5000000);
	CHECK(barrier(&b, 7, 0, "p7", "p3", "2024-03-21T10:01:00.5Z", 1) == WINDOW_PASS,
	      "the barrier to resume from passes");
	CHECK(windows_replaying(b.windows), "a replay begins");
	CHECK(is(watermark(&b), "2024-03-21T10:01:00.500Z"),
	      "with the watermark of the run before");
	CHECK(add(&b, "2024-03-21T10:00:59", "1", "1") == WINDOW_REPLAYED, "closed is closed");
	CHECK(add(&b, "2024-03-21T10:01:00", "1", "1") == WINDOW_COUNTED, "open is rebuilt");
	windows_flush(b.windows);
	CHECK(!windows_due(b.windows), "what is rebuilt is not whole, and stays");
	CHECK(barrier(&b, 8, 1, "p8", NULL, NULL, 0) == -1 && b.err.status == ERR_DATA,
	      "only the same barrier ends it");
	end(&b);

	begin(&b, WINDOW_FINAL, 60, 0);
	barrier(&b, 7, 0, "p7", "p3", "2024-03-21T10:01:00Z", 1);
	add(&b, "2024-03-21T10:01:00", "1", "1");
	CHECK(barrier(&b, 7, 0, "p7", "p3", "2024-03-21T10:01:00Z", 0) == WINDOW_PASS &&
		      !windows_replaying(b.windows),
	      "the same barrier ends the replay");
	CHECK(is(resume(&b), "p3"), "a second restart begins where this one did");
	CHECK(add(&b, "2024-03-21T10:00:59", "1", "1") == WINDOW_LATE, "late is late again");
	end(&b);
}

static void test_delta(void)
{
	struct bench b;

	begin(&b, WINDOW_DELTA, 60, 0);
	add(&b, "2024-03-21T10:01:00", "2", "1");
	add(&b, "2024-03-21T10:00:00", "1", "1");
	add(&b, "2024-03-21T10:00:00", "2", "1");
	add(&b, "2024-03-21T10:01:30", "2", "1");
	add(&b, "2024-03-21T10:01:30", "3", "1");
	add(&b, "2024-03-21T10:01:30", "3", "~1");
	CHECK(!windows_due(b.windows), "deltas wait for a flush");
	windows_flush(b.windows);
	CHECK(windows_due(b.windows), "then they are due");
	CHECK(is(take(&b), "{\"k\":2,\"n\":2,\"s\":2,\"t\":\"2024-03-21T10:01:00\"}\n"
			   "{\"k\":1,\"n\":1,\"s\":1,\"t\":\"2024-03-21T10:00:00\"}\n"
			   "{\"k\":2,\"n\":1,\"s\":1,\"t\":\"2024-03-21T10:00:00\"}\n"),
	      "in order of appearance, without what came to nothing");
	windows_flush(b.windows);
	CHECK(!windows_due(b.windows) && is(take(&b), ""), "nothing new, nothing printed");
	add(&b, "2024-03-21T10:01:30", "2", "~1");
	windows_flush(b.windows);
	CHECK(is(take(&b), "{\"k\":2,\"n\":-1,\"s\":-1,\"t\":\"2024-03-21T10:01:00\"}\n"),
	      "what was taken back is a negative delta");
	end(&b);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	for (threads = 1; threads <= 2; threads++) {
		test_closing();
		test_failed_record();
		test_many_windows();
		test_limit();
		test_many_records();
		test_failing_output();
		test_barriers();
		test_replay();
		test_delta();
	}
	return check_done();
}
