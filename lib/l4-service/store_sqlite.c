#include "l4-service/store_sqlite.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* "Tube": what file(1) can know a store by. */
#define APPLICATION_ID "1416978021"
#define VERSION 1
#define TEXT_OF(x) TEXT_OF_(x)
#define TEXT_OF_(x) #x

/* Items are found by id alone, and rows are kept in the order of ids. So the days of a customer and
 * a product are one stretch of the table, and the products of a customer are found by seeking from
 * one to the next, whatever the number of days. What the order of ids cannot give, the customers of
 * a product, is the one index: by the end of the id, since producto may be a number here and a
 * string there. Amounts are in no index, and so an update touches one page of one tree.
 *
 * cliente_id and producto are INTEGER when JSON had an integer, else TEXT ("*" in rollups, and for
 * a customer of that name: only the id tells). monto_total is an exact decimal; SQLite's own
 * numbers would make it a double. */
static const char schema[] = //
	"CREATE TABLE metricas ("
	" id TEXT PRIMARY KEY,"
	" cliente_id ANY NOT NULL,"
	" producto ANY NOT NULL,"
	" fecha TEXT NOT NULL,"
	" num_transacciones INTEGER NOT NULL,"
	" monto_total TEXT NOT NULL,"
	" fecha_hora TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX metricas_producto_fecha ON metricas (" ITEM_TAIL ");"
	/* owner: who may commit, a token. host, pid, since: who that is, for messages.
	 * barrier: the last committed line; barrier_time: its time, microseconds since 1970. */
	"CREATE TABLE checkpoint ("
	" name TEXT PRIMARY KEY,"
	" owner TEXT NOT NULL,"
	" host TEXT NOT NULL,"
	" pid INTEGER NOT NULL,"
	" since TEXT NOT NULL,"
	" epoch INTEGER,"
	" barrier TEXT,"
	" barrier_time INTEGER"
	") STRICT, WITHOUT ROWID;"
	"PRAGMA application_id = " APPLICATION_ID ";"
	"PRAGMA user_version = " TEXT_OF(VERSION) ";";

/* ---- items ---- */

static struct metric_part part_of(sqlite3_stmt *statement, int column, struct slice in_id)
{
	struct metric_part p = {.kind = METRIC_STRING};

	/* First, for asking for the text converts a number. */
	if (sqlite3_column_type(statement, column) == SQLITE_INTEGER)
		p.kind = METRIC_NUMBER;
	if (slice_is(in_id, "*"))
		p.kind = METRIC_ALL;
	p.text = sqlite_text(statement, column);
	return p;
}

int store_sqlite_item(struct sqlite *d, sqlite3_stmt *statement, struct metric *m, struct err *err)
{
	struct metric_key part;

	m->id = sqlite_text(statement, 0);
	if (metric_cut_id(m->id, &part) != 0)
		return err_set(err, ERR_DATA, "%s: id %.*s: not an id", d->path, SLICE_ARG(m->id));
	m->cliente_id = part_of(statement, 1, part.cliente_id);
	m->producto = part_of(statement, 2, part.producto);
	m->fecha = sqlite_text(statement, 3);
	m->num_transacciones = sqlite3_column_int64(statement, 4);
	if (decimal_parse(sqlite_text(statement, 5), &m->monto_total, err) != 0)
		return err_prefix(err, "%s: id %.*s: monto_total", d->path, SLICE_ARG(m->id));
	m->fecha_hora = sqlite_text(statement, 6);
	return 0;
}

/* ---- opening ---- */

static int check_version(struct sqlite *d, int64_t version, struct err *err)
{
	if (version <= VERSION)
		return 1;
	return err_set(err, ERR_CONFIG,
		       "%s: a store of version %lld, written by a newer program; this one "
		       "knows version %d",
		       d->path, (long long)version, VERSION);
}

/* Whose database is this? Returns 1 for a store, 0 for one without anything in it, or -1. Within a
 * transaction: another process may be making the store. */
static int identify(struct sqlite *d, struct err *err)
{
	int64_t application, version, objects;

	if (sqlite_number(d, "PRAGMA application_id", &application, err) != 0 ||
	    sqlite_number(d, "PRAGMA user_version", &version, err) != 0 ||
	    sqlite_number(d, "SELECT count(*) FROM sqlite_schema", &objects, err) != 0)
		return -1;
	if (application == 0 && version == 0 && objects == 0)
		return 0;
	if (application != atol(APPLICATION_ID))
		return err_set(err, ERR_CONFIG, "%s: a database, but not a store of metrics",
			       d->path);
	return check_version(d, version, err);
}

static int identify_now(struct sqlite *d, struct err *err)
{
	int found;

	if (sqlite_exec(d, "BEGIN", err) != 0)
		return -1;
	found = identify(d, err);
	sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
	return found;
}

/* One writer and many readers at once, by a write-ahead log. FULL: a commit is on the disk before
 * it is acknowledged. The log stays behind the last connection, empty, so that a reader who may
 * not write here can always open the store. */
static int set_up_writing(struct sqlite *d, struct err *err)
{
	static const struct timespec nap = {0, 20000000};
	sqlite3_stmt *statement;
	int row = -1, keep = 1;

	/* Of two that make a store at once, one is told SQLITE_BUSY without a wait. */
	for (int i = 0; i < SQLITE_WAIT_MILLISECONDS / 20; i++) {
		if (sqlite_prepare(d, "PRAGMA journal_mode = WAL", &statement, err) != 0)
			return -1;
		row = sqlite_step(d, statement, err);
		if (row != -1 || (d->code & 0xff) != SQLITE_BUSY)
			break;
		sqlite3_finalize(statement);
		nanosleep(&nap, NULL);
	}
	if (row > 0 && !slice_is(sqlite_text(statement, 0), "wal"))
		row = err_set(err, ERR_CONFIG,
			      "%s: no write-ahead log can be had on this file system", d->path);
	sqlite3_finalize(statement);
	if (row < 0)
		return -1;
	sqlite3_file_control(d->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	return sqlite_exec(d,
			   "PRAGMA synchronous = FULL;"
			   "PRAGMA cache_size = -65536;"
			   "PRAGMA journal_size_limit = 67108864;"
			   "PRAGMA wal_autocheckpoint = 0",
			   err);
}

static int make_schema(struct sqlite *d, struct err *err)
{
	int found;

	if (sqlite_exec(d, "BEGIN IMMEDIATE", err) != 0)
		return -1;
	found = identify(d, err);
	if (found < 0 || (found == 0 && sqlite_exec(d, schema, err) != 0)) {
		sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return sqlite_exec(d, "COMMIT", err);
}

static int64_t number_at(const unsigned char *p)
{
	return (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* The mark, by the file's header (sqlite.org/fileformat2.html, 1.3), which says so in a moment;
 * PRAGMA takes as long as a look-up. Of a store that was made just now it may be in the log still:
 * then it is not seen here. */
static int read_mark(struct sqlite *d, int64_t *version)
{
	enum { USER_VERSION = 60, APPLICATION = 68 };
	unsigned char header[100];
	sqlite3_file *file = NULL;

	sqlite3_file_control(d->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (file == NULL || file->pMethods == NULL ||
	    file->pMethods->xRead(file, header, sizeof header, 0) != SQLITE_OK ||
	    number_at(header + APPLICATION) != atol(APPLICATION_ID))
		return 0;
	*version = number_at(header + USER_VERSION);
	return 1;
}

/* A writer died while it was making the store, and its journal is to be rolled back: not by a
 * connection for reading. */
static int identify_for_reading(struct sqlite *d, const char *path, int64_t within, struct err *err)
{
	int64_t version;
	int found;

	/* A store that has its mark is there whole: nothing more is to be asked. */
	if (read_mark(d, &version))
		return check_version(d, version, err);
	found = identify_now(d, err);
	if (found >= 0 || d->code != SQLITE_READONLY_ROLLBACK || access(path, W_OK) != 0)
		return found;
	sqlite_close(d);
	found = sqlite_open(d, path, SQLITE_FOR_WRITING, err);
	if (found <= 0)
		return found;
	sqlite_within(d, within);
	return identify_now(d, err);
}

int store_sqlite_database(struct sqlite *d, const char *path, enum sqlite_mode mode, int64_t within,
			  struct err *err)
{
	int found = sqlite_open(d, path, mode, err);

	if (found <= 0)
		return found;
	sqlite_within(d, within);
	if (mode == SQLITE_FOR_READING)
		return identify_for_reading(d, path, within, err);
	/* Before anything is changed: it may be somebody else's. */
	found = identify_now(d, err);
	if (found < 0 || (found == 0 && mode == SQLITE_FOR_WRITING))
		return found;
	if (set_up_writing(d, err) != 0 || (found == 0 && make_schema(d, err) != 0))
		return -1;
	return 1;
}
