/* store_sqlite_write.h - layer 4, of the store alone: the write side of its SQLite backend, in two
 * files: transactions (_write.c), and epochs larger than memory (_stage.c).
 */
#ifndef TUBERIA_STORE_SQLITE_WRITE_H
#define TUBERIA_STORE_SQLITE_WRITE_H

#include "l1-value/timestamp.h"
#include "l4-service/store_sqlite.h"

enum { OWNER_BYTES = 16 };

struct writing {
	struct store base;
	struct sqlite d;
	char owner[2 * OWNER_BYTES + 1]; /* of the checkpoint: a token, in hex */
	sqlite3_stmt *upsert, *commit_checkpoint, *stage, *unstage;
	int log_pages;
	int staged; /* the staging table is not empty */

	/* A row of the staging table to which those of the same id that follow are added. */
	struct metric sum;
	struct timestamp at;
	struct buf texts;
};

/* Bind the columns of an item. amount: keeps a text until the statement has run. */
void store_sqlite_bind(sqlite3_stmt *statement, const struct metric *m,
		       char amount[DECIMAL_TEXT_MAX]);

/* Add to the item that is there, or begin with this one. */
int store_sqlite_apply(struct writing *w, const struct metric *m, struct err *err);

/* As store_stage. */
int store_sqlite_stage(struct store *s, struct epoch *e, struct err *err);

/* Apply all that is staged, merged, and empty the staging table. */
int store_sqlite_apply_staged(struct writing *w, struct err *err);

#endif
