#include "l3-stream/report.h"

#include <locale.h>
#include <stdlib.h>

#include "check.h"

static const struct report_column columns[] = {
	{"cliente_id", REPORT_RECORD_ONLY},
	{"producto", REPORT_SHOWN},
	{"num_transacciones", REPORT_SHOWN},
	{"monto_total", REPORT_CHARTED},
};

static struct display utf8 = {.width = 60, .utf8 = 1}, ascii = {.width = 60};

static void put(struct report *r, const char *producto, const char *count, const char *amount)
{
	report_number(r, slice_of("17850"));
	report_text(r, slice_of(producto));
	report_number(r, slice_of(count));
	if (amount == NULL)
		report_absent(r);
	else
		report_number(r, slice_of(amount));
}

static int prints(const struct report *r, enum report_format format, const struct display *d,
		  const char *expected)
{
	struct buf out = {0};
	struct err err;
	int equal;

	if (report_print(r, format, d, slice_of("title"), slice_of("note"), &out, &err) < 0)
		buf_printf(&out, "error %d: %s", (int)err.status, err.message);
	equal = slice_is(buf_view(&out), expected);
	if (!equal)
		printf("# got:\n%s\n# expected:\n%s\n", buf_text(&out), expected);
	buf_free(&out);
	return equal;
}

static void test_empty(void)
{
	struct report *r = report_new(columns, 4);

	CHECK(report_rows(r) == 0, "no rows");
	CHECK(prints(r, REPORT_TABLE, &utf8, ""), "an empty table is nothing");
	CHECK(prints(r, REPORT_JSON, &utf8, "[]\n"), "an empty array");
	CHECK(prints(r, REPORT_NDJSON, &utf8, ""), "no records");
	CHECK(prints(r, REPORT_CSV, &utf8, "cliente_id,producto,num_transacciones,monto_total\r\n"),
	      "a CSV header alone");
	CHECK(prints(r, REPORT_TSV, &utf8,
		     "cliente_id\tproducto\tnum_transacciones\tmonto_total\n"),
	      "a TSV header alone");
	report_free(r);
	report_free(NULL);
}

static void test_programs(void)
{
	struct report *r = report_new(columns, 4);

	put(r, "85123A", "3", "45.90");
	put(r, "a,\"b\"\tc\\d\r\ne", "12345678901234567890", "-0.005");
	put(r, "", "1", NULL);
	CHECK(report_rows(r) == 3, "three rows");
	CHECK(prints(r, REPORT_NDJSON, &utf8,
		     "{\"cliente_id\":17850,\"producto\":\"85123A\",\"num_transacciones\":3,"
		     "\"monto_total\":45.90}\n"
		     "{\"cliente_id\":17850,\"producto\":\"a,\\\"b\\\"\\tc\\\\d\\r\\ne\","
		     "\"num_transacciones\":12345678901234567890,\"monto_total\":-0.005}\n"
		     "{\"cliente_id\":17850,\"producto\":\"\",\"num_transacciones\":1}\n"),
	      "NDJSON: numbers as they are, text escaped, absent members left out");
	CHECK(prints(r, REPORT_JSON, &utf8,
		     "[\n{\"cliente_id\":17850,\"producto\":\"85123A\",\"num_transacciones\":3,"
		     "\"monto_total\":45.90},\n"
		     "{\"cliente_id\":17850,\"producto\":\"a,\\\"b\\\"\\tc\\\\d\\r\\ne\","
		     "\"num_transacciones\":12345678901234567890,\"monto_total\":-0.005},\n"
		     "{\"cliente_id\":17850,\"producto\":\"\",\"num_transacciones\":1}\n]\n"),
	      "JSON: one array, a record a line");
	CHECK(prints(r, REPORT_CSV, &utf8,
		     "cliente_id,producto,num_transacciones,monto_total\r\n"
		     "17850,85123A,3,45.90\r\n"
		     "17850,\"a,\"\"b\"\"\tc\\d\r\ne\",12345678901234567890,-0.005\r\n"
		     "17850,\"\",1,\r\n"),
	      "CSV: quoted by need, an empty text is not an absent one");
	CHECK(prints(r, REPORT_TSV, &utf8,
		     "cliente_id\tproducto\tnum_transacciones\tmonto_total\n"
		     "17850\t85123A\t3\t45.90\n"
		     "17850\ta,\"b\"\\tc\\\\d\\r\\ne\t12345678901234567890\t-0.005\n"
		     "17850\t\t1\t\n"),
	      "TSV: escaped, a record is a line");
	report_free(r);
}

static void test_table(void)
{
	struct report *r = report_new(columns, 4);

	put(r, "85123A", "3", "45.90");
	CHECK(prints(r, REPORT_TABLE, &utf8,
		     "title\n\n"
		     "producto  num_transacciones  monto_total\n"
		     "────────  ─────────────────  ───────────\n"
		     "85123A                    3        45.90\n"
		     "\nnote\n"),
	      "a single row has no bar");
	put(r, "漢字", "40", "91.8");
	put(r, "a\nb", "5", NULL);
	CHECK(prints(r, REPORT_TABLE, &utf8,
		     "title\n\n"
		     "producto  num_transacciones  monto_total\n"
		     "────────  ─────────────────  ───────────\n"
		     "85123A                    3        45.90  █████████\n"
		     "漢字                     40        91.8   ██████████████████\n"
		     "a\\x0ab                    5\n"
		     "\nnote\n"),
	      "bars, wide and control characters, points below one another");
	CHECK(prints(r, REPORT_TABLE, &ascii,
		     "title\n\n"
		     "producto      num_transacciones  monto_total\n"
		     "------------  -----------------  -----------\n"
		     "85123A                        3        45.90  #######\n"
		     "\\u6f22\\u5b57                 40        91.8   ##############\n"
		     "a\\x0ab                        5\n"
		     "\nnote\n"),
	      "the same in ASCII");
	report_free(r);
}

static void test_absent(void)
{
	static const struct report_column some[] = {
		{"epoch", REPORT_SHOWN}, {"n", REPORT_SHOWN}, {"time", REPORT_SHOWN}};
	struct report *r = report_new(some, 3);

	for (int i = 0; i < 2; i++) {
		report_absent(r);
		report_number(r, slice_of("7"));
		if (i == 0)
			report_absent(r);
		else
			report_text(r, slice_of("10:00"));
	}
	CHECK(prints(r, REPORT_TABLE, &utf8, "title\n\nn  time\n─  ─────\n7\n7  10:00\n\nnote\n"),
	      "a column without any cell is not shown, nor are spaces in place of the last");
	report_free(r);
}

static void test_negative(void)
{
	struct report *r = report_new(columns, 4);
	struct display colors = {.width = 60, .utf8 = 1, .color = 1};

	put(r, "a", "1", "100");
	put(r, "b", "1", "-50");
	put(r, "c", "1", "0");
	CHECK(prints(r, REPORT_TABLE, &utf8,
		     "title\n\n"
		     "producto  num_transacciones  monto_total\n"
		     "────────  ─────────────────  ───────────\n"
		     "a                         1          100        │██████████▋\n"
		     "b                         1          -50  ▕█████│\n"
		     "c                         1            0        │\n"
		     "\nnote\n"),
	      "losses stand to the left of a zero line");
	CHECK(prints(r, REPORT_TABLE, &colors,
		     "\033[1mtitle\033[0m\n\n"
		     "\033[1mproducto  num_transacciones  monto_total\033[0m\n"
		     "\033[2m────────  ─────────────────  ───────────\033[0m\n"
		     "a                         1          100        \033[2m│\033[0m"
		     "\033[36m██████████▋\033[0m\n"
		     "b                         1          -50  "
		     "\033[31m▕█████\033[0m\033[2m│\033[0m\n"
		     "c                         1            0        \033[2m│\033[0m\n"
		     "\n\033[2mnote\033[0m\n"),
	      "in colours");
	report_free(r);
}

static void test_narrow(void)
{
	static const char *const name = "WHITE HANGING HEART T-LIGHT HOLDER";
	struct report *r = report_new(columns, 4);
	struct display d = utf8;

	put(r, name, "1", "100");
	put(r, "b", "1", "50");
	CHECK(prints(r, REPORT_TABLE, &d,
		     "title\n\n"
		     "producto          num_transacciones  monto_total\n"
		     "────────────────  ─────────────────  ───────────\n"
		     "WHITE HANGING H…                  1          100  ██████████\n"
		     "b                                 1           50  █████\n"
		     "\nnote\n"),
	      "text gives way to the bars");
	d.width = 50;
	CHECK(prints(r, REPORT_TABLE, &d,
		     "title\n\n"
		     "producto            num_transacciones  monto_total\n"
		     "──────────────────  ─────────────────  ───────────\n"
		     "WHITE HANGING HEA…                  1          100\n"
		     "b                                   1           50\n"
		     "\nnote\n"),
	      "and more to the numbers, when there is no room for bars");
	d.width = 10;
	CHECK(prints(r, REPORT_TABLE, &d,
		     "title\n\n"
		     "producto     num_transacciones  monto_total\n"
		     "───────────  ─────────────────  ───────────\n"
		     "WHITE HANG…                  1          100\n"
		     "b                            1           50\n"
		     "\nnote\n"),
	      "numbers are never cut");
	report_free(r);
}

static void test_upright(void)
{
	struct report *r = report_new(columns, 4);
	struct display d = utf8;

	put(r, "WHITE HANGING HEART T-LIGHT HOLDER", "1", "100.00");
	d.width = 66;
	CHECK(prints(r, REPORT_TABLE, &d,
		     "title\n\n"
		     "producto                            num_transacciones  monto_total\n"
		     "──────────────────────────────────  ─────────────────  ───────────\n"
		     "WHITE HANGING HEART T-LIGHT HOLDER                  1       100.00\n"
		     "\nnote\n"),
	      "a single row that fits");
	d.width = 65;
	CHECK(prints(r, REPORT_TABLE, &d,
		     "title\n\n"
		     "producto           WHITE HANGING HEART T-LIGHT HOLDER\n"
		     "num_transacciones  1\n"
		     "monto_total        100.00\n"
		     "\nnote\n"),
	      "one that does not stands upright");
	d.width = 40;
	CHECK(prints(r, REPORT_TABLE, &d,
		     "title\n\n"
		     "producto           WHITE HANGING HEART …\n"
		     "num_transacciones  1\n"
		     "monto_total        100.00\n"
		     "\nnote\n"),
	      "cut there too");
	report_free(r);
}

static void test_bad_number(void)
{
	struct report *r = report_new(columns, 4);

	put(r, "a", "1", "1e999");
	put(r, "b", "1", "1");
	CHECK(prints(r, REPORT_TABLE, &utf8, "error 65: monto_total: more than 38 digits"),
	      "a charted number must be a decimal");
	report_free(r);
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	CHECK(report_format_of("tsv") == REPORT_TSV && report_format_of("table") == REPORT_TABLE,
	      "formats by name");
	test_empty();
	test_programs();
	test_table();
	test_absent();
	test_negative();
	test_narrow();
	test_upright();
	test_bad_number();
	return check_done();
}
