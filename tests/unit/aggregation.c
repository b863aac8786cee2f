#include "l3-stream/aggregation.h"

#include "check.h"

static struct err err;

static void test_names(void)
{
	struct aggregation a = {0};

	CHECK(aggregation_time(&a, "fecha", &err) == 0 && strcmp(a.shape.time, "fecha_hora") == 0,
	      "the time's name by default");
	CHECK(aggregation_by(&a, "cliente.id,x=y,a\\.b,p.c\\.d,e\\,f=g\\,h", &err) == 0, "a list");
	CHECK(a.shape.by_count == 5 && strcmp(a.shape.by[0], "id") == 0, "last part of a path");
	CHECK(strcmp(a.shape.by[1], "y") == 0, "a name of its own");
	CHECK(strcmp(a.fields[AGGREGATION_BY + 2], "a\\.b") == 0 &&
		      strcmp(a.shape.by[2], "a.b") == 0,
	      "a dot in a name is for the scanner to see, and not in the output");
	CHECK(strcmp(a.shape.by[3], "c.d") == 0, "a dot in the last part");
	CHECK(strcmp(a.fields[AGGREGATION_BY + 4], "e,f") == 0 && strcmp(a.shape.by[4], "g,h") == 0,
	      "commas behind backslashes");
	aggregation_free(&a);
}

static void test_amounts(void)
{
	struct aggregation a = {0};

	aggregation_time(&a, "t=when", &err);
	aggregation_by(&a, "k", &err);
	CHECK(strcmp(a.shape.time, "when") == 0, "the time's name");
	CHECK(aggregation_measure(&a, MEASURE_SUM, "m=s,k=ks", &err) == 0 &&
		      aggregation_measure(&a, MEASURE_MAX, "m=hi", &err) == 0,
	      "sums and maxima");
	CHECK(a.field_count == AGGREGATION_BY + 2 && a.amount_count == 2,
	      "each field is read once, by-fields too");
	CHECK(a.shape.measures[0].amount == a.shape.measures[2].amount &&
		      a.amount_field[a.shape.measures[1].amount] == AGGREGATION_BY,
	      "measures know their amounts");
	CHECK(aggregation_check(&a, &err) == 0, "all is well");
	a.shape.count = "hi";
	CHECK(aggregation_check(&a, &err) == -1 && err.status == ERR_USAGE, "two equal names");
	aggregation_free(&a);
}

static void test_too_many(void)
{
	struct aggregation a = {0};
	char list[400] = "";
	int result = 0;

	aggregation_time(&a, "t", &err);
	for (int i = 0; i < GROUP_MEASURES_MAX + 1 && result == 0; i++) {
		snprintf(list, sizeof list, "f%d=n%d", i, i);
		result = aggregation_measure(&a, MEASURE_SUM, list, &err);
	}
	CHECK(result == -1 && err.status == ERR_USAGE &&
		      a.shape.measure_count == GROUP_MEASURES_MAX,
	      "more measures than there may be");
	aggregation_free(&a);

	a = (struct aggregation){0};
	aggregation_time(&a, "t", &err);
	result = 0;
	for (int i = 0; i < GROUP_BY_MAX + 1 && result == 0; i++) {
		snprintf(list, sizeof list, "f%d", i);
		result = aggregation_by(&a, list, &err);
	}
	CHECK(result == -1 && err.status == ERR_USAGE && a.shape.by_count == GROUP_BY_MAX,
	      "more by-fields than there may be");
	aggregation_free(&a);
}

int main(void)
{
	test_names();
	test_amounts();
	test_too_many();
	return check_done();
}
