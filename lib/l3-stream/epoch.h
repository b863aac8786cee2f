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

/* Add one record: a delta (num_transacciones may be negative), its fecha_hora as `at` read it.
 * m->id must be that of its parts, of which none is METRIC_ALL; all is copied. The item's
 * fecha_hora becomes the greatest met. The first record of an id decides how its parts are written.
 * Returns 0, or -1 with ERR_DATA (a sum of the epoch, a rollup included, could overflow) or
 * ERR_TEMP; the epoch's sums are then as they were. */
int epoch_add(struct epoch *e, const struct metric *m, const struct timestamp *at, struct err *err);

/* What a limit of memory should count: distinct ids, rollups not among them; or distinct times,
 * when those are more. */
size_t epoch_count(const struct epoch *e);

/* Compute the rollups and put all in order of id (bytes). Nothing may be added until epoch_clear.
 * Once is enough; further calls change nothing. *count: items and rollups together. Returns 0, or
 * -1 with ERR_TEMP. */
int epoch_close(struct epoch *e, size_t *count, struct err *err);

/* Put the epoch that follows `into` into it: sums are added up; what both have touched has the
 * fecha_hora of the later one, as if one had been stored after the other. *later is then empty, and
 * into is closed as far as epoch_add knows, but may have more put into it. Returns 1; 0 when a sum
 * could overflow, both unchanged; or -1 with ERR_TEMP, both undefined. */
int epoch_follow(struct epoch *into, struct epoch *later, struct err *err);

/* Item i in order of id, 0 <= i < *count of epoch_close. Its slices live until the next epoch_item
 * or epoch_clear; *at has utc and nanos only. */
void epoch_item(struct epoch *e, size_t i, struct metric *m, struct timestamp *at);

#endif
