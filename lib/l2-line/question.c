#include "l2-line/question.h"

#include "l1-value/text.h"
#include "l1-value/timestamp.h"

/* What YYYY-MM-DD can say: 0001-01-01 to 9999-12-31. */
#define FIRST_DAY (-719162)
#define LAST_DAY 2932896

static int check_name(const char *name, const char *option, struct err *err)
{
	if (name == NULL || utf8_valid(slice_of(name)) == strlen(name))
		return 0;
	return err_set(err, ERR_USAGE, "%s: not UTF-8", option);
}

static int check_day(const char *text, const char *option, int64_t *day, struct err *err)
{
	struct err why;

	if (date_parse(slice_of(text), day, &why) < 0)
		return err_set(err, ERR_USAGE, "%s: \"%s\": %s", option, text, why.message);
	return 0;
}

int question_check(struct question *q, struct err *err)
{
	int64_t day;

	q->ranged = q->desde != NULL || q->hasta != NULL;
	q->from = FIRST_DAY;
	q->to = LAST_DAY;
	if (check_name(q->cliente, "cliente", err) < 0 ||
	    check_name(q->producto, "producto", err) < 0)
		return -1;
	if (q->fecha != NULL && q->ranged)
		return err_set(err, ERR_USAGE, "--fecha is one day, --desde and --hasta are many");
	if (q->fecha != NULL && check_day(q->fecha, "--fecha", &day, err) < 0)
		return -1;
	if (q->desde != NULL && check_day(q->desde, "--desde", &q->from, err) < 0)
		return -1;
	if (q->hasta != NULL && check_day(q->hasta, "--hasta", &q->to, err) < 0)
		return -1;
	if (!q->ranged)
		return 0;
	if (q->hasta == NULL && q->to - q->from >= QUESTION_DAYS_MOST)
		q->to = q->from + QUESTION_DAYS_MOST - 1;
	if (q->desde == NULL && q->to - q->from >= QUESTION_DAYS_MOST)
		q->from = q->to - QUESTION_DAYS_MOST + 1;
	if (q->from > q->to)
		return err_set(err, ERR_USAGE, "--desde %s is after --hasta %s", q->desde,
			       q->hasta);
	if (q->to - q->from >= QUESTION_DAYS_MOST)
		return err_set(err, ERR_USAGE, "--desde %s --hasta %s: more than %d days", q->desde,
			       q->hasta, QUESTION_DAYS_MOST);
	if (date_put(&q->from_text, q->from) < 0 || date_put(&q->to_text, q->to) < 0)
		return err_memory(err);
	return 0;
}

void question_free(struct question *q)
{
	buf_free(&q->from_text);
	buf_free(&q->to_text);
}

void question_describe(const struct question *q, const struct display *d, struct buf *out)
{
	const char *before = " of ";

	if (q->cliente != NULL) {
		buf_printf(out, "%scliente ", before);
		display_put(out, d, slice_of(q->cliente), 40);
		before = " and ";
	}
	if (q->producto != NULL) {
		buf_printf(out, "%sproducto ", before);
		display_put(out, d, slice_of(q->producto), 40);
	}
	if (q->fecha != NULL)
		buf_printf(out, " on %s", q->fecha);
	if (!q->ranged)
		return;
	buf_puts(out, " from ");
	buf_slice(out, buf_view(&q->from_text));
	buf_puts(out, " to ");
	buf_slice(out, buf_view(&q->to_text));
}
