#include "l4-service/pgpoll.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "l3-stream/pgcopy.h"
#include "l3-stream/pgslot.h"

#define SECOND INT64_C(1000000000)
#define BACKOFF_FIRST (SECOND / 10)
#define BACKOFF_LAST (5 * SECOND)
#define PAGE_ROWS 10000
/* More gaps than that, and no new rows are read: a position has them all. */
#define GAPS_MAX 5000

enum phase { BETWEEN, GAPS, PAGES };

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* Run the statement that was built in *sql, which is emptied. */
static int query(struct pgconn *c, struct buf *sql, struct err *err)
{
	int rows = sql->failed ? err_memory(err) : pgconn_query(c, buf_text(sql), err);

	buf_clear(sql);
	return rows;
}

/* ---- whether it can be done ---- */

static int is_true(const struct pgconn *c, int row, int column)
{
	return pgconn_value(c, row, column)[0] == 't';
}

static int check(struct pgconn *c, const struct pgtable *t, const char *key, struct buf *sql,
		 struct err *err)
{
	int rows;

	buf_printf(
		sql,
		"SELECT a.atttypid IN (20, 21, 23), a.attnotnull, EXISTS ("
		"SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique "
		"AND i.indisvalid AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum "
		"AND i.indpred IS NULL), s.seqrelid::pg_catalog.regclass, s.seqincrement < 0, "
		"s.seqcycle, s.seqcache > 1, pg_catalog.pg_is_in_recovery() "
		"FROM pg_catalog.pg_attribute a LEFT JOIN (pg_catalog.pg_depend d "
		"JOIN pg_catalog.pg_sequence s ON (d.classid = 1259 AND d.objid = s.seqrelid) "
		"OR (d.classid = 2604 AND d.refobjid = s.seqrelid)) ON "
		/* The column owns the sequence, or its default value needs it. */
		"(d.classid = 1259 AND d.refclassid = 1259 AND d.refobjid = a.attrelid "
		"AND d.refobjsubid = a.attnum) OR (d.classid = 2604 AND d.refclassid = 1259 "
		"AND d.objid = (SELECT oid FROM pg_catalog.pg_attrdef f "
		"WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum)) "
		"WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = %" PRIu32
		" AND a.attname = ",
		t->oid);
	pgconn_put_literal(c, sql, key);
	rows = query(c, sql, err);
	if (rows < 0)
		return -1;
	if (rows == 0)
		return err_set(err, ERR_CONFIG, "%s has no column \"%s\"", t->sql, key);
	if (is_true(c, 0, 7))
		return err_set(err, ERR_CONFIG,
			       "the server is a standby: it does not know which transactions are "
			       "open; read from its primary");
	if (!is_true(c, 0, 0) || !is_true(c, 0, 1) || !is_true(c, 0, 2))
		return err_set(
			err, ERR_CONFIG,
			"column \"%s\" of %s is no key to read by: it must be an integer, NOT "
			"NULL, and the only column of a unique index",
			key, t->sql);
	for (int i = 0; i < rows; i++)
		if (is_true(c, i, 4) || is_true(c, i, 5) || is_true(c, i, 6))
			return err_set(err, ERR_CONFIG,
				       "sequence %.200s does not hand out the keys of %s in their "
				       "order: it has a CACHE for each session, CYCLE, or a "
				       "negative INCREMENT; later rows would be taken for old ones",
				       pgconn_value(c, i, 3), t->sql);
	return 0;
}

int pgpoll_check(struct pgconn *c, const struct pgtable *t, const char *key, struct err *err)
{
	struct buf sql = {0};
	int result = check(c, t, key, &sql, err);

	buf_free(&sql);
	return result;
}

/* ---- connection ---- */

/* What the table holds now: its greatest key, PGKEYS_NONE if there is none, and its file. */
static int look(struct pgpoll *p, int64_t *greatest, uint32_t *file, struct err *err)
{
	buf_puts(&p->sql, "SELECT (SELECT max(");
	pgconn_put_name(p->c, &p->sql, p->key);
	buf_printf(&p->sql, ") FROM %s%s), pg_catalog.pg_relation_filenode(%" PRIu32 ")",
		   p->table->partitioned ? "" : "ONLY ", p->table->sql, p->table->oid);
	if (query(p->c, &p->sql, err) < 0)
		return -1;
	*greatest = pgconn_is_null(p->c, 0, 0) ? PGKEYS_NONE
					       : strtoll(pgconn_value(p->c, 0, 0), NULL, 10);
	*file = (uint32_t)strtoul(pgconn_value(p->c, 0, 1), NULL, 10);
	return 0;
}

/* Always by the index, whatever the planner makes of a page's or a gap's size. */
static int set_up(struct pgconn *c, struct err *err)
{
	return pgconn_query(c, "SET enable_seqscan = off; SET jit = off", err) < 0 ? -1 : 0;
}

int pgpoll_start(struct pgpoll *p, struct pgconn *c, struct err *err)
{
	int64_t ignored;

	p->c = c;
	p->phase = BETWEEN;
	p->candidate = p->settled = p->settling = PGKEYS_NONE;
	if (p->value == NULL)
		p->value = calloc(p->count + 1, sizeof *p->value);
	if (p->value == NULL)
		return err_memory(err);
	return set_up(c, err) != 0 ? -1 : look(p, &ignored, &p->file, err);
}

static int lose(struct pgpoll *p, const struct err *why)
{
	int first = p->lost_at == 0;
	int64_t t = now();

	pgconn_close(p->c);
	p->c = NULL;
	p->phase = BETWEEN;
	p->trouble = *why;
	if (first) {
		p->lost_at = t;
		p->backoff = BACKOFF_FIRST;
	}
	p->retry_at = t + p->backoff / 2 + random() % (p->backoff / 2);
	p->backoff = p->backoff * 2 < BACKOFF_LAST ? p->backoff * 2 : BACKOFF_LAST;
	return first ? PGPOLL_LOST : PGPOLL_NONE;
}

static int connect_again(struct pgpoll *p, struct err *err)
{
	struct pgserver server;

	p->c = pgconn_open(p->target, 0, err);
	if (p->c == NULL || pgserver_look_at(p->c, &server, err) != 0)
		return -1;
	if (server.system != p->system)
		return err_set(err, ERR_CONFIG,
			       "another server answers now (system identifier %" PRIu64
			       ", not %" PRIu64 ")",
			       server.system, p->system);
	if (p->sql_ascii && pgconn_query(p->c, "SET client_encoding = SQL_ASCII", err) < 0)
		return -1;
	if (pgpoll_check(p->c, p->table, p->key, err) != 0)
		return -1;
	return set_up(p->c, err);
}

static int may_retry(const struct err *err)
{
	return err->status == ERR_UNAVAILABLE || err->status == ERR_TEMP;
}

static int try_again(struct pgpoll *p, struct err *err)
{
	struct err why;

	if (now() < p->retry_at)
		return PGPOLL_NONE;
	if (connect_again(p, &why) == 0) {
		p->lost_at = 0;
		return PGPOLL_RECONNECTED;
	}
	if (may_retry(&why) && now() - p->lost_at < p->wait * 1000)
		return lose(p, &why);
	*err = why;
	if (!may_retry(&why))
		return -1;
	err->status = ERR_TEMP;
	return err_prefix(err, "no connection again in %" PRId64 " s", p->wait / 1000000);
}

/* ---- which transactions are open ---- */

/* Each transaction holds a lock on its virtual id from its first moment on, before it can have
 * asked for a key, until what it did can be seen by others. (Snapshots know those alone that have
 * written.) pg_locks is open to every role. */
#define OPEN_NOW                                                                              \
	"SELECT l.virtualxid AS x FROM pg_catalog.pg_locks l "                                \
	"LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid "                           \
	"WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted "         \
	"AND l.pid <> pg_catalog.pg_backend_pid() AND (a.datid IS NULL OR a.datid = (SELECT " \
	"oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))"
/* Once it is prepared, a transaction has no virtual id any more, and is in this list. */
#define PREPARED_NOW                                                           \
	"SELECT p.transaction::text AS x FROM pg_catalog.pg_prepared_xacts p " \
	"WHERE p.database = pg_catalog.current_database()"

/* Remember those that are open; or, later, those that are prepared. */
static int remember(struct pgpoll *p, int prepared, struct err *err)
{
	buf_printf(&p->sql, "SELECT pg_catalog.array_agg(x) FROM (%s) o",
		   prepared ? PREPARED_NOW : OPEN_NOW);
	if (query(p->c, &p->sql, err) < 0)
		return -1;
	p->prepared = prepared;
	buf_clear(&p->open);
	buf_puts(&p->open, pgconn_value(p->c, 0, 0)); /* "" when there is none */
	return p->open.failed ? err_memory(err) : 0;
}

/* Whether all of them have ended. Returns 1, 0, or -1. */
static int have_ended(struct pgpoll *p, struct err *err)
{
	if (p->open.len > 0) {
		buf_printf(&p->sql, "SELECT EXISTS (SELECT FROM (%s) o WHERE x = ANY (",
			   p->prepared ? PREPARED_NOW : OPEN_NOW);
		pgconn_put_literal(p->c, &p->sql, buf_text(&p->open));
		buf_puts(&p->sql, "))");
		if (query(p->c, &p->sql, err) < 0)
			return -1;
		if (is_true(p->c, 0, 0))
			return 0;
	}
	if (p->prepared)
		return 1;
	/* Some may have been prepared since, and are among these. */
	if (remember(p, 1, err) != 0)
		return -1;
	return p->open.len == 0;
}

/* ---- rounds ---- */

/* SELECT the key and the columns FROM the table */
static void put_select(struct pgpoll *p)
{
	struct buf name = {0};

	buf_puts(&p->sql, "SELECT t.");
	pgconn_put_name(p->c, &p->sql, p->key);
	for (size_t i = 0; i < p->count; i++) {
		buf_clear(&name);
		buf_slice(&name, p->column[i].name);
		buf_puts(&p->sql, ", t.");
		pgconn_put_name(p->c, &p->sql, buf_text(&name));
	}
	p->sql.failed |= name.failed;
	buf_free(&name);
	buf_printf(&p->sql, " FROM %s%s t", p->table->partitioned ? "" : "ONLY ", p->table->sql);
}

static int start_copy(struct pgpoll *p, enum phase phase, struct err *err)
{
	int result;

	buf_puts(&p->sql, " ORDER BY 1");
	if (phase == PAGES)
		buf_printf(&p->sql, " LIMIT %d", PAGE_ROWS);
	buf_puts(&p->sql, ") TO STDOUT");
	result = p->sql.failed ? err_memory(err) : pgconn_copy(p->c, buf_text(&p->sql), err);
	buf_clear(&p->sql);
	p->phase = phase;
	p->page_rows = 0;
	return result;
}

/* Each gap by itself, by the index: left to the planner, a join of ranges becomes a product. */
static int read_gaps(struct pgpoll *p, struct err *err)
{
	buf_puts(&p->sql, "COPY (SELECT r.* FROM (VALUES ");
	for (size_t i = 0; i < p->keys.count; i++)
		buf_printf(&p->sql, "%s(%" PRId64 "::bigint,%" PRId64 "::bigint)",
			   i == 0 ? "" : ",", p->keys.gap[i].first, p->keys.gap[i].last);
	buf_puts(&p->sql, ") g(a, b), LATERAL (");
	put_select(p);
	buf_puts(&p->sql, " WHERE t.");
	pgconn_put_name(p->c, &p->sql, p->key);
	buf_puts(&p->sql, " BETWEEN g.a AND g.b OFFSET 0) r");
	return start_copy(p, GAPS, err);
}

static int read_page(struct pgpoll *p, struct err *err)
{
	buf_puts(&p->sql, "COPY (");
	put_select(p);
	buf_puts(&p->sql, " WHERE t.");
	pgconn_put_name(p->c, &p->sql, p->key);
	buf_printf(&p->sql, " > %" PRId64, p->cursor);
	return start_copy(p, PAGES, err);
}

/* What is settled is found out before the rows are read: whoever has ended by then has done so in
 * their sight. */
static int begin_round(struct pgpoll *p, struct err *err)
{
	int64_t greatest;
	uint32_t file;
	int ended = 0;

	if (look(p, &greatest, &file, err) != 0)
		return -1;
	if (file != p->file)
		return err_set(
			err, ERR_CONFIG,
			"%s was truncated or rewritten (TRUNCATE, VACUUM FULL, CLUSTER, ALTER "
			"TABLE): which of its rows are new cannot be told; rebuild: "
			"--snapshot",
			p->table->name);
	if (p->candidate == PGKEYS_NONE && greatest != PGKEYS_NONE) {
		if (remember(p, 0, err) != 0)
			return -1;
		p->candidate = greatest;
	}
	if (p->candidate != PGKEYS_NONE && (ended = have_ended(p, err)) < 0)
		return -1;
	p->settling = PGKEYS_NONE;
	if (ended) {
		p->settling = p->candidate;
		if (p->settled < p->candidate)
			p->settled = p->candidate;
		p->candidate = PGKEYS_NONE;
	}
	p->cursor = p->keys.top;
	return p->keys.count > 0 ? read_gaps(p, err) : read_page(p, err);
}

/* The rows of a statement have all come. */
static int end_copy(struct pgpoll *p, struct err *err)
{
	if (p->phase == GAPS) {
		if (p->settling != PGKEYS_NONE)
			pgkeys_settle(&p->keys, p->settling);
		if (p->keys.count < GAPS_MAX)
			return read_page(p, err);
		p->phase = BETWEEN;
		return p->settling != PGKEYS_NONE ? PGPOLL_NONE : PGPOLL_HELD;
	}
	p->phase = BETWEEN;
	if (p->page_rows < PAGE_ROWS)
		return PGPOLL_CAUGHT_UP;
	return p->keys.count < GAPS_MAX ? read_page(p, err) : 0;
}

/* Returns an event; PGPOLL_NONE with p->phase unequal to what it was, or having begun a statement,
 * asks to be called again. */
static int step(struct pgpoll *p, int *wait, struct err *err)
{
	char *row;
	size_t len;
	int got;

	*wait = 0;
	if (p->phase == BETWEEN)
		return begin_round(p, err);
	got = pgconn_copy_next(p->c, &row, &len, err);
	if (got < 0)
		return -1;
	*wait = got == 0;
	if (got == 0)
		return PGPOLL_NONE;
	if (got == 2)
		return end_copy(p, err);
	if (pgcopy_row(row, len, p->value, p->count + 1, err) != 0)
		return -1;
	p->page_rows++;
	p->row = (struct pgoutput_tuple){p->count, p->value + 1};
	p->at = strtoll(p->value[0].text.at, NULL, 10);
	if (p->at > p->cursor)
		p->cursor = p->at;
	return PGPOLL_ROW;
}

int pgpoll_next(struct pgpoll *p, struct err *err)
{
	int event, wait;
	struct err why;

	if (p->c == NULL)
		return try_again(p, err);
	do
		event = step(p, &wait, &why);
	while (event == PGPOLL_NONE && !wait);
	if (event >= 0)
		return event;
	if (why.status == ERR_UNAVAILABLE)
		return lose(p, &why);
	/* Told to stop while it waited for an answer, which is nobody's failure. */
	if (why.status == ERR_TEMP && *p->target->stop)
		return PGPOLL_NONE;
	*err = why;
	return -1;
}

int pgpoll_give(struct pgpoll *p, struct err *err)
{
	return pgkeys_give(&p->keys, p->at, p->settled) == 0 ? 0 : err_memory(err);
}

int pgpoll_fd(const struct pgpoll *p)
{
	return p->c == NULL ? -1 : pgconn_fd(p->c);
}

void pgpoll_stop(struct pgpoll *p)
{
	pgconn_close(p->c);
	p->c = NULL;
	free(p->value);
	p->value = NULL;
	buf_free(&p->sql);
	buf_free(&p->open);
	pgkeys_free(&p->keys);
}
