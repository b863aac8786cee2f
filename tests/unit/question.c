#include "l2-line/question.h"

#include "check.h"

/* The question in words, or the message that refuses it. */
static int says(struct question q, const char *expected)
{
	struct display d = {.width = 80, .utf8 = 1};
	struct buf out = {0};
	struct err err;
	int equal;

	if (question_check(&q, &err) < 0)
		buf_printf(&out, "%d: %s", (int)err.status, err.message);
	else
		question_describe(&q, &d, &out);
	equal = slice_is(buf_view(&out), expected);
	if (!equal)
		printf("# got \"%s\"\n", buf_text(&out));
	buf_free(&out);
	question_free(&q);
	return equal;
}

static int refused(struct question q, const char *part)
{
	struct err err;
	int result = question_check(&q, &err);

	question_free(&q);
	if (result == 0 || strstr(err.message, part) == NULL)
		printf("# got \"%s\"\n", result == 0 ? "(taken)" : err.message);
	return result < 0 && err.status == ERR_USAGE && strstr(err.message, part) != NULL;
}

#define Q(...) ((struct question){__VA_ARGS__})

int main(void)
{
	struct question q = {0};
	struct err err;

	CHECK(says(Q(0), ""), "all");
	CHECK(says(Q(.cliente = "17850"), " of cliente 17850"), "a customer");
	CHECK(says(Q(.cliente = "17850", .producto = "85123A", .fecha = "2010-12-01"),
		   " of cliente 17850 and producto 85123A on 2010-12-01"),
	      "a customer, a product, a day");
	CHECK(says(Q(.producto = "a\nb", .desde = "2010-12-01", .hasta = "2010-12-01"),
		   " of producto a\\x0ab from 2010-12-01 to 2010-12-01"),
	      "a range of one day; control bytes are escaped");
	CHECK(says(Q(.producto = "0123456789012345678901234567890123456789x"),
		   " of producto 012345678901234567890123456789012345678…"),
	      "a long name is cut");
	CHECK(says(Q(.desde = "2010-12-01"), " from 2010-12-01 to 2020-12-07"),
	      "the first day alone: 3660 days");
	CHECK(says(Q(.hasta = "2010-12-01"), " from 2000-11-24 to 2010-12-01"),
	      "the last day alone: 3660 days");
	CHECK(says(Q(.desde = "9999-12-30"), " from 9999-12-30 to 9999-12-31"),
	      "not beyond the calendar");
	CHECK(says(Q(.hasta = "0001-01-02"), " from 0001-01-01 to 0001-01-02"), "nor before it");
	CHECK(says(Q(.desde = "2010-12-01", .hasta = "2020-12-07"),
		   " from 2010-12-01 to 2020-12-07") &&
		      refused(Q(.desde = "2010-12-01", .hasta = "2020-12-08"),
			      "more than 3660 days"),
	      "3660 days and no more");
	CHECK(refused(Q(.desde = "2010-12-02", .hasta = "2010-12-01"), "is after"),
	      "the first day is not after the last");
	CHECK(refused(Q(.fecha = "2010-12-01", .desde = "2010-12-01"), "--fecha"),
	      "one day or a range");
	CHECK(refused(Q(.fecha = "2024-02-30"), "--fecha: \"2024-02-30\": ") &&
		      refused(Q(.desde = "2024-2-3"), "--desde: ") &&
		      refused(Q(.hasta = ""), "--hasta: ") &&
		      refused(Q(.fecha = "2024-02-03 "), "--fecha: "),
	      "days that exist, written as YYYY-MM-DD");
	CHECK(refused(Q(.cliente = "\xff"), "not UTF-8") &&
		      refused(Q(.producto = "\xed\xa0\x80"), "not UTF-8"),
	      "names are UTF-8");
	CHECK(question_check(&q, &err) == 0 && !q.ranged && q.from == -719162 && q.to == 2932896,
	      "without a range from the first day to the last");
	return check_done();
}
