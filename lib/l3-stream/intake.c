#include "l3-stream/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "l1-value/decimal.h"
#include "l1-value/timestamp.h"

struct intake_state {
	struct reader *reader;
	struct scan *scan;
	int rejects_fd;         /* -1: none */
	struct writer *rejects; /* NULL: none */
	int unsynced;           /* rejects were written since the last fdatasync */
};

static int write_rejects(struct intake *in, struct err *err)
{
	if (in->state->rejects == NULL || writer_flush(in->state->rejects, err) == 0)
		return 0;
	err->closed_pipe = 0; /* of the rejects, it is worth a message */
	return err_prefix(err, "%s", in->rejects);
}

/* Before a wait for input: nobody downstream is to wait for what is done already. */
static int on_wait(void *context, struct err *err)
{
	struct intake *in = context;
	int again = in->on_wait == NULL ? 0 : in->on_wait(in->wait_context, err);

	if (again < 0 || (in->output != NULL && writer_flush(in->output, err) != 0) ||
	    write_rejects(in, err) != 0)
		return -1;
	return again;
}

int intake_open(struct intake *in, struct err *err)
{
	struct intake_state *st = calloc(1, sizeof *st);

	in->state = st;
	if (st == NULL)
		return err_memory(err);
	st->rejects_fd = -1;
	if (scan_new(in->fields, in->field_count, &st->scan, err) != 0)
		goto fail;
	st->reader = reader_new(in->fd);
	if (st->reader == NULL) {
		err_memory(err);
		goto fail;
	}
	reader_on_wait(st->reader, on_wait, in);
	reader_stop_when(st->reader, in->stop, in->wait_mask);
	if (in->rejects != NULL) {
		st->rejects_fd = open(in->rejects, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
		if (st->rejects_fd < 0) {
			err_sys(err, ERR_CREATE, errno, "%s", in->rejects);
			goto fail;
		}
		st->rejects = writer_new(st->rejects_fd);
		if (st->rejects == NULL) {
			err_memory(err);
			goto fail;
		}
	}
	return 0;
fail:
	intake_close(in);
	return -1;
}

void intake_close(struct intake *in)
{
	struct intake_state *st = in->state;
	struct err ignored;

	if (st == NULL)
		return;
	barrier_free(&in->barrier);
	/* After an error, what was rejected before it is still worth having. */
	if (st->rejects != NULL)
		writer_flush(st->rejects, &ignored);
	writer_free(st->rejects);
	if (st->rejects_fd >= 0)
		close(st->rejects_fd);
	reader_free(st->reader);
	scan_free(st->scan);
	free(st);
	in->state = NULL;
}

int intake_flush_rejects(struct intake *in, struct err *err)
{
	struct intake_state *st = in->state;

	if (!st->unsynced)
		return 0;
	if (write_rejects(in, err) != 0)
		return -1;
	/* A pipe or a terminal has nothing to be synced: EINVAL. */
	if (fdatasync(st->rejects_fd) != 0 && errno != EINVAL && errno != EROFS) {
		int errnum = errno;

		return err_sys(err, errnum == ENOSPC || errnum == EDQUOT ? ERR_TEMP : ERR_IO,
			       errnum, "%s: cannot sync", in->rejects);
	}
	st->unsynced = 0;
	return 0;
}

/* Put "<stdin>:42: byte 17: " before the message. Returns -1. */
static int place(const struct intake *in, struct err *err)
{
	uint64_t line = reader_line_number(in->state->reader);

	if (err->byte > 0)
		return err_prefix(err, "%s:%" PRIu64 ": byte %zu", in->name, line, err->byte);
	return err_prefix(err, "%s:%" PRIu64, in->name, line);
}

int intake_run(struct intake *in, const struct intake_handlers *h, void *context, struct err *err)
{
	int (*const by_event[])(void *, struct err *) = {
		[INTAKE_END] = h->end,         [INTAKE_RECORD] = h->record,
		[INTAKE_BARRIER] = h->barrier, [INTAKE_FINISH] = h->finish,
		[INTAKE_OTHER] = h->other,
	};

	for (;;) {
		int event = intake_next(in, err);
		int failed = event < 0                 ? -1
			     : by_event[event] != NULL ? by_event[event](context, err)
						       : 0;

		if (failed || event == INTAKE_END)
			return failed;
	}
}

int intake_cut_off(const struct intake *in, struct err *err)
{
	return err_set(err, ERR_TEMP, "%s: input ends without \"@end\": upstream died", in->name);
}

int intake_reject(struct intake *in, const struct err *why, struct err *err)
{
	struct intake_state *st = in->state;
	struct err placed = *why;
	struct buf *out;

	place(in, &placed);
	if (why->status != ERR_DATA || st->rejects == NULL) {
		*err = placed;
		return -1;
	}
	out = writer_buf(st->rejects);
	buf_puts(out, placed.message);
	buf_byte(out, '\t');
	buf_slice(out, in->line);
	buf_byte(out, '\n');
	st->unsynced = 1;
	in->rejected++;
	if (writer_room(st->rejects, err) == 0)
		return 0;
	err->closed_pipe = 0;
	return err_prefix(err, "%s", in->rejects);
}

/* The line was found to be bad here. Returns 0 when it went to the rejects, or -1. */
static int reject_line(struct intake *in, const struct err *why, struct err *err)
{
	in->records++;
	return intake_reject(in, why, err);
}

static int cut_short(const struct intake *in, struct err *err)
{
	return err_set(err, ERR_TEMP, "%s:%" PRIu64 ": input ends inside a line: upstream died",
		       in->name, reader_line_number(in->state->reader));
}

static int control_record(struct intake *in, struct slice name, struct slice value, struct err *err)
{
	int event = INTAKE_OTHER, failed = 0;

	if (reader_unterminated(in->state->reader))
		return cut_short(in, err);
	if (slice_is(name, "barrier")) {
		barrier_free(&in->barrier);
		failed = barrier_parse(value, &in->barrier, err);
		in->controlled = 1;
		event = INTAKE_BARRIER;
	} else if (slice_is(name, "end")) {
		failed = control_parse_end(value, &in->end_records, err);
		in->ended = 1;
		event = INTAKE_FINISH;
	}
	if (!failed)
		return event;
	if (err->byte > 0)
		err->byte += (size_t)(value.at - in->line.at);
	return place(in, err);
}

/* The next line, if it is like those before. Returns as scan_ahead. */
static int known_line(struct intake *in, struct err *why)
{
	struct intake_state *st = in->state;
	int known = scan_ahead(st->scan, reader_ahead(st->reader), &in->line, in->value, why);

	if (known == 0 || in->line.len > READER_LINE_MAX)
		return 0;
	reader_take(st->reader, in->line.len);
	return known;
}

/* The next line, whatever it is. Returns 1, or what intake_next then returns: INTAKE_END, or -1. */
static int any_line(struct intake *in, struct err *err)
{
	struct reader *r = in->state->reader;
	int more = reader_next(r, &in->line, err);

	if (more < 0 && err->status == ERR_DATA)
		return err_prefix(err, "%s:%" PRIu64, in->name, reader_line_number(r) + 1);
	if (more < 0)
		return -1;
	if (more == 0) {
		in->stopped = reader_stopped(r);
		return intake_flush_rejects(in, err) != 0 ? -1 : INTAKE_END;
	}
	return in->controlled && reader_unterminated(r) ? cut_short(in, err) : 1;
}

/* Returns 0, or -1: that line is bad. */
static int read_line(struct intake *in, struct err *why)
{
	if (in->ended)
		return err_set(why, ERR_DATA, "a line behind \"@end\"");
	if (in->line.len == 0)
		return err_set(why, ERR_DATA, "empty line");
	return scan_line(in->state->scan, in->line, in->value, why);
}

int intake_next(struct intake *in, struct err *err)
{
	struct slice name, value;
	struct err why;

	for (;;) {
		int known = in->ended ? 0 : known_line(in, &why);

		if (known == 0) {
			int more = any_line(in, err);

			if (more <= 0)
				return more;
			known = read_line(in, &why) == 0 ? 1 : -1;
		}
		if (known < 0) {
			if (reject_line(in, &why, err) != 0)
				return -1;
			continue;
		}
		if (scan_control(in->state->scan, &name, &value))
			return control_record(in, name, value, err);
		in->records++;
		return INTAKE_RECORD;
	}
}

/* Fields */

/* The field's value is not of the kind that is needed. */
static int unwanted(const struct intake *in, size_t field, const char *otherwise, struct err *why)
{
	const struct scan_value *v = &in->value[field];

	if (v->kind == SCAN_ABSENT)
		return err_set(why, ERR_DATA, "%s: missing", in->fields[field]);
	return err_at(why, v->byte, "%s: %s", in->fields[field],
		      v->kind == SCAN_NULL ? "null" : otherwise);
}

/* The value was refused by its own module: say of which field, and where. */
static int refused(const struct intake *in, size_t field, struct err *why)
{
	why->byte = in->value[field].byte;
	return err_prefix(why, "%s", in->fields[field]);
}

int intake_decimal(const struct intake *in, size_t field, struct decimal *d, struct err *why)
{
	if (in->value[field].kind != SCAN_NUMBER)
		return unwanted(in, field, "not a decimal", why);
	if (decimal_parse_padded(in->value[field].text, d, why) != 0)
		return refused(in, field, why);
	return 0;
}

int intake_timestamp(const struct intake *in, size_t field, struct zone *z, struct timestamp *t,
		     struct err *why)
{
	if (in->value[field].kind != SCAN_STRING)
		return unwanted(in, field, "not a timestamp", why);
	if (timestamp_parse(z, in->value[field].text, t, why) != 0)
		return refused(in, field, why);
	return 0;
}

int intake_int64(const struct intake *in, size_t field, int64_t *n, struct err *why)
{
	struct slice text = in->value[field].text;
	int negative;
	int64_t sum = 0;

	if (in->value[field].kind != SCAN_NUMBER)
		return unwanted(in, field, "not an integer", why);
	negative = text.at[0] == '-';
	for (size_t i = (size_t)negative; i < text.len; i++) {
		int digit = text.at[i] - '0';

		if (digit < 0 || digit > 9)
			return err_at(why, in->value[field].byte, "%s: not an integer",
				      in->fields[field]);
		/* Downwards, since that is where the range is larger. */
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_sub_overflow(sum, digit, &sum))
			return err_at(why, in->value[field].byte, "%s: does not fit 64 bits",
				      in->fields[field]);
	}
	if (!negative && __builtin_sub_overflow((int64_t)0, sum, &sum))
		return err_at(why, in->value[field].byte, "%s: does not fit 64 bits",
			      in->fields[field]);
	*n = sum;
	return 0;
}
