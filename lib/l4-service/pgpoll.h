/* pgpoll.h - layer 4: the rows that are added to a table, from queries: for servers without logical
 * replication. Source: pg-tail(1), POLLING.
 *
 * Rows are read in rounds, by pages, in the order of a key that grows. A row may be committed
 * behind one with a greater key: the gaps between the keys that were seen are read again in each
 * round, until every transaction has ended that was open when they were seen. Only then nothing can
 * appear in them.
 */
#ifndef TUBERIA_PGPOLL_H
#define TUBERIA_PGPOLL_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l1-value/pgkeys.h"
#include "l2-line/pgconn.h"
#include "l2-line/pgoutput.h"
#include "l3-stream/pgtable.h"

enum pgpoll_event {
	PGPOLL_NONE =
		0,  /* nothing yet: wait for pgpoll_fd, or until retry_at where there is none */
	PGPOLL_ROW, /* row, at */
	PGPOLL_CAUGHT_UP, /* the round is over: all was read that was committed when it began */
	PGPOLL_HELD, /* so was it, but too many gaps wait for transactions to end: no new rows */
	PGPOLL_LOST, /* the connection was lost (trouble says why); it will be tried again */
	PGPOLL_RECONNECTED
};

struct pgpoll {
	/* set by the caller */
	const struct pgconn_target *target;
	const struct pgtable *table;
	const char *key;                      /* name of the column */
	const struct pgoutput_column *column; /* those to read */
	size_t count;
	uint64_t system;
	int sql_ascii;
	int64_t wait;       /* microseconds for which a lost connection is tried again */
	struct pgkeys keys; /* what was given */

	/* set by pgpoll_start */
	uint32_t file; /* for positions */

	/* set by pgpoll_next */
	struct pgoutput_tuple row; /* valid until the next call */
	int64_t at;                /* its key */
	struct err trouble;
	int64_t retry_at; /* ns, monotonic */

	/* the module's own */
	struct pgconn *c;
	struct pgoutput_value *value; /* the key, then the columns */
	struct buf sql;
	int phase;
	size_t page_rows;
	int64_t cursor;  /* the greatest key read in this round */
	int64_t settled; /* up to here nothing will appear any more */
	/* The greatest key that was there when `open` was looked at; PGKEYS_NONE: we look next
	 * time. */
	int64_t candidate;
	struct buf open; /* the transactions that were open then: an array in SQL */
	int prepared;    /* of them, those that have been prepared to be committed in two phases */
	int64_t settling;
	int64_t lost_at, backoff;
};

/* Whether a table can be read by a column: it is an integer, not null, unique, and its sequence
 * hands out keys in their order. Returns 0, or -1 with ERR_CONFIG and the reason. */
int pgpoll_check(struct pgconn *c, const struct pgtable *t, const char *key, struct err *err);

/* Start on an ordinary connection, which becomes ours in any case. Returns 0, or -1; pgpoll_stop in
 * any case. */
int pgpoll_start(struct pgpoll *p, struct pgconn *c, struct err *err);

/* The next event. -1 with *err ends it: ERR_CONFIG when the table was truncated or rewritten,
 * ERR_TEMP when the connection could not be had again in time, or as the server's error says. */
int pgpoll_next(struct pgpoll *p, struct err *err);

/* The row of the last event was given: mark its key. Returns 0, or -1. */
int pgpoll_give(struct pgpoll *p, struct err *err);

int pgpoll_fd(const struct pgpoll *p); /* -1: no connection at present */

void pgpoll_stop(struct pgpoll *p);

#endif
