#include "l1-value/timestamp.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "edge.h"

static struct zone *zone(const char *name)
{
	setenv("TZ", name, 1);
	return zone_new();
}

/* A text in Europe/Madrid: the instant, the wall clock and nanoseconds it stands for, and what it
 * prints as. */
static const struct {
	const char *text, *local, *utc;
} madrid[] = {
	{"2010-12-01T08:26:00", "2010-12-01T08:26:00", "2010-12-01T07:26:00.000Z"},
	{"2010-12-01 08:26:00", "2010-12-01T08:26:00", "2010-12-01T07:26:00.000Z"},
	{"2010-12-01t08:26", "2010-12-01T08:26:00", "2010-12-01T07:26:00.000Z"},
	{"2010-12-01 08:26", "2010-12-01T08:26:00", "2010-12-01T07:26:00.000Z"},
	{"2010-12-01", "2010-12-01T00:00:00", "2010-11-30T23:00:00.000Z"},
	{"2010-12-01T08:26:00Z", "2010-12-01T09:26:00", "2010-12-01T08:26:00.000Z"},
	{"2010-12-01t08:26:00z", "2010-12-01T09:26:00", "2010-12-01T08:26:00.000Z"},
	{"2010-12-01 08:26:00+00", "2010-12-01T09:26:00", "2010-12-01T08:26:00.000Z"},
	{"2010-12-01 08:26:00-00", "2010-12-01T09:26:00", "2010-12-01T08:26:00.000Z"},
	{"2010-12-01T08:26+01:00", "2010-12-01T08:26:00", "2010-12-01T07:26:00.000Z"},
	{"2010-12-01 08:26:00.5", "2010-12-01T08:26:00.5", "2010-12-01T07:26:00.500Z"},
	{"2010-12-01 08:26:00.500000", "2010-12-01T08:26:00.5", "2010-12-01T07:26:00.500Z"},
	{"2010-12-01 08:26:00.000", "2010-12-01T08:26:00", "2010-12-01T07:26:00.000Z"},
	{"2010-12-01 08:26:00.000000001", "2010-12-01T08:26:00.000000001",
	 "2010-12-01T07:26:00.000Z"},
	{"2010-12-01 08:26:00.999999999", "2010-12-01T08:26:00.999999999",
	 "2010-12-01T07:26:00.999Z"},
	{"2024-03-21T08:26:00.123456789+05:45", "2024-03-21T03:41:00.123456789",
	 "2024-03-21T02:41:00.123Z"},
	{"1971-06-01 00:00:00-00:44:30", "1971-06-01T01:44:30", "1971-06-01T00:44:30.000Z"},
	{"2010-12-31 23:59:60", "2011-01-01T00:00:00", "2010-12-31T23:00:00.000Z"},
	{"2010-12-31T23:59:60.25Z", "2011-01-01T01:00:00.25", "2011-01-01T00:00:00.250Z"},
	{"2010-12-31 23:30:00-02", "2011-01-01T02:30:00", "2011-01-01T01:30:00.000Z"},
	{"2024-02-29", "2024-02-29T00:00:00", "2024-02-28T23:00:00.000Z"},
	{"2000-02-29 12:00:00+00", "2000-02-29T13:00:00", "2000-02-29T12:00:00.000Z"},
	{"1969-12-31 23:59:59+00", "1970-01-01T00:59:59", "1969-12-31T23:59:59.000Z"},
	{"1969-12-31 23:59:59.75+00", "1970-01-01T00:59:59.75", "1969-12-31T23:59:59.750Z"},
	{"0001-01-01 00:00:00+00", "0001-12-31T23:45:16 BC", "0001-01-01T00:00:00.000Z"},
	{"0044-03-15 12:00:00+00 BC", "0044-03-15T11:45:16 BC", "0044-03-15T12:00:00.000Z BC"},
	{"0044-03-15 BC", "0044-03-15T00:00:00 BC", "0044-03-15T00:14:44.000Z BC"},
	{"0001-02-29 BC", "0001-02-29T00:00:00 BC", "0001-02-29T00:14:44.000Z BC"},
	{"12010-01-01 00:00:00", "12010-01-01T00:00:00", "12009-12-31T23:00:00.000Z"},
	{"294276-12-31 23:59:59.999999+00", "294277-01-01T00:59:59.999999",
	 "294276-12-31T23:59:59.999Z"},
	{"294277-01-01 00:59:59", "294277-01-01T00:59:59", "294276-12-31T23:59:59.000Z"},
	{"4714-11-24 00:00:00+00 BC", "4714-11-23T23:45:16 BC", "4714-11-24T00:00:00.000Z BC"},

	/* Clocks skip 02:00 to 03:00: read with the offset before, as PostgreSQL does. */
	{"2024-03-31 01:59:59", "2024-03-31T01:59:59", "2024-03-31T00:59:59.000Z"},
	{"2024-03-31 02:00:00", "2024-03-31T02:00:00", "2024-03-31T01:00:00.000Z"},
	{"2024-03-31 02:30:00", "2024-03-31T02:30:00", "2024-03-31T01:30:00.000Z"},
	{"2024-03-31 03:00:00", "2024-03-31T03:00:00", "2024-03-31T01:00:00.000Z"},
	{"2024-03-31 01:30:00+00", "2024-03-31T03:30:00", "2024-03-31T01:30:00.000Z"},
	/* 02:00 to 03:00 comes twice: read with the offset after; the first prints its own. */
	{"2024-10-27 01:59:59", "2024-10-27T01:59:59", "2024-10-26T23:59:59.000Z"},
	{"2024-10-27 02:00:00", "2024-10-27T02:00:00", "2024-10-27T01:00:00.000Z"},
	{"2024-10-27 02:30:00", "2024-10-27T02:30:00", "2024-10-27T01:30:00.000Z"},
	{"2024-10-27 02:30:00+01", "2024-10-27T02:30:00", "2024-10-27T01:30:00.000Z"},
	{"2024-10-27 02:30:00.5+02", "2024-10-27T02:30:00.5+02:00", "2024-10-27T00:30:00.500Z"},
	{"2024-10-27 03:00:00", "2024-10-27T03:00:00", "2024-10-27T02:00:00.000Z"},
};

static const char *const refused[] = {
	"",
	" ",
	"T",
	"now",
	"infinity",
	"-infinity",
	"epoch",
	"2010",
	"2010-12",
	"2010-12-",
	"2010-12-01T",
	"2010-12-01 ",
	"2010-12-01T08",
	"2010-12-01T08:",
	"2010-12-01T08:2",
	"2010-12-01T08:26:",
	"2010-12-01T08:26:0",
	"2010-12-01T08:26:00.",
	"2010-12-01T08:26:00.1234567890",
	"2010-12-01T08:26.5",
	"2010-12-01T08:26:00,5",
	"2010-12-01T08:26:00 ",
	" 2010-12-01T08:26:00",
	"2010-12-01T08:26:00\n",
	"2010-12-01  08:26:00",
	"2010-12-01_08:26:00",
	"2010-12-01+01",
	"2010-12-01Z",
	"2010-12-01T08:26:00ZZ",
	"2010-12-01T08:26:00Z+01",
	"2010-12-01T08:26:00 +01",
	"2010-12-01T08:26:00+",
	"2010-12-01T08:26:00+1",
	"2010-12-01T08:26:00+0100",
	"2010-12-01T08:26:00+01:",
	"2010-12-01T08:26:00+01:0",
	"2010-12-01T08:26:00+01:00:",
	"2010-12-01T08:26:00+24",
	"2010-12-01T08:26:00+01:60",
	"2010-12-01T08:26:00+01:00:60",
	"2010-12-01T08:26:00 CET",
	"2010-12-01T08:26:00 AD",
	"2010-12-01T08:26:00BC",
	"2010-12-01T08:26:00 bc",
	"2010-12-01T08:26:00 BC BC",
	"2010-12-01T08:26:00 BC+01",
	"2010-12-01T24:00:00",
	"2010-12-01T23:60:00",
	"2010-12-01T23:59:61",
	"2010-12-01T-1:00:00",
	"2010-00-01",
	"2010-13-01",
	"2010-12-00",
	"2010-12-32",
	"2010-11-31T00:00:00",
	"2010-12-32T00:00:00",
	"2010-00-10T00:00:00",
	"2010-13-10T00:00:00",
	"2010-12-00T00:00:00",
	"2023-02-29T00:00:00",
	"2024-02-30",
	"2024-02-30T00:00:00",
	"1900-02-29",
	"1900-02-29 00:00:00",
	"0002-02-29 BC",
	"0000-01-01",
	"0000-01-01T00:00:00",
	"0000-01-01 BC",
	"-001-01-01",
	"+2010-01-01",
	"010-12-01",
	"02010-12-01",
	"2010/12/01",
	"2010-12/01T08:26:00",
	"20101201",
	"20101201T082600",
	"01-12-2010",
	"2010-1-1",
	"2010-12-1T08:26:00",
	"2010-12-01T8:26:00",
	"2010-W48-3",
	"2O10-12-01T08:26:00",
	"2010-12-01T08:26:0\xb0",
	"2010-12-01T08-26-00",
	"2010-12-01:08:26:00",
	"2010:12:01T08:26:00",
	"294277-01-01 01:00:00",
	"294276-12-31 23:00:00-05",
	"300000-01-01",
	"1000000-01-01",
	"4715-12-31 BC",
	"9999999999999999999-01-01",
};

static void check_parsing(void)
{
	struct zone *z = zone("Europe/Madrid");
	struct buf b = {0};
	struct timestamp t, again;
	struct err err;

	for (size_t i = 0; i < sizeof madrid / sizeof madrid[0]; i++) {
		const char *text = madrid[i].text;
		int got = timestamp_parse(z, edge_end(slice_of(text)), &t, &err);

		if (got == 0)
			got = timestamp_parse(z, edge_start(slice_of(text)), &again, &err);
		buf_clear(&b);
		if (got == 0)
			timestamp_put_local(z, &b, &t);
		CHECK(got == 0 && strcmp(buf_text(&b), madrid[i].local) == 0,
		      "%s is local %s (got %s)", text, madrid[i].local, buf_text(&b));
		CHECK(got == 0 && timestamp_parse(z, buf_view(&b), &again, &err) == 0 &&
			      again.utc == t.utc && again.nanos == t.nanos &&
			      date_of(again.local) == date_of(t.local),
		      "and that is the same instant again");
		buf_clear(&b);
		if (got == 0)
			timestamp_put_utc(&b, t.utc, t.nanos);
		CHECK(got == 0 && strcmp(buf_text(&b), madrid[i].utc) == 0, "%s is %s (got %s)",
		      text, madrid[i].utc, buf_text(&b));
	}
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		t = (struct timestamp){1, 2, 3};
		int got = timestamp_parse(z, edge_end(slice_of(refused[i])), &t, &err);

		CHECK(got == -1 && err.status == ERR_DATA && t.utc == 1 && t.local == 2 &&
			      t.nanos == 3,
		      "refused: \"%.*s\" (%s)", (int)strcspn(refused[i], "\n"), refused[i],
		      got == 0 ? "no" : err.message);
	}
	CHECK(timestamp_parse(z, (struct slice){"2010-12-01T08:26:00Z", 19}, &t, &err) == 0 &&
		      t.local - t.utc == 3600,
	      "the text ends where its slice ends");
	CHECK(timestamp_parse(z, (struct slice){"2010-12-01T08:26:0\0", 19}, &t, &err) == -1 &&
		      timestamp_parse(z, (struct slice){NULL, 0}, &t, &err) == -1,
	      "neither a NUL byte nor nothing is a timestamp");
	buf_free(&b);
	zone_free(z);
}

/* localtime_r(3) is the oracle, around every change of many zones, and far away. */
static void check_zones(void)
{
	static const char *const names[] = {
		"UTC",
		"Europe/Madrid",
		"America/Bogota",
		"Asia/Kathmandu",
		"Africa/Monrovia",
		"Australia/Lord_Howe",
		"America/Sao_Paulo",
		"Pacific/Apia",
		"Africa/Freetown",
		"America/Noronha",
		"Asia/Gaza",
		"Europe/Dublin",
		"Africa/Casablanca",
		"<-03>3",
		"CET-1CEST,M3.5.0,M10.5.0/3",
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct zone *z = zone(names[i]);
		int right = 1, changes = 0, last = INT_MIN;
		int64_t t = -3000000000, before = t;
		time_t at;
		struct tm tm;

		for (int step = 0; step < 2000000 && right; step++) {
			at = (time_t)t;
			localtime_r(&at, &tm);
			if (zone_offset(z, t) != tm.tm_gmtoff) {
				printf("# %s at %" PRId64 ": %d, not %ld\n", names[i], t,
				       zone_offset(z, t), tm.tm_gmtoff);
				right = 0;
			}
			/* half a day further; where the offset has changed, go back and look at
			 * each quarter of a minute around it */
			if (last != INT_MIN && tm.tm_gmtoff != last) {
				changes++;
				for (int64_t u = before; u <= t; u += 15) {
					at = (time_t)u;
					localtime_r(&at, &tm);
					right = right && zone_offset(z, u) == tm.tm_gmtoff;
				}
			}
			last = (int)tm.tm_gmtoff;
			before = t;
			t += 43200;
			if (t > 4300000000)
				break;
		}
		for (uint64_t n = 88172645463325252u, k = 0; k < 20000; k++) {
			n ^= n << 13, n ^= n >> 7, n ^= n << 17;
			at = (time_t)((int64_t)n >> 20); /* some 280,000 years about 1970 */
			localtime_r(&at, &tm);
			right = right && zone_offset(z, at) == tm.tm_gmtoff;
		}
		CHECK(right, "%s has the offsets of localtime_r(3), %d changes", names[i], changes);
		zone_free(z);
	}
	setenv("TZ", "UTC", 1);
	tzset();
}

static void check_dates(void)
{
	struct buf b = {0};
	struct err err;
	int64_t day, back;
	int right = 1, year = 1, month = 1, day_of_month = 1;

	/* The calendar itself, one day after the other. */
	CHECK(date_parse(slice_of("0001-01-01"), &day, &err) == 0, "0001-01-01 is a date");
	for (; year < 10000 && right; day++) {
		static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
		int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		char text[32];

		snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day_of_month);
		buf_clear(&b);
		date_put(&b, day);
		right = strcmp(buf_text(&b), text) == 0 &&
			date_parse(edge_end(buf_view(&b)), &back, &err) == 0 && back == day;
		if (++day_of_month > lengths[month - 1] + (month == 2 && leap)) {
			day_of_month = 1;
			if (++month > 12) {
				month = 1;
				year++;
			}
		}
	}
	CHECK(right, "every day of the years 1 to 9999, there and back");
	CHECK(date_parse(slice_of("1970-01-01"), &day, &err) == 0 && day == 0, "day 0");

	static const char *const no_dates[] = {"",
					       "1970",
					       "1970-1-1",
					       "1970-01-01 ",
					       " 1970-01-01",
					       "0000-01-01",
					       "1970-02-29",
					       "1970-13-01",
					       "1970-00-01",
					       "1970-01-00",
					       "1970-01-32",
					       "12010-01-01",
					       "0044-03-15 BC",
					       "1970-01-1x",
					       "1970/01/01",
					       "19700101",
					       "1970-01-01T00:00:00",
					       "12010-01-0"};

	for (size_t i = 0; i < sizeof no_dates / sizeof no_dates[0]; i++) {
		day = 42;
		CHECK(date_parse(edge_end(slice_of(no_dates[i])), &day, &err) == -1 &&
			      err.status == ERR_DATA && day == 42,
		      "no date: \"%s\"", no_dates[i]);
	}
	CHECK(date_of(0) == 0 && date_of(86399) == 0 && date_of(86400) == 1 && date_of(-1) == -1 &&
		      date_of(-86400) == -1 && date_of(-86401) == -2,
	      "days begin at midnight before 1970 too");
	buf_clear(&b);
	date_put(&b, -719529);
	CHECK(strcmp(buf_text(&b), "0002-12-31 BC") == 0, "before year 1 as PostgreSQL writes it");
	buf_free(&b);
}

static void check_durations(void)
{
	static const struct {
		const char *text;
		int64_t micros;
	} durations[] = {
		{"0s", 0},
		{"0ms", 0},
		{"1us", 1},
		{"250ms", 250000},
		{"10s", 10000000},
		{"1m", 60000000},
		{"90m", 5400000000},
		{"1h30m", 5400000000},
		{"1d", 86400000000},
		{"1d2h3m4s5ms6us", 93784005006},
		{"1m500ms", 60500000},
		{"000001s", 1000000},
		{"3653d", 315619200000000},
	};
	static const char *const none[] = {"",
					   "10",
					   "s",
					   "ms",
					   "1x",
					   "1 s",
					   " 1s",
					   "1s ",
					   "-1s",
					   "+1s",
					   "1.5s",
					   "1s1m",
					   "1s1s",
					   "1m1h",
					   "1ms1s",
					   "1M",
					   "1S",
					   "1sec",
					   "1w",
					   "1y",
					   "1e3s",
					   "1s5",
					   "3653d1us",
					   "3654d",
					   "99999999999999999999s",
					   "3652d24h1s",
					   "1min",
					   "9223372036854775807us",
					   "18446744073709551617s"};
	struct err err;
	int64_t micros;

	for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
		CHECK(duration_parse(edge_end(slice_of(durations[i].text)), &micros, &err) == 0 &&
			      micros == durations[i].micros,
		      "%s is %" PRId64 " us", durations[i].text, durations[i].micros);
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		micros = 42;
		CHECK(duration_parse(edge_end(slice_of(none[i])), &micros, &err) == -1 &&
			      err.status == ERR_DATA && micros == 42,
		      "no duration: \"%s\"", none[i]);
	}
	CHECK(duration_parse((struct slice){"1s\0", 3}, &micros, &err) == -1 &&
		      duration_parse((struct slice){NULL, 0}, &micros, &err) == -1 &&
		      date_parse((struct slice){NULL, 0}, &micros, &err) == -1,
	      "neither a NUL byte nor nothing is a unit, or a date");

	struct buf b = {0};

	duration_put(&b, 5400000000);
	buf_byte(&b, ' ');
	duration_put(&b, 0);
	buf_byte(&b, ' ');
	duration_put(&b, 93784005006);
	CHECK(strcmp(buf_text(&b), "1h30m 0s 1d2h3m4s5ms6us") == 0,
	      "durations print as they parse");
	buf_free(&b);
}

static void check_now(void)
{
	int64_t utc, before = (int64_t)time(NULL);
	int32_t nanos;

	timestamp_now(&utc, &nanos);
	CHECK(utc >= before && utc <= (int64_t)time(NULL) + 1 && nanos >= 0 && nanos < 1000000000,
	      "now is now");
}

int main(void)
{
	check_parsing();
	check_zones();
	check_dates();
	check_durations();
	check_now();
	return check_done();
}
