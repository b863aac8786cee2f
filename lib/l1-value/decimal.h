/* decimal.h - layer 1: exact decimal numbers, for money.
 *
 * A decimal is an integer of up to 38 digits and a scale, the number of digits behind the point:
 * {1530, 2} is 15.30. No floating point anywhere; what does not fit is an error, never a wrap or a
 * rounding. 38 digits are what DynamoDB's Number holds, and what fits a signed 128-bit integer.
 */
#ifndef TUBERIA_DECIMAL_H
#define TUBERIA_DECIMAL_H

#include "l0-base/buf.h"
#include "l0-base/err.h"

#define DECIMAL_DIGITS 38
/* Room for any decimal as text: sign, 38 digits, "0.", and the NUL byte. */
#define DECIMAL_TEXT_MAX 44

typedef __int128 int128;

struct decimal {
	int128 unscaled; /* |unscaled| < 10^38 */
	int scale;       /* 0 to 38 */
};

/* Parse the text of a JSON number (RFC 8259, section 6): "15.30", "-0", "1e2". The scale is the
 * number of digits written behind the point, less the exponent, and at least 0 ("1e2" is {100, 0},
 * "1.50" is {150, 2}, "-0" is {0, 0}). Leading zeros, "+1", ".5", "1." are refused.
 * Returns 0, or -1 with ERR_DATA: not a decimal, or more than 38 digits ("1e999", 40 digits;
 * zeros in front do not count, zeros behind do). *d is untouched on failure. */
int decimal_parse(struct slice text, struct decimal *d, struct err *err);

/* The same, faster, of a text behind which DECIMAL_PADDING bytes can be read. */
#define DECIMAL_PADDING 8
int decimal_parse_padded(struct slice text, struct decimal *d, struct err *err);

/* *sum += d (decimal_add) or *sum -= d (decimal_sub). The scale becomes the greater of the two.
 * Returns 0, or -1 with ERR_DATA when the result needs more than 38 digits; *sum is then unchanged.
 */
int decimal_add(struct decimal *sum, const struct decimal *d, struct err *err);
int decimal_sub(struct decimal *sum, const struct decimal *d, struct err *err);

/* Compare by value: below, equal to, above 0. {150, 2} equals {15, 1}. Cannot overflow. */
int decimal_compare(const struct decimal *a, const struct decimal *b);

static inline int decimal_is_zero(const struct decimal *d)
{
	return d->unscaled == 0;
}

/* Print all digits of the scale: {1530, 2} as "15.30", {-5, 2} as "-0.05", {0, 2} as "0.00".
 * Writes the text and a NUL byte to out, returns the length without it. */
size_t decimal_print(const struct decimal *d, char out[DECIMAL_TEXT_MAX]);

#endif
