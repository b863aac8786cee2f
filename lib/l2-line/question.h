/* question.h - layer 2: which metrics are asked for: of whom, of what, on which days. */
#ifndef TUBERIA_QUESTION_H
#define TUBERIA_QUESTION_H

#include <stdint.h>

#include "l0-base/err.h"
#include "l1-value/display.h"

/* The longest range of days: a batch of as many keys. */
#define QUESTION_DAYS_MOST 3660

struct question {
	/* Set by the caller; NULL: all. */
	const char *cliente, *producto; /* names as they are, not encoded */
	const char *fecha;              /* a day, YYYY-MM-DD */
	const char *desde, *hasta;      /* the range's first and last day */

	/* Set by question_check: the range; without one from 0001-01-01 to 9999-12-31. */
	int ranged;
	int64_t from, to; /* as in date_of */
	struct buf from_text, to_text;
};

/* Check it and work out the range. With one end alone, it has QUESTION_DAYS_MOST days. Returns 0,
 * or -1 with ERR_USAGE (its message names the option: --fecha, --desde, --hasta, --cliente,
 * --producto), ERR_TEMP. */
int question_check(struct question *q, struct err *err);
void question_free(struct question *q); /* what question_check made */

/* Append it in words, each name cut at 40 columns: " of cliente 17850 and producto 85123A on
 * 2010-12-01"; nothing for a question about all. */
void question_describe(const struct question *q, const struct display *d, struct buf *out);

#endif
