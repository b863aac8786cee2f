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
 * for SQLITE_FOR_MAKING); or -1. To be closed in any case, by sqlite_close. */
int store_sqlite_database(struct sqlite *d, const char *path, enum sqlite_mode mode,
			  struct err *err);

/* The columns of an item, as a list for SELECT and INSERT, and the item of the current row, which
 * lives until the statement's next step. Returns 0, or -1 with ERR_DATA: the row is none of ours.
 */
#define ITEM_COLUMNS "id, cliente_id, producto, fecha, num_transacciones, monto_total, fecha_hora"
enum { ITEM_COLUMN_COUNT = 7 };
int store_sqlite_item(struct sqlite *d, sqlite3_stmt *statement, struct metric *m, struct err *err);

/* What the one index is of: producto#fecha, the end of the id. */
#define ITEM_TAIL "substr(id, instr(id, '#') + 1)"

/* The write side. */
int store_sqlite_open(const char *place, const char *checkpoint, struct store **out,
		      struct buf *line, struct err *err);
void store_sqlite_close(struct store *s);
int store_sqlite_stage(struct store *s, struct epoch *e, struct err *err);
int store_sqlite_commit(struct store *s, struct epoch *e, const struct barrier *b, int replace,
			struct err *err);
int store_sqlite_show_checkpoint(const char *place, const char *name, struct buf *line,
				 struct err *err);
int store_sqlite_drop_checkpoint(const char *place, const char *name, struct err *err);

/* The read side. */
int store_sqlite_reader_open(const char *place, struct store_reader **out, struct err *err);
void store_sqlite_reader_close(struct store_reader *r);
int store_sqlite_begin(struct store_reader *r, struct err *err);
void store_sqlite_end(struct store_reader *r);
int store_sqlite_fresh(struct store_reader *r, int64_t *time, int64_t *epoch, struct err *err);
int store_sqlite_get(struct store_reader *r, const struct metric_key *key, struct metric *m,
		     struct err *err);
int store_sqlite_get_many(struct store_reader *r, const struct metric_key *keys, size_t count,
			  struct err *err);
int store_sqlite_customers(struct store_reader *r, struct slice producto, struct slice fecha,
			   struct slice prefix, struct err *err);
int store_sqlite_products(struct store_reader *r, struct slice cliente_id, struct slice fecha,
			  struct slice prefix, struct err *err);
int store_sqlite_days(struct store_reader *r, struct slice cliente_id, struct slice producto,
		      int64_t from, int64_t to, struct err *err);
int store_sqlite_next(struct store_reader *r, struct metric *m, struct err *err);

/* The check. */
int store_sqlite_verify(const char *place,
			int (*report)(void *context, struct slice difference, struct err *err),
			void *context, struct store_verified *counts, struct err *err);

#endif
