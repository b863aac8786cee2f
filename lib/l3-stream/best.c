#include "l3-stream/best.h"

#include <stdlib.h>

struct place {
	struct metric m; /* its slices are set by best_item: texts moves when it grows */
	uint64_t came;
	struct buf texts; /* those of m, one behind the other; reused by what takes this place */
};

struct best {
	size_t most;
	enum best_by by;
	int least;
	uint64_t came;
	struct place
		*places; /* a heap: none is better than its parent, so the worst is places[0] */
	size_t count, room;
};

struct best *best_new(size_t most, enum best_by by, int least)
{
	struct best *b = calloc(1, sizeof *b);

	if (b != NULL) {
		b->most = most;
		b->by = by;
		b->least = least;
	}
	return b;
}

void best_free(struct best *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->count; i++)
		buf_free(&b->places[i].texts);
	free(b->places);
	free(b);
}

/* Below 0 when x is better than y, above when worse; 0 when only the time they came decides. */
static int rank(const struct best *b, const struct metric *x, const struct metric *y)
{
	int order = b->by == BEST_BY_AMOUNT ? decimal_compare(&x->monto_total, &y->monto_total)
					    : (x->num_transacciones > y->num_transacciones) -
						      (x->num_transacciones < y->num_transacciones);

	return b->least ? order : -order;
}

static int compare(const void *a, const void *c, void *context)
{
	const struct place *x = a, *y = c;
	int order = rank(context, &x->m, &y->m);

	return order != 0 ? order : (x->came > y->came) - (x->came < y->came);
}

static void swap(struct best *b, size_t i, size_t j)
{
	struct place kept = b->places[i];

	b->places[i] = b->places[j];
	b->places[j] = kept;
}

static void rise(struct best *b, size_t i)
{
	while (i > 0 && compare(&b->places[i], &b->places[(i - 1) / 2], b) > 0) {
		swap(b, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static void sink(struct best *b, size_t i)
{
	for (;;) {
		size_t worst = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < b->count; child++)
			if (compare(&b->places[child], &b->places[worst], b) > 0)
				worst = child;
		if (worst == i)
			return;
		swap(b, i, worst);
		i = worst;
	}
}

static int fill(struct best *b, struct place *p, const struct metric *m, struct err *err)
{
	buf_clear(&p->texts);
	buf_slice(&p->texts, m->id);
	buf_slice(&p->texts, m->cliente_id.text);
	buf_slice(&p->texts, m->producto.text);
	buf_slice(&p->texts, m->fecha);
	buf_slice(&p->texts, m->fecha_hora);
	if (p->texts.failed)
		return err_memory(err);
	p->m = *m;
	p->came = b->came;
	return 0;
}

int best_add(struct best *b, const struct metric *m, struct err *err)
{
	b->came++;
	if (b->count == b->most) {
		/* Equal to the worst is worse: it came later. */
		if (rank(b, m, &b->places[0].m) >= 0)
			return 0;
		if (fill(b, &b->places[0], m, err) < 0)
			return -1;
		sink(b, 0);
		return 0;
	}
	if (b->count == b->room) {
		size_t room = b->room == 0 ? 16 : 2 * b->room;
		struct place *places = reallocarray(b->places, room, sizeof *places);

		if (places == NULL)
			return err_memory(err);
		b->places = places;
		b->room = room;
	}
	b->places[b->count] = (struct place){0};
	if (fill(b, &b->places[b->count], m, err) < 0) {
		buf_free(&b->places[b->count].texts);
		return -1;
	}
	rise(b, b->count++);
	return 0;
}

size_t best_sort(struct best *b)
{
	if (b->count > 0)
		qsort_r(b->places, b->count, sizeof *b->places, compare, b);
	return b->count;
}

static void cut(struct slice *field, const char **at)
{
	field->at = *at;
	*at += field->len;
}

struct metric best_item(const struct best *b, size_t i)
{
	struct metric m = b->places[i].m;
	const char *at = b->places[i].texts.at;

	cut(&m.id, &at);
	cut(&m.cliente_id.text, &at);
	cut(&m.producto.text, &at);
	cut(&m.fecha, &at);
	cut(&m.fecha_hora, &at);
	return m;
}
