#include <limits.h>
#include <stdlib.h>

#include "l1-value/text.h"
#include "l1-value/timestamp.h"
#include "l4-service/store_sqlite.h"

/* An item whose count is back at zero is absent. */
#define PRESENT "num_transacciones <> 0"

static const char by_id_sql[] = "SELECT " ITEM_COLUMNS " FROM metricas WHERE id = ?1 AND " PRESENT;
static const char by_range_sql[] =
	"SELECT " ITEM_COLUMNS " FROM metricas WHERE id >= ?1 AND id < ?2 AND " PRESENT
	" ORDER BY id";
static const char by_tail_sql[] = "SELECT " ITEM_COLUMNS " FROM metricas WHERE " ITEM_TAIL " = ?1"
				  " AND id >= ?2 AND id < ?3 AND " PRESENT " ORDER BY id";
static const char first_sql[] =
	"SELECT " ITEM_COLUMNS " FROM metricas WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1";
/* Always one row, without a checkpoint one of NULLs; the first two columns are of the greatest. */
static const char fresh_sql[] = "SELECT barrier_time, epoch, max(barrier_time) FROM checkpoint"
				" WHERE epoch IS NOT NULL";

enum { BY_ID, BY_RANGE, BY_TAIL, FIRST, FRESH, STATEMENTS };

static const char *const sql_of[STATEMENTS] = {by_id_sql, by_range_sql, by_tail_sql, first_sql,
					       fresh_sql};

/* How the rest of an answer is found. */
enum rest {
	REST_NONE,
	REST_KEYS,    /* look up one key after the other */
	REST_ROWS,    /* step through the rows of a statement */
	REST_PRODUCTS /* seek from one product to the next */
};

struct reading {
	struct store_reader base;
	struct sqlite d;
	sqlite3_stmt *statement[STATEMENTS];
	int begun;     /* by store_begin */
	int in_a_read; /* a transaction is open, by store_begin or for an answer: FRESH is on its
			* row */
	enum rest rest;

	sqlite3_stmt *rows; /* REST_ROWS */
	int skip_all;       /* REST_ROWS: leave out the rollup over all customers */
	const struct metric_key *keys;
	size_t key_count, key;
	struct buf from, to, tail, id; /* bounds that statements are bound to */
	struct buf row;                /* the texts of an item whose row is gone */
};

static void read_close(struct store_reader *r);

static int read_open(const char *place, int64_t within, struct store_reader **out, struct err *err)
{
	struct reading *r = calloc(1, sizeof *r);
	int found;

	if (r == NULL)
		return err_memory(err);
	r->base.reading = &store_sqlite_reading;
	found = store_sqlite_database(&r->d, place, SQLITE_FOR_READING, within, err);
	if (found > 0) {
		*out = &r->base;
		return 0;
	}
	if (found == 0)
		err_set(err, ERR_UNAVAILABLE, "%s: no store there", place);
	read_close(&r->base);
	return -1;
}

static void read_close(struct store_reader *reader)
{
	struct reading *r = (struct reading *)reader;

	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(r->statement[i]);
	sqlite_close(&r->d);
	buf_free(&r->from);
	buf_free(&r->to);
	buf_free(&r->tail);
	buf_free(&r->id);
	buf_free(&r->row);
	free(r);
}

static void read_within(struct store_reader *reader, int64_t within)
{
	sqlite_within(&((struct reading *)reader)->d, within);
}

/* ---- transactions ---- */

static sqlite3_stmt *statement_of(struct reading *r, int which, struct err *err)
{
	if (r->statement[which] == NULL &&
	    sqlite_prepare(&r->d, sql_of[which], &r->statement[which], err) != 0)
		return NULL;
	return r->statement[which];
}

/* A statement that stays on a row keeps all others in its epoch: BEGIN and ROLLBACK are not needed,
 * which take as long as a look-up. */
static int open_read(struct reading *r, struct err *err)
{
	sqlite3_stmt *statement;

	if (r->in_a_read)
		return 0;
	statement = statement_of(r, FRESH, err);
	if (statement == NULL || sqlite_step(&r->d, statement, err) < 0)
		return -1;
	r->in_a_read = 1;
	return 0;
}

static void close_read(struct reading *r)
{
	if (r->in_a_read)
		sqlite3_reset(r->statement[FRESH]);
	r->in_a_read = 0;
}

/* The answer before this is over; and what it held, unless store_begin did. */
static void end_answer(struct reading *r)
{
	if (r->rest == REST_ROWS)
		sqlite3_reset(r->rows);
	r->rest = REST_NONE;
	if (!r->begun)
		close_read(r);
}

static void read_end(struct store_reader *reader);

static int read_begin(struct store_reader *reader, struct err *err)
{
	struct reading *r = (struct reading *)reader;
	int moved = 0;

	read_end(reader);
	/* A reader that lives long would go on with a file that is no longer the store. */
	sqlite3_file_control(r->d.db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	if (moved)
		return err_set(err, ERR_TEMP, "%s: another file has taken its place", r->d.path);
	if (open_read(r, err) != 0)
		return -1;
	r->begun = 1;
	return 0;
}

static void read_end(struct store_reader *reader)
{
	struct reading *r = (struct reading *)reader;

	r->begun = 0;
	end_answer(r);
}

/* ---- single items ---- */

/* The only row of a statement. Its texts are copied, and the row let go: a statement that stays on
 * a row keeps the reader in its epoch, and the log from being recycled. Returns 1, 0, or -1. */
static int one_item(struct reading *r, sqlite3_stmt *statement, struct metric *m, struct err *err)
{
	int row = sqlite_step(&r->d, statement, err);

	if (row <= 0)
		return row;
	if (store_sqlite_item(&r->d, statement, m, err) != 0)
		row = -1;
	else if (metric_keep(m, &r->row) != 0)
		row = err_memory(err);
	sqlite3_reset(statement);
	return row;
}

static int get_id(struct reading *r, struct slice id, struct metric *m, struct err *err)
{
	sqlite3_stmt *statement = statement_of(r, BY_ID, err);

	if (statement == NULL)
		return -1;
	sqlite_bind(statement, 1, id);
	return one_item(r, statement, m, err);
}

static int get_key(struct reading *r, const struct metric_key *key, struct metric *m,
		   struct err *err)
{
	buf_clear(&r->id);
	if (metric_put_id(&r->id, key) != 0)
		return err_memory(err);
	return get_id(r, buf_view(&r->id), m, err);
}

static int read_get(struct store_reader *reader, const struct metric_key *key, struct metric *m,
		    struct err *err)
{
	struct reading *r = (struct reading *)reader;

	end_answer(r);
	return get_key(r, key, m, err);
}

static int read_fresh(struct store_reader *reader, int64_t *time, int64_t *epoch, struct err *err)
{
	struct reading *r = (struct reading *)reader;
	int known;

	end_answer(r);
	if (open_read(r, err) != 0)
		return -1;
	known = sqlite3_column_type(r->statement[FRESH], 1) != SQLITE_NULL;
	if (known) {
		*time = sqlite3_column_int64(r->statement[FRESH], 0);
		*epoch = sqlite3_column_int64(r->statement[FRESH], 1);
	}
	if (!r->begun)
		close_read(r);
	return known;
}

/* ---- answers of many items ---- */

/* Begin one: with all that it takes, it sees one epoch. */
static int begin_answer(struct reading *r, struct err *err)
{
	end_answer(r);
	buf_clear(&r->from);
	buf_clear(&r->to);
	buf_clear(&r->tail);
	return open_read(r, err);
}

static int read_get_many(struct store_reader *reader, const struct metric_key *keys, size_t count,
			 struct err *err)
{
	struct reading *r = (struct reading *)reader;

	if (begin_answer(r, err) != 0)
		return -1;
	r->keys = keys;
	r->key_count = count;
	r->key = 0;
	r->rest = REST_KEYS;
	return 0;
}

static int next_key(struct reading *r, struct metric *m, struct err *err)
{
	int found = 0;

	while (found == 0 && r->key < r->key_count)
		found = get_key(r, &r->keys[r->key++], m, err);
	return found;
}

/* [from, to) becomes what begins with the text that is in from. No UTF-8 has a byte 0xff. */
static int begins_with_from(struct reading *r)
{
	buf_slice(&r->to, buf_view(&r->from));
	return buf_byte(&r->to, '\xff');
}

static int read_customers(struct store_reader *reader, struct slice producto, struct slice fecha,
			  struct slice prefix, struct err *err)
{
	struct reading *r = (struct reading *)reader;

	if (begin_answer(r, err) != 0)
		return -1;
	r->rows = statement_of(r, BY_TAIL, err);
	if (r->rows == NULL)
		return -1;
	if (producto.at == NULL)
		buf_byte(&r->tail, '*');
	else
		id_put_part(&r->tail, producto);
	buf_byte(&r->tail, '#');
	buf_slice(&r->tail, fecha.at == NULL ? slice_of("*") : fecha);
	id_put_part(&r->from, prefix);
	if (begins_with_from(r) != 0 || r->tail.failed || r->from.failed)
		return err_memory(err);
	sqlite_bind(r->rows, 1, buf_view(&r->tail));
	sqlite_bind(r->rows, 2, buf_view(&r->from));
	sqlite_bind(r->rows, 3, buf_view(&r->to));
	r->skip_all = 1;
	r->rest = REST_ROWS;
	return 0;
}

static int put_day(struct buf *out, int64_t day)
{
	/* 0001-01-01 and 9999-12-31: there are no items of other days. */
	return date_put(out, day < -719162 ? -719162 : day > 2932896 ? 2932896 : day);
}

static int read_days(struct store_reader *reader, struct slice cliente_id, struct slice producto,
		     int64_t from, int64_t to, struct err *err)
{
	struct reading *r = (struct reading *)reader;
	struct metric_key key = {cliente_id, producto, slice_of("")};

	if (begin_answer(r, err) != 0)
		return -1;
	r->rows = statement_of(r, BY_RANGE, err);
	if (r->rows == NULL)
		return -1;
	/* "*", the rollup over all days, stands before the first day. */
	metric_put_id(&r->from, &key);
	buf_slice(&r->to, buf_view(&r->from));
	put_day(&r->from, from);
	put_day(&r->to, to);
	buf_byte(&r->to, '\0'); /* the last day is in the range */
	if (r->from.failed || r->to.failed)
		return err_memory(err);
	sqlite_bind(r->rows, 1, buf_view(&r->from));
	sqlite_bind(r->rows, 2, buf_view(&r->to));
	r->skip_all = 0;
	r->rest = REST_ROWS;
	return 0;
}

static int next_row(struct reading *r, struct metric *m, struct err *err)
{
	int row;

	while ((row = sqlite_step(&r->d, r->rows, err)) > 0) {
		if (store_sqlite_item(&r->d, r->rows, m, err) != 0)
			return -1;
		if (!r->skip_all || m->cliente_id.kind != METRIC_ALL)
			return 1;
	}
	return row;
}

/* The products of a customer: its items are one stretch of the table, ordered by product and day.
 * Seek the first of a product, look up the day wanted, seek behind the last. from, to: the
 * stretch not yet looked at; tail: "#" and the day. */
static int read_products(struct store_reader *reader, struct slice cliente_id, struct slice fecha,
			 struct slice prefix, struct err *err)
{
	struct reading *r = (struct reading *)reader;

	if (begin_answer(r, err) != 0)
		return -1;
	if (cliente_id.at == NULL)
		buf_byte(&r->from, '*');
	else
		id_put_part(&r->from, cliente_id);
	buf_byte(&r->from, '#');
	id_put_part(&r->from, prefix);
	buf_byte(&r->tail, '#');
	buf_slice(&r->tail, fecha.at == NULL ? slice_of("*") : fecha);
	if (begins_with_from(r) != 0 || r->from.failed || r->tail.failed)
		return err_memory(err);
	r->rest = REST_PRODUCTS;
	return 0;
}

/* The first item of the stretch, which is the first of its product. Cuts the stretch down to what
 * is behind that product. Returns 1, 0, or -1. */
static int next_product(struct reading *r, struct metric *m, struct err *err)
{
	sqlite3_stmt *statement = statement_of(r, FIRST, err);
	int row;

	if (statement == NULL)
		return -1;
	sqlite_bind(statement, 1, buf_view(&r->from));
	sqlite_bind(statement, 2, buf_view(&r->to));
	row = one_item(r, statement, m, err);
	if (row <= 0)
		return row;
	buf_clear(&r->from);
	buf_put(&r->from, m->id.at, (size_t)((char *)memrchr(m->id.at, '#', m->id.len) - m->id.at));
	return buf_puts(&r->from, "#\xff") == 0 ? 1 : err_memory(err);
}

static int next_of_product(struct reading *r, struct metric *m, struct err *err)
{
	struct slice tail = buf_view(&r->tail);
	int found;

	while ((found = next_product(r, m, err)) > 0) {
		if (m->producto.kind == METRIC_ALL)
			continue;
		if (m->id.len >= tail.len &&
		    memcmp(m->id.at + m->id.len - tail.len, tail.at, tail.len) == 0) {
			if (m->num_transacciones != 0)
				return 1;
			continue;
		}
		buf_clear(&r->id);
		buf_put(&r->id, r->from.at, r->from.len - strlen("#\xff"));
		if (buf_slice(&r->id, tail) != 0)
			return err_memory(err);
		found = get_id(r, buf_view(&r->id), m, err);
		if (found != 0)
			return found;
	}
	return found;
}

static int read_next(struct store_reader *reader, struct metric *m, struct err *err)
{
	struct reading *r = (struct reading *)reader;
	int found = 0;

	switch (r->rest) {
	case REST_NONE:
		return 0;
	case REST_KEYS:
		found = next_key(r, m, err);
		break;
	case REST_ROWS:
		found = next_row(r, m, err);
		break;
	case REST_PRODUCTS:
		found = next_of_product(r, m, err);
		break;
	}
	if (found <= 0)
		end_answer(r);
	return found;
}

const struct store_reading store_sqlite_reading = {
	.open = read_open,
	.close = read_close,
	.within = read_within,
	.begin = read_begin,
	.end = read_end,
	.fresh = read_fresh,
	.get = read_get,
	.get_many = read_get_many,
	.customers = read_customers,
	.products = read_products,
	.days = read_days,
	.next = read_next,
};
