/* sqlite.h - layer 2: SQLite files and statements, with errors of ours. The only user of sqlite3.h,
 * which comes with it: what is not wrapped here is called as it is.
 */
#ifndef TUBERIA_SQLITE_H
#define TUBERIA_SQLITE_H

#include <sqlite3.h>
#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

/* How long to wait for another process before giving up with ERR_TEMP. Writers hold the lock for
 * one transaction. */
enum { SQLITE_WAIT_MILLISECONDS = 20000 };

struct sqlite {
	sqlite3 *db;
	char *path;       /* as given: for messages */
	int code;         /* SQLite's extended result code of the last failure */
	int64_t deadline; /* of sqlite_within, on the monotonic clock in microseconds; 0: none */
	struct err why; /* set by SQL functions of ours that fail; sqlite_fail takes it from here */
};

enum sqlite_mode {
	SQLITE_FOR_READING, /* nothing is made */
	SQLITE_FOR_WRITING, /* of a file that is there */
	SQLITE_FOR_MAKING   /* the file is made if it is not there */
};

/* Open the file. Returns 1; 0 when there is no file or nothing in it (not for SQLITE_FOR_MAKING);
 * or -1 with ERR_CONFIG (no regular file), ERR_DENIED, ERR_CREATE, ERR_IO, ERR_TEMP. Whether it is
 * a database shows with the first statement. To be closed in any case. */
int sqlite_open(struct sqlite *d, const char *path, enum sqlite_mode mode, struct err *err);
void sqlite_close(struct sqlite *d);

/* From now on, statements that have not come to their end when `within` microseconds have gone by,
 * all together, fail with ERR_TEMP: they wait for another process, or work. 0: they work as long as
 * it takes, and wait for SQLITE_WAIT_MILLISECONDS each. */
void sqlite_within(struct sqlite *d, int64_t within);

/* What SQLite has to say of its last failure, as an error of ours: ERR_TEMP for what may pass (disk
 * full, locked, out of memory), ERR_DATA (damaged, a constraint), ERR_CONFIG (no database, or
 * without the tables asked for), ERR_DENIED, ERR_CREATE, ERR_IO. Always -1. */
int sqlite_fail(struct sqlite *d, struct err *err);

int sqlite_exec(struct sqlite *d, const char *sql, struct err *err); /* returns 0, or -1 */
int sqlite_prepare(struct sqlite *d, const char *sql, sqlite3_stmt **statement, struct err *err);

/* Returns 1 for a row, 0 at the end, or -1; but for 1, the statement is reset. */
int sqlite_step(struct sqlite *d, sqlite3_stmt *statement, struct err *err);

/* Bind a text that stays until the statement is reset; at NULL is an empty text. */
void sqlite_bind(sqlite3_stmt *statement, int parameter, struct slice text);

/* The text in a column of the current row; NULL is an empty text. */
struct slice sqlite_text(sqlite3_stmt *statement, int column);

/* The first column of the first row, 0 without one. Returns 0, or -1. */
int sqlite_number(struct sqlite *d, const char *sql, int64_t *n, struct err *err);

#endif
