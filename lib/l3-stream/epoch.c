#include "l3-stream/epoch.h"

#include <endian.h>
#include <stdlib.h>

#include "l0-base/table.h"
#include "l1-value/text.h"

/* What is known of an id; the parts of the id are in the id. A cache line. */
struct entry {
	struct decimal sum;
	int64_t count;
	int64_t utc; /* of its fecha_hora */
	int32_t nanos;
	uint32_t time; /* its text: a number in epoch.times */
	uint32_t turn; /* of the epochs that were put together, the last one that touched it */
	uint8_t cliente_id, producto;
	uint8_t pad[2];
};

_Static_assert(sizeof(struct entry) == 64, "a table's value: a multiple of 16");

struct time_number {
	uint32_t number;
	uint32_t pad[3];
};

enum { FRONT = 3 };

struct order {
	uint64_t front[FRONT]; /* of the id, as a rule all of it: the rest is far away in memory */
	uint64_t index;        /* in items; behind the last of those, in rollups */
};

struct epoch {
	struct table *items, *rollups;
	/* The texts of fecha_hora: few, and shared by many. */
	struct table *times;
	uint32_t last_time;

	/* Sums of all absolute values: none of the epoch's sums can be further from zero than
	 * these, so rollups cannot overflow when it is too late to say which record was at fault.
	 */
	struct decimal amount_bound;
	int64_t count_bound;
	uint32_t turns; /* epochs that were put behind this one */

	struct order *order;
	size_t order_count, order_size;
	int closed;

	struct buf id, cliente_id, producto;
};

struct epoch *epoch_new(void)
{
	struct epoch *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->items = table_new(sizeof(struct entry));
	e->rollups = table_new(sizeof(struct entry));
	e->times = table_new(sizeof(struct time_number));
	if (e->items != NULL && e->rollups != NULL && e->times != NULL)
		return e;
	epoch_free(e);
	return NULL;
}

void epoch_free(struct epoch *e)
{
	if (e == NULL)
		return;
	table_free(e->items);
	table_free(e->rollups);
	table_free(e->times);
	free(e->order);
	buf_free(&e->id);
	buf_free(&e->cliente_id);
	buf_free(&e->producto);
	free(e);
}

void epoch_clear(struct epoch *e)
{
	table_clear(e->items);
	table_clear(e->rollups);
	table_clear(e->times);
	e->last_time = 0;
	e->amount_bound = (struct decimal){0, 0};
	e->count_bound = 0;
	e->turns = 0;
	e->order_count = 0;
	e->closed = 0;
}

size_t epoch_count(const struct epoch *e)
{
	size_t items = table_count(e->items), times = table_count(e->times);

	return items > times ? items : times;
}

static int time_number(struct epoch *e, struct slice text, uint32_t *number)
{
	struct time_number *t;
	int fresh;

	/* One window follows the other: most records have the time of the one before. */
	if (table_count(e->times) > 0 && slice_equal(table_key(e->times, e->last_time), text)) {
		*number = e->last_time;
		return 0;
	}
	t = table_at(e->times, text, &fresh);
	if (t == NULL)
		return -1;
	if (fresh)
		t->number = (uint32_t)(table_count(e->times) - 1);
	e->last_time = *number = t->number;
	return 0;
}

/* Is a's fecha_hora the one to be kept? The greatest of the last epoch that has one. */
static int is_later(const struct entry *a, const struct entry *b)
{
	if (a->turn != b->turn)
		return a->turn > b->turn;
	return a->utc != b->utc ? a->utc > b->utc : a->nanos > b->nanos;
}

static void take_time(struct entry *to, const struct entry *from)
{
	to->utc = from->utc;
	to->nanos = from->nanos;
	to->time = from->time;
	to->turn = from->turn;
}

/* Add to the entry; it cannot overflow, within the bounds. */
static int merge(struct table *t, struct slice id, const struct entry *from, struct err *err)
{
	int fresh;
	struct entry *to = table_at(t, id, &fresh);

	if (to == NULL)
		return err_memory(err);
	if (fresh) {
		*to = *from;
		return 0;
	}
	to->count += from->count;
	if (is_later(from, to))
		take_time(to, from);
	return decimal_add(&to->sum, &from->sum, err);
}

int epoch_add(struct epoch *e, const struct metric *m, const struct timestamp *at, struct err *err)
{
	struct entry entry = {.sum = m->monto_total,
			      .count = m->num_transacciones,
			      .utc = at->utc,
			      .nanos = at->nanos,
			      .cliente_id = (uint8_t)m->cliente_id.kind,
			      .producto = (uint8_t)m->producto.kind};
	struct decimal amount = m->monto_total, bound = e->amount_bound;
	int64_t count = m->num_transacciones;

	if (amount.unscaled < 0)
		amount.unscaled = -amount.unscaled;
	if (count < 0 ? __builtin_sub_overflow(e->count_bound, count, &count)
		      : __builtin_add_overflow(e->count_bound, count, &count))
		return err_set(err, ERR_DATA, "num_transacciones: the sum is out of range");
	if (decimal_add(&bound, &amount, err) != 0)
		return err_set(err, ERR_DATA, "monto_total: the sum needs more than %d digits",
			       DECIMAL_DIGITS);
	if (time_number(e, m->fecha_hora, &entry.time) != 0)
		return err_memory(err);
	if (merge(e->items, m->id, &entry, err) != 0)
		return -1;
	e->amount_bound = bound;
	e->count_bound = count;
	return 0;
}

/* Parts of an id as bits: which are summed away. */
enum { ALL_CLIENTES = 1, ALL_PRODUCTOS = 2, ALL_DAYS = 4 };

static const int rollups[] = {ALL_DAYS, ALL_PRODUCTOS, ALL_PRODUCTOS | ALL_DAYS, ALL_CLIENTES,
			      ALL_CLIENTES | ALL_DAYS};

static int roll_up(struct epoch *e, size_t i, struct err *err)
{
	static const struct slice all = {"*", 1};
	struct metric_key part;

	if (metric_cut_id(table_key(e->items, i), &part) != 0)
		return err_set(err, ERR_DATA, "%.*s: not an id", SLICE_ARG(table_key(e->items, i)));
	for (size_t k = 0; k < sizeof rollups / sizeof rollups[0]; k++) {
		struct entry entry = *(struct entry *)table_value(e->items, i);

		if (rollups[k] & ALL_CLIENTES)
			entry.cliente_id = METRIC_ALL;
		if (rollups[k] & ALL_PRODUCTOS)
			entry.producto = METRIC_ALL;
		buf_clear(&e->id);
		buf_slice(&e->id, rollups[k] & ALL_CLIENTES ? all : part.cliente_id);
		buf_byte(&e->id, '#');
		buf_slice(&e->id, rollups[k] & ALL_PRODUCTOS ? all : part.producto);
		buf_byte(&e->id, '#');
		buf_slice(&e->id, rollups[k] & ALL_DAYS ? all : part.fecha);
		if (e->id.failed)
			return err_memory(err);
		if (merge(e->rollups, buf_view(&e->id), &entry, err) != 0)
			return -1;
	}
	return 0;
}

/* Where number i is: items first, then rollups. */
struct place {
	const struct table *table;
	size_t i;
};

static struct place place_of(const struct epoch *e, size_t i)
{
	size_t items = table_count(e->items);

	return i < items ? (struct place){e->items, i} : (struct place){e->rollups, i - items};
}

static struct slice id_of(const struct epoch *e, size_t i)
{
	struct place p = place_of(e, i);

	return table_key(p.table, p.i);
}

static struct order order_of(const struct epoch *e, size_t i)
{
	struct slice id = id_of(e, i);
	struct order o = {.index = i};

	memcpy(o.front, id.at, id.len < sizeof o.front ? id.len : sizeof o.front);
	for (int k = 0; k < FRONT; k++)
		o.front[k] = be64toh(o.front[k]);
	return o;
}

static int compare(const void *a, const void *b, void *context)
{
	const struct order *x = a, *y = b;
	const struct epoch *e = context;
	struct slice left, right;
	int order;

	for (int k = 0; k < FRONT; k++)
		if (x->front[k] != y->front[k])
			return x->front[k] < y->front[k] ? -1 : 1;
	left = id_of(e, x->index);
	right = id_of(e, y->index);
	order = memcmp(left.at, right.at, left.len < right.len ? left.len : right.len);
	if (order != 0)
		return order;
	return left.len < right.len ? -1 : left.len > right.len;
}

int epoch_close(struct epoch *e, size_t *count, struct err *err)
{
	size_t all;

	if (e->closed) {
		*count = e->order_count;
		return 0;
	}
	table_clear(e->rollups);
	for (size_t i = 0; i < table_count(e->items); i++)
		if (roll_up(e, i, err) != 0)
			return -1;
	all = table_count(e->items) + table_count(e->rollups);
	if (all > e->order_size) {
		struct order *larger = realloc(e->order, all * sizeof *larger);

		if (larger == NULL)
			return err_memory(err);
		e->order = larger;
		e->order_size = all;
	}
	for (size_t i = 0; i < all; i++)
		e->order[i] = order_of(e, i);
	if (all > 0)
		qsort_r(e->order, all, sizeof *e->order, compare, e);
	e->order_count = *count = all;
	e->closed = 1;
	return 0;
}

/* ---- one epoch behind another ---- */

/* Add the items of a later epoch, whose times win. */
static int follow(struct epoch *into, const struct epoch *later, struct err *err)
{
	for (size_t i = 0; i < table_count(later->items); i++) {
		struct entry entry = *(const struct entry *)table_value(later->items, i);

		if (time_number(into, table_key(later->times, entry.time), &entry.time) != 0)
			return err_memory(err);
		entry.turn = into->turns;
		if (merge(into->items, table_key(later->items, i), &entry, err) != 0)
			return -1;
	}
	return 0;
}

int epoch_follow(struct epoch *into, struct epoch *later, struct err *err)
{
	struct decimal amount_bound = into->amount_bound;
	struct epoch empty = *into;
	int64_t count_bound;

	if (table_count(into->items) == 0) {
		*into = *later;
		*later = empty;
		epoch_clear(later);
		return 1;
	}
	if (into->turns == UINT32_MAX ||
	    decimal_add(&amount_bound, &later->amount_bound, err) != 0 ||
	    __builtin_add_overflow(into->count_bound, later->count_bound, &count_bound))
		return 0;
	into->turns++;
	if (follow(into, later, err) != 0)
		return -1;
	into->amount_bound = amount_bound;
	into->count_bound = count_bound;
	into->order_count = 0;
	into->closed = 0;
	epoch_clear(later);
	return 1;
}

/* One part of an id as it was before it was encoded; mostly it is the same. */
static struct metric_part decoded(struct buf *b, struct slice part, uint8_t kind)
{
	struct metric_part p = {part, kind};

	if (kind == METRIC_ALL || part.len == 0 || memchr(part.at, '%', part.len) == NULL)
		return p;
	buf_clear(b);
	id_get_part(b, part);
	p.text = buf_view(b);
	return p;
}

void epoch_item(struct epoch *e, size_t i, struct metric *m, struct timestamp *at)
{
	struct place p = place_of(e, e->order[i].index);
	const struct entry *entry = table_value(p.table, p.i);
	struct metric_key part;

	m->id = table_key(p.table, p.i);
	metric_cut_id(m->id, &part);
	m->cliente_id = decoded(&e->cliente_id, part.cliente_id, entry->cliente_id);
	m->producto = decoded(&e->producto, part.producto, entry->producto);
	m->fecha = part.fecha;
	m->num_transacciones = entry->count;
	m->monto_total = entry->sum;
	m->fecha_hora = table_key(e->times, entry->time);
	*at = (struct timestamp){.utc = entry->utc, .nanos = entry->nanos};
}
