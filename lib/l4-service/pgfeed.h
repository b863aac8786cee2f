/* pgfeed.h - layer 4: from the changes of a PostgreSQL table to records and barriers: what a
 * position is, where a promised barrier is due, what a TRUNCATE means, where the goal is.
 *
 * Says nothing and waits for nothing; the command brings source and feed together.
 */
#ifndef TUBERIA_PGFEED_H
#define TUBERIA_PGFEED_H

#include "l0-base/err.h"
#include "l1-value/pgpos.h"
#include "l2-line/pgconn.h"
#include "l2-line/pgjson.h"
#include "l2-line/pgoutput.h"
#include "l3-stream/feed.h"
#include "l3-stream/pgrow.h"
#include "l3-stream/pgtable.h"

#define PGFEED_GUARDS 8

struct pgfeed {
	/* set by the caller */
	struct feed *feed;
	struct pgrow *row;
	struct pgjson_types *types;
	const struct pgtable *table;
	const struct pgconn_target *target; /* for looking up types in mid-stream */
	uint64_t system;                    /* system identifier */
	int inserts_only;
	/* or by pgfeed_until: */
	uint64_t until_lsn; /* the goal: nothing committed behind it; 0: none */
	int64_t until_time; /* or later than this (microseconds); INT64_MAX: none */

	/* set by the functions */
	int done; /* the goal is reached */
	uint64_t inserts, updates, deletes, truncates, passed;

	/* the module's own */
	struct buf pos;
	struct pgplace closed;  /* place of the last barrier */
	struct pgplace awaited; /* of the barrier awaited, once that was read */
	int awaiting;
	/* Columns of the relation that cannot be null, and are not in the primary key. */
	size_t guard[PGFEED_GUARDS], guard_count;
};

void pgfeed_free(struct pgfeed *f);

/* Set the goal: an LSN, or a time (without an offset it is local to TZ); NULL: there is none.
 * Returns 0, or -1 with ERR_USAGE. */
int pgfeed_until(struct pgfeed *f, const char *goal, struct err *err);

/* Close the epoch at a place. Returns 0, or -1. */
int pgfeed_barrier(struct pgfeed *f, struct pgplace place, int snapshot, struct err *err);

/* The place that a barrier's position names. Returns 0, or -1 with ERR_CONFIG: it is none, or of
 * another server or table. */
int pgfeed_place(const struct pgfeed *f, const char *position, struct pgplace *place,
		 struct err *err);

/* Know the types of the columns. c: a connection that is free, or NULL: one is opened if need be.
 * Returns 0, or -1. */
int pgfeed_types(struct pgfeed *f, const struct pgoutput_column *column, size_t count,
		 struct pgconn *c, struct err *err);

/* What the source gives (pgsource.h). Return 0, or -1 with *err, after which the records are those
 * of whole changes still. `at`: the place behind it; `before`: the place before a change; loose: a
 * partition may have sent half an old row (loose_partition). */
int pgfeed_relation(struct pgfeed *f, const struct pgoutput_message *m, struct err *err);
int pgfeed_begin(struct pgfeed *f, const struct pgoutput_message *m, struct err *err);
int pgfeed_change(struct pgfeed *f, const struct pgoutput_message *m, struct pgplace before,
		  struct pgplace at, int loose, struct err *err);

/* A transaction has ended, or the place moved on without one. server_time: its clock, or 0. */
int pgfeed_reached(struct pgfeed *f, struct pgplace at, int64_t server_time, struct err *err);

#endif
