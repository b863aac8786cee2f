#include "l4-service/pgsnapshot.h"

#include <inttypes.h>
#include <stdlib.h>

#include "l3-stream/pgcopy.h"
#include "l3-stream/pgslot.h"

#define UNDO_SECONDS 10

struct pgsnapshot {
	struct pgconn *c;
	uint64_t start;
	struct pgoutput_value *value;
	size_t count;
};

static int run(struct pgconn *c, struct buf *sql, struct err *err)
{
	int rows = sql->failed ? err_memory(err) : pgconn_query(c, buf_text(sql), err);

	buf_clear(sql);
	return rows;
}

/* ALTER TABLE and TRUNCATE give a table new files, and a snapshot from before finds them empty.
 * From the lock on, nobody does that; between the snapshot and the lock somebody may have. A query
 * locks as LOCK TABLE does, and the right to read a single column is enough for it. */
static int lock_table(struct pgconn *c, const struct pgtable *t, struct buf *sql, struct err *err)
{
	int rows;

	buf_printf(sql, "SELECT FROM %s%s LIMIT 0", t->partitioned ? "" : "ONLY ", t->sql);
	if (run(c, sql, err) < 0)
		return -1;
	buf_printf(sql,
		   "SELECT FROM pg_catalog.pg_class WHERE oid IN (SELECT %" PRIu32
		   " UNION SELECT relid FROM pg_catalog.pg_partition_tree(%" PRIu32
		   ")) AND relkind = 'r' AND relfilenode IS DISTINCT FROM "
		   "pg_catalog.pg_relation_filenode(oid)",
		   t->oid, t->oid);
	rows = run(c, sql, err);
	if (rows > 0)
		return err_set(err, ERR_TEMP,
			       "%s was rewritten (ALTER TABLE or TRUNCATE) just now: try again",
			       t->sql);
	return rows;
}

/* COPY of the whole table is the fastest, but knows neither partitions nor conditions. */
static void put_copy(struct pgconn *c, const struct pgtable *t,
		     const struct pgoutput_column *column, size_t count, struct buf *sql)
{
	int whole = !t->partitioned && t->filter == NULL;
	struct buf name = {0};

	if (whole)
		buf_printf(sql, "COPY %s (", t->sql);
	else
		buf_puts(sql, "COPY (SELECT ");
	for (size_t i = 0; i < count; i++) {
		buf_clear(&name);
		buf_slice(&name, column[i].name);
		buf_puts(sql, i == 0 ? "" : ", ");
		pgconn_put_name(c, sql, buf_text(&name));
	}
	sql->failed |= name.failed;
	buf_free(&name);
	if (!whole)
		buf_printf(sql, " FROM %s%s", t->partitioned ? "" : "ONLY ", t->sql);
	if (t->filter != NULL)
		buf_printf(sql, " WHERE (%s)", t->filter);
	buf_puts(sql, ") TO STDOUT");
}

static int begin(struct pgsnapshot *s, const struct pgconn_target *target, const char *snapshot,
		 const struct pgtable *t, const struct pgoutput_column *column, int sql_ascii,
		 struct buf *sql, struct err *err)
{
	s->c = pgconn_open(target, 0, err);
	if (s->c == NULL)
		return -1;
	if (sql_ascii)
		buf_puts(sql, "SET client_encoding = SQL_ASCII; ");
	buf_puts(sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ");
	pgconn_put_literal(s->c, sql, snapshot);
	if (run(s->c, sql, err) < 0 || lock_table(s->c, t, sql, err) != 0)
		return -1;
	put_copy(s->c, t, column, s->count, sql);
	return sql->failed ? err_memory(err) : pgconn_copy(s->c, buf_text(sql), err);
}

struct pgsnapshot *pgsnapshot_open(const struct pgconn_target *target, struct pgconn *c,
				   const struct pgtable *t, const struct pgoutput_column *column,
				   size_t count, const char *slot, int sql_ascii, struct err *err)
{
	struct pgsnapshot *s = calloc(1, sizeof *s);
	char *snapshot = NULL;
	struct buf sql = {0};
	struct err ignored;

	if (s != NULL) {
		s->count = count;
		s->value = calloc(count + 1, sizeof *s->value);
	}
	if (s == NULL || s->value == NULL) {
		err_memory(err);
		goto fail;
	}
	if (pgslot_create(c, slot, &s->start, &snapshot, err) != 0)
		goto fail;
	if (begin(s, target, snapshot, t, column, sql_ascii, &sql, err) != 0) {
		err_prefix(err, "snapshot");
		pgsnapshot_undo(c, slot, &ignored);
		goto fail;
	}
	buf_free(&sql);
	free(snapshot);
	return s;
fail:
	buf_free(&sql);
	free(snapshot);
	pgsnapshot_close(s);
	return NULL;
}

void pgsnapshot_close(struct pgsnapshot *s)
{
	if (s == NULL)
		return;
	pgconn_close(s->c);
	free(s->value);
	free(s);
}

uint64_t pgsnapshot_start(const struct pgsnapshot *s)
{
	return s->start;
}

int pgsnapshot_fd(const struct pgsnapshot *s)
{
	return pgconn_fd(s->c);
}

int pgsnapshot_undo(struct pgconn *c, const char *slot, struct err *err)
{
	pgconn_hurry(c, UNDO_SECONDS);
	return pgslot_drop(c, slot, err);
}

int pgsnapshot_next(struct pgsnapshot *s, struct pgoutput_tuple *row, struct err *err)
{
	char *at;
	size_t len;
	int got = pgconn_copy_next(s->c, &at, &len, err);

	if (got != 1)
		return got;
	if (pgcopy_row(at, len, s->value, s->count, err) != 0)
		return err_prefix(err, "snapshot");
	*row = (struct pgoutput_tuple){s->count, s->value};
	return 1;
}
