/* cw-put - per-minute metrics into CloudWatch, as EMF lines, or for Prometheus. */
#include <inttypes.h>
#include <stdio.h>

#include "l0-base/file.h"
#include "l1-value/timestamp.h"
#include "l3-stream/aggregation.h"
#include "l3-stream/intake.h"
#include "l3-stream/series.h"
#include "l3-stream/tool.h"
#include "l4-service/cloudwatch.h"

#define MINUTE 60
/* Silent minutes that are made up for between two barriers: no more than the service takes. */
#define FILL_MAX 180

static struct {
	const char *namespace, *time, *textfile, *rejects, *sns, *alarm_sum, *alarm_max;
	struct opt_list sum, max, by;
	int64_t max_series, delay, linger;
	int emf, alarms, dashboard, no_zeros, verbose;
} given = {.namespace = "Tuberia",
	   .time = "fecha_hora",
	   .alarm_sum = "1000",
	   .alarm_max = "1000",
	   .max_series = 100,
	   .delay = 5000000,
	   .linger = 10000000};

static const struct opt options[] = {
	{OPT_HEADING, 0, NULL, NULL, NULL, "Where to (without these: to CloudWatch):", NULL, NULL,
	 0, 0},
	{OPT_FLAG, 'e', "emf", NULL, &given.emf,
	 "lines of the embedded metric format, on standard output", NULL, NULL, 0, 0},
	{OPT_STRING, 'f', "textfile", "FILE", &given.textfile,
	 "the last whole minute, for the Prometheus node exporter", NULL, NULL, 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "What:", NULL, NULL, 0, 0},
	{OPT_LIST, 's', "sum", "FIELD=NAME,...", &given.sum,
	 "metrics that add up (num_transacciones=TransaccionesXMinuto, "
	 "monto_total=MontoTotalXMinuto)",
	 NULL, NULL, 0, 0},
	{OPT_LIST, 0, "max", "FIELD=NAME,...", &given.max,
	 "metrics that are the greatest (monto_maximo=MontoMaximoXMinuto)", NULL, NULL, 0, 0},
	{OPT_LIST, 'b', "by", "FIELD[=NAME],...", &given.by,
	 "dimensions: a series for each combination", NULL, NULL, 0, 0},
	{OPT_STRING, 't', "time", "FIELD", &given.time, "where a record's time is (fecha_hora)",
	 NULL, NULL, 0, 0},
	{OPT_STRING, 'n', "namespace", "NAME", &given.namespace,
	 "namespace, or the prefix for Prometheus (Tuberia)", NULL, NULL, 0, 0},
	{OPT_DURATION, 0, "delay", "DURATION", &given.delay,
	 "how long after its end a minute goes out (5s)", NULL, NULL, 0, 3600000000},
	{OPT_FLAG, 0, "no-zeros", NULL, &given.no_zeros, "nothing for silent minutes", NULL, NULL,
	 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Instead, once:", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "alarms", NULL, &given.alarms,
	 "create or update CloudWatch alarms on the first sum and the first max", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "alarm-sum", "N", &given.alarm_sum, "that sum is too high above N (1000)",
	 NULL, NULL, 0, 0},
	{OPT_STRING, 0, "alarm-max", "N", &given.alarm_max,
	 "that amount is too high above N (1000)", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "sns", "ARN", &given.sns, "topic that the alarms tell", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "dashboard", NULL, &given.dashboard,
	 "create or update a CloudWatch dashboard", NULL, NULL, 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Limits and messages:", NULL, NULL, 0, 0},
	{OPT_DURATION, 0, "linger", "DURATION", &given.linger,
	 "at the end, wait so long for CloudWatch (10s)", NULL, NULL, 0, 3600000000},
	{OPT_INT, 0, "max-series", "N", &given.max_series,
	 "combinations; further ones are put together (100)", NULL, NULL, 1, 100000},
	{OPT_STRING, 0, "rejects", "FILE", &given.rejects, "append bad records to FILE, and go on",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 'v', "verbose", NULL, &given.verbose, "say at the end what came in and went out",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0}};

static const struct opt_command command = {
	.name = "cw-put",
	.purpose = "per-minute metrics into CloudWatch, as EMF lines, or for Prometheus",
	.usage = "[--emf] [--textfile FILE] [options] < windows\n"
		 "--alarms | --dashboard [options]",
	.see_also = "See cw-put(1), tuberia(7).",
	.options = options,
};

struct put {
	struct aggregation what; /* for its lists of fields */
	struct point_shape shape;
	struct zone *zone;
	struct series *series;
	struct cloudwatch *cloudwatch; /* NULL with --emf or --textfile */
	struct intake in;
	struct writer *out; /* NULL without --emf */
	struct buf key;
	int64_t filled; /* minutes before this one have their zeros; INT64_MIN: no barrier yet */

	/* The textfile: lines of each metric, all of one minute. */
	struct buf families[POINT_VALUES_MAX], text;
	int64_t shown; /* that minute; INT64_MIN: none yet */
	int changed;

	uint64_t merged, others, points, zeros, lost;
	struct cloudwatch_counts put;
};

/* ---- options ---- */

static int read_lists(struct put *p, enum measure_kind kind, const char *option,
		      const struct opt_list *lists, const char *otherwise, struct err *err)
{
	if (lists->count == 0)
		return otherwise == NULL ? 0 : aggregation_measure(&p->what, kind, otherwise, err);
	for (size_t i = 0; i < lists->count; i++)
		if (aggregation_measure(&p->what, kind, lists->items[i], err) != 0)
			return err_prefix(err, "--%s", option);
	return 0;
}

static int set_shape(struct put *p, struct err *err)
{
	const struct group_shape *from = &p->what.shape;
	struct point_shape *to = &p->shape;

	to->namespace = given.namespace;
	if (from->by_count > POINT_DIMENSIONS_MAX || from->measure_count > POINT_VALUES_MAX)
		return err_set(err, ERR_USAGE, "at most %d dimensions and %d metrics",
			       POINT_DIMENSIONS_MAX, POINT_VALUES_MAX);
	for (size_t i = 0; i < from->by_count; i++)
		to->dimensions[to->dimension_count++] = from->by[i];
	for (size_t i = 0; i < from->measure_count; i++) {
		to->greatest[to->count] = from->measures[i].kind == MEASURE_MAX;
		to->names[to->count++] = from->measures[i].name;
	}
	return 0;
}

static int read_options(struct put *p, struct err *err)
{
	int usual = given.sum.count + given.max.count == 0;

	if (given.namespace[0] == '\0' || given.namespace[0] == ':' ||
	    strlen(given.namespace) > 255)
		return err_set(err, ERR_USAGE,
			       "--namespace: \"%s\": 1 to 255 characters, and no "
			       "colon in front",
			       given.namespace);
	if (aggregation_time(&p->what, given.time, err) != 0)
		return err_prefix(err, "--time");
	for (size_t i = 0; i < given.by.count; i++)
		if (aggregation_by(&p->what, given.by.items[i], err) != 0)
			return err_prefix(err, "--by");
	if (read_lists(p, MEASURE_SUM, "sum", &given.sum,
		       usual ? "num_transacciones=TransaccionesXMinuto,"
			       "monto_total=MontoTotalXMinuto"
			     : NULL,
		       err) != 0 ||
	    read_lists(p, MEASURE_MAX, "max", &given.max,
		       usual ? "monto_maximo=MontoMaximoXMinuto" : NULL, err) != 0 ||
	    aggregation_check(&p->what, err) != 0)
		return -1;
	return set_shape(p, err);
}

static int set_up(struct put *p, struct err *err)
{
	p->zone = zone_new();
	p->series = series_new(&p->shape, (size_t)given.max_series);
	if (p->zone == NULL || p->series == NULL)
		return err_memory(err);
	p->filled = p->shown = INT64_MIN;
	if (given.emf) {
		p->out = writer_new(1);
		if (p->out == NULL)
			return err_memory(err);
	}
	if (!given.emf && given.textfile == NULL) {
		struct cloudwatch_options o = {.shape = &p->shape, .say = tool_say};

		if (cloudwatch_open(&o, &p->cloudwatch, err) != 0)
			return -1;
	}
	p->in.fd = 0;
	p->in.name = "<stdin>";
	p->in.fields = p->what.fields;
	p->in.field_count = p->what.field_count;
	p->in.rejects = given.rejects;
	p->in.output = p->out;
	p->in.stop = &tool_stop;
	p->in.wait_mask = tool_wait_mask();
	return intake_open(&p->in, err);
}

/* ---- out ---- */

/* A minute that has been shown is not shown again: what comes late for it would not be all of it.
 */
static void show(struct put *p, const struct point *point)
{
	if (point->minute < p->shown || (point->minute == p->shown && !p->changed))
		return;
	if (point->minute > p->shown) {
		for (size_t i = 0; i < p->shape.count; i++)
			buf_clear(&p->families[i]);
		p->shown = point->minute;
		p->changed = 1;
	}
	for (size_t i = 0; i < p->shape.count; i++)
		if (point->values[i].known)
			point_put_prometheus(&p->families[i], &p->shape, point, i);
}

static void put_head(struct put *p, const char *name, const char *what)
{
	buf_puts(&p->text, "# HELP ");
	point_put_snake(&p->text, given.namespace, name);
	buf_printf(&p->text, " %s\n# TYPE ", what);
	point_put_snake(&p->text, given.namespace, name);
	buf_puts(&p->text, " gauge\n");
}

static int write_textfile(struct put *p, struct err *err)
{
	static const char clock[] = "minute_timestamp_seconds";

	if (!p->changed)
		return 0;
	p->changed = 0;
	buf_clear(&p->text);
	for (size_t i = 0; i < p->shape.count; i++) {
		if (p->families[i].len == 0)
			continue;
		put_head(p, p->shape.names[i],
			 p->shape.greatest[i] ? "Greatest of the last whole minute."
					      : "Sum of the last whole minute.");
		buf_slice(&p->text, buf_view(&p->families[i]));
	}
	put_head(p, clock, "When that minute began.");
	point_put_snake(&p->text, given.namespace, clock);
	buf_printf(&p->text, " %" PRId64 "\n", p->shown);
	for (size_t i = 0; i < p->shape.count; i++)
		if (p->families[i].failed)
			return err_memory(err);
	if (p->text.failed)
		return err_memory(err);
	return file_replace(given.textfile, buf_view(&p->text), 0644, err);
}

/* Minutes up to this one go out. */
static int send_until(struct put *p, int64_t minute, struct err *err)
{
	struct point point;

	while (series_take(p->series, minute, &point)) {
		p->points++;
		if (given.textfile != NULL)
			show(p, &point);
		if (p->cloudwatch != NULL && cloudwatch_add(p->cloudwatch, &point, err) != 0)
			return -1;
		if (p->out == NULL)
			continue;
		if (point_put_emf(writer_buf(p->out), &p->shape, &point) != 0)
			return err_memory(err);
		if (writer_room(p->out, err) != 0)
			return -1;
	}
	return 0;
}

static int send_all(struct put *p, struct err *err)
{
	if (send_until(p, INT64_MAX, err) != 0)
		return -1;
	return given.textfile != NULL ? write_textfile(p, err) : 0;
}

/* ---- in ---- */

/* The minute that an instant is in; floor. */
static int64_t minute_of(int64_t seconds)
{
	int64_t rest = seconds % MINUTE;

	return seconds - rest - (rest < 0 ? MINUTE : 0);
}

/* The dimensions, as point.h wants them. */
static int read_key(struct put *p, struct err *why)
{
	buf_clear(&p->key);
	for (size_t i = 0; i < p->shape.dimension_count; i++) {
		const struct scan_value *v = &p->in.value[AGGREGATION_BY + i];
		const char *name = p->what.fields[AGGREGATION_BY + i];

		if (v->kind == SCAN_ABSENT)
			return err_set(why, ERR_DATA, "%s: missing", name);
		if (v->kind == SCAN_NULL || v->kind == SCAN_OBJECT || v->kind == SCAN_ARRAY)
			return err_at(why, v->byte, "%s: %s", name,
				      v->kind == SCAN_NULL ? "null" : "not a string or a number");
		if (point_put_key(&p->key, v->text) != 0)
			return err_memory(why);
	}
	return 0;
}

/* A greatest amount may be missing: where all was taken back, there is none. */
static int read_values(struct put *p, struct point_value *values, struct err *why)
{
	const struct scan_value *op = &p->in.value[AGGREGATION_OP];
	int retract = op->kind == SCAN_STRING && slice_is(op->text, "-");

	if (op->kind != SCAN_ABSENT && !retract &&
	    (op->kind != SCAN_STRING || !slice_is(op->text, "+")))
		return err_at(why, op->byte, "@op: neither \"+\" nor \"-\"");
	for (size_t i = 0; i < p->shape.count; i++) {
		size_t field = p->what.amount_field[p->what.shape.measures[i].amount];

		struct decimal amount;

		values[i] = (struct point_value){.known = 0};
		if (p->shape.greatest[i] && (retract || p->in.value[field].kind == SCAN_ABSENT))
			continue;
		if (intake_decimal(&p->in, field, &amount, why) != 0)
			return -1;
		if (retract)
			amount.unscaled = -amount.unscaled;
		values[i] = point_of(amount);
	}
	return 0;
}

static int on_record(void *context, struct err *err)
{
	struct put *p = context;
	struct point_value values[POINT_VALUES_MAX];
	struct timestamp t;
	struct err why;
	int64_t minute;
	int many;

	if (intake_timestamp(&p->in, AGGREGATION_TIME, p->zone, &t, &why) != 0 ||
	    read_key(p, &why) != 0 || read_values(p, values, &why) != 0)
		return intake_reject(&p->in, &why, err);
	minute = minute_of(t.utc);
	many = series_add(p->series, minute, buf_view(&p->key), values, &why);
	if (many < 0)
		return intake_reject(&p->in, &why, err);
	if (many && p->others++ == 0)
		tool_say("%s:%" PRIu64 ": more than %" PRId64
			 " series; further ones are put together",
			 p->in.name, p->in.records, given.max_series);
	p->merged++;
	if (series_full(p->series))
		return send_until(p, series_earliest(p->series), err);
	/* Without barriers, time goes by what comes. */
	if (!p->in.controlled && series_earliest(p->series) < minute)
		return send_until(p, minute - MINUTE, err);
	return 0;
}

/* Minutes that are over go out, those without anything as zeros. */
static int on_barrier(void *context, struct err *err)
{
	struct put *p = context;
	int64_t now = minute_of((p->in.barrier.time - given.delay) / 1000000);

	/* Zeros begin with the minute that runs. */
	if (p->filled == INT64_MIN || now - p->filled > (int64_t)FILL_MAX * MINUTE)
		p->filled = minute_of(p->in.barrier.time / 1000000);
	for (; p->filled < now; p->filled += MINUTE)
		if (!given.no_zeros && series_fill(p->series, p->filled, &p->zeros, err) != 0)
			return -1;
	if (send_until(p, now - MINUTE, err) != 0 ||
	    (given.textfile != NULL && write_textfile(p, err) != 0))
		return -1;
	return intake_flush_rejects(&p->in, err);
}

static int on_other(void *context, struct err *err)
{
	struct put *p = context;
	(void)err;
	p->lost += control_lost(p->in.line);
	return 0;
}

static int on_end(void *context, struct err *err)
{
	struct put *p = context;
	if (p->in.controlled && !p->in.ended && !p->in.stopped)
		return intake_cut_off(&p->in, err);
	return 0;
}

static const struct intake_handlers handlers = {
	.record = on_record,
	.barrier = on_barrier,
	.other = on_other,
	.end = on_end,
};

/* ---- the end ---- */

/* What is held goes out after a failure too: it would not come again. Returns the worst status. */
static int finish(struct put *p, int status)
{
	struct err err;

	if (send_all(p, &err) != 0 && status == 0)
		status = tool_fail(&err);
	if (p->out != NULL && writer_flush(p->out, &err) != 0 && status == 0)
		status = tool_fail(&err);
	if (cloudwatch_close(p->cloudwatch, given.linger, &p->put, &err) != 0 && status == 0)
		status = tool_fail(&err);
	return status;
}

static void last_words(const struct put *p, int failed)
{
	/* The record that ended the run was refused too. */
	uint64_t rejected = failed ? p->in.records - p->merged : p->in.rejected;

	if (p->lost > 0)
		tool_say("records that were lost in front of this branch: %" PRIu64, p->lost);
	if (p->put.outdated > 0)
		tool_say("points that CloudWatch does not take, too old or too new: %" PRIu64,
			 p->put.outdated);
	if (p->put.refused > 0)
		tool_say("points that CloudWatch refused: %" PRIu64, p->put.refused);
	if (p->cloudwatch != NULL && given.verbose)
		tool_say("points %" PRIu64 " = sent %" PRIu64 " + merged %" PRIu64
			 " + outdated %" PRIu64 " + refused %" PRIu64 " + lost %" PRIu64
			 "; requests %" PRIu64,
			 p->put.points, p->put.sent, p->put.merged, p->put.outdated, p->put.refused,
			 p->put.lost, p->put.requests);
	if (given.verbose)
		tool_say("in %" PRIu64 " = merged %" PRIu64 " + rejected %" PRIu64 "; out %" PRIu64
			 " (zeros %" PRIu64 "); series %zu, records of others "
			 "%" PRIu64,
			 p->in.records, p->merged, rejected, p->points, p->zeros,
			 series_known(p->series), p->others);
}

static void tear_down(struct put *p)
{
	intake_close(&p->in);
	series_free(p->series);
	writer_free(p->out);
	zone_free(p->zone);
	for (size_t i = 0; i < POINT_VALUES_MAX; i++)
		buf_free(&p->families[i]);
	buf_free(&p->text);
	buf_free(&p->key);
	aggregation_free(&p->what);
	opt_free(&command);
}

/* ---- instead ---- */

/* An alarm on the first sum and on the first greatest amount; a graph of every metric. */
static int set_up_service(const struct put *p, struct err *err)
{
	struct cloudwatch_alarm graphs[POINT_VALUES_MAX], alarms[2];
	size_t count = 0;
	int has[2] = {0, 0};

	for (size_t i = 0; i < p->shape.count; i++) {
		int greatest = p->shape.greatest[i];

		graphs[i] = (struct cloudwatch_alarm){
			.metric = p->shape.names[i], .greatest = greatest, .sns = given.sns};
		if (has[greatest]++ > 0)
			continue;
		graphs[i].threshold = greatest ? given.alarm_max : given.alarm_sum;
		alarms[count++] = graphs[i];
	}
	if (given.alarms && cloudwatch_put_alarms(given.namespace, alarms, count, err) != 0)
		return -1;
	return given.dashboard
		       ? cloudwatch_put_dashboard(given.namespace, graphs, p->shape.count, err)
		       : 0;
}

static int check_alarms(struct err *err)
{
	const char *const numbers[] = {given.alarm_sum, given.alarm_max};
	struct decimal ignored;

	for (size_t i = 0; i < 2; i++) {
		if (decimal_parse(slice_of(numbers[i]), &ignored, err) == 0)
			continue;
		err->status = ERR_USAGE;
		return err_prefix(err, "--alarm-%s: \"%s\"", i == 0 ? "sum" : "max", numbers[i]);
	}
	if (given.by.count > 0)
		return err_set(err, ERR_USAGE, "--alarms and --dashboard do not go with --by");
	if (given.emf || given.textfile != NULL)
		return err_set(err, ERR_USAGE, "--alarms and --dashboard are for CloudWatch alone");
	return 0;
}

static int do_instead(struct put *p)
{
	struct err err;

	if (check_alarms(&err) != 0 || set_up_service(p, &err) != 0)
		return tool_fail(&err);
	return 0;
}

int main(int argc, char **argv)
{
	static struct put p;
	struct err err = {0};
	char **operands;
	size_t count;
	int status = tool_begin(&command, argc, argv, &operands, &count);

	if (status != -1)
		return status;
	status = 0;
	if (count > 0)
		err_set(&err, ERR_USAGE, "\"%s\": records are read from standard input",
			operands[0]);
	else if (read_options(&p, &err) == 0 && !given.alarms && !given.dashboard)
		set_up(&p, &err);
	if (err.status != ERR_NONE) {
		status = tool_fail(&err);
	} else if (given.alarms || given.dashboard) {
		status = do_instead(&p);
	} else {
		if (intake_run(&p.in, &handlers, &p, &err) != 0)
			status = tool_fail(&err);
		status = finish(&p, status);
		last_words(&p, status != 0);
	}
	tear_down(&p);
	return status;
}
