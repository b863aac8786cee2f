/* point.h - layer 2: what one series of metrics has in one minute, and the forms in which those who
 * collect metrics take it. Source: cw-put(1).
 */
#ifndef TUBERIA_POINT_H
#define TUBERIA_POINT_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l1-value/decimal.h"

#define POINT_VALUES_MAX 16
#define POINT_DIMENSIONS_MAX 16

struct point_value {
	struct decimal amount;      /* the sum, or the greatest */
	struct decimal least, most; /* of the parts */
	uint64_t parts;             /* that it was made of */
	int known;                  /* 0: there is none in this minute */
};

/* Of one part. */
static inline struct point_value point_of(struct decimal amount)
{
	return (struct point_value){
		.amount = amount, .least = amount, .most = amount, .parts = 1, .known = 1};
}

/* What all points of a run have in common. */
struct point_shape {
	const char *namespace;
	const char *names[POINT_VALUES_MAX]; /* of metrics */
	int greatest[POINT_VALUES_MAX];      /* 1: parts make the greatest of them; 0: their sum */
	size_t count;
	const char *dimensions[POINT_DIMENSIONS_MAX];
	size_t dimension_count;
};

struct point {
	int64_t minute; /* seconds since 1970 UTC, a multiple of 60 */
	/* The dimensions' values in UTF-8, without control bytes, each with a NUL byte behind it.
	 */
	struct slice key;
	const struct point_value *values;
};

/* Append a dimension's value to a key, control bytes as %XX. Returns 0, or -1 out of memory. */
int point_put_key(struct buf *key, struct slice value);

/* Cut the first value off a key; empty at its end. */
struct slice point_next_value(struct slice *key);

/* Append a dimension's value as CloudWatch takes it: printable ASCII, 1 to 1024 characters; other
 * bytes, a colon in front, and spaces that are all there is become %XX. */
int point_put_dimension(struct buf *out, struct slice value);

/* Append the point as a line of the CloudWatch embedded metric format, with newline. */
int point_put_emf(struct buf *out, const struct point_shape *shape, const struct point *p);

/* Append one metric of a point in the text format of Prometheus: a line. The name is made of the
 * namespace and the metric's: "Tuberia", "TransaccionesXMinuto": tuberia_transacciones_x_minuto. */
int point_put_prometheus(struct buf *out, const struct point_shape *shape, const struct point *p,
			 size_t metric);

/* Append that name. */
int point_put_snake(struct buf *out, const char *namespace, const char *name);

#endif
