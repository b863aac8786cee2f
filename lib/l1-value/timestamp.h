/* timestamp.h - layer 1: points in time, civil dates, durations.
 *
 * Proleptic Gregorian calendar throughout, as PostgreSQL has it; years from -4713 to 294276.
 */
#ifndef TUBERIA_TIMESTAMP_H
#define TUBERIA_TIMESTAMP_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

/* The time zone that times without an offset are local to: TZ of the environment, by tzset(3).
 * Holds a cache of offsets; not for use by two threads at once. */
struct zone;

struct zone *zone_new(void); /* NULL out of memory */
void zone_free(struct zone *z);

/* Offset in seconds east of UTC that is in force at an instant. */
int zone_offset(struct zone *z, int64_t utc);

/* The instant of a local time (both in seconds since 1970-01-01T00:00:00). A local time that a
 * change of clocks skips is read with the offset before it, one that comes twice with the offset
 * after it, as PostgreSQL does (src/backend/utils/adt/datetime.c, DetermineTimeZoneOffset). */
int64_t zone_utc(struct zone *z, int64_t local);

struct timestamp {
	int64_t utc;   /* seconds since 1970-01-01T00:00:00Z, without leap seconds */
	int64_t local; /* the same instant as the clock on the wall in the zone shows it: local
			* seconds since 1970-01-01T00:00:00. For text without an offset: just what
			* it says */
	int32_t nanos; /* 0 to 999,999,999, to be added to either */
};

/* Parse RFC 3339 / ISO 8601 as PostgreSQL writes it: "2010-12-01T08:26:00", "2010-12-01
 * 08:26:00+00", "…08:26:00.123456789+05:45", "…-00:44:30", "…Z", "0044-03-15 00:00:00 BC",
 * "12010-01-01 00:00:00", a bare date (midnight). Seconds may be left out; 60 is the next minute's
 * 0; hour 24 is refused. The day must exist (no 2024-02-30). Returns 0, or -1 with ERR_DATA, *t
 * untouched. */
int timestamp_parse(struct zone *z, struct slice text, struct timestamp *t, struct err *err);

/* Append "2010-12-01T08:26:00", with a fraction (as many digits as are needed, at most 9) when
 * there is one: the local time of *t, without offset, unless reading that back in this zone would
 * give another instant (the first of an hour that comes twice); then with it.
 * Years above 9999 and before 1 as PostgreSQL writes them. Returns 0, or -1 out of memory. */
int timestamp_put_local(struct zone *z, struct buf *out, const struct timestamp *t);

/* Append the instant in UTC with milliseconds: "2024-03-21T10:00:05.123Z". */
int timestamp_put_utc(struct buf *out, int64_t utc, int32_t nanos);

/* Now, by the wall clock. Only sources and terminals may ask (tuberia(7), CONTROL RECORDS). */
void timestamp_now(int64_t *utc, int32_t *nanos);

/* Civil dates as days since 1970-01-01. */
int64_t date_of(int64_t local_seconds);                           /* floor */
int date_parse(struct slice text, int64_t *day, struct err *err); /* exactly "YYYY-MM-DD" */
int date_put(struct buf *out, int64_t day);

/* Durations: "250ms", "10s", "1m", "1h30m", "1d", "0s"; a bare number is refused. In microseconds,
 * 0 to 10 years. Returns 0, or -1 with ERR_DATA. */
int duration_parse(struct slice text, int64_t *micros, struct err *err);

/* Append a duration of at least 0 as duration_parse reads it: "1h30m". Returns 0, or -1 out of
 * memory. */
int duration_put(struct buf *out, int64_t micros);

#endif
