/* alert-when - say when a number passes a threshold, or when nothing comes any more. */
#include <inttypes.h>
#include <stdio.h>

#include "l1-value/text.h"
#include "l2-line/alert.h"
#include "l2-line/tumble.h"
#include "l3-stream/aggregation.h"
#include "l3-stream/alarm.h"
#include "l3-stream/courier.h"
#include "l3-stream/intake.h"
#include "l3-stream/tool.h"

/* By-values of one record, all together. */
#define KEY_MAX 4096

static struct {
	const char *field, *above, *below, *time, *window_field, *name, *level, *silence_name;
	const char *exec, *rejects;
	struct opt_list by;
	int64_t window, max_age, silence, max_keys, limit, limit_per, exec_timeout;
	int add, verbose;
} given = {.level = "WARN",
	   .silence_name = "SinDatos",
	   .window = 60000000,
	   .max_age = -1,
	   .silence = -1,
	   .max_keys = 100000,
	   .limit = 10,
	   .limit_per = 60000000,
	   .exec_timeout = 30000000};

#define YEARS_10 ((int64_t)10 * 366 * 86400 * 1000000)

static const struct opt options[] = {
	{OPT_HEADING, 0, NULL, NULL, NULL, "The rule:", NULL, NULL, 0, 0},
	{OPT_STRING, 'f', "field", "FIELD", &given.field, "the number to look at", NULL, NULL, 0,
	 0},
	{OPT_STRING, 'a', "above", "NUMBER", &given.above, "it is too high above this", NULL, NULL,
	 0, 0},
	{OPT_STRING, 0, "below", "NUMBER", &given.below, "it is too low below this", NULL, NULL, 0,
	 0},
	{OPT_STRING, 'W', "window-field", "FIELD", &given.window_field,
	 "once per window: the field with its time", NULL, NULL, 0, 0},
	{OPT_DURATION, 'w', "window", "DURATION", &given.window, "size of a window (1m)", NULL,
	 NULL, 0, 0},
	{OPT_FLAG, 0, "add", NULL, &given.add,
	 "numbers of one window are added up, as they come from --emit delta", NULL, NULL, 0, 0},
	{OPT_LIST, 'b', "by", "FIELD[=NAME],...", &given.by, "for each combination of these", NULL,
	 NULL, 0, 0},
	{OPT_STRING, 't', "time", "FIELD", &given.time,
	 "without windows: the time of a record, for the alert", NULL, NULL, 0, 0},
	{OPT_DURATION, 0, "max-age", "DURATION", &given.max_age,
	 "what is older than this, by the clock on the wall, is no news", NULL, NULL, 0, 0},
	{OPT_DURATION, 0, "silence", "DURATION", &given.silence,
	 "say when no record comes for so long, while barriers do", NULL, NULL, 1000000, YEARS_10},
	{OPT_HEADING, 0, NULL, NULL, NULL, "The alert:", NULL, NULL, 0, 0},
	{OPT_STRING, 'n', "name", "NAME", &given.name, "its \"alerta\" (FIELD)", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "level", "NAME", &given.level, "its \"nivel\" (WARN)", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "silence-name", "NAME", &given.silence_name,
	 "\"alerta\" of a silence (SinDatos)", NULL, NULL, 0, 0},
	{OPT_STRING, 'e', "exec", "COMMAND", &given.exec,
	 "run by sh for each alert, which is its standard input", NULL, NULL, 0, 0},
	{OPT_INT, 0, "limit", "N", &given.limit, "runs of COMMAND, at most (10)", NULL, NULL, 1,
	 1000000},
	{OPT_DURATION, 0, "limit-per", "DURATION", &given.limit_per, "... in so much time (1m)",
	 NULL, NULL, 1000000, YEARS_10},
	{OPT_DURATION, 0, "exec-timeout", "DURATION", &given.exec_timeout,
	 "a run that takes longer is ended (30s)", NULL, NULL, 1000, 86400000000},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Limits and messages:", NULL, NULL, 0, 0},
	{OPT_INT, 0, "max-keys", "N", &given.max_keys, "combinations held at once (100000)", NULL,
	 NULL, 1, 100000000},
	{OPT_STRING, 0, "rejects", "FILE", &given.rejects, "append bad records to FILE, and go on",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 'v', "verbose", NULL, &given.verbose, "say at the end what came in and went out",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0}};

static const struct opt_command command = {
	.name = "alert-when",
	.purpose = "say when a number passes a threshold, or when nothing comes any more",
	.usage = "--field FIELD --above NUMBER [--window-field FIELD] [options] < records\n"
		 "--silence DURATION [options] < records",
	.see_also = "See alert-when(1), tuberia(7).",
	.options = options,
};

struct watch {
	struct aggregation what; /* for its lists of fields */
	size_t value_field;      /* 0: there is no rule, only silence is looked at */
	struct alarm_rule rule;
	char threshold[DECIMAL_TEXT_MAX];

	struct zone *zone;
	struct tumble tumble;
	struct alarms *alarms;
	struct courier *courier;
	struct intake in;
	struct writer *out;
	struct buf key, line, text, when;
	int64_t clock; /* event time, microseconds; see on_barrier */

	int barriers;                /* 0, 1, 2: none yet, one, more than one */
	int64_t barrier_time;        /* of the last one */
	int64_t seen;                /* time of the last barrier behind a record */
	uint64_t records_at_barrier; /* in.records then */
	int silent;

	uint64_t breaking, within, late, old, taken_back; /* records, by what became of them */
	uint64_t alerts, resolved, silences, lost;
};

/* ---- options ---- */

static int read_rule(struct watch *w, struct err *err)
{
	const char *number = given.above != NULL ? given.above : given.below;

	if (number == NULL || (given.above != NULL && given.below != NULL))
		return err_set(err, ERR_USAGE, "--field needs --above or --below");
	w->rule.below = given.below != NULL;
	if (decimal_parse(slice_of(number), &w->rule.threshold, err) != 0) {
		err->status = ERR_USAGE;
		return err_prefix(err, "--%s: \"%s\"", w->rule.below ? "below" : "above", number);
	}
	decimal_print(&w->rule.threshold, w->threshold);
	w->rule.add = given.add;
	w->rule.max_keys = (size_t)given.max_keys;
	if (given.add && w->rule.below)
		return err_set(err, ERR_USAGE,
			       "--add does not go with --below: each sum begins "
			       "below");
	if (given.window_field != NULL && given.time != NULL)
		return err_set(err, ERR_USAGE, "--time does not go with --window-field");
	if (given.window_field == NULL && (given.add || given.by.count > 0))
		return err_set(err, ERR_USAGE, "--add and --by need --window-field");
	return 0;
}

static int read_options(struct watch *w, struct err *err)
{
	struct aggregation *what = &w->what;
	const char *time = given.window_field != NULL ? given.window_field : given.time;

	if (given.field == NULL && (given.silence < 0 || given.above != NULL ||
				    given.below != NULL || given.window_field != NULL))
		return err_set(err, ERR_USAGE,
			       "--field with --above or --below, or --silence, is "
			       "needed");
	if (given.max_age >= 0 && time == NULL)
		return err_set(err, ERR_USAGE, "--max-age needs --time or --window-field");
	if (tumble_size(given.window, &w->rule.size, err) != 0)
		return err_prefix(err, "--window");
	/* Without a time, a field that no record has: a lone "@" would be a control record. */
	if (aggregation_time(what, time != NULL ? time : "@", err) != 0)
		return err_prefix(err, given.time != NULL ? "--time" : "--window-field");
	for (size_t i = 0; i < given.by.count; i++)
		if (aggregation_by(what, given.by.items[i], err) != 0)
			return err_prefix(err, "--by");
	if (given.field == NULL)
		return 0;
	if (what->field_count == SCAN_FIELDS_MAX)
		return err_set(err, ERR_USAGE, "--by: too many fields");
	w->value_field = what->field_count;
	what->fields[what->field_count++] = given.field;
	if (given.name == NULL)
		given.name = given.field;
	return read_rule(w, err);
}

static int set_up(struct watch *w, struct err *err)
{
	struct courier_options c = {.command = given.exec,
				    .timeout = given.exec_timeout,
				    .limit = (unsigned)given.limit,
				    .per = given.limit_per,
				    .omitted_name = "omitidas",
				    .say = tool_say};

	w->zone = zone_new();
	w->out = writer_new(1);
	if (w->zone == NULL || w->out == NULL)
		return err_memory(err);
	w->tumble = tumble_of(w->zone, w->rule.size, 0);
	if (given.window_field != NULL) {
		w->alarms = alarms_new(&w->rule);
		if (w->alarms == NULL)
			return err_memory(err);
	}
	w->clock = INT64_MIN;
	w->in.fd = 0;
	w->in.name = "<stdin>";
	w->in.fields = w->what.fields;
	w->in.field_count = w->what.field_count;
	w->in.rejects = given.rejects;
	w->in.output = w->out;
	w->in.stop = &tool_stop;
	w->in.wait_mask = tool_wait_mask();
	if (intake_open(&w->in, err) != 0)
		return -1;
	return given.exec == NULL ? 0 : courier_start(&c, &w->courier, err);
}

/* ---- alerts ---- */

static const char *side(const struct watch *w)
{
	return w->rule.below ? "below" : "above";
}

/* value: NULL when there is none to be shown. The message is in w->text, the time in w->when. */
static int put_alert(struct watch *w, const char *name, const char *level, const char *value,
		     const char *threshold, struct slice key, struct err *err)
{
	struct alert alert = {.name = name,
			      .level = level,
			      .value = value,
			      .threshold = threshold,
			      .key = key,
			      .by = w->what.shape.by,
			      .by_count = key.len > 0 ? w->what.shape.by_count : 0,
			      .when = buf_view(&w->when),
			      .message = buf_view(&w->text)};

	buf_clear(&w->line);
	if (w->text.failed || w->when.failed || alert_print(&w->line, &alert) != 0)
		return err_memory(err);
	if (w->courier != NULL)
		courier_send(w->courier, buf_view(&w->line));
	buf_slice(writer_buf(w->out), buf_view(&w->line));
	buf_byte(writer_buf(w->out), '\n');
	return writer_room(w->out, err);
}

static int put_raised(struct watch *w, struct slice key, const struct decimal *value,
		      struct err *err)
{
	char text[DECIMAL_TEXT_MAX];

	w->alerts++;
	decimal_print(value, text);
	buf_clear(&w->text);
	buf_printf(&w->text, "%s is %s, %s %s", given.field, text, side(w), w->threshold);
	return put_alert(w, given.name, given.level, text, w->threshold, key, err);
}

/* value: NULL when the window had nothing. */
static int put_resolved(struct watch *w, struct slice key, const struct decimal *value,
			struct err *err)
{
	char text[DECIMAL_TEXT_MAX];

	w->resolved++;
	buf_clear(&w->text);
	if (value != NULL) {
		decimal_print(value, text);
		buf_printf(&w->text, "%s is %s, no longer %s %s", given.field, text, side(w),
			   w->threshold);
	} else {
		buf_printf(&w->text, "%s: nothing came, no longer %s %s", given.field, side(w),
			   w->threshold);
	}
	return put_alert(w, given.name, "OK", value != NULL ? text : NULL, w->threshold, key, err);
}

/* A time as a JSON string, into w->when. */
static void set_when(struct watch *w, const struct timestamp *t)
{
	buf_clear(&w->when);
	buf_byte(&w->when, '"');
	timestamp_put_local(w->zone, &w->when, t);
	buf_byte(&w->when, '"');
}

static void set_when_utc(struct watch *w, int64_t utc)
{
	struct timestamp t = {.utc = utc, .local = utc + zone_offset(w->zone, utc)};

	set_when(w, &t);
}

/* ---- the clock ---- */

/* Event time is at least this: tell what is over. */
static int go_on(struct watch *w, int64_t micros, struct err *err)
{
	struct decimal value;
	struct slice key;
	int64_t end;
	int known, more;

	if (micros > w->clock)
		w->clock = micros;
	if (w->alarms == NULL)
		return 0;
	alarms_time(w->alarms, w->clock / 1000000);
	while ((more = alarms_next(w->alarms, &key, &end, &value, &known, err)) == 1) {
		set_when_utc(w, end); /* the window behind that one */
		if (put_resolved(w, key, known || given.add ? &value : NULL, err) != 0)
			return -1;
	}
	return more;
}

/* In whole seconds, as a clock shows them. */
static int put_silence(struct watch *w, const char *level, struct err *err)
{
	int64_t seconds = (w->barrier_time - w->seen) / 1000000;
	char value[32], threshold[32];

	snprintf(value, sizeof value, "%" PRId64, seconds);
	snprintf(threshold, sizeof threshold, "%" PRId64, given.silence / 1000000);
	set_when_utc(w, w->barrier_time / 1000000);
	buf_clear(&w->text);
	if (w->silent) {
		buf_puts(&w->text, "no record for ");
		duration_put(&w->text, given.silence);
		buf_puts(&w->text, ", while barriers go on");
	} else {
		buf_puts(&w->text, "records come again");
	}
	return put_alert(w, given.silence_name, level, value, threshold, (struct slice){0}, err);
}

/* The second barrier may be long behind the first, which is the one to resume from: a silence
 * counts from there. */
static int look_for_silence(struct watch *w, int idle, struct err *err)
{
	if (!idle || w->barriers < 2) {
		w->seen = w->barrier_time;
		return 0;
	}
	if (given.silence < 0 || w->silent || w->barrier_time - w->seen < given.silence)
		return 0;
	w->silent = 1;
	w->silences++;
	return put_silence(w, given.level, err);
}

/* While no record comes, event time goes on by the source's clock, as in window-agg(1). */
static int on_barrier(void *context, struct err *err)
{
	struct watch *w = context;
	int idle = w->in.records == w->records_at_barrier;
	int64_t before = w->barrier_time;

	w->records_at_barrier = w->in.records;
	w->barrier_time = w->in.barrier.time;
	if (look_for_silence(w, idle, err) != 0)
		return -1;
	if (idle && w->barriers == 2 && w->clock != INT64_MIN && w->barrier_time > before &&
	    go_on(w, w->clock + (w->barrier_time - before), err) != 0)
		return -1;
	w->barriers += w->barriers < 2;
	return intake_flush_rejects(&w->in, err);
}

/* ---- records ---- */

/* The by-values as JSON texts with commas between, one text for one value. */
static int read_key(struct watch *w, struct slice *key, struct err *why)
{
	buf_clear(&w->key);
	for (size_t i = 0; i < w->what.shape.by_count; i++) {
		const struct scan_value *v = &w->in.value[AGGREGATION_BY + i];
		const char *name = w->what.fields[AGGREGATION_BY + i];

		if (i > 0)
			buf_byte(&w->key, ',');
		switch (v->kind) {
		case SCAN_STRING:
			json_put_string(&w->key, v->text);
			break;
		case SCAN_NUMBER:
		case SCAN_TRUE:
		case SCAN_FALSE:
			buf_slice(&w->key, v->raw);
			break;
		case SCAN_ABSENT:
			return err_set(why, ERR_DATA, "%s: missing", name);
		default:
			return err_at(why, v->byte, "%s: %s", name,
				      v->kind == SCAN_NULL ? "null" : "not a string or a number");
		}
		if (w->key.len > KEY_MAX)
			return err_at(why, v->byte,
				      "%s: the values of --by are longer than %d bytes", name,
				      KEY_MAX);
	}
	*key = buf_view(&w->key);
	return w->key.failed ? err_memory(why) : 0;
}

static int read_op(const struct watch *w, int *retract, struct err *why)
{
	const struct scan_value *v = &w->in.value[AGGREGATION_OP];

	*retract = v->kind == SCAN_STRING && slice_is(v->text, "-");
	if (v->kind == SCAN_ABSENT || *retract ||
	    (v->kind == SCAN_STRING && slice_is(v->text, "+")))
		return 0;
	return err_at(why, v->byte, "@op: neither \"+\" nor \"-\"");
}

static int too_old(const struct watch *w, const struct timestamp *t)
{
	int64_t now;
	int32_t nanos;

	if (given.max_age < 0)
		return 0;
	timestamp_now(&now, &nanos);
	return t->utc + (given.window_field != NULL ? w->rule.size : 0) <
	       now - given.max_age / 1000000;
}

/* In windows. */
static int look(struct watch *w, const struct timestamp *t, struct slice key, struct decimal *value,
		struct err *err)
{
	struct err why;
	int fate;

	tumble_find(&w->tumble, t);
	fate = alarms_look(w->alarms, key, w->tumble.window.end, value, &why);
	if (fate < 0)
		return intake_reject(&w->in, &why, err);
	if (fate == ALARM_LATE)
		w->late++;
	else if (alarm_breaks(&w->rule, value))
		w->breaking++;
	else
		w->within++;
	buf_clear(&w->when);
	if (fate != ALARM_QUIET && tumble_put_start(&w->tumble, &w->tumble.window, &w->when) != 0)
		return err_memory(err);
	if (fate == ALARM_RAISED && put_raised(w, key, value, err) != 0)
		return -1;
	if (fate == ALARM_RESOLVED && put_resolved(w, key, value, err) != 0)
		return -1;
	return go_on(w, t->utc * 1000000, err);
}

static int on_record(void *context, struct err *err)
{
	struct watch *w = context;
	struct timestamp t = {0};
	struct decimal value = {0, 0};
	struct slice key = {0};
	struct err why;
	int timed = given.window_field != NULL || given.time != NULL, retract = 0;

	if (w->silent) {
		w->silent = 0;
		if (put_silence(w, "OK", err) != 0)
			return -1;
	}
	if (read_op(w, &retract, &why) != 0 ||
	    (timed && intake_timestamp(&w->in, AGGREGATION_TIME, w->zone, &t, &why) != 0) ||
	    (w->value_field > 0 && intake_decimal(&w->in, w->value_field, &value, &why) != 0) ||
	    read_key(w, &key, &why) != 0)
		return intake_reject(&w->in, &why, err);
	if (retract && !given.add) {
		w->taken_back++;
		return 0;
	}
	if (too_old(w, &t)) {
		w->old++;
		return 0;
	}
	if (retract)
		value.unscaled = -value.unscaled;
	if (w->alarms != NULL)
		return look(w, &t, key, &value, err);
	if (w->value_field == 0 || !alarm_breaks(&w->rule, &value)) {
		w->within++;
		return 0;
	}
	w->breaking++;
	buf_clear(&w->when);
	if (timed)
		set_when(w, &t);
	return put_raised(w, key, &value, err);
}

static int on_other(void *context, struct err *err)
{
	struct watch *w = context;
	(void)err;
	w->lost += control_lost(w->in.line);
	return 0;
}

static int on_end(void *context, struct err *err)
{
	const struct watch *w = context;
	if (w->in.controlled && !w->in.ended && !w->in.stopped)
		return intake_cut_off(&w->in, err);
	return 0;
}

static const struct intake_handlers handlers = {
	.record = on_record,
	.barrier = on_barrier,
	.other = on_other,
	.end = on_end,
};

/* ---- the end ---- */

static void last_words(const struct watch *w, const struct courier_counts *ran, int failed)
{
	uint64_t known = w->breaking + w->within + w->late + w->old + w->taken_back;
	/* The record that ended the run was refused too. */
	uint64_t rejected = failed ? w->in.records - known : w->in.rejected;

	if (w->lost > 0)
		tool_say("records that were lost in front of this branch: %" PRIu64, w->lost);
	if (ran->dropped > 0)
		tool_say("alerts that the command was not run for: %" PRIu64, ran->dropped);
	if (!given.verbose)
		return;
	tool_say("in %" PRIu64 " = %s %" PRIu64 " + within %" PRIu64 " + late %" PRIu64
		 " + old %" PRIu64 " + taken back %" PRIu64 " + rejected %" PRIu64
		 "; alerts %" PRIu64 ", resolved %" PRIu64 ", silences %" PRIu64,
		 w->in.records, side(w), w->breaking, w->within, w->late, w->old, w->taken_back,
		 rejected, w->alerts, w->resolved, w->silences);
	if (given.exec != NULL)
		tool_say("runs of the command %" PRIu64 ", failed %" PRIu64 "; held back by "
			 "--limit %" PRIu64,
			 ran->run, ran->failed, ran->limited);
}

/* What was found already goes out, after a failure too. */
static int finish(struct watch *w, int status)
{
	struct courier_counts ran;
	struct err err;

	if (writer_flush(w->out, &err) != 0 && status == 0)
		status = tool_fail(&err);
	courier_finish(w->courier, given.exec_timeout, &ran);
	last_words(w, &ran, status != 0);
	return status;
}

static void tear_down(struct watch *w)
{
	intake_close(&w->in);
	alarms_free(w->alarms);
	writer_free(w->out);
	zone_free(w->zone);
	buf_free(&w->key);
	buf_free(&w->line);
	buf_free(&w->text);
	buf_free(&w->when);
	aggregation_free(&w->what);
	opt_free(&command);
}

int main(int argc, char **argv)
{
	static struct watch w;
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
	else if (read_options(&w, &err) == 0)
		set_up(&w, &err);
	if (err.status != ERR_NONE) {
		status = tool_fail(&err);
	} else {
		if (intake_run(&w.in, &handlers, &w, &err) != 0)
			status = tool_fail(&err);
		status = finish(&w, status);
	}
	tear_down(&w);
	return status;
}
