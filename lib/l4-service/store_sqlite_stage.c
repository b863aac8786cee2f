/* Epochs larger than memory: parts of one gather in a temporary table, and are merged by SQLite's
 * sort when the barrier comes. */
#include "l1-value/timestamp.h"
#include "l3-stream/epoch.h"
#include "l4-service/store_sqlite_write.h"

static const char stage_sql[] = "INSERT INTO temp.staged (" ITEM_COLUMNS ", utc, nanos)"
				" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

static const char unstage_sql[] =
	"SELECT " ITEM_COLUMNS ", utc, nanos FROM temp.staged ORDER BY id, rowid";

/* A temporary table: it has a file of its own, which nobody finds after a crash. */
static int prepare_staging(struct writing *w, struct err *err)
{
	if (w->stage != NULL)
		return 0;
	if (sqlite_exec(&w->d,
			"CREATE TEMP TABLE staged ("
			" id TEXT, cliente_id ANY, producto ANY, fecha TEXT,"
			" num_transacciones INTEGER, monto_total TEXT, fecha_hora TEXT,"
			" utc INTEGER, nanos INTEGER) STRICT",
			err) != 0)
		return -1;
	if (sqlite_prepare(&w->d, unstage_sql, &w->unstage, err) != 0)
		return -1;
	return sqlite_prepare(&w->d, stage_sql, &w->stage, err);
}

static int stage_all(struct writing *w, struct epoch *e, struct err *err)
{
	char amount[DECIMAL_TEXT_MAX];
	size_t count;
	struct metric m;
	struct timestamp at;

	/* With the rollups: they are sums like all others. */
	if (epoch_close(e, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		epoch_item(e, i, &m, &at);
		store_sqlite_bind(w->stage, &m, amount);
		sqlite3_bind_int64(w->stage, 8, at.utc);
		sqlite3_bind_int(w->stage, 9, at.nanos);
		if (sqlite_step(&w->d, w->stage, err) != 0)
			return -1;
	}
	return 0;
}

int store_sqlite_stage(struct store *s, struct epoch *e, struct err *err)
{
	struct writing *w = (struct writing *)s;

	if (prepare_staging(w, err) != 0 || sqlite_exec(&w->d, "BEGIN", err) != 0)
		return -1;
	if (stage_all(w, e, err) != 0 || sqlite_exec(&w->d, "COMMIT", err) != 0) {
		sqlite3_exec(w->d.db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	epoch_clear(e);
	w->staged = 1;
	return 0;
}

/* Keep an item beyond its row. */
static int hold(struct writing *w, const struct metric *m, const struct timestamp *at,
		struct err *err)
{
	w->sum = *m;
	w->at = *at;
	return metric_keep(&w->sum, &w->texts) == 0 ? 0 : err_memory(err);
}

/* Add a row to the item held, which has the same id. Its greatest fecha_hora means a new copy. */
static int add_to_held(struct writing *w, const struct metric *m, const struct timestamp *at,
		       struct err *err)
{
	struct metric sum = w->sum;

	if (__builtin_add_overflow(sum.num_transacciones, m->num_transacciones,
				   &sum.num_transacciones))
		return err_set(err, ERR_DATA, "id %.*s: num_transacciones: out of range",
			       SLICE_ARG(m->id));
	if (decimal_add(&sum.monto_total, &m->monto_total, err) != 0)
		return err_prefix(err, "id %.*s", SLICE_ARG(m->id));
	w->sum.num_transacciones = sum.num_transacciones;
	w->sum.monto_total = sum.monto_total;
	if (at->utc < w->at.utc || (at->utc == w->at.utc && at->nanos <= w->at.nanos))
		return 0;
	/* The parts stay as the first row wrote them, the time is that of this one. */
	sum = *m;
	sum.num_transacciones = w->sum.num_transacciones;
	sum.monto_total = w->sum.monto_total;
	sum.cliente_id.kind = w->sum.cliente_id.kind;
	sum.producto.kind = w->sum.producto.kind;
	return hold(w, &sum, at, err);
}

int store_sqlite_apply_staged(struct writing *w, struct err *err)
{
	int held = 0, row;
	struct metric m;
	struct timestamp at = {0};

	while ((row = sqlite_step(&w->d, w->unstage, err)) > 0) {
		if (store_sqlite_item(&w->d, w->unstage, &m, err) != 0)
			break;
		at.utc = sqlite3_column_int64(w->unstage, 7);
		at.nanos = sqlite3_column_int(w->unstage, 8);
		if (held && slice_equal(m.id, w->sum.id)) {
			if (add_to_held(w, &m, &at, err) != 0)
				break;
			continue;
		}
		if ((held && store_sqlite_apply(w, &w->sum, err) != 0) ||
		    hold(w, &m, &at, err) != 0)
			break;
		held = 1;
	}
	sqlite3_reset(w->unstage);
	if (row != 0 || (held && store_sqlite_apply(w, &w->sum, err) != 0))
		return -1;
	return sqlite_exec(&w->d, "DELETE FROM temp.staged", err);
}
