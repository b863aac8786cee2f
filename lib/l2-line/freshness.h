/* freshness.h - layer 2: of which moment data are, for people and for records. */
#ifndef TUBERIA_FRESHNESS_H
#define TUBERIA_FRESHNESS_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l1-value/decimal.h"

/* The barrier up to which data reach (tuberia(7), CONTROL RECORDS). Times in microseconds since
 * 1970 UTC: `time` by the source's clock, `now` by ours; either may be ahead of the other. */
struct freshness {
	int known; /* 0: there was no barrier yet */
	int64_t time, epoch, now;
};

int64_t freshness_now(void); /* for `now`: the wall clock */

/* Append "as of 2024-03-21T10:00:05.123Z (0.8 s ago), epoch 42", "… (1 h 0 min ahead of this clock)
 * …", or that it is not known. Returns 0, or -1 out of memory. */
int freshness_put(struct buf *out, const struct freshness *f);

/* Append its time: "2024-03-21T10:00:05.123Z". Returns 0, or -1 out of memory. */
int freshness_put_time(struct buf *out, const struct freshness *f);

/* Its age in seconds, three decimals; below 0 when its time is ahead. */
struct decimal freshness_age(const struct freshness *f);

#endif
