/* metric.h - layer 2: one metric, as a record of the pipe and as an item of the store has it, and
 * its id. Source: tuberia(7), RECORDS.
 *
 * An id is CLIENTE#PRODUCTO#FECHA, the first two percent-encoded (id_put_part), so that '#' and '*'
 * in it are never part of a name. '*' stands for what is summed away; such items are rollups:
 * 17850#85123A#*, 17850#*#2010-12-01, 17850#*#*, *#85123A#2010-12-01, *#85123A#*.
 */
#ifndef TUBERIA_METRIC_H
#define TUBERIA_METRIC_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l1-value/decimal.h"

/* How a part of the id is written in JSON. */
enum metric_kind {
	METRIC_STRING, /* "85123A" */
	METRIC_NUMBER, /* 17850: an integer within int64, as JSON writes it */
	METRIC_ALL     /* summed over all; its text is "*" */
};

struct metric_part {
	struct slice text; /* without quotes, escapes or percent signs */
	enum metric_kind kind;
};

struct metric {
	struct slice id;
	struct metric_part cliente_id, producto;
	struct slice fecha; /* "YYYY-MM-DD", or "*" in a rollup over all days */
	int64_t num_transacciones;
	struct decimal monto_total;
	struct slice fecha_hora; /* the last window that touched it */
};

/* Which item is meant. A part whose `at` is NULL is METRIC_ALL; an empty name is another thing. A
 * number and a string of the same text have the same id: one item. */
struct metric_key {
	struct slice cliente_id, producto, fecha;
};

/* Append the id of a key. Returns 0, or -1 out of memory. */
int metric_put_id(struct buf *out, const struct metric_key *key);

/* Cut an id into its three parts, still encoded. Returns 0, or -1 when it has not just two '#'. */
int metric_cut_id(struct slice id, struct metric_key *encoded);

/* How a number's JSON text is kept: METRIC_NUMBER for "0", "-7", "17850" within int64, with *n;
 * METRIC_STRING for anything else ("1.5", "-0", "1e3", 40 digits). */
enum metric_kind metric_number_kind(struct slice text, int64_t *n);

/* Copy the metric's texts into *texts, whatever was there, and let it point to the copies. The
 * texts may lie anywhere but in *texts. Returns 0, or -1 out of memory. */
int metric_keep(struct metric *m, struct buf *texts);

/* Append the metric as one JSON object, without a newline, keys in the order of struct metric.
 * Returns 0, or -1 out of memory. */
int metric_print(struct buf *out, const struct metric *m);

#endif
