/* shape.h - layer 2: lines that differ in their scalars alone.
 *
 * The records of a stream mostly have the same keys in the same order. Once one such line has been
 * checked in full, the next one needs only two looks: are the bytes between its scalars the same,
 * and are the scalars valid? Keys, structure and duplicates are then as good as they were.
 */
#ifndef TUBERIA_SHAPE_H
#define TUBERIA_SHAPE_H

#include "l0-base/buf.h"

#define SHAPE_SCALARS_MAX 64
/* This many bytes behind a line must be readable (they are not used). */
#define SHAPE_PADDING 32

/* A string, number, true, false or null in a line. */
struct scalar {
	const char *at, *end;
	int event;   /* of enum jsontext_event */
	int escaped; /* a string with a backslash in it */
};

struct shape;

/* The shape of a valid line, of which these are all the scalars in order. Returns NULL when it has
 * more than SHAPE_SCALARS_MAX, or out of memory. */
struct shape *shape_new(struct slice line, const struct scalar *scalars, size_t count);
void shape_free(struct shape *s); /* NULL is allowed */

/* When line has this shape (and so is valid), set its scalars, as many as shape_new was given, and
 * return 1. Otherwise return 0: the line has another shape, or is not valid. */
int shape_match(const struct shape *s, struct slice line, struct scalar *scalars);

#endif
