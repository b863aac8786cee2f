#include "l3-stream/total.h"

#include <stdlib.h>

#include "check.h"

static struct zone *zone;

static int add(struct total *t, int64_t count, int128 unscaled, int scale, const char *fecha_hora)
{
	struct metric m = {.num_transacciones = count,
			   .monto_total = {unscaled, scale},
			   .fecha_hora = slice_of(fecha_hora)};
	struct err err;
	int result = total_add(t, &m, zone, &err);

	return result == 0 ? 0 : (int)err.status;
}

static int is(const struct total *t, uint64_t items, int64_t count, const char *amount,
	      const char *fecha_hora)
{
	char text[DECIMAL_TEXT_MAX];

	decimal_print(&t->monto_total, text);
	return t->items == items && t->num_transacciones == count && strcmp(text, amount) == 0 &&
	       slice_is(buf_view(&t->fecha_hora), fecha_hora);
}

int main(void)
{
	struct total t = {0};
	int128 greatest = 1;

	setenv("TZ", "UTC", 1);
	zone = zone_new();
	for (int i = 0; i < 38; i++)
		greatest *= 10;
	greatest--;

	CHECK(is(&t, 0, 0, "0", ""), "nothing");
	CHECK(add(&t, 2, 1050, 2, "2010-12-01T08:26:00") == 0 &&
		      is(&t, 1, 2, "10.50", "2010-12-01T08:26:00"),
	      "one item is itself");
	CHECK(add(&t, 3, -15, 3, "2010-12-01T08:25:59.999") == 0 &&
		      is(&t, 2, 5, "10.485", "2010-12-01T08:26:00"),
	      "the widest scale; an earlier time does not count, longer as its text may be");
	CHECK(add(&t, 1, 1, 0, "2010-12-01T08:26:00.25") == 0 &&
		      is(&t, 3, 6, "11.485", "2010-12-01T08:26:00.25"),
	      "a later fraction does");
	CHECK(add(&t, 1, 0, 0, "2010-12-01T09:00:00+01:00") == 0 &&
		      is(&t, 4, 7, "11.485", "2010-12-01T08:26:00.25"),
	      "times are compared as instants");
	CHECK(add(&t, 1, greatest, 0, "2010-12-01T09:00:00") == ERR_DATA, "an amount overflows");
	CHECK(add(&t, INT64_MAX, 0, 0, "2010-12-01T09:00:00") == ERR_DATA, "a count overflows");
	CHECK(add(&t, 1, 0, 0, "yesterday") == ERR_DATA, "no time");
	total_clear(&t);
	CHECK(is(&t, 0, 0, "0", ""), "cleared");
	CHECK(add(&t, 1, 7, 0, "1970-01-01T00:00:00") == 0 &&
		      is(&t, 1, 1, "7", "1970-01-01T00:00:00"),
	      "and used again");
	total_free(&t);
	zone_free(zone);
	return check_done();
}
