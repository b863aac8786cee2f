/* pgsetup.h - layer 4: what must be there before a table can be followed: the server, the table,
 * its publication and its slot.
 */
#ifndef TUBERIA_PGSETUP_H
#define TUBERIA_PGSETUP_H

#include "l0-base/err.h"
#include "l1-value/pgpos.h"
#include "l2-line/pgconn.h"
#include "l3-stream/pgrow.h"
#include "l3-stream/pgslot.h"
#include "l3-stream/pgtable.h"

struct pgsetup {
	/* set by the caller */
	struct pgconn_target target;
	const char *table_name;         /* as SQL has it */
	const char *slot, *publication; /* NULL: derived from the table's name */
	int inserts_only;
	int polling;       /* rows are queried: no slot, no publication, an ordinary connection */
	struct pgrow *row; /* the choice of columns */

	/* set by pgsetup_open */
	struct pgconn *c; /* replication connection, or an ordinary one */
	struct pgserver server;
	struct pgtable table;
	/* The columns that are read, in the table's order, for pgrow_compile; set by
	 * pgsetup_check. */
	struct pgoutput_column *column;
	size_t column_count;

	char *derived_slot;
};

/* Connect and find the table. Derived names are tuberia_TABLE, or tuberia_SCHEMA_TABLE outside of
 * public, in the characters that a slot's name may have. Tries for `wait` microseconds while the
 * server is not there, or refuses for now. Returns 0, or -1 with *err. */
int pgsetup_open(struct pgsetup *s, int64_t wait, struct err *err);
void pgsetup_close(struct pgsetup *s);

/* Everything but the slot: the publication is there and publishes what is wanted, the columns asked
 * for exist, old rows have them all. Returns 0, or -1: ERR_CONFIG and what to do about it. */
int pgsetup_check(struct pgsetup *s, struct err *err);

/* The columns alone, as pgsetup_check. */
int pgsetup_columns(struct pgsetup *s, struct err *err);

/* Drop slot and publication; each is looked at separately. *slot, *publication: 1 when there was
 * one. Returns 0, or -1. */
int pgsetup_drop(struct pgsetup *s, int *slot, int *publication, struct err *err);

/* Make the publication where it is missing (*publication becomes 1), check everything as
 * pgsetup_check, and with slot != NULL make the slot where it is missing (*slot becomes 1).
 * *start: where the slot stands. Returns 0, or -1. */
int pgsetup_create(struct pgsetup *s, int *publication, int *slot, uint64_t *start,
		   struct err *err);

/* Check that the changes behind *place can be had from the slot; with resuming == 0, *place becomes
 * that of the slot. Returns 0, or -1: ERR_CONFIG saying what is lost, ERR_TEMP while the slot is in
 * use. */
int pgsetup_begin(struct pgsetup *s, int resuming, struct pgplace *place, struct err *err);

/* A table that is dropped, or taken out of its publication, is just quiet in the log: look whether
 * it is there still, on a connection of its own. `since`: when that was last known, for the
 * message. Returns 0, also when the server cannot be asked now; -1 with ERR_CONFIG. */
int pgsetup_look_again(const struct pgsetup *s, int64_t since, struct err *err);

/* Look at the slot, for a second when it is in use: the server needs a moment to notice that its
 * user was killed. As pgslot_look. */
int pgsetup_slot(struct pgsetup *s, struct pgslot *slot, struct err *err);

#endif
