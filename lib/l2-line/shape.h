/* shape.h - layer 2: lines that differ in their scalars alone.
 *
 * The records of a stream mostly have the same keys in the same order. Once one such line has been
 * checked in full, the next one needs only two looks: are the bytes between its scalars the same,
 * and are the scalars valid? Keys, structure and duplicates are then as good as they were.
 */
#ifndef TUBERIA_SHAPE_H
#define TUBERIA_SHAPE_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l2-line/field.h"

#define SHAPE_SCALARS_MAX 64
/* This many bytes behind a line must be readable (they are not used). */
#define SHAPE_PADDING 32

/* A string, number, true, false or null in a line, and the number of the field that it is the value
 * of, -1: of none. */
struct scalar {
	const char *at, *end;
	int field;
};

struct shape;

/* The shape of a valid line, of which these are all the scalars in order. Returns NULL when it has
 * more than SHAPE_SCALARS_MAX, or out of memory. */
struct shape *shape_new(struct slice line, const struct scalar *scalars, size_t count);
void shape_free(struct shape *s); /* NULL is allowed */

/* When the line that text begins with has this shape (and so is valid), set the values of its
 * fields and return its length: a line ends at a newline, or where text does. Otherwise return 0:
 * it has another shape, or is not valid; some values may have been set. The texts of strings have
 * their escapes still: *escaped has a bit for each field (modulo 64) with some. */
size_t shape_match(const struct shape *s, struct slice text, struct scan_value *values,
		   uint64_t *escaped);

#endif
