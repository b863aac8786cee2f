#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "l1-value/timestamp.h"
#include "l3-stream/control.h"
#include "l3-stream/epoch.h"
#include "l4-service/store_sqlite_write.h"

enum {
	/* The log is copied into the database when it has this many pages (64 MiB): the more
	 * commits at once, the fewer times a page is copied. Readers hardly notice its length. */
	LOG_PAGES = 16384,
	/* Readers that come and go without a gap keep the log from starting over at its front.
	 * When it has become this long, wait for a gap. */
	LOG_PAGES_MOST = 4 * LOG_PAGES
};

static const char upsert_sql[] =
	"INSERT INTO metricas (" ITEM_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	" ON CONFLICT (id) DO UPDATE SET"
	" num_transacciones = num_transacciones + excluded.num_transacciones,"
	" monto_total = decimal_add(monto_total, excluded.monto_total),"
	" fecha_hora = excluded.fecha_hora";

static const char commit_checkpoint_sql[] =
	"UPDATE checkpoint SET epoch = ?3, barrier = ?4, barrier_time = ?5"
	" WHERE name = ?1 AND owner = ?2";

static const char take_over_sql[] =
	"INSERT INTO checkpoint (name, owner, host, pid, since) VALUES (?1, ?2, ?3, ?4, ?5)"
	" ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, host = excluded.host,"
	" pid = excluded.pid, since = excluded.since"
	" RETURNING barrier";

/* ---- opening ---- */

/* decimal_add(a, b): texts of exact decimals. */
static void decimal_add_sql(sqlite3_context *context, int count, sqlite3_value **value)
{
	struct sqlite *d = sqlite3_user_data(context);
	struct decimal sum, more;
	char text[DECIMAL_TEXT_MAX];
	size_t len;
	int i;

	for (i = 0; i < count; i++) {
		struct slice s = {(const char *)sqlite3_value_text(value[i]),
				  (size_t)sqlite3_value_bytes(value[i])};

		if (decimal_parse(s, i == 0 ? &sum : &more, &d->why) != 0)
			break;
	}
	if (i < count || decimal_add(&sum, &more, &d->why) != 0) {
		err_prefix(&d->why, "monto_total");
		sqlite3_result_error(context, "decimal_add", -1);
		return;
	}
	len = decimal_print(&sum, text);
	sqlite3_result_text(context, text, (int)len, SQLITE_TRANSIENT);
}

static int on_log_written(void *context, sqlite3 *db, const char *name, int pages)
{
	struct writing *w = context;

	(void)db;
	(void)name;
	w->log_pages = pages;
	return SQLITE_OK;
}

static int make_owner(struct writing *w, struct err *err)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char token[OWNER_BYTES];

	if (getrandom(token, sizeof token, 0) != (ssize_t)sizeof token)
		return err_set(err, ERR_TEMP, "no random numbers can be had");
	for (size_t i = 0; i < sizeof token; i++) {
		w->owner[2 * i] = hex[token[i] >> 4];
		w->owner[2 * i + 1] = hex[token[i] & 15];
	}
	return 0;
}

/* Make the checkpoint ours, whoever had it. Appends the last committed barrier to *line. */
static int take_over(struct writing *w, const char *checkpoint, struct buf *line, struct err *err)
{
	char host[HOST_NAME_MAX + 1] = "";
	struct buf since = {0};
	sqlite3_stmt *statement;
	int64_t utc;
	int32_t nanos;
	int row;

	if (make_owner(w, err) != 0 || sqlite_prepare(&w->d, take_over_sql, &statement, err) != 0)
		return -1;
	gethostname(host, sizeof host - 1);
	timestamp_now(&utc, &nanos); /* for people: nothing is decided by it */
	timestamp_put_utc(&since, utc, nanos);
	sqlite_bind(statement, 1, slice_of(checkpoint));
	sqlite_bind(statement, 2, slice_of(w->owner));
	sqlite_bind(statement, 3, slice_of(host));
	sqlite3_bind_int64(statement, 4, getpid());
	sqlite_bind(statement, 5, buf_view(&since));
	row = sqlite_step(&w->d, statement, err);
	if (row > 0) {
		buf_slice(line, sqlite_text(statement, 0));
		row = sqlite_step(&w->d, statement, err); /* the end; without it, no commit */
	}
	if (row == 0 && (line->failed || since.failed))
		row = err_memory(err);
	sqlite3_finalize(statement);
	buf_free(&since);
	return row;
}

static int is_empty(struct sqlite *d, int *empty, struct err *err)
{
	sqlite3_stmt *statement;
	int row;

	if (sqlite_prepare(d, "SELECT 1 FROM metricas LIMIT 1", &statement, err) != 0)
		return -1;
	row = sqlite_step(d, statement, err);
	*empty = row == 0;
	sqlite3_finalize(statement);
	return row < 0 ? -1 : 0;
}

static void write_close(struct store *s);

static int write_open(const char *place, const char *checkpoint, struct store **out,
		      struct buf *line, struct err *err)
{
	struct writing *w = calloc(1, sizeof *w);

	if (w == NULL)
		return err_memory(err);
	w->base.writing = &store_sqlite_writing;
	if (store_sqlite_database(&w->d, place, SQLITE_FOR_MAKING, 0, err) < 0)
		goto fail;
	sqlite3_wal_hook(w->d.db, on_log_written, w);
	if (sqlite3_create_function_v2(w->d.db, "decimal_add", 2,
				       SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
				       &w->d, decimal_add_sql, NULL, NULL, NULL) != SQLITE_OK) {
		sqlite_fail(&w->d, err);
		goto fail;
	}
	if (sqlite_prepare(&w->d, upsert_sql, &w->upsert, err) != 0 ||
	    sqlite_prepare(&w->d, commit_checkpoint_sql, &w->commit_checkpoint, err) != 0 ||
	    is_empty(&w->d, &w->base.was_empty, err) != 0 ||
	    (checkpoint != NULL && take_over(w, checkpoint, line, err) != 0))
		goto fail;
	*out = &w->base;
	return 0;
fail:
	write_close(&w->base);
	return -1;
}

static void write_close(struct store *s)
{
	struct writing *w = (struct writing *)s;

	sqlite3_finalize(w->upsert);
	sqlite3_finalize(w->commit_checkpoint);
	sqlite3_finalize(w->stage);
	sqlite3_finalize(w->unstage);
	sqlite_close(&w->d);
	buf_free(&w->texts);
	free(w);
}

/* ---- items ---- */

static void bind_part(sqlite3_stmt *statement, int parameter, const struct metric_part *p)
{
	int64_t n;

	if (p->kind == METRIC_NUMBER && metric_number_kind(p->text, &n) == METRIC_NUMBER)
		sqlite3_bind_int64(statement, parameter, n);
	else
		sqlite_bind(statement, parameter, p->text);
}

void store_sqlite_bind(sqlite3_stmt *statement, const struct metric *m,
		       char amount[DECIMAL_TEXT_MAX])
{
	size_t len = decimal_print(&m->monto_total, amount);

	sqlite_bind(statement, 1, m->id);
	bind_part(statement, 2, &m->cliente_id);
	bind_part(statement, 3, &m->producto);
	sqlite_bind(statement, 4, m->fecha);
	sqlite3_bind_int64(statement, 5, m->num_transacciones);
	sqlite_bind(statement, 6, (struct slice){amount, len});
	sqlite_bind(statement, 7, m->fecha_hora);
}

int store_sqlite_apply(struct writing *w, const struct metric *m, struct err *err)
{
	char amount[DECIMAL_TEXT_MAX];

	store_sqlite_bind(w->upsert, m, amount);
	if (sqlite_step(&w->d, w->upsert, err) == 0)
		return 0;
	if (err->status != ERR_DATA)
		return -1;
	/* A count beyond int64 becomes a double in SQLite's arithmetic, which the column refuses.
	 */
	return err_prefix(err, "id %.*s", SLICE_ARG(m->id));
}

static int apply_epoch(struct writing *w, struct epoch *e, struct err *err)
{
	size_t count;
	struct metric m;
	struct timestamp at;

	if (epoch_close(e, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		epoch_item(e, i, &m, &at);
		if (store_sqlite_apply(w, &m, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- commit ---- */

/* The checkpoint is not ours any more: say whose it is. Always -1. */
static int lost(struct writing *w, struct err *err)
{
	const char *name = w->base.checkpoint;
	sqlite3_stmt *statement;
	int row;

	if (sqlite_prepare(&w->d, "SELECT host, pid, since FROM checkpoint WHERE name = ?1",
			   &statement, err) != 0)
		return -1;
	sqlite_bind(statement, 1, slice_of(name));
	row = sqlite_step(&w->d, statement, err);
	if (row > 0)
		err_set(err, ERR_DENIED,
			"checkpoint \"%s\" has been taken over by a newer instance: process "
			"%lld on %.*s, since %.*s",
			name, (long long)sqlite3_column_int64(statement, 1),
			SLICE_ARG(sqlite_text(statement, 0)), SLICE_ARG(sqlite_text(statement, 2)));
	else if (row == 0)
		err_set(err, ERR_DENIED, "checkpoint \"%s\" has been dropped", name);
	sqlite3_finalize(statement);
	return -1;
}

static int set_checkpoint(struct writing *w, const struct barrier *b, struct err *err)
{
	sqlite3_stmt *statement = w->commit_checkpoint;
	struct buf line = {0};
	int row;

	if (barrier_print(&line, b) != 0) {
		buf_free(&line);
		return err_memory(err);
	}
	sqlite_bind(statement, 1, slice_of(w->base.checkpoint));
	sqlite_bind(statement, 2, slice_of(w->owner));
	sqlite3_bind_int64(statement, 3, b->epoch);
	sqlite_bind(statement, 4, buf_view(&line));
	sqlite3_bind_int64(statement, 5, b->time);
	row = sqlite_step(&w->d, statement, err);
	buf_free(&line);
	if (row == 0 && sqlite3_changes(w->d.db) == 0)
		return lost(w, err);
	return row;
}

static int apply(struct writing *w, struct epoch *e, const struct barrier *b, int replace,
		 struct err *err)
{
	/* First, so that an instance that has lost its checkpoint does no work for nothing. */
	if (w->base.checkpoint != NULL && set_checkpoint(w, b, err) != 0)
		return -1;
	if (replace && sqlite_exec(&w->d, "DELETE FROM metricas", err) != 0)
		return -1;
	if (w->staged)
		return store_sqlite_apply_staged(w, err);
	return apply_epoch(w, e, err);
}

/* Copy the log into the database. That it fails now does not undo the commit; if it is for good,
 * the next commit says so. */
static void copy_log(struct writing *w)
{
	if (w->log_pages >= LOG_PAGES_MOST)
		sqlite3_wal_checkpoint_v2(w->d.db, "main", SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	else if (w->log_pages >= LOG_PAGES)
		sqlite3_wal_checkpoint_v2(w->d.db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static int write_commit(struct store *s, struct epoch *e, const struct barrier *b, int replace,
			struct err *err)
{
	struct writing *w = (struct writing *)s;

	if (w->staged && store_sqlite_stage(s, e, err) != 0)
		return -1;
	if (sqlite_exec(&w->d, "BEGIN IMMEDIATE", err) != 0)
		return -1;
	if (apply(w, e, b, replace, err) != 0 || sqlite_exec(&w->d, "COMMIT", err) != 0) {
		sqlite3_exec(w->d.db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	epoch_clear(e);
	w->staged = 0;
	copy_log(w);
	return 0;
}

/* ---- checkpoints, without an epoch ---- */

static int write_show_checkpoint(const char *place, const char *name, struct buf *line,
				 struct err *err)
{
	struct sqlite d;
	sqlite3_stmt *statement = NULL;
	int row = store_sqlite_database(&d, place, SQLITE_FOR_READING, 0, err);

	if (row > 0 && sqlite_prepare(&d,
				      "SELECT barrier FROM checkpoint"
				      " WHERE name = ?1 AND barrier IS NOT NULL",
				      &statement, err) != 0)
		row = -1;
	if (row > 0) {
		sqlite_bind(statement, 1, slice_of(name));
		row = sqlite_step(&d, statement, err);
	}
	if (row > 0 &&
	    (buf_slice(line, sqlite_text(statement, 0)) != 0 || buf_byte(line, '\n') != 0))
		row = err_memory(err);
	sqlite3_finalize(statement);
	sqlite_close(&d);
	return row;
}

static int write_drop_checkpoint(const char *place, const char *name, struct err *err)
{
	struct sqlite d;
	sqlite3_stmt *statement = NULL;
	int row = store_sqlite_database(&d, place, SQLITE_FOR_WRITING, 0, err);

	if (row > 0 &&
	    sqlite_prepare(&d, "DELETE FROM checkpoint WHERE name = ?1", &statement, err) != 0)
		row = -1;
	if (row > 0) {
		sqlite_bind(statement, 1, slice_of(name));
		row = sqlite_step(&d, statement, err);
		if (row == 0)
			row = sqlite3_changes(d.db);
	}
	sqlite3_finalize(statement);
	sqlite_close(&d);
	return row;
}

static int write_create(const char *place, int64_t ttl_days, struct err *err)
{
	struct sqlite d;
	int found;

	if (ttl_days != 0)
		return err_set(err, ERR_USAGE, "sqlite:%s: items of a file do not expire", place);
	found = store_sqlite_database(&d, place, SQLITE_FOR_MAKING, 0, err);
	sqlite_close(&d);
	return found < 0 ? -1 : 0;
}

const struct store_writing store_sqlite_writing = {
	.holds = 1,
	.open = write_open,
	.close = write_close,
	.stage = store_sqlite_stage,
	.commit = write_commit,
	.show_checkpoint = write_show_checkpoint,
	.drop_checkpoint = write_drop_checkpoint,
	.create = write_create,
	.verify = store_sqlite_verify,
};
