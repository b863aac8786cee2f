/* metrics-query - ask the store of metrics, from a terminal or a script. See metrics-query(1). */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "l1-value/timestamp.h"
#include "l2-line/freshness.h"
#include "l2-line/question.h"
#include "l3-stream/best.h"
#include "l3-stream/report.h"
#include "l3-stream/tool.h"
#include "l3-stream/total.h"
#include "l4-service/store.h"

#define NOT_FOUND 1 /* exit status: the question was right, and there is nothing */

/* What stands on the command line. */
static struct question question;
static const char *store_uri, *format, *by = "monto_total";
static int consistent;
static int64_t limit = 10;
static int ascending, verbose;

enum { CLIENTE = 1, PRODUCTO = 2, TOP = 4, SERIE = 8, ESTADO = 16, ALL = 31 };

/* All options, and the subcommands that take them. */
static const struct {
	int takers;
	struct opt opt;
} options[] = {
	{ALL,
	 {OPT_STRING, 's', "store", "STORE", &store_uri,
	  "ask this store, such as sqlite:metrics.db", "TUBERIA_STORE", NULL, 0, 0}},
	{ALL,
	 {OPT_FLAG, 0, "consistent", NULL, &consistent,
	  "nothing that is a moment old (DynamoDB, at twice the price)", NULL, NULL, 0, 0}},
	{CLIENTE | TOP | SERIE,
	 {OPT_STRING, 'p', "producto", "ID", &question.producto, "of this product only", NULL, NULL,
	  0, 0}},
	{TOP | SERIE,
	 {OPT_STRING, 'c', "cliente", "ID", &question.cliente, "of this customer only", NULL, NULL,
	  0, 0}},
	{CLIENTE | PRODUCTO | TOP,
	 {OPT_STRING, 'd', "fecha", "DATE", &question.fecha, "on this day, YYYY-MM-DD", NULL, NULL,
	  0, 0}},
	{CLIENTE | PRODUCTO | SERIE,
	 {OPT_STRING, 0, "desde", "DATE", &question.desde,
	  "from this day on; without --hasta for 3660 days", NULL, NULL, 0, 0}},
	{CLIENTE | PRODUCTO | SERIE,
	 {OPT_STRING, 0, "hasta", "DATE", &question.hasta,
	  "up to this day, inclusive; without --desde 3660 days", NULL, NULL, 0, 0}},
	{TOP,
	 {OPT_INT, 'n', "limit", "N", &limit, "so many of them; default 10", NULL, NULL, 1,
	  100000}},
	{TOP,
	 {OPT_STRING, 0, "por", "FIELD", &by, "in the order of this field; default monto_total",
	  NULL, "monto_total|num_transacciones", 0, 0}},
	{TOP,
	 {OPT_FLAG, 0, "ascending", NULL, &ascending, "the least first, not the greatest", NULL,
	  NULL, 0, 0}},
	{ALL,
	 {OPT_STRING, 'f', "format", "FORMAT", &format,
	  "default: table on a terminal, ndjson elsewhere", NULL, REPORT_CHOICES, 0, 0}},
	{ALL,
	 {OPT_FLAG, 'v', "verbose", NULL, &verbose, "say on stderr how fresh the answer is", NULL,
	  NULL, 0, 0}},
};

#define OPTIONS (sizeof options / sizeof *options)

/* ---- rows ---------------------------------------------------------------------------------- */

enum field { F_CLIENTE, F_PRODUCTO, F_FECHA, F_DESDE, F_HASTA, F_COUNT, F_AMOUNT, F_HORA, FIELDS };

static const char *const field_names[FIELDS] = {"cliente_id",  "producto",  "fecha",
						"desde",       "hasta",     "num_transacciones",
						"monto_total", "fecha_hora"};

struct answer {
	const char *subject; /* of top: "clientes" or "productos" */
	struct store_reader *store;
	struct zone *zone;
	struct display display;
	struct report_column columns[FIELDS];
	enum field fields[FIELDS];
	size_t count;
	struct report *report;
	struct buf title; /* of the table */
	struct freshness fresh;
};

static void add_column(struct answer *a, enum field field, enum report_use use)
{
	a->columns[a->count] = (struct report_column){field_names[field], use};
	a->fields[a->count++] = field;
}

/* The members of a record, in their order; what the question fixes is in the title of a table.
 * subject: the field that differs from row to row, or FIELDS when there is one row only. */
static int add_columns(struct answer *a, enum field subject, struct err *err)
{
	int many = subject != FIELDS, by_count = many && strcmp(by, "num_transacciones") == 0;
	enum report_use fixed = many ? REPORT_RECORD_ONLY : REPORT_SHOWN;

	if (question.cliente != NULL || subject == F_CLIENTE)
		add_column(a, F_CLIENTE, subject == F_CLIENTE ? REPORT_SHOWN : fixed);
	if (question.producto != NULL || subject == F_PRODUCTO)
		add_column(a, F_PRODUCTO, subject == F_PRODUCTO ? REPORT_SHOWN : fixed);
	if (question.fecha != NULL || subject == F_FECHA)
		add_column(a, F_FECHA, subject == F_FECHA ? REPORT_SHOWN : fixed);
	if (question.ranged && subject != F_FECHA) {
		add_column(a, F_DESDE, fixed);
		add_column(a, F_HASTA, fixed);
	}
	add_column(a, F_COUNT, by_count ? REPORT_CHARTED : REPORT_SHOWN);
	add_column(a, F_AMOUNT, many && !by_count ? REPORT_CHARTED : REPORT_SHOWN);
	add_column(a, F_HORA, fixed);
	a->report = report_new(a->columns, a->count);
	return a->report == NULL ? err_memory(err) : 0;
}

static void put_integer(struct report *r, int64_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, n);
	report_number(r, slice_of(text));
}

static void put_part(struct report *r, const struct metric_part *part)
{
	if (part->kind == METRIC_NUMBER)
		report_number(r, part->text);
	else
		report_text(r, part->text);
}

static void put_row(struct answer *a, const struct metric *m)
{
	char text[DECIMAL_TEXT_MAX];

	for (size_t i = 0; i < a->count; i++) {
		switch (a->fields[i]) {
		case F_CLIENTE:
			put_part(a->report, &m->cliente_id);
			break;
		case F_PRODUCTO:
			put_part(a->report, &m->producto);
			break;
		case F_FECHA:
			report_text(a->report, m->fecha);
			break;
		case F_DESDE:
			report_text(a->report, buf_view(&question.from_text));
			break;
		case F_HASTA:
			report_text(a->report, buf_view(&question.to_text));
			break;
		case F_COUNT:
			put_integer(a->report, m->num_transacciones);
			break;
		case F_AMOUNT:
			decimal_print(&m->monto_total, text);
			report_number(a->report, slice_of(text));
			break;
		default:
			report_text(a->report, m->fecha_hora);
		}
	}
}

/* ---- questions ----------------------------------------------------------------------------- */

static struct slice part_of(const char *text)
{
	return text == NULL ? (struct slice){NULL, 0} : slice_of(text);
}

/* Part of what is asked for, written as in an item that answers it (a number, or a string). */
static struct metric_part asked(const char *text, const struct metric_part *found)
{
	return (struct metric_part){part_of(text), found->kind};
}

/* Take the answer that was begun on the store (store.h), and add it up. *m: what is asked for, with
 * the totals; valid as long as they are. Returns 1, 0 when there is nothing, -1. */
static int add_up(struct answer *a, struct total *t, struct metric *m, struct err *err)
{
	struct metric item;
	int more;

	*m = (struct metric){.fecha = part_of(question.fecha)};
	while ((more = store_next(a->store, &item, err)) > 0) {
		if (total_add(t, &item, a->zone, err) < 0)
			return -1;
		m->cliente_id = asked(question.cliente, &item.cliente_id);
		m->producto = asked(question.producto, &item.producto);
	}
	m->num_transacciones = t->num_transacciones;
	m->monto_total = t->monto_total;
	m->fecha_hora = buf_view(&t->fecha_hora);
	return more < 0 ? -1 : t->num_transacciones != 0;
}

/* cliente ID, producto ID: one key, or one a day. */
static int ask_one(struct answer *a, struct err *err)
{
	struct metric_key key = {part_of(question.cliente), part_of(question.producto),
				 part_of(question.fecha)};
	struct total total = {0};
	struct metric m;
	int found;

	if (add_columns(a, FIELDS, err) < 0)
		return -1;
	if (!question.ranged)
		found = store_get(a->store, &key, &m, err);
	else if (store_days(a->store, key.cliente_id, key.producto, question.from, question.to,
			    err) < 0)
		found = -1;
	else
		found = add_up(a, &total, &m, err);
	if (found > 0)
		put_row(a, &m);
	total_free(&total);
	return found;
}

static int ask_top(struct answer *a, struct err *err)
{
	int clientes = strcmp(a->subject, "clientes") == 0;
	struct best *best = best_new(
		(size_t)limit, strcmp(by, "monto_total") == 0 ? BEST_BY_AMOUNT : BEST_BY_COUNT,
		ascending);
	struct slice none = {NULL, 0};
	struct metric m;
	int result;

	buf_printf(&a->title, "%s %" PRId64 " %s", ascending ? "Bottom" : "Top", limit, a->subject);
	question_describe(&question, &a->display, &a->title);
	buf_printf(&a->title, ", by %s", by);
	if (best == NULL)
		return err_memory(err);
	result = add_columns(a, clientes ? F_CLIENTE : F_PRODUCTO, err);
	if (result == 0 && clientes)
		result = store_customers(a->store, part_of(question.producto),
					 part_of(question.fecha), none, err);
	else if (result == 0)
		result = store_products(a->store, part_of(question.cliente),
					part_of(question.fecha), none, err);
	while (result == 0 && (result = store_next(a->store, &m, err)) > 0)
		result = best_add(best, &m, err);
	if (result == 0)
		for (size_t i = 0, n = best_sort(best); i < n; i++) {
			m = best_item(best, i);
			put_row(a, &m);
			result = 1;
		}
	best_free(best);
	return result;
}

/* A day of all customers and products has no item of its own: the customers that bought something
 * on it are added up, a stretch of the index. */
static int ask_serie_of_all(struct answer *a, struct err *err)
{
	struct slice none = {NULL, 0};
	struct total total = {0};
	struct buf day_text = {0};
	int found = 0, more = 0;

	for (int64_t day = question.from; more >= 0 && day <= question.to; day++) {
		struct metric m = {0};

		total_clear(&total);
		buf_clear(&day_text);
		if (date_put(&day_text, day) < 0)
			more = err_memory(err);
		else
			more = store_customers(a->store, none, buf_view(&day_text), none, err);
		if (more == 0)
			more = add_up(a, &total, &m, err);
		if (more > 0) {
			m.fecha = buf_view(&day_text);
			put_row(a, &m);
			found = 1;
		}
	}
	total_free(&total);
	buf_free(&day_text);
	return more < 0 ? -1 : found;
}

static int ask_serie(struct answer *a, struct err *err)
{
	struct metric m;
	int more;

	buf_puts(&a->title, "Daily sales");
	question_describe(&question, &a->display, &a->title);
	if (add_columns(a, F_FECHA, err) < 0)
		return -1;
	if (question.cliente == NULL && question.producto == NULL)
		return ask_serie_of_all(a, err);
	if (store_days(a->store, part_of(question.cliente), part_of(question.producto),
		       question.from, question.to, err) < 0)
		return -1;
	while ((more = store_next(a->store, &m, err)) > 0)
		put_row(a, &m);
	return more < 0 ? -1 : report_rows(a->report) > 0;
}

/* estado: freshness, and the total of all, added up from the products. */
static int ask_estado(struct answer *a, struct err *err)
{
	static const struct report_column columns[] = {{"epoch", REPORT_SHOWN},
						       {"time", REPORT_SHOWN},
						       {"age_seconds", REPORT_SHOWN},
						       {"productos", REPORT_SHOWN},
						       {"num_transacciones", REPORT_SHOWN},
						       {"monto_total", REPORT_SHOWN},
						       {"fecha_hora", REPORT_SHOWN}};
	struct slice none = {NULL, 0};
	struct decimal age = freshness_age(&a->fresh);
	struct total total = {0};
	char text[DECIMAL_TEXT_MAX];
	struct buf time = {0};
	struct metric m = {0};
	int found = store_products(a->store, none, none, none, err);

	a->report = report_new(columns, sizeof columns / sizeof *columns);
	if (a->report == NULL)
		found = err_memory(err);
	if (found == 0)
		found = add_up(a, &total, &m, err);
	if (found < 0)
		goto out;
	if (a->fresh.known) {
		put_integer(a->report, a->fresh.epoch);
		freshness_put_time(&time, &a->fresh);
		report_text(a->report, buf_view(&time));
		decimal_print(&age, text);
		report_number(a->report, slice_of(text));
	} else {
		report_absent(a->report);
		report_absent(a->report);
		report_absent(a->report);
	}
	put_integer(a->report, (int64_t)total.items);
	put_integer(a->report, m.num_transacciones);
	decimal_print(&m.monto_total, text);
	report_number(a->report, slice_of(text));
	if (found > 0)
		report_text(a->report, m.fecha_hora);
	else
		report_absent(a->report);
	found = 1;
out:
	total_free(&total);
	buf_free(&time);
	return found;
}

/* ---- the command line ---------------------------------------------------------------------- */

static const struct subcommand {
	const char *name;
	int bit;
	const char *usage, *purpose;
	size_t operands; /* besides its name */
	int (*ask)(struct answer *a, struct err *err);
} subcommands[] = {
	{"cliente", CLIENTE, "cliente ID [options]",
	 "Sales of one customer: how many, and for how much.", 1, ask_one},
	{"producto", PRODUCTO, "producto ID [options]",
	 "Sales of one product: how many, and for how much.", 1, ask_one},
	{"top", TOP,
	 "top clientes [--producto ID] [options]\n"
	 "top productos [--cliente ID] [options]",
	 "The customers, or products, with the greatest sales.", 1, ask_top},
	{"serie", SERIE, "serie [options]", "Sales day by day.", 0, ask_serie},
	{"estado", ESTADO, "estado [options]",
	 "How fresh the store is, and the total of all that is in it.", 0, ask_estado},
};

static const char usage_of_all[] = "cliente ID [options]\n"
				   "producto ID [options]\n"
				   "top clientes|productos [options]\n"
				   "serie [options]\n"
				   "estado [options]";

#define SUBCOMMANDS (sizeof subcommands / sizeof *subcommands)

static const struct subcommand *subcommand_named(const char *name)
{
	for (size_t i = 0; name != NULL && i < SUBCOMMANDS; i++)
		if (strcmp(name, subcommands[i].name) == 0)
			return &subcommands[i];
	return NULL;
}

/* The options that these subcommands take, into `to`, which has room for all and an end. */
static void select_options(int takers, struct opt *to)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (options[i].takers & takers)
			*to++ = options[i].opt;
	*to = (struct opt){0};
}

static int check_top(const char *subject, struct err *err)
{
	if (strcmp(subject, "clientes") != 0 && strcmp(subject, "productos") != 0)
		return err_set(err, ERR_USAGE, "top: \"%s\": must be clientes or productos",
			       subject);
	if (strcmp(subject, "clientes") == 0 && question.cliente != NULL)
		return err_set(err, ERR_USAGE, "top clientes: takes --producto, not --cliente");
	if (strcmp(subject, "productos") == 0 && question.producto != NULL)
		return err_set(err, ERR_USAGE, "top productos: takes --cliente, not --producto");
	return 0;
}

static int check_operands(const struct subcommand *s, char **operands, size_t count,
			  struct answer *a, struct err *err)
{
	const char *operand = count > 1 ? operands[1] : "";

	if (count == 0)
		return err_set(
			err, ERR_USAGE,
			"nothing is asked: cliente, producto, top, serie or estado; see --help");
	if (s == NULL)
		return err_set(err, ERR_USAGE,
			       "%s: must be cliente, producto, top, serie or estado; see --help",
			       operands[0]);
	if (count - 1 > s->operands)
		return err_set(err, ERR_USAGE, "%s: unexpected operand \"%s\"", s->name,
			       operands[s->operands + 1]);
	if (count - 1 < s->operands)
		return err_set(err, ERR_USAGE, "%s: %s is missing", s->name,
			       s->bit == TOP ? "clientes or productos" : "its ID");
	if (s->bit == CLIENTE)
		question.cliente = operand;
	if (s->bit == PRODUCTO)
		question.producto = operand;
	if (s->bit == TOP && check_top(operand, err) < 0)
		return -1;
	a->subject = operand;
	if (question_check(&question, err) < 0)
		return -1;
	if (s->bit == SERIE && question.cliente == NULL && question.producto == NULL &&
	    !question.ranged)
		return err_set(
			err, ERR_USAGE,
			"serie: without --cliente and --producto, it needs --desde or --hasta");
	if (store_uri == NULL)
		return err_set(err, ERR_USAGE,
			       "which store? --store sqlite:FILE or dynamodb:TABLE, or "
			       "TUBERIA_STORE in the "
			       "environment");
	return 0;
}

/* Ask the store, in one snapshot. Returns 1, 0 when there is nothing, -1. */
static int ask(const struct subcommand *s, struct answer *a, struct err *err)
{
	struct freshness *f = &a->fresh;
	int found;

	if (store_reader_open(store_uri, 0, &a->store, err) < 0)
		return -1;
	if (consistent)
		store_consistent(a->store);
	if (store_begin(a->store, err) < 0)
		return -1;
	f->known = store_fresh(a->store, &f->time, &f->epoch, err);
	f->now = freshness_now();
	found = f->known < 0 ? -1 : s->ask(a, err);
	store_end(a->store);
	return found;
}

/* A question holds nothing that has to be finished: a signal just ends it. */
static void let_signals_end_us(void)
{
	static const int stops[] = {SIGTERM, SIGINT};

	for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
		struct sigaction old;

		if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			signal(stops[i], SIG_DFL);
	}
	sigprocmask(SIG_SETMASK, tool_wait_mask(), NULL);
}

int main(int argc, char **argv)
{
	struct opt table[OPTIONS + 1];
	struct opt_command command = {
		.name = "metrics-query",
		.purpose = "Ask the store of metrics: one customer, one product, the greatest of "
			   "them, day by day.",
		.usage = usage_of_all,
		.see_also =
			"metrics-query SUBCOMMAND --help lists the options of one. The manual: man "
			"metrics-query",
		.options = table,
		.words = "cliente|producto|top|serie|estado|clientes|productos",
	};
	struct answer answer = {0};
	const struct subcommand *sub;
	enum report_format as;
	struct buf note = {0};
	struct writer *out = NULL;
	struct err err;
	char **operands;
	size_t count;
	int status, found;

	select_options(ALL, table);
	sub = subcommand_named(opt_first_operand(&command, argc, argv));
	if (sub != NULL) {
		select_options(sub->bit, table);
		command.usage = sub->usage;
		command.purpose = sub->purpose;
		command.see_also = "The manual: man metrics-query";
	}
	status = tool_begin(&command, argc, argv, &operands, &count);
	if (status >= 0)
		return status;
	let_signals_end_us();
	if (check_operands(sub, operands, count, &answer, &err) < 0 || sub == NULL)
		return tool_fail(&err);

	display_detect(&answer.display, 1);
	as = format != NULL            ? report_format_of(format)
	     : answer.display.terminal ? REPORT_TABLE
				       : REPORT_NDJSON;
	answer.zone = zone_new();
	out = writer_new(1);
	if (answer.zone == NULL || out == NULL) {
		err_memory(&err);
		goto fail;
	}
	found = ask(sub, &answer, &err);
	if (found < 0)
		goto fail;
	/* estado has it in its record. */
	if (sub->bit != ESTADO || !answer.fresh.known || as != REPORT_TABLE)
		freshness_put(&note, &answer.fresh);
	if (report_print(answer.report, as, &answer.display, buf_view(&answer.title),
			 buf_view(&note), writer_buf(out), &err) < 0 ||
	    writer_flush(out, &err) < 0)
		goto fail;
	if (found == 0) {
		struct buf what = {0};

		question_describe(&question, &answer.display, &what);
		tool_say("no sales%s", buf_text(&what));
		buf_free(&what);
		status = NOT_FOUND;
	} else {
		status = 0;
	}
	if ((as != REPORT_TABLE || found == 0) && (verbose || isatty(2)))
		tool_say("%s", buf_text(&note));
	goto out;
fail:
	status = tool_fail(&err);
out:
	writer_free(out);
	store_reader_close(answer.store);
	report_free(answer.report);
	zone_free(answer.zone);
	buf_free(&answer.title);
	buf_free(&note);
	question_free(&question);
	return status;
}
