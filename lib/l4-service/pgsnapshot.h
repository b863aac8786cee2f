/* pgsnapshot.h - layer 4: the rows of a table as they were at the place where a new replication
 * slot begins: rows of the snapshot and changes of the slot make the table, without gap or overlap.
 * Source: PostgreSQL manual, 49.2.5 "Exported Snapshots".
 */
#ifndef TUBERIA_PGSNAPSHOT_H
#define TUBERIA_PGSNAPSHOT_H

#include <stdint.h>

#include "l0-base/err.h"
#include "l2-line/pgconn.h"
#include "l2-line/pgoutput.h"
#include "l3-stream/pgtable.h"

struct pgsnapshot;

/* Make the slot on the replication connection c, which is to be left alone until this returns, and
 * open the table as of then on a connection of its own. column: those to read, in order. Waits for
 * transactions that are open. Returns NULL with *err, and then no slot is left behind. */
struct pgsnapshot *pgsnapshot_open(const struct pgconn_target *target, struct pgconn *c,
				   const struct pgtable *t, const struct pgoutput_column *column,
				   size_t count, const char *slot, int sql_ascii, struct err *err);
void pgsnapshot_close(struct pgsnapshot *s); /* NULL is allowed; the slot stays */

/* Where the slot begins. */
uint64_t pgsnapshot_start(const struct pgsnapshot *s);

/* The next row: its values, valid until the next call. Returns 1; 0 when none is there yet (wait
 * for pgsnapshot_fd); 2 at the end; -1 with *err. */
int pgsnapshot_next(struct pgsnapshot *s, struct pgoutput_tuple *row, struct err *err);

int pgsnapshot_fd(const struct pgsnapshot *s);

/* Drop the slot again, after a failure; within a few seconds or not at all. Returns 0, or -1. */
int pgsnapshot_undo(struct pgconn *c, const char *slot, struct err *err);

#endif
