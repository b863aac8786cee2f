/* bar.h - layer 2: bars of a chart, drawn in text to an exact scale.
 *
 * All bars of a chart have the same zero and the same scale. With negative values among them the
 * zero is a line, and they grow to its left. Integer arithmetic only; on a display that takes UTF-8
 * a column has eight steps (U+2588 to U+258F; to the left two, U+2590 and U+2595), otherwise one
 * ('#'). What is not zero has a bar of at least one step.
 */
#ifndef TUBERIA_BAR_H
#define TUBERIA_BAR_H

#include "l0-base/buf.h"
#include "l1-value/decimal.h"
#include "l1-value/display.h"

/* The least and the greatest value of a chart, zero among them: start with {0}. */
struct bar_range {
	struct decimal least, most;
};

void bar_range_add(struct bar_range *range, const struct decimal *value);

/* Append the bar of a value that the range covers, in at most `width` columns (3 or more); nothing
 * for a zero when the chart has no zero line. No spaces behind it. Out of memory: out->failed. */
void bar_put(struct buf *out, const struct display *d, const struct bar_range *range,
	     const struct decimal *value, size_t width);

#endif
