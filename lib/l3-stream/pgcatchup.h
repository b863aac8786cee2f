/* pgcatchup.h - layer 3: a backlog of changes in large passes over an ordinary connection.
 *
 * Through a replication connection a server sends each row by itself, with a system call or two,
 * whoever reads. An SQL function that decodes gives the same messages for less than half the work;
 * but it gives nothing before it has decoded everything that is asked for, and keeps that in a
 * temporary file of the server. So: one large pass after the other, each of a bounded stretch of
 * log, or two at once where that pays. Transactions that are too large for the server's memory are
 * streamed while in progress, and held here until their commit (pgheld.h).
 *
 * It reads a temporary copy of the slot. The slot itself does not move and is not in use, and what
 * goes wrong here, with the whole copy, can be left: a replication connection goes on from any
 * place. Source: PostgreSQL manual, 9.27.6 "Replication Management Functions".
 */
#ifndef TUBERIA_PGCATCHUP_H
#define TUBERIA_PGCATCHUP_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l2-line/pgconn.h"

/* The first server that can do it: that streams transactions in progress. */
#define PGCATCHUP_VERSION 140000

struct pgcatchup;

/* Connect and copy the slot. table: OID, of which messages are wanted; sql_ascii: as struct
 * pgserver has it. All that is pointed to must live as long. Returns NULL with *err: then, for
 * whatever reason, the slot is to be read in another way. */
struct pgcatchup *pgcatchup_open(const struct pgconn_target *target, const char *slot,
				 const char *publication, uint32_t table, int sql_ascii,
				 struct err *err);
void pgcatchup_close(struct pgcatchup *p); /* NULL is allowed; a pass is cancelled */

/* Begin a pass with the transactions whose commit record begins at `from` or behind it, and begins
 * before pgcatchup_end(): `upto` or less, as the server's temporary file would become too large, or
 * as the server decodes the rest at the same time, of `least` bytes or more, for the next pass.
 * `from` must be the end of the pass before, if there was one, and `upto` in the log already.
 * Returns 0, or -1. */
int pgcatchup_begin(struct pgcatchup *p, uint64_t from, uint64_t upto, uint64_t least,
		    struct err *err);
uint64_t pgcatchup_end(const struct pgcatchup *p);
int pgcatchup_is_ahead(const struct pgcatchup *p); /* whether it decodes for the next pass */

/* The next message, as protocol version 1 has it: whole transactions, in the order of their
 * commits. Valid until the next call. Returns 1; 0 when none is there yet: wait for pgcatchup_fd()
 * to be readable; 2 at the end of the pass; -1 with *err. */
int pgcatchup_next(struct pgcatchup *p, struct slice *message, struct err *err);
int pgcatchup_fd(const struct pgcatchup *p);

#endif
