#include "l2-line/minute.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"

static struct zone *zone;

/* Read as a tool does: by the minute remembered, or else by timestamp_parse, and learn. */
static int read_time(struct minute *m, struct slice text, struct timestamp *t, int *remembered)
{
	struct err err;

	*remembered = minute_read(m, text, t);
	if (*remembered)
		return 0;
	if (timestamp_parse(zone, text, t, &err) != 0)
		return -1;
	minute_learn(m, zone, text, t);
	return 0;
}

/* Texts around the changes of clocks of a zone's last century, by the minute remembered and without
 * it. Returns 1 when all are the same. */
static int agrees(const char *name)
{
	struct minute m = {0};
	uint64_t random = 88172645463325252u;
	int good = 1, remembered, hits = 0;

	setenv("TZ", name, 1);
	tzset();
	zone = zone_new();
	for (int i = 0; i < 200000; i++) {
		struct timestamp a, b, start = {0};
		struct err err;
		char bytes[128];
		struct buf text = {0};
		int64_t minute;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		/* Ten records a minute, then some other minute since 1890. */
		minute = (int64_t)((uint64_t)(i / 10) * 2654435761u % 71000000) - 42000000;
		start.local = minute * 60 + (int64_t)(random % 60);
		start.utc = zone_utc(zone, start.local);
		timestamp_put_local(zone, &text, &start);
		snprintf(bytes, sizeof bytes, "%s", buf_text(&text));
		buf_free(&text);
		if (random % 97 == 0)
			bytes[17] = '6'; /* second 60 and more */
		a = b = (struct timestamp){0};
		if (read_time(&m, slice_of(bytes), &a, &remembered) !=
			    timestamp_parse(zone, slice_of(bytes), &b, &err) ||
		    a.utc != b.utc || a.local != b.local || a.nanos != b.nanos) {
			printf("# %s %s\n", name, bytes);
			good = 0;
		}
		hits += remembered;
	}
	zone_free(zone);
	return good && hits > 150000;
}

static void test_not_remembered(void)
{
	static const char *const texts[] = {
		"2010-12-01T08:26:0",  "2010-12-01T08:26:001", "2010-12-01T08:26:60",
		"2010-12-01T08:26:5x", "2010-12-01T08:26:x5",  "2010-12-01T08:27:00",
		"2010-12-01 08:26:00", "2010-12-01T08:26:+1",  ""};
	struct minute m = {0};
	struct timestamp t = {0};
	int remembered;

	setenv("TZ", "UTC", 1);
	tzset();
	zone = zone_new();
	read_time(&m, slice_of("2010-12-01T08:26:31"), &t, &remembered);
	CHECK(!remembered && minute_read(&m, slice_of("2010-12-01T08:26:59"), &t) &&
		      t.utc == 1291191960 + 59 && t.local == t.utc,
	      "the second of the minute");
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		CHECK(!minute_read(&m, slice_of(texts[i]), &t), "not taken: \"%s\"", texts[i]);
	/* Of the same length, with an offset where the seconds stand. */
	m = (struct minute){0};
	read_time(&m, slice_of("2010-12-01T08:26+01"), &t, &remembered);
	CHECK(!minute_read(&m, slice_of("2010-12-01T08:26+02"), &t), "an offset is no second");
	zone_free(zone);
}

int main(void)
{
	CHECK(agrees("Europe/Madrid"), "Madrid: as timestamp_parse");
	CHECK(agrees("America/New_York"), "New York: as timestamp_parse");
	CHECK(agrees("Africa/Monrovia"), "Monrovia, 44 minutes and 30 seconds: as timestamp_parse");
	CHECK(agrees("Australia/Lord_Howe"), "Lord Howe: as timestamp_parse");
	test_not_remembered();
	return check_done();
}
