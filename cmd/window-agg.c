/* window-agg - count and add up records by key and window of time. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "l0-base/short.h"
#include "l1-value/text.h"
#include "l2-line/json.h"
#include "l2-line/minute.h"
#include "l2-line/tumble.h"
#include "l3-stream/aggregation.h"
#include "l3-stream/intake.h"
#include "l3-stream/tool.h"
#include "l3-stream/window.h"

/* By-values of one record, all together; a key is held for every group. */
#define KEY_MAX 4096

static struct {
	const char *time, *count, *emit, *late, *rejects;
	struct opt_list by, sum, min, max;
	int64_t size, lateness, max_ahead, max_groups, threads;
	int no_id, verbose;
} given = {.emit = "final", .size = -1, .lateness = -1, .max_ahead = -1, .max_groups = 1000000};

static const struct opt options[] = {
	{OPT_HEADING, 0, NULL, NULL, NULL, "What to compute:", NULL, NULL, 0, 0},
	{OPT_STRING, 't', "time", "FIELD[=NAME]", &given.time,
	 "where a record's time is (NAME in the output: fecha_hora)", NULL, NULL, 0, 0},
	{OPT_DURATION, 'w', "window", "DURATION", &given.size,
	 "size of a window: 10s, 1m, 1h, 1d, ...", NULL, NULL, 0, 0},
	{OPT_LIST, 'b', "by", "FIELD[=NAME],...", &given.by,
	 "one group for each combination of these", NULL, NULL, 0, 0},
	{OPT_STRING, 'c', "count", "NAME", &given.count, "the number of records", NULL, NULL, 0, 0},
	{OPT_LIST, 's', "sum", "FIELD=NAME,...", &given.sum, "exact sums", NULL, NULL, 0, 0},
	{OPT_LIST, 0, "min", "FIELD=NAME,...", &given.min, "least amounts", NULL, NULL, 0, 0},
	{OPT_LIST, 0, "max", "FIELD=NAME,...", &given.max, "greatest amounts", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "no-id", NULL, &given.no_id, "no id, and days are not kept apart", NULL, NULL,
	 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "When to print it:", NULL, NULL, 0, 0},
	{OPT_STRING, 'e', "emit", NULL, &given.emit,
	 "a window once, when it closes (default), or at each barrier what has changed", NULL,
	 "final|delta", 0, 0},
	{OPT_DURATION, 'l', "lateness", "DURATION", &given.lateness,
	 "a window waits so long for late records (0s)", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "late", "FILE", &given.late, "append records of closed windows to FILE",
	 NULL, NULL, 0, 0},
	{OPT_DURATION, 0, "max-ahead", "DURATION", &given.max_ahead,
	 "a record further in the future is bad", NULL, NULL, 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Limits and messages:", NULL, NULL, 0, 0},
	{OPT_INT, 0, "max-groups", "N", &given.max_groups, "groups held at once (1000000)", NULL,
	 NULL, 1, 1000000000},
	{OPT_INT, 0, "threads", "1|2", &given.threads,
	 "2: add up and print while reading on (2 with --emit final)", NULL, NULL, 1, 2},
	{OPT_STRING, 0, "rejects", "FILE", &given.rejects, "append bad records to FILE, and go on",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 'v', "verbose", NULL, &given.verbose, "say at the end what came in and went out",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0}};

static const struct opt_command command = {
	.name = "window-agg",
	.purpose = "count and add up records by key and window of time",
	.usage = "--time FIELD --window DURATION [--by FIELD,...] [options] < records",
	.see_also = "See window-agg(1), tuberia(7).",
	.options = options,
};

struct agg {
	struct aggregation what;
	struct window_options window;

	struct zone *zone;
	struct minute minute;
	struct windows *windows;
	struct intake in;
	struct writer *out, *late;
	int late_fd;
	struct buf key, scratch;
	struct decimal amounts[GROUP_MEASURES_MAX];

	uint64_t records_at_barrier; /* in.records when the last barrier came */
	/* The last barrier that could not be forwarded, since windows are open that began before
	 * any position was known. */
	struct buf held;
	int held_snapshot; /* one of those held back was a snapshot */

	uint64_t counted, late_count, replayed;
};

/* ---- options ---- */

static int read_measures(struct agg *a, const char *option, const struct opt_list *lists,
			 enum measure_kind kind, struct err *err)
{
	for (size_t i = 0; i < lists->count; i++)
		if (aggregation_measure(&a->what, kind, lists->items[i], err) != 0)
			return err_prefix(err, "--%s", option);
	return 0;
}

static int read_options(struct agg *a, struct err *err)
{
	struct aggregation *what = &a->what;

	if (given.time == NULL || given.size < 0)
		return err_set(err, ERR_USAGE, "--time and --window are needed");
	if (tumble_size(given.size, &a->window.size, err) != 0)
		return err_prefix(err, "--window");
	a->window.emit = strcmp(given.emit, "delta") == 0 ? WINDOW_DELTA : WINDOW_FINAL;
	if (a->window.emit == WINDOW_DELTA &&
	    (given.lateness >= 0 || given.late != NULL || given.max_ahead >= 0))
		return err_set(err, ERR_USAGE,
			       "--lateness, --late and --max-ahead do not go with --emit delta, "
			       "where nothing is late");
	a->window.lateness = given.lateness < 0 ? 0 : given.lateness;
	a->window.max_ahead = given.max_ahead;
	a->window.max_groups = (uint64_t)given.max_groups;
	a->window.threads = (int)given.threads;
	/* Deltas are a stage among several, which want the other processors themselves. */
	if (given.threads == 0)
		a->window.threads = a->window.emit == WINDOW_FINAL && tool_processors() > 1 ? 2 : 1;

	if (aggregation_time(what, given.time, err) != 0)
		return err_prefix(err, "--time");
	for (size_t i = 0; i < given.by.count; i++)
		if (aggregation_by(what, given.by.items[i], err) != 0)
			return err_prefix(err, "--by");
	what->shape.id = what->shape.by_count > 0 && !given.no_id;
	what->shape.count = given.count;
	if (read_measures(a, "sum", &given.sum, MEASURE_SUM, err) != 0 ||
	    read_measures(a, "min", &given.min, MEASURE_MIN, err) != 0 ||
	    read_measures(a, "max", &given.max, MEASURE_MAX, err) != 0 ||
	    aggregation_check(what, err) != 0)
		return -1;
	a->window.shape = what->shape;
	return 0;
}

static int room_in_output(void *context, struct err *err)
{
	return writer_room(context, err);
}

/* Before a wait for input: what can be done goes out. Returns after how many ms to ask again. */
static int on_wait(void *context, struct err *err)
{
	struct agg *a = context;
	int idle = windows_idle(a->windows, err);

	if (idle <= 0)
		return idle < 0 ? -1 : 1;
	return writer_flush(a->out, err);
}

static int set_up(struct agg *a, struct err *err)
{
	struct gather_output output;

	a->zone = zone_new();
	a->out = writer_new(1);
	if (a->zone == NULL || a->out == NULL ||
	    buf_room(&a->key, WINDOW_KEY_FRONT + KEY_MAX + READER_PADDING) == NULL)
		return err_memory(err);
	output = (struct gather_output){writer_buf(a->out), room_in_output, a->out};
	a->windows = windows_new(&a->window, a->zone, &output);
	if (a->windows == NULL)
		return err_memory(err);
	if (given.late != NULL) {
		a->late_fd = open(given.late, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
		if (a->late_fd < 0)
			return err_sys(err, ERR_CREATE, errno, "%s", given.late);
		a->late = writer_new(a->late_fd);
		if (a->late == NULL)
			return err_memory(err);
	}
	a->in.fd = 0;
	a->in.name = "<stdin>";
	a->in.fields = a->what.fields;
	a->in.field_count = a->what.field_count;
	a->in.rejects = given.rejects;
	a->in.on_wait = on_wait;
	a->in.wait_context = a;
	a->in.stop = &tool_stop;
	a->in.wait_mask = tool_wait_mask();
	return intake_open(&a->in, err);
}

/* ---- records ---- */

static int read_op(const struct scan_value *v, int *retract, struct err *why)
{
	*retract = 0;
	if (v->kind == SCAN_ABSENT)
		return 0;
	if (v->kind != SCAN_STRING || v->text.len != 1 ||
	    (*v->text.at != '+' && *v->text.at != '-'))
		return err_at(why, v->byte, "@op: neither \"+\" nor \"-\"");
	*retract = *v->text.at == '-';
	return 0;
}

static inline int read_time(struct agg *a, struct timestamp *t, struct err *why)
{
	const struct scan_value *v = &a->in.value[AGGREGATION_TIME];

	if (v->kind == SCAN_STRING && minute_read(&a->minute, v->text, t))
		return 0;
	if (intake_timestamp(&a->in, AGGREGATION_TIME, a->zone, t, why) != 0)
		return -1;
	minute_learn(&a->minute, a->zone, v->text, t);
	return 0;
}

static int bad_by(const struct agg *a, size_t field, struct err *why)
{
	const struct scan_value *v = &a->in.value[field];

	if (v->kind == SCAN_ABSENT)
		return err_set(why, ERR_DATA, "%s: missing", a->what.fields[field]);
	return err_at(why, v->byte, "%s: %s", a->what.fields[field],
		      v->kind == SCAN_NULL ? "null" : "not a string or a number");
}

/* A by-value as group.h wants it, with READER_PADDING bytes behind it. */
static inline int read_by(struct agg *a, size_t field, struct slice *text, struct err *why)
{
	const struct scan_value *v = &a->in.value[field];

	*text = v->raw;
	if (v->kind != SCAN_STRING)
		return v->kind == SCAN_NUMBER || v->kind == SCAN_TRUE || v->kind == SCAN_FALSE
			       ? 0
			       : bad_by(a, field, why);
	/* An escape is longer than what it stands for. One string, one key, however it was written.
	 */
	if (v->text.len + 2 == v->raw.len)
		return 0;
	buf_clear(&a->scratch);
	if (json_put_string(&a->scratch, v->text) != 0 ||
	    buf_room(&a->scratch, READER_PADDING) == NULL)
		return err_memory(why);
	*text = buf_view(&a->scratch);
	return 0;
}

/* The group's key, in a->key behind WINDOW_KEY_FRONT bytes. */
static int read_key(struct agg *a, struct slice *key, struct err *why)
{
	char *start = a->key.at + WINDOW_KEY_FRONT, *to = start;

	for (size_t i = 0; i < a->what.shape.by_count; i++) {
		struct slice text;

		if (read_by(a, AGGREGATION_BY + i, &text, why) != 0)
			return -1;
		if (text.len >= (size_t)(start + KEY_MAX - to))
			return err_at(why, a->in.value[AGGREGATION_BY + i].byte,
				      "%s: the values of --by are longer than %d bytes",
				      a->what.fields[AGGREGATION_BY + i], KEY_MAX);
		if (i > 0)
			*to++ = ',';
		to = short_spill(to, text.at, text.len);
	}
	*key = (struct slice){start, (size_t)(to - start)};
	return 0;
}

static int read_record(struct agg *a, struct timestamp *t, int *retract, struct slice *key,
		       struct err *why)
{
	if (read_op(&a->in.value[AGGREGATION_OP], retract, why) != 0 || read_time(a, t, why) != 0 ||
	    read_key(a, key, why) != 0)
		return -1;
	for (size_t i = 0; i < a->what.amount_count; i++)
		if (intake_decimal(&a->in, a->what.amount_field[i], &a->amounts[i], why) != 0)
			return -1;
	return 0;
}

static int late_failed(struct err *err)
{
	err->closed_pipe = 0; /* of this file, it is worth a message */
	return err_prefix(err, "%s", given.late);
}

static int put_late(struct agg *a, struct err *err)
{
	a->late_count++;
	if (a->late == NULL)
		return 0;
	buf_slice(writer_buf(a->late), a->in.line);
	buf_byte(writer_buf(a->late), '\n');
	return writer_room(a->late, err) == 0 ? 0 : late_failed(err);
}

static int too_far(struct agg *a, struct err *why)
{
	const struct scan_value *v = &a->in.value[AGGREGATION_TIME];

	buf_clear(&a->scratch);
	duration_put(&a->scratch, a->window.max_ahead);
	return err_at(why, v->byte, "%s: %.*s is more than %s ahead",
		      a->what.fields[AGGREGATION_TIME], SLICE_ARG(v->text), buf_text(&a->scratch));
}

static int on_record(void *context, struct err *err)
{
	struct agg *a = context;
	struct timestamp t;
	struct slice key = {0};
	struct err why;
	int retract, fate;

	if (read_record(a, &t, &retract, &key, &why) != 0)
		return intake_reject(&a->in, &why, err);
	fate = windows_add(a->windows, &t, key, retract, a->amounts, &why);
	switch (fate) {
	case WINDOW_COUNTED:
		a->counted++;
		return 0;
	case WINDOW_DUE:
		a->counted++;
		return windows_print(a->windows, err);
	case WINDOW_LATE:
		return put_late(a, err);
	case WINDOW_REPLAYED:
		a->replayed++;
		return 0;
	case WINDOW_AHEAD:
		too_far(a, &why);
		return intake_reject(&a->in, &why, err);
	default:
		if (why.status == ERR_DATA || why.status == ERR_CONFIG)
			return intake_reject(&a->in, &why, err);
		*err = why;
		return -1;
	}
}

/* ---- control records ---- */

/* Print what is due, and wait until it has been: the output is ours then. */
static int print_due(struct agg *a, struct err *err)
{
	if (windows_print(a->windows, err) != 0)
		return -1;
	return windows_settle(a->windows, err);
}

static int forward(struct agg *a, struct slice line, struct err *err)
{
	buf_slice(writer_buf(a->out), line);
	buf_byte(writer_buf(a->out), '\n');
	return writer_room(a->out, err);
}

/* What a barrier closes must be on disk before the barrier can be committed. */
static int sync_files(struct agg *a, struct err *err)
{
	if (intake_flush_rejects(&a->in, err) != 0)
		return -1;
	if (a->late == NULL)
		return 0;
	if (writer_flush(a->late, err) != 0)
		return late_failed(err);
	/* A pipe or a terminal has nothing to be synced: EINVAL. */
	if (fdatasync(a->late_fd) != 0 && errno != EINVAL && errno != EROFS)
		return err_sys(err, ERR_IO, errno, "%s: cannot sync", given.late);
	return 0;
}

/* Forward a barrier with what a restart from it needs to know. */
static int forward_stamped(struct agg *a, struct barrier *b, struct err *err)
{
	struct buf *out = writer_buf(a->out);
	const char *pos;
	int failed = 0, open = windows_resume(a->windows, &pos) == 1;

	buf_clear(&a->scratch);
	if (windows_watermark(a->windows, &a->scratch) < 0)
		return err_memory(err);
	json_remove(b->document, "resume");
	json_remove(b->document, "watermark");
	if (open)
		failed |= json_put_string_value(b->document, "resume", pos) == NULL;
	if (a->scratch.len > 0)
		failed |= json_put_string_value(b->document, "watermark", buf_text(&a->scratch)) ==
			  NULL;
	if (a->held_snapshot)
		failed |= json_put_bool(b->document, "snapshot", 1) == NULL;
	if (failed || barrier_print(out, b) != 0)
		return err_memory(err);
	buf_byte(out, '\n');
	buf_clear(&a->held);
	a->held_snapshot = 0;
	return writer_room(a->out, err);
}

/* Forward the barrier that was held back; no window is open, or none will be. */
static int forward_held(struct agg *a, struct err *err)
{
	struct barrier b;
	int result;

	if (a->held.len == 0)
		return 0;
	if (barrier_parse_line(buf_view(&a->held), &b, err) != 0)
		return -1;
	result = forward_stamped(a, &b, err);
	barrier_free(&b);
	return result;
}

static int hold(struct agg *a, struct err *err)
{
	a->held_snapshot |= a->in.barrier.snapshot;
	buf_clear(&a->held);
	return buf_slice(&a->held, a->in.line) == 0 ? 0 : err_memory(err);
}

static int on_barrier_final(struct agg *a, int empty, struct err *err)
{
	struct barrier *b = &a->in.barrier;
	struct window_barrier w = {.epoch = b->epoch,
				   .time = b->time,
				   .pos = b->pos,
				   .resume = b->resume,
				   .watermark = b->watermark,
				   .snapshot = b->snapshot,
				   .pending = -1,
				   .empty = empty};
	const char *pos;
	int verdict;

	if (b->pending != NULL)
		json_int64(json_get(b->pending, "epoch"), &w.pending);
	/* The table was emptied (TRUNCATE), and its windows go: what they held back may pass. */
	if (empty && b->snapshot && forward_held(a, err) != 0)
		return -1;
	verdict = windows_barrier(a->windows, &w, err);
	if (verdict < 0)
		return err_prefix(err, "%s", a->in.name);
	if (print_due(a, err) != 0 || sync_files(a, err) != 0)
		return -1;
	if (verdict == WINDOW_PASS)
		return forward(a, a->in.line, err);
	if (windows_resume(a->windows, &pos) < 0)
		return hold(a, err);
	return forward_stamped(a, b, err);
}

static int on_barrier(void *context, struct err *err)
{
	struct agg *a = context;
	int empty = a->in.records == a->records_at_barrier;

	a->records_at_barrier = a->in.records;
	if (a->window.emit == WINDOW_FINAL)
		return on_barrier_final(a, empty, err);
	windows_flush(a->windows);
	if (print_due(a, err) != 0 || sync_files(a, err) != 0)
		return -1;
	return forward(a, a->in.line, err);
}

/* A control record of somebody else keeps its place among the records. In a replay it has come
 * through before. */
static int on_other(void *context, struct err *err)
{
	struct agg *a = context;
	if (windows_replaying(a->windows))
		return 0;
	if (a->window.emit == WINDOW_DELTA)
		windows_flush(a->windows);
	if (print_due(a, err) != 0)
		return -1;
	return forward(a, a->in.line, err);
}

/* The source has finished: all windows close. */
static int on_finish(void *context, struct err *err)
{
	struct agg *a = context;
	windows_flush(a->windows);
	if (print_due(a, err) != 0 || sync_files(a, err) != 0 || forward_held(a, err) != 0)
		return -1;
	if (control_put_end(writer_buf(a->out), windows_printed(a->windows)) != 0)
		return err_memory(err);
	return writer_room(a->out, err);
}

/* The end of the file, or a signal. A plain stream ends so; in one with barriers, without "@end",
 * windows that are open are left to the next run. */
static int on_end(void *context, struct err *err)
{
	struct agg *a = context;
	if (a->in.controlled && !a->in.ended && !a->in.stopped)
		return intake_cut_off(&a->in, err);
	if (a->in.controlled || a->in.ended)
		return 0;
	windows_flush(a->windows);
	return print_due(a, err);
}

static const struct intake_handlers handlers = {
	.record = on_record,
	.barrier = on_barrier,
	.finish = on_finish,
	.other = on_other,
	.end = on_end,
};

/* ---- the end ---- */

/* After a failure too: what is done already goes out. Returns the worst status. */
static int finish(struct agg *a, int status)
{
	struct err err;

	if ((windows_settle(a->windows, &err) != 0 || writer_flush(a->out, &err) != 0) &&
	    status == 0)
		status = tool_fail(&err);
	if (sync_files(a, &err) != 0 && status == 0)
		status = tool_fail(&err);
	return status;
}

static void last_words(const struct agg *a, int failed)
{
	uint64_t known = a->counted + a->late_count + a->replayed;
	/* The record that ended the run was refused too. */
	uint64_t rejected = failed ? a->in.records - known : a->in.rejected;
	char replayed[64] = "";

	if (a->late_count > 0 && a->late == NULL)
		tool_say("late records that were not counted: %" PRIu64 " (--late FILE keeps them)",
			 a->late_count);
	if (!given.verbose)
		return;
	if (a->replayed > 0)
		snprintf(replayed, sizeof replayed, " + replayed %" PRIu64, a->replayed);
	tool_say("in %" PRIu64 " = counted %" PRIu64 "%s + late %" PRIu64 " + rejected %" PRIu64
		 "; out %" PRIu64,
		 a->in.records, a->counted, replayed, a->late_count, rejected,
		 windows_printed(a->windows));
}

static void tear_down(struct agg *a)
{
	intake_close(&a->in);
	windows_free(a->windows);
	writer_free(a->out);
	writer_free(a->late);
	if (a->late_fd >= 0)
		close(a->late_fd);
	zone_free(a->zone);
	buf_free(&a->key);
	buf_free(&a->scratch);
	buf_free(&a->held);
	aggregation_free(&a->what);
	opt_free(&command);
}

int main(int argc, char **argv)
{
	static struct agg a = {.late_fd = -1};
	struct err err = {0};
	char **operands;
	size_t operand_count;
	int status = tool_begin(&command, argc, argv, &operands, &operand_count);

	if (status != -1)
		return status;
	status = 0;
	if (operand_count > 0)
		err_set(&err, ERR_USAGE, "\"%s\": records are read from standard input",
			operands[0]);
	else if (read_options(&a, &err) == 0)
		set_up(&a, &err);
	if (err.status != ERR_NONE) {
		status = tool_fail(&err);
	} else {
		if (intake_run(&a.in, &handlers, &a, &err) != 0)
			status = tool_fail(&err);
		status = finish(&a, status);
		last_words(&a, status != 0);
	}
	tear_down(&a);
	return status;
}
