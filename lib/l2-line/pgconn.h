/* pgconn.h - layer 2: one connection to PostgreSQL. The only module that includes libpq's header.
 *
 * Nothing here waits without an end: each wait is a ppoll(2) that a signal ends. Failures tell by
 * their status what may help:
 *
 *     ERR_UNAVAILABLE  the server is not there, or the connection is lost: connect again
 *     ERR_TEMP         the server refuses for now (in use, out of resources), or we were stopped
 *     ERR_DENIED       not allowed (password, pg_hba.conf, privileges)
 *     ERR_DATA         a value could not be converted
 *     ERR_CONFIG       anything else: the same statement will fail again
 */
#ifndef TUBERIA_PGCONN_H
#define TUBERIA_PGCONN_H

#include <signal.h>
#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct pgconn;

struct pgconn_target {
	const char *conninfo; /* database name, conninfo string or URI; NULL: PG* variables alone */
	const char *application;           /* application_name, unless the user sets one */
	const volatile sig_atomic_t *stop; /* non-zero ends every wait */
	const sigset_t *allowed;           /* signal mask of the waits */
};

/* Refuse a conninfo with a password in it, which everybody could read in ps(1), or one that libpq
 * does not understand. Returns 0, or -1 with ERR_USAGE. */
int pgconn_check(const char *conninfo, struct err *err);

/* Connect. replication: as a walsender of the database. The session is set so that values come as
 * pgjson.h wants them (client_encoding UTF8, datestyle ISO and so on), whatever the role, the
 * database or PGOPTIONS say; the rest of their settings stays. connect_timeout bounds the attempt
 * (30 s without one). target must live as long as the connection. Returns NULL with *err. */
struct pgconn *pgconn_open(const struct pgconn_target *target, int replication, struct err *err);
void pgconn_close(struct pgconn *c); /* NULL is allowed */

/* Ask the server to leave what it is doing for c: it would not notice by itself that we go. */
void pgconn_cancel(struct pgconn *c);

/* From now on *target->stop does not end a wait; the next `seconds` do. For what is to be tidied up
 * at the end. */
void pgconn_hurry(struct pgconn *c, unsigned seconds);

int pgconn_version(const struct pgconn *c);                          /* 150004 */
const char *pgconn_setting(const struct pgconn *c, const char *key); /* "" when not reported */

/* Run statements by the simple protocol. Returns the number of rows, or -1 with *err. Rows are
 * those of the last statement, valid until the next call. When stopped, the statement is cancelled.
 */
int pgconn_query(struct pgconn *c, const char *sql, struct err *err);
const char *pgconn_value(const struct pgconn *c, int row, int column); /* "" for null */
int pgconn_is_null(const struct pgconn *c, int row, int column);
const char *pgconn_sqlstate(const struct pgconn *c); /* of the last failed statement, or "" */

/* Append as an SQL literal, or as an identifier, quoted. Return 0, or -1 out of memory. */
int pgconn_put_literal(struct pgconn *c, struct buf *out, const char *text);
int pgconn_put_name(struct pgconn *c, struct buf *out, const char *name);

/* Begin COPY … TO STDOUT, or START_REPLICATION. Returns 0, or -1 with *err. */
int pgconn_copy(struct pgconn *c, const char *sql, struct err *err);

/* As pgconn_copy, but without waiting for an answer: a query may work for long before its first
 * row. Whether it fails is told by pgconn_copy_next. */
int pgconn_copy_begin(struct pgconn *c, const char *sql, struct err *err);

/* The next piece of data: its bytes are valid until the next call, and may be changed. Returns 1;
 * 0 when none is there yet: wait for pgconn_fd() to be readable; 2 at the end of the copy, as the
 * server told it; -1 with *err. */
int pgconn_copy_next(struct pgconn *c, char **bytes, size_t *len, struct err *err);

/* Send a piece of data, in the background. Returns 0, or -1 with *err. */
int pgconn_copy_send(struct pgconn *c, const char *bytes, size_t len, struct err *err);

/* Say that we have done, and wait until the server has taken notice (with it, of all sent before),
 * throwing away what still comes; for some seconds at most. */
void pgconn_copy_end(struct pgconn *c, unsigned seconds);

int pgconn_fd(const struct pgconn *c);
/* What to wait for on it: POLLIN, and POLLOUT while something waits to be sent. */
short pgconn_events(struct pgconn *c);

#endif
