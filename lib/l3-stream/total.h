/* total.h - layer 3: metrics added up, exactly. */
#ifndef TUBERIA_TOTAL_H
#define TUBERIA_TOTAL_H

#include "l0-base/err.h"
#include "l1-value/timestamp.h"
#include "l2-line/metric.h"

/* Start with {0}. */
struct total {
	uint64_t items;
	int64_t num_transacciones;
	struct decimal monto_total;
	struct buf fecha_hora; /* that of the item that was touched last */
	struct timestamp touched;
};

/* Add an item. Returns 0, or -1: ERR_DATA (a sum overflows, fecha_hora is no time), ERR_TEMP. */
int total_add(struct total *t, const struct metric *m, struct zone *z, struct err *err);

void total_clear(struct total *t); /* nothing added; memory is kept */
void total_free(struct total *t);  /* resets to {0} */

#endif
