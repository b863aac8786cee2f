#include <limits.h>
#include <stdlib.h>

#include "l0-base/table.h"
#include "l1-value/text.h"
#include "l1-value/timestamp.h"
#include "l4-service/store.h"
#include "l4-service/store_sqlite.h"

/* Two walks over the items, each in an order in which what belongs together stands together, so
 * that memory holds the days of one customer at most:
 *
 *   by id     C#P#D of one product add up to C#P#*; of one customer, to C#*#*, and by day to C#*#D
 *   by tail   C#P#D of all customers add up to *#P#D; C#P#* to *#P#*
 */

struct sum {
	int64_t count;
	int64_t items; /* what was added */
	struct decimal amount;
};

/* What a rollup should be, and what it is. */
struct expected {
	struct sum sum, found;
	int there; /* found was */
	uint32_t pad[3];
};

_Static_assert(sizeof(struct expected) % 16 == 0, "a table's value");

struct verifying {
	struct sqlite d;
	int (*report)(void *context, struct slice difference, struct err *err);
	void *context;
	struct store_verified *counts;

	struct buf cliente, producto; /* encoded: whose items come; the first walk */
	struct buf tail;              /* the second walk */
	struct expected of_product, of_customer, of_tail;
	struct table *of_days; /* key: the day */
	struct buf id, line;
};

/* ---- differences ---- */

static int difference(struct verifying *v, struct err *err)
{
	v->counts->differences++;
	if (v->line.failed)
		return err_memory(err);
	return v->report(v->context, buf_view(&v->line), err);
}

/* Something is wrong with an item itself. */
static int wrong(struct verifying *v, struct slice id, const char *what, struct err *err)
{
	buf_clear(&v->line);
	buf_puts(&v->line, "{\"id\":");
	json_put_string(&v->line, id);
	buf_puts(&v->line, ",\"wrong\":");
	json_put_string(&v->line, slice_of(what));
	buf_byte(&v->line, '}');
	return difference(v, err);
}

static void put_sum(struct buf *out, const char *key, const struct sum *s, int there)
{
	char amount[DECIMAL_TEXT_MAX];

	if (!there) {
		buf_printf(out, ",\"%s\":null", key);
		return;
	}
	decimal_print(&s->amount, amount);
	buf_printf(out, ",\"%s\":{\"num_transacciones\":%lld,\"monto_total\":%s}", key,
		   (long long)s->count, amount);
}

/* The items that a rollup is made of have all been seen, and so has the rollup, if it is there. */
static int check_rollup(struct verifying *v, struct slice id, const struct expected *e,
			struct err *err)
{
	if (e->sum.count == e->found.count &&
	    decimal_compare(&e->sum.amount, &e->found.amount) == 0 &&
	    (e->there || e->sum.items == 0))
		return 0;
	buf_clear(&v->line);
	buf_puts(&v->line, "{\"id\":");
	json_put_string(&v->line, id);
	put_sum(&v->line, "expected", &e->sum, 1);
	put_sum(&v->line, "found", &e->found, e->there);
	buf_byte(&v->line, '}');
	return difference(v, err);
}

static int add(struct sum *s, const struct metric *m, struct err *err)
{
	if (__builtin_add_overflow(s->count, m->num_transacciones, &s->count))
		return err_set(err, ERR_DATA, "id %.*s: num_transacciones: the sum is out of range",
			       SLICE_ARG(m->id));
	if (decimal_add(&s->amount, &m->monto_total, err) != 0)
		return err_prefix(err, "id %.*s", SLICE_ARG(m->id));
	s->items++;
	return 0;
}

static void find(struct expected *e, const struct metric *m)
{
	e->there = 1;
	e->found.count = m->num_transacciones;
	e->found.amount = m->monto_total;
}

/* ---- an item by itself ---- */

static int is_day(struct slice text)
{
	struct err ignored;
	int64_t day;

	return date_parse(text, &day, &ignored) == 0;
}

/* Does the item say of itself what its id says? */
static int id_is_right(struct verifying *v, const struct metric *m)
{
	static const struct slice all = {NULL, 0};
	struct metric_key key = {m->cliente_id.text, m->producto.text, m->fecha};

	if (m->cliente_id.kind == METRIC_ALL)
		key.cliente_id = slice_is(m->cliente_id.text, "*") ? all : slice_of("");
	if (m->producto.kind == METRIC_ALL)
		key.producto = slice_is(m->producto.text, "*") ? all : slice_of("");
	if (slice_is(m->fecha, "*"))
		key.fecha = all;
	buf_clear(&v->id);
	return metric_put_id(&v->id, &key) == 0 && slice_equal(buf_view(&v->id), m->id);
}

static int check_item(struct verifying *v, const struct metric *m, struct err *err)
{
	const char *what = NULL;

	if (!id_is_right(v, m))
		what = "id: does not match cliente_id, producto and fecha";
	else if (!slice_is(m->fecha, "*") && !is_day(m->fecha))
		what = "fecha: no such day";
	else if (m->cliente_id.kind == METRIC_ALL && m->producto.kind == METRIC_ALL)
		what = "id: there is no such rollup";
	else if (m->num_transacciones < 0)
		what = "num_transacciones: below zero";
	else if (m->num_transacciones == 0 && !decimal_is_zero(&m->monto_total))
		what = "monto_total: not zero, though num_transacciones is";
	return what == NULL ? 0 : wrong(v, m->id, what, err);
}

static int is_rollup(const struct metric *m)
{
	return m->cliente_id.kind == METRIC_ALL || m->producto.kind == METRIC_ALL ||
	       slice_is(m->fecha, "*");
}

/* ---- the walk by id ---- */

static int set_id(struct verifying *v, struct slice cliente, struct slice producto,
		  struct slice fecha, struct err *err)
{
	buf_clear(&v->id);
	buf_slice(&v->id, cliente);
	buf_byte(&v->id, '#');
	buf_slice(&v->id, producto);
	buf_byte(&v->id, '#');
	return buf_slice(&v->id, fecha) == 0 && !v->id.failed ? 0 : err_memory(err);
}

static int end_product(struct verifying *v, struct err *err)
{
	if (set_id(v, buf_view(&v->cliente), buf_view(&v->producto), slice_of("*"), err) != 0 ||
	    check_rollup(v, buf_view(&v->id), &v->of_product, err) != 0)
		return -1;
	v->of_product = (struct expected){0};
	return 0;
}

static int end_customer(struct verifying *v, struct err *err)
{
	struct slice cliente = buf_view(&v->cliente);

	if (set_id(v, cliente, slice_of("*"), slice_of("*"), err) != 0 ||
	    check_rollup(v, buf_view(&v->id), &v->of_customer, err) != 0)
		return -1;
	for (size_t i = 0; i < table_count(v->of_days); i++)
		if (set_id(v, cliente, slice_of("*"), table_key(v->of_days, i), err) != 0 ||
		    check_rollup(v, buf_view(&v->id), table_value(v->of_days, i), err) != 0)
			return -1;
	v->of_customer = (struct expected){0};
	table_clear(v->of_days);
	return 0;
}

static int set(struct buf *b, struct slice to, struct err *err)
{
	buf_clear(b);
	return buf_slice(b, to) == 0 ? 0 : err_memory(err);
}

static int of_one_customer(struct verifying *v, const struct metric *m, struct err *err)
{
	int all_days = slice_is(m->fecha, "*"), fresh;
	struct expected *day = NULL;

	if (!all_days) {
		day = table_at(v->of_days, m->fecha, &fresh);
		if (day == NULL)
			return err_memory(err);
	}
	if (m->producto.kind == METRIC_ALL)
		find(all_days ? &v->of_customer : day, m);
	else if (all_days)
		find(&v->of_product, m);
	else if (add(&v->of_product.sum, m, err) != 0 || add(&v->of_customer.sum, m, err) != 0 ||
		 add(&day->sum, m, err) != 0)
		return -1;
	return 0;
}

static int on_item(struct verifying *v, const struct metric *m, struct err *err)
{
	struct metric of_id = *m; /* what counts is the id */
	struct metric_key part;
	int same_customer;

	metric_cut_id(m->id, &part);
	of_id.fecha = part.fecha;
	if (is_rollup(&of_id))
		v->counts->rollups++;
	else
		v->counts->items++;
	same_customer = slice_equal(part.cliente_id, buf_view(&v->cliente));
	if (!same_customer || !slice_equal(part.producto, buf_view(&v->producto)))
		if (end_product(v, err) != 0 || set(&v->producto, part.producto, err) != 0)
			return -1;
	if (!same_customer)
		if (end_customer(v, err) != 0 || set(&v->cliente, part.cliente_id, err) != 0)
			return -1;
	if (check_item(v, m, err) != 0)
		return -1;
	return m->cliente_id.kind == METRIC_ALL ? 0 : of_one_customer(v, &of_id, err);
}

/* ---- the walk by tail ---- */

static int end_tail(struct verifying *v, struct err *err)
{
	buf_clear(&v->id);
	buf_puts(&v->id, "*#");
	buf_slice(&v->id, buf_view(&v->tail));
	if (v->id.failed)
		return err_memory(err);
	if (check_rollup(v, buf_view(&v->id), &v->of_tail, err) != 0)
		return -1;
	v->of_tail = (struct expected){0};
	return 0;
}

static int on_tail(struct verifying *v, const struct metric *m, struct err *err)
{
	struct metric_key part;
	struct slice tail;

	metric_cut_id(m->id, &part);
	tail = (struct slice){part.producto.at, part.producto.len + 1 + part.fecha.len};
	if (!slice_equal(tail, buf_view(&v->tail)))
		if (end_tail(v, err) != 0 || set(&v->tail, tail, err) != 0)
			return -1;
	if (m->producto.kind == METRIC_ALL)
		return 0; /* over all customers: not kept */
	if (m->cliente_id.kind != METRIC_ALL)
		return add(&v->of_tail.sum, m, err);
	find(&v->of_tail, m);
	return 0;
}

/* ---- the whole ---- */

static int walk(struct verifying *v, const char *sql,
		int (*visit)(struct verifying *v, const struct metric *m, struct err *err),
		struct err *err)
{
	sqlite3_stmt *statement;
	struct metric m;
	int row;

	if (sqlite_prepare(&v->d, sql, &statement, err) != 0)
		return -1;
	while ((row = sqlite_step(&v->d, statement, err)) > 0)
		if (store_sqlite_item(&v->d, statement, &m, err) != 0 || visit(v, &m, err) != 0)
			break;
	sqlite3_finalize(statement);
	return row == 0 ? 0 : -1;
}

/* SQLite's own check: the index has each item once, no page is lost. */
static int check_file(struct verifying *v, struct err *err)
{
	sqlite3_stmt *statement;
	int row, failed = 0;

	if (sqlite_prepare(&v->d, "PRAGMA integrity_check", &statement, err) != 0)
		return -1;
	while (!failed && (row = sqlite_step(&v->d, statement, err)) > 0) {
		struct slice found = sqlite_text(statement, 0);

		if (slice_is(found, "ok"))
			continue;
		buf_clear(&v->line);
		buf_puts(&v->line, "{\"id\":null,\"wrong\":");
		json_put_string(&v->line, found);
		buf_byte(&v->line, '}');
		failed = difference(v, err);
	}
	sqlite3_finalize(statement);
	return failed || row < 0 ? -1 : 0;
}

static int verify(struct verifying *v, struct err *err)
{
	/* All of it in one epoch. */
	if (sqlite_exec(&v->d, "BEGIN", err) != 0)
		return -1;
	if (walk(v, "SELECT " ITEM_COLUMNS " FROM metricas ORDER BY id", on_item, err) != 0 ||
	    end_product(v, err) != 0 || end_customer(v, err) != 0)
		return -1;
	if (walk(v, "SELECT " ITEM_COLUMNS " FROM metricas ORDER BY " ITEM_TAIL ", id", on_tail,
		 err) != 0 ||
	    end_tail(v, err) != 0)
		return -1;
	return check_file(v, err);
}

int store_sqlite_verify(const char *place,
			int (*report)(void *context, struct slice difference, struct err *err),
			void *context, struct store_verified *counts, struct err *err)
{
	struct verifying v = {.report = report, .context = context, .counts = counts};
	int found = store_sqlite_database(&v.d, place, SQLITE_FOR_READING, 0, err), failed = -1;

	*counts = (struct store_verified){0};
	v.of_days = table_new(sizeof(struct expected));
	if (found == 0)
		err_set(err, ERR_CONFIG, "%s: no store there", place);
	else if (found > 0 && v.of_days == NULL)
		err_memory(err);
	else if (found > 0)
		failed = verify(&v, err);
	sqlite_close(&v.d);
	table_free(v.of_days);
	buf_free(&v.cliente);
	buf_free(&v.producto);
	buf_free(&v.tail);
	buf_free(&v.id);
	buf_free(&v.line);
	return failed;
}
