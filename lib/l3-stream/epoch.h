/* epoch.h - layer 3: the records since the last barrier, merged by id; and their rollups.
 *
 * Sums are order-free, so an epoch that is replayed in another order or in other pieces is the same
 * epoch. Memory grows with the number of distinct ids, not with the number of records.
 */
#ifndef TUBERIA_EPOCH_H
#define TUBERIA_EPOCH_H

#include "l0-base/err.h"
#include "l1-value/timestamp.h"
#include "l2-line/metric.h"

struct epoch;

struct epoch *epoch_new(void); /* NULL out of memory */
void epoch_free(struct epoch *e);
void epoch_clear(struct epoch *e); /* empty again; memory is kept */

/* Add one record: a delta (num_transacciones may be negative), m->fecha_hora as `at` read it.
 * m->id must be that of its parts, of which none is METRIC_ALL; all is copied. The item's
 * fecha_hora becomes the greatest met. The first record of an id decides how its parts are
 * written. Returns 0, or -1 with ERR_DATA (a sum overflows) or ERR_TEMP; the epoch is then as it
 * was, and so are the sums that its rollups will have. */
int epoch_add(struct epoch *e, const struct metric *m, const struct timestamp *at, struct err *err);

size_t epoch_count(const struct epoch *e); /* distinct ids, rollups not among them */
size_t epoch_bytes(const struct epoch *e); /* memory held, in bytes */

/* Compute the rollups and put all in order of id (bytes). Nothing may be added until epoch_clear.
 * *count: items and rollups together. Returns 0, or -1 with ERR_DATA (a rollup overflows) or
 * ERR_TEMP. */
int epoch_close(struct epoch *e, size_t *count, struct err *err);

/* Item i in order of id, 0 <= i < *count of epoch_close. Its slices live until the next
 * epoch_item or epoch_clear. */
void epoch_item(struct epoch *e, size_t i, struct metric *m);

#endif
