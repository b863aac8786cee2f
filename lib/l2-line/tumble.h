/* tumble.h - layer 2: which tumbling window a time falls into.
 *
 * Windows of a size that divides an hour are aligned to it on the local clock and last just as long
 * when clocks change; others begin and end by the local clock, so that a day begins at midnight
 * and may have 23 hours. Windows of several days are counted from 1970-01-01.
 */
#ifndef TUBERIA_TUMBLE_H
#define TUBERIA_TUMBLE_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l1-value/timestamp.h"

struct tumble_window {
	/* The instant at which it begins; the local time when windows go by the local clock.
	 * Together with `day` it says which window this is. */
	int64_t start;
	int64_t end; /* the instant at which it ends */
	int64_t day; /* the business day of the record; 0 without by_day */
};

struct tumble {
	struct zone *zone;
	int64_t size;
	int by_clock; /* windows begin and end by the local clock */
	int by_day;
	struct tumble_window window; /* the one found last */
	/* It holds any time whose local time is in [low, high) and whose offset is the same. */
	int64_t low, high, offset;
};

/* A window's size: a whole number of seconds that divides a day, or whole days. Returns 0, or -1
 * with ERR_USAGE. */
int tumble_size(int64_t micros, int64_t *seconds, struct err *err);

/* size: seconds, as tumble_size gives them. by_day: a window that touches several business days is
 * one for each of them. z stays the caller's. */
struct tumble tumble_of(struct zone *z, int64_t size, int by_day);

/* Find the window of *t, into u->window. Returns 1 when it is another one than the last time. */
int tumble_find(struct tumble *u, const struct timestamp *t);

/* Append the local time at which the window begins, as a JSON string. Returns 0, or -1 out of
 * memory. */
int tumble_put_start(const struct tumble *u, const struct tumble_window *v, struct buf *out);

/* Order of closing: by end, then by start and day. */
int tumble_compare(const struct tumble_window *a, const struct tumble_window *b);

#endif
