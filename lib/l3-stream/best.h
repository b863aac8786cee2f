/* best.h - layer 3: the n greatest, or least, of any number of metrics, in memory for n.
 */
#ifndef TUBERIA_BEST_H
#define TUBERIA_BEST_H

#include "l0-base/err.h"
#include "l2-line/metric.h"

struct best;

enum best_by { BEST_BY_AMOUNT, BEST_BY_COUNT };

/* Keep the `most` greatest (1 or more), or with `least` the least. Returns NULL out of memory. */
struct best *best_new(size_t most, enum best_by by, int least);
void best_free(struct best *b); /* NULL is allowed */

/* Copied if it is among the best so far. Of two that are equal, the one that came first is better.
 * Returns 0, or -1 with ERR_TEMP. */
int best_add(struct best *b, const struct metric *m, struct err *err);

/* Put them in order, the best first; nothing may be added from then on. Returns how many. */
size_t best_sort(struct best *b);

/* Number i of them, 0 <= i < best_sort(b). Its slices live as long as b. */
struct metric best_item(const struct best *b, size_t i);

#endif
