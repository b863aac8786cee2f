/* gather.h - layer 3: the groups of each window, gathered and printed, by a second thread where
 * that is allowed.
 *
 * What is added and printed is done in that order, and in part later: gather_settle waits for it.
 */
#ifndef TUBERIA_GATHER_H
#define TUBERIA_GATHER_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l2-line/group.h"
#include "l2-line/tumble.h"

/* Where records are printed: `room` is called behind each one, in either thread; what it reads is
 * better nothing that the caller writes for each record (LANE_APART). Between gather_settle and the
 * next call the caller may use it. */
struct gather_output {
	struct buf *buf;
	int (*room)(void *context, struct err *err); /* returns 0, or -1 with *err */
	void *context;
};

/* The groups of one window; or, in panes without a window of their own, of many: then each key
 * has its struct tumble_window in front, `prefix` bytes of the shape. */
struct pane;

struct gather;

/* threads: 1 or 2. The strings of *shape are copied. Returns NULL out of memory. */
struct gather *gather_new(const struct group_shape *shape, const struct tumble *tumble, int threads,
			  const struct gather_output *out);
/* After all panes were printed or dropped. NULL is allowed. */
void gather_free(struct gather *g);

/* window: what the keys do not have in front; or NULL. Returns NULL out of memory. */
struct pane *gather_open(const struct tumble_window *window);

/* Add a record, as groups_add does. key: at most 16 KB. Returns 0, or -1: as groups_add, of this
 * record; or what has failed since: memory, the output. */
int gather_add(struct gather *g, struct pane *p, struct slice key, int retract,
	       const struct decimal *amounts, struct err *err);

/* Print the groups of a pane, or forget them; it is gone then. Each returns 0, or -1 with what has
 * failed. */
int gather_print(struct gather *g, struct pane *p, struct err *err);
int gather_drop(struct gather *g, struct pane *p, struct err *err);

/* The number of groups in all panes, at most; gather_settle makes it exact. */
uint64_t gather_most(const struct gather *g);

/* As lane_idle: 1 when all is done, 0 when it will be soon, -1. */
int gather_idle(struct gather *g, struct err *err);
int gather_settle(struct gather *g, struct err *err);

/* How many records have been printed, when settled. */
uint64_t gather_printed(const struct gather *g);

#endif
