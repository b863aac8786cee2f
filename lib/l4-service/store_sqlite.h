/* store_sqlite.h - layer 4, of the store alone: what the parts of its SQLite backend share.
 *
 * store_sqlite.c knows the schema; _write, _stage, _read and _verify are its users.
 */
#ifndef TUBERIA_STORE_SQLITE_H
#define TUBERIA_STORE_SQLITE_H

#include "l2-line/metric.h"
#include "l2-line/sqlite.h"
#include "l4-service/store_backend.h"

/* Open the file and check that it holds a store. SQLITE_FOR_MAKING makes file and schema when they
 * are not there; SQLITE_FOR_READING changes nothing. Returns 1; 0 when there is no store yet (not
 * for SQLITE_FOR_MAKING); or -1. To be closed in any case, by sqlite_close. within: as of
 * store_within. */
int store_sqlite_database(struct sqlite *d, const char *path, enum sqlite_mode mode, int64_t within,
			  struct err *err);

/* The columns of an item, as a list for SELECT and INSERT, and the item of the current row, which
 * lives until the statement's next step. Returns 0, or -1 with ERR_DATA: the row is none of ours.
 */
#define ITEM_COLUMNS "id, cliente_id, producto, fecha, num_transacciones, monto_total, fecha_hora"
enum { ITEM_COLUMN_COUNT = 7 };
int store_sqlite_item(struct sqlite *d, sqlite3_stmt *statement, struct metric *m, struct err *err);

/* What the one index is of: producto#fecha, the end of the id. */
#define ITEM_TAIL "substr(id, instr(id, '#') + 1)"

/* The check, a part of the write side in a file of its own. */
int store_sqlite_verify(const char *place,
			int (*report)(void *context, struct slice difference, struct err *err),
			void *context, struct store_verified *counts, struct err *err);

#endif
