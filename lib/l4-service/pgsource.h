/* pgsource.h - layer 4: the changes of one table, from a logical replication slot.
 *
 * Keeps its own position and starts from it again whenever the connection was lost: the server's
 * idea of it (confirmed_flush) may lag behind, or go back with a crash. What the server may forget
 * is said to it by pgsource_confirm() alone. Source: PostgreSQL manual, 55.4 "Streaming Replication
 * Protocol", 55.5 "Logical Streaming Replication Protocol".
 */
#ifndef TUBERIA_PGSOURCE_H
#define TUBERIA_PGSOURCE_H

#include <stdint.h>

#include "l0-base/err.h"
#include "l1-value/pgpos.h"
#include "l2-line/pgconn.h"
#include "l2-line/pgoutput.h"
#include "l3-stream/pgslot.h"

enum pgsource_event {
	PGSOURCE_NONE = 0, /* nothing at present: wait as pgsource_poll says */
	PGSOURCE_RELATION, /* columns: of the table, before the first row that has them */
	PGSOURCE_BEGIN,    /* message: lsn and time of the commit */
	PGSOURCE_CHANGE,   /* message: INSERT, UPDATE, DELETE or TRUNCATE of the table */
	PGSOURCE_COMMIT,
	PGSOURCE_IDLE,        /* the place moved on, without any change of the table */
	PGSOURCE_RECONNECTED, /* the connection is here again; an event of what follows comes next
			       */
	/* about which news has a sentence: */
	PGSOURCE_LOST,     /* the connection was lost; it will be tried again */
	PGSOURCE_PASS,     /* a pass over the log has begun */
	PGSOURCE_FOLLOWING /* passes are over, or cannot be had; the log is followed */
};

struct pgcatchup;

struct pgsource {
	/* set by the caller before pgsource_start */
	const struct pgconn_target *target;
	const char *slot, *publication;
	uint32_t table;  /* OID */
	int partitioned; /* it is the root of a partitioned table */
	uint64_t system; /* system identifier */
	uint64_t until;  /* nothing behind it is wanted; 0: no such place */
	/* Whether a backlog is read in large passes (pgcatchup.h): "auto" where it is worth it,
	 * "always" at the start, whatever there is, or "never". */
	const char *catch_up;
	int64_t wait;         /* microseconds for which a lost connection is tried again */
	struct pgplace place; /* where to begin; then: behind what has been given */

	/* set by pgsource_next */
	struct pgoutput_message message; /* valid until the next call */
	struct pgoutput_message columns; /* PGSOURCE_RELATION; valid likewise */
	struct err news;
	int caught_up;       /* all that was in the log when we connected has been given */
	int loose_partition; /* a partition without REPLICA IDENTITY FULL sent changes */
	uint64_t server_end; /* how far the server has read its log */
	int64_t server_time; /* its clock then, if it had caught up; microseconds since 1970 */

	/* the module's own */
	struct pgconn *c;       /* of replication; idle while there are passes */
	struct pgcatchup *pass; /* or NULL */
	int pass_over;          /* it has come to its end */
	int passes;             /* how many there were; -1: no more of them */
	int event;              /* an event to be given first */
	struct pgoutput decoder, columns_decoder;
	struct buf relation;  /* the table's columns as last told */
	int relation_due;     /* and not yet given: a row of it has to come first */
	int row_waits;        /* which has: the message */
	uint64_t begun;       /* commit LSN of the transaction in progress; 0: none */
	uint64_t rows, skip;  /* changes of it seen; of them given before we connected */
	uint64_t goal;        /* for caught_up */
	int after_root;       /* the last message was the table's relation */
	uint64_t confirmed;   /* what the server may forget */
	uint64_t told;        /* and was told of, by a query */
	int64_t status_every; /* ns */
	int64_t status_sent;  /* when, on the monotonic clock */
	int64_t lost_at, retry_at, backoff;
};

/* Start, by passes or at once, on a replication connection, which becomes the source's (server:
 * what pgserver_look said of it). The caller has compared place and slot. Returns 0, or -1:
 * ERR_TEMP also when another pg-tail reads the slot; pgsource_stop in any case. */
int pgsource_start(struct pgsource *s, struct pgconn *c, const struct pgserver *server,
		   struct err *err);

/* The next event. -1 with *err ends the source: ERR_CONFIG where going on would leave a gap,
 * ERR_TEMP when the connection could not be had again in time, or as the server's error says. */
int pgsource_next(struct pgsource *s, struct err *err);

/* To be called now and then (at least every few 100 ms, also while no event is asked for): tells
 * the server that we live. A loss of the connection shows in pgsource_next. */
void pgsource_tick(struct pgsource *s);

/* All that ends at or before this LSN is stored for good: the server need not keep it. Ignored
 * where it would go back, or beyond the place. */
void pgsource_confirm(struct pgsource *s, uint64_t lsn);

/* What to poll: returns the descriptor (-1: none at present) and sets *events; *until is lowered to
 * the time (ns, monotonic) at which pgsource_next or _tick has to be called. */
int pgsource_poll(struct pgsource *s, short *events, int64_t *until);

/* 1 while changes come as the server finds them, by replication. */
int pgsource_streams(const struct pgsource *s);

/* End: what was confirmed reaches the server, if it answers within a few seconds. */
void pgsource_stop(struct pgsource *s);

#endif
