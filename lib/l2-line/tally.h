/* tally.h - layer 2: what a stretch of records adds up to: how many, exact sums, the least and the
 * greatest time. */
#ifndef TUBERIA_TALLY_H
#define TUBERIA_TALLY_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l1-value/decimal.h"
#include "l1-value/timestamp.h"

#define TALLY_SUMS_MAX 16

/* A time as a record has it, and the instant that it is. */
struct tally_time {
	char text[70];
	unsigned char len; /* 0: none */
	int32_t nanos;
	int64_t utc;
};

struct tally {
	uint64_t rows;
	struct tally_time least, greatest; /* of equal ones, the first */
	size_t sum_count;
	struct decimal *sums;
};

/* Of nothing. Returns 0, or -1 with ERR_TEMP. */
int tally_init(struct tally *t, size_t sum_count, struct err *err);
void tally_free(struct tally *t); /* a zero tally is allowed */

/* Add a record: its time (at NULL: it has none) with its text, and an amount for each sum. Returns
 * 0, or -1 with ERR_DATA (a sum of more than 38 digits: *sum says which; a time's text too long:
 * *sum is -1), the tally unchanged. */
int tally_add(struct tally *t, const struct timestamp *at, struct slice text,
	      const struct decimal *amounts, int *sum, struct err *err);

/* Add all that another one, of as many sums, has counted, whose records come behind ours. Returns
 * 0, or -1 with ERR_DATA. */
int tally_join(struct tally *t, const struct tally *other, struct err *err);

#endif
