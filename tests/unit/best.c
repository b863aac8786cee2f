#include "l3-stream/best.h"

#include <stdlib.h>

#include "check.h"

static struct metric metric_of(const char *name, int64_t count, int64_t cents)
{
	return (struct metric){
		.id = slice_of(name),
		.cliente_id = {slice_of(name), METRIC_STRING},
		.producto = {slice_of("*"), METRIC_ALL},
		.fecha = slice_of("*"),
		.num_transacciones = count,
		.monto_total = {cents, 2},
		.fecha_hora = slice_of("2010-12-01T08:26:00"),
	};
}

/* The names of the best, in order, of a fixed set. */
static int gives(size_t most, enum best_by by, int least, const char *expected)
{
	static const struct {
		const char *name;
		int64_t count, cents;
	} all[] = {{"a", 3, 500}, {"b", 9, -200}, {"c", 1, 700}, {"d", 9, 500}, {"e", 2, 0}};
	struct best *b = best_new(most, by, least);
	struct buf names = {0};
	struct err err;
	int equal;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char name[8];
		struct metric m;

		snprintf(name, sizeof name, "%s", all[i].name); /* what it points to goes */
		m = metric_of(name, all[i].count, all[i].cents);
		if (best_add(b, &m, &err) < 0)
			return 0;
	}
	for (size_t i = 0, n = best_sort(b); i < n; i++)
		buf_slice(&names, best_item(b, i).cliente_id.text);
	equal = slice_is(buf_view(&names), expected);
	if (!equal)
		printf("# got %s\n", buf_text(&names));
	buf_free(&names);
	best_free(b);
	return equal;
}

static int by_cents(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

/* Many random amounts against qsort(3). */
static int agrees_with_sorting(size_t most)
{
	enum { MANY = 5000 };
	struct best *b = best_new(most, BEST_BY_AMOUNT, 0);
	int64_t cents[MANY];
	struct err err;
	int equal = 1;
	size_t n;

	srand(1);
	for (size_t i = 0; i < MANY; i++) {
		struct metric m = metric_of("x", 1, rand() % 3000 - 1500);

		cents[i] = (int64_t)m.monto_total.unscaled;
		if (best_add(b, &m, &err) < 0)
			return 0;
	}
	qsort(cents, MANY, sizeof *cents, by_cents);
	n = best_sort(b);
	for (size_t i = 0; i < n; i++)
		equal &= best_item(b, i).monto_total.unscaled == cents[i];
	best_free(b);
	return equal && n == (most < MANY ? most : MANY);
}

int main(void)
{
	struct metric m, kept = metric_of("k", 7, 1);
	struct best *b;
	struct err err;

	CHECK(gives(5, BEST_BY_AMOUNT, 0, "cadeb"), "by amount, equals in the order they came");
	CHECK(gives(9, BEST_BY_AMOUNT, 1, "beadc"), "the least first");
	CHECK(gives(5, BEST_BY_COUNT, 0, "bdaec"), "by count");
	CHECK(gives(2, BEST_BY_AMOUNT, 0, "ca"), "the first of two equals stays");
	CHECK(gives(1, BEST_BY_COUNT, 1, "c"), "the very least");
	CHECK(agrees_with_sorting(1) && agrees_with_sorting(10) && agrees_with_sorting(4999) &&
		      agrees_with_sorting(6000),
	      "agrees with sorting all of them");

	b = best_new(3, BEST_BY_AMOUNT, 0);
	CHECK(best_sort(b) == 0, "the best of none");
	best_free(b);

	b = best_new(3, BEST_BY_AMOUNT, 0);
	best_add(b, &kept, &err);
	best_sort(b);
	m = best_item(b, 0);
	CHECK(slice_is(m.id, "k") && slice_is(m.producto.text, "*") &&
		      m.producto.kind == METRIC_ALL && slice_is(m.fecha, "*") &&
		      slice_is(m.fecha_hora, "2010-12-01T08:26:00") && m.num_transacciones == 7,
	      "all of an item is kept");
	best_free(b);
	best_free(NULL);
	return check_done();
}
