/* series.h - layer 3: what comes in, merged by minute and series until it goes out.
 *
 * Sums are added and greatest amounts compared, so a minute may go out in any number of parts.
 */
#ifndef TUBERIA_SERIES_H
#define TUBERIA_SERIES_H

#include "l0-base/err.h"
#include "l2-line/point.h"

/* Points that may be held: the caller takes the earliest minute when series_full says so. */
#define SERIES_POINTS_MAX 200000

struct series;

/* max_series: how many different keys there may be; what comes for one more is put together under
 * a key whose values are all "(others)". shape lives as long as the series. NULL out of memory. */
struct series *series_new(const struct point_shape *shape, size_t max_series);
void series_free(struct series *s); /* NULL is allowed */

/* Merge values into the point of a minute and a key. Returns 0; 1 when the key was one too many; or
 * -1 with ERR_DATA (a sum of more than 38 digits; nothing has changed) or ERR_TEMP. */
int series_add(struct series *s, int64_t minute, struct slice key, const struct point_value *values,
	       struct err *err);

/* Sums of 0 for each series that has nothing in the minute. Without dimensions there is one series,
 * known from the start. *zeros counts points that were made. Returns 0, or -1 out of memory. */
int series_fill(struct series *s, int64_t minute, uint64_t *zeros, struct err *err);

/* Take the next point of the earliest minute, if that is at most `until`. Returns 1, valid until
 * the next call of this module; or 0. A minute that was begun is to be taken whole. */
int series_take(struct series *s, int64_t until, struct point *p);

/* As series_take, of all minutes, but what was given stays until series_commit; after series_rewind
 * it is given again. Nothing may be added between. */
int series_next(struct series *s, struct point *p);
void series_commit(struct series *s);
void series_rewind(struct series *s);

int series_full(const struct series *s);
size_t series_points(const struct series *s);    /* held */
int64_t series_earliest(const struct series *s); /* INT64_MAX: nothing is held */
size_t series_known(const struct series *s);     /* keys, that of the others not among them */

#endif
