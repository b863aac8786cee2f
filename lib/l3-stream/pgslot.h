/* pgslot.h - layer 3: the server's identity, and its logical replication slots. */
#ifndef TUBERIA_PGSLOT_H
#define TUBERIA_PGSLOT_H

#include <stdint.h>

#include "l0-base/err.h"
#include "l1-value/pgpos.h"
#include "l2-line/pgconn.h"

struct pgserver {
	uint64_t system;        /* system identifier */
	uint64_t flushed;       /* end of the log on disk: what can have been sent */
	uint64_t written;       /* end of the log: what has been committed ends before it */
	int64_t sender_timeout; /* wal_sender_timeout in milliseconds; 0: none */
	int sql_ascii;          /* the database does not know the encoding of its text */
};

/* Ask for it; c is a replication connection. Returns 0, or -1. */
int pgserver_look(struct pgconn *c, struct pgserver *s, struct err *err);

/* The same by an ordinary connection, for who it is alone: the rest is 0. Returns 0, or -1. */
int pgserver_look_at(struct pgconn *c, struct pgserver *s, struct err *err);

struct pgslot {
	uint64_t confirmed; /* confirmed_flush_lsn */
	uint64_t restart;   /* restart_lsn: from where the server has to decode; 0: not known */
	int active;         /* in use */
	int64_t active_pid; /* by that backend; 0: not known */
	int lost;           /* invalidated: the log behind it is gone */
};

/* Look at a slot of ours: logical, of pgoutput, in this database. Returns 1; 0 when there is none
 * of that name; -1, ERR_CONFIG when it is of another kind. */
int pgslot_look(struct pgconn *c, const char *name, struct pgslot *slot, struct err *err);

/* Compare a slot with the place from which it is to be read. Returns 0; or -1 with ERR_CONFIG and
 * the reason why changes would be lost, or ERR_TEMP while the slot is in use. */
int pgslot_check(const struct pgslot *slot, const char *name, struct pgplace place,
		 const struct pgserver *server, struct err *err);

/* While it is read in another way than by replication a slot is not in use, as the server sees it.
 * So each reader of it has a lock besides, for as long as its connection c lasts; that of one that
 * was killed is free in a moment. Returns 0, also when the role may not lock; -1 with ERR_TEMP when
 * it is not free within a second. */
int pgslot_lock(struct pgconn *c, const char *name, const struct pgconn_target *target,
		struct err *err);

/* Make a slot; c is a replication connection. Waits for the transactions that are open. Returns 0
 * with the place where it begins, and with snapshot != NULL the name of the exported snapshot of
 * just that place (free it): until another transaction has imported it, c must be left alone.
 * -1 with *err. */
int pgslot_create(struct pgconn *c, const char *name, uint64_t *start, char **snapshot,
		  struct err *err);

/* Move a slot on that is not in use, to its confirmed_flush_lsn or behind it. The log before that
 * is let go, and not decoded again, as far as the server can begin in its midst: that is, since the
 * last checkpoint or so. Takes a quick reading of all the log from the slot's restart_lsn. Returns
 * 0, or -1. */
int pgslot_advance(struct pgconn *c, const char *name, uint64_t to, struct err *err);

/* Returns 0, or -1: ERR_TEMP while it is in use. */
int pgslot_drop(struct pgconn *c, const char *name, struct err *err);

#endif
