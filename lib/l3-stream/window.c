#include "l3-stream/window.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l0-base/short.h"
#include "l2-line/tumble.h"

enum { SPARES = 4 };

struct instant {
	int64_t seconds;
	int32_t nanos;
};

/* A barrier's position, shared by the windows that were opened behind it. */
struct mark {
	uint64_t number; /* in order of the barriers */
	size_t uses;
	char pos[];
};

struct window {
	struct tumble_window at;
	struct groups *groups;
	struct mark *mark; /* NULL: opened before any barrier */
};

struct windows {
	struct window_options options;
	struct tumble tumble;
	struct window *last; /* the open window of the record before, or NULL */
	struct group_plan *plan;

	/* Final mode: the open windows in the order in which they close. */
	struct window **open;
	size_t open_count, open_size;
	struct window *spare[SPARES]; /* closed ones: their memory is warm, new pages are dear */
	size_t spare_count;
	uint64_t group_count; /* in all open windows but the last one */
	struct groups *delta; /* delta mode: window and day stand in front of each key */

	int has_clock;
	struct instant clock;
	int64_t watermark; /* its whole seconds; INT64_MIN without a clock */

	uint64_t barriers;
	int64_t barrier_time;
	struct mark *mark; /* of the last barrier */
	int replaying;
	int64_t replay_epoch;   /* the barrier that ends the replay */
	int64_t promised_epoch; /* the barrier that the sink knows already, or -1 */

	/* Taking out: */
	int flushing; /* all deltas */
	size_t next;  /* group of open[0], or of the deltas */
	int stamped;  /* day and tail are the texts of: */
	struct tumble_window stamp;
	struct buf day, tail;
};

/* ---- instants ---- */

static inline int is_before(struct instant a, struct instant b)
{
	return a.seconds != b.seconds ? a.seconds < b.seconds : a.nanos < b.nanos;
}

static struct instant add_micros(struct instant at, int64_t micros)
{
	int64_t seconds = at.seconds + micros / 1000000;
	int64_t nanos = at.nanos + micros % 1000000 * 1000;

	if (nanos < 0)
		return (struct instant){seconds - 1, (int32_t)(nanos + 1000000000)};
	return (struct instant){seconds + nanos / 1000000000, (int32_t)(nanos % 1000000000)};
}

static void set_clock(struct windows *w, struct instant at)
{
	w->has_clock = 1;
	w->clock = at;
	w->watermark = add_micros(at, -w->options.lateness).seconds;
}

/* ---- life ---- */

static void release_mark(struct mark *m)
{
	if (m != NULL && --m->uses == 0)
		free(m);
}

static void free_window(struct window *v)
{
	groups_free(v->groups);
	free(v);
}

struct windows *windows_new(const struct window_options *o, struct zone *z)
{
	struct windows *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->options = *o;
	w->options.shape.prefix = o->emit == WINDOW_DELTA ? WINDOW_KEY_FRONT : 0;
	w->tumble = tumble_of(z, o->size, o->shape.id);
	w->watermark = INT64_MIN;
	w->promised_epoch = -1;
	w->plan = group_plan_new(&w->options.shape);
	if (w->plan == NULL)
		goto failed;
	if (o->emit == WINDOW_DELTA && (w->delta = groups_new(w->plan)) == NULL)
		goto failed;
	return w;
failed:
	windows_free(w);
	return NULL;
}

void windows_free(struct windows *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->open_count; i++) {
		release_mark(w->open[i]->mark);
		free_window(w->open[i]);
	}
	for (size_t i = 0; i < w->spare_count; i++)
		free_window(w->spare[i]);
	free(w->open);
	release_mark(w->mark);
	groups_free(w->delta);
	group_plan_free(w->plan);
	buf_free(&w->day);
	buf_free(&w->tail);
	free(w);
}

/* ---- open windows ---- */

static struct window *new_window(struct windows *w)
{
	struct window *v;

	if (w->spare_count > 0)
		return w->spare[--w->spare_count];
	v = calloc(1, sizeof *v);
	if (v == NULL)
		return NULL;
	v->groups = groups_new(w->plan);
	if (v->groups == NULL) {
		free(v);
		return NULL;
	}
	return v;
}

/* Find the window of w->tumble among the open ones, or open it. Returns NULL out of memory. */
static struct window *open_window(struct windows *w)
{
	size_t low = 0, high = w->open_count;
	struct window *v;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = tumble_compare(&w->open[middle]->at, &w->tumble.window);

		if (order == 0)
			return w->open[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (w->open_count == w->open_size) {
		size_t size = w->open_size == 0 ? 16 : 2 * w->open_size;
		struct window **open = reallocarray(w->open, size, sizeof(struct window *));

		if (open == NULL)
			return NULL;
		w->open = open;
		w->open_size = size;
	}
	v = new_window(w);
	if (v == NULL)
		return NULL;
	v->at = w->tumble.window;
	v->mark = w->mark;
	if (v->mark != NULL)
		v->mark->uses++;
	memmove(w->open + low + 1, w->open + low, (w->open_count - low) * sizeof(struct window *));
	w->open[low] = v;
	w->open_count++;
	return v;
}

/* The next record is of another window: this one's count is known now. */
static int leave_last(struct windows *w, struct err *err)
{
	struct window *v = w->last;

	w->last = NULL;
	if (v == NULL)
		return 0;
	if (groups_settle(v->groups, err) != 0)
		return -1;
	w->group_count += groups_count(v->groups);
	return 0;
}

/* Close the first `count` of the open windows; w->last was left. */
static void close_windows(struct windows *w, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct window *v = w->open[i];

		w->group_count -= groups_count(v->groups);
		release_mark(v->mark);
		if (w->spare_count < SPARES) {
			groups_clear(v->groups);
			w->spare[w->spare_count++] = v;
		} else {
			free_window(v);
		}
	}
	w->open_count -= count;
	if (w->open_count > 0)
		memmove(w->open, w->open + count, w->open_count * sizeof(struct window *));
	w->next = 0;
}

/* ---- records ---- */

/* There may be too many groups. Those that are due are as good as gone. */
static int check_limit(struct windows *w, struct err *err)
{
	if (groups_settle(w->last->groups, err) != 0)
		return -1;
	if (windows_due(w))
		return WINDOW_DUE;
	if (w->group_count + groups_count(w->last->groups) <= w->options.max_groups)
		return WINDOW_COUNTED;
	return err_set(err, ERR_CONFIG,
		       "more than %" PRIu64 " groups in open windows (--max-groups)",
		       w->options.max_groups);
}

static int add_delta(struct windows *w, struct slice key, int retract,
		     const struct decimal *amounts, struct err *err)
{
	char *front = (char *)key.at - WINDOW_KEY_FRONT;

	memcpy(front, &w->tumble.window, sizeof w->tumble.window);
	key = (struct slice){front, key.len + WINDOW_KEY_FRONT};
	if (groups_add(w->delta, key, retract, amounts, err) != 0)
		return -1;
	if (groups_most(w->delta) < w->options.max_groups)
		return WINDOW_COUNTED;
	if (groups_settle(w->delta, err) != 0)
		return -1;
	return windows_due(w) ? WINDOW_DUE : WINDOW_COUNTED;
}

/* Would this instant, which lies ahead of the event clock, move it too far? In a replay, what is
 * ahead of the clock was found to be too far by the run before: else the clock would be there. */
static int is_too_far(const struct windows *w, struct instant at)
{
	struct instant from = w->clock;

	if (w->options.max_ahead < 0)
		return 0;
	if (w->replaying && w->has_clock)
		return 1;
	if (w->barriers > 0)
		from = add_micros((struct instant){0, 0}, w->barrier_time);
	else if (!w->has_clock)
		return 0;
	return is_before(add_micros(from, w->options.max_ahead), at);
}

int windows_add(struct windows *w, const struct timestamp *t, struct slice key, int retract,
		const struct decimal *amounts, struct err *err)
{
	struct instant at = {t->utc, t->nanos};
	int ahead;

	if (tumble_find(&w->tumble, t) && leave_last(w, err) != 0)
		return -1;
	if (w->delta != NULL)
		return add_delta(w, key, retract, amounts, err);
	if (w->tumble.window.end <= w->watermark)
		return w->replaying ? WINDOW_REPLAYED : WINDOW_LATE;
	ahead = !w->has_clock || is_before(w->clock, at);
	if (ahead && is_too_far(w, at))
		return WINDOW_AHEAD;
	if (w->last == NULL) {
		w->last = open_window(w);
		if (w->last == NULL)
			return err_memory(err);
		w->group_count -= groups_count(w->last->groups);
	}
	if (groups_add(w->last->groups, key, retract, amounts, err) != 0)
		return -1;
	if (ahead)
		set_clock(w, at);
	if (w->group_count + groups_most(w->last->groups) > w->options.max_groups)
		return check_limit(w, err);
	/* It is the event clock that makes windows due. */
	return ahead && windows_due(w) ? WINDOW_DUE : WINDOW_COUNTED;
}

/* ---- taking out ---- */

int windows_due(const struct windows *w)
{
	if (w->delta != NULL)
		return groups_most(w->delta) > 0 &&
		       (w->flushing || groups_most(w->delta) >= w->options.max_groups);
	return w->open_count > 0 && !w->replaying && w->open[0]->at.end <= w->watermark;
}

void windows_flush(struct windows *w)
{
	struct instant end;

	w->flushing = 1;
	if (w->open_count == 0 || w->replaying)
		return;
	end = (struct instant){w->open[w->open_count - 1]->at.end, 0};
	end = add_micros(end, w->options.lateness);
	if (is_before(w->clock, end))
		set_clock(w, end);
}

/* The texts of a window: the day for the id, and the end of each record, which has its beginning.
 */
static int stamp(struct windows *w, const struct tumble_window *at)
{
	struct buf time = {0};

	if (w->stamped && tumble_compare(&w->stamp, at) == 0)
		return 0;
	buf_clear(&w->day);
	buf_clear(&w->tail);
	w->stamped = date_put(&w->day, at->day) == 0 && buf_room(&w->day, SHORT_SPILL) != NULL &&
		     tumble_put_start(&w->tumble, at, &time) == 0 &&
		     group_plan_put_tail(w->plan, buf_view(&time), &w->tail) == 0;
	buf_free(&time);
	w->stamp = *at;
	return w->stamped ? 0 : -1;
}

/* The same for the next delta, in front of whose key its window stands. */
static int stamp_delta(struct windows *w)
{
	struct tumble_window at;

	memcpy(&at, groups_key(w->delta, w->next).at, sizeof at);
	return stamp(w, &at);
}

/* Append groups from w->next on, as windows_take does. */
static int take_groups(struct windows *w, const struct groups *g, struct buf *out)
{
	size_t count = groups_count(g);
	int taken = 0;

	while (w->next < count && (taken == 0 || out->len < WINDOW_TAKE)) {
		int printed;

		if (w->delta != NULL && stamp_delta(w) != 0)
			return -1;
		printed = groups_print(g, w->next++, buf_view(&w->day), buf_view(&w->tail), out);
		if (printed < 0)
			return -1;
		taken += printed;
	}
	return taken;
}

static int take_deltas(struct windows *w, struct buf *out)
{
	struct err ignored; /* it can only be memory */
	int taken;

	if (groups_settle(w->delta, &ignored) != 0)
		return -1;
	taken = take_groups(w, w->delta, out);
	if (taken == 0) {
		groups_clear(w->delta);
		w->next = 0;
		w->flushing = 0;
	}
	return taken;
}

int windows_take(struct windows *w, struct buf *out)
{
	int taken = 0;
	struct err ignored; /* it can only be memory */

	if (w->delta != NULL)
		return take_deltas(w, out);
	if (leave_last(w, &ignored) != 0)
		return -1;
	while (taken == 0 && (w->next > 0 || windows_due(w))) {
		struct window *v = w->open[0];

		if (w->next == groups_count(v->groups))
			close_windows(w, 1);
		else if (w->next == 0 && stamp(w, &v->at) != 0)
			return -1;
		else
			taken = take_groups(w, v->groups, out);
	}
	return taken;
}

/* ---- barriers ---- */

static int set_mark(struct windows *w, const char *pos, struct err *err)
{
	size_t size = strlen(pos) + 1;
	struct mark *m = malloc(sizeof *m + size);

	if (m == NULL)
		return err_memory(err);
	m->number = w->barriers;
	m->uses = 1;
	memcpy(m->pos, pos, size);
	release_mark(w->mark);
	w->mark = m;
	return 0;
}

/* The barrier to resume from. Where the replay's windows were opened between its beginning and its
 * end is not known: a later restart begins where this one did. */
static int resume(struct windows *w, const struct window_barrier *b, struct err *err)
{
	struct timestamp t;

	w->promised_epoch = b->pending;
	if (b->watermark != NULL) {
		if (timestamp_parse(w->tumble.zone, slice_of(b->watermark), &t, err) != 0) {
			err_prefix(err, "barrier %" PRId64 ": watermark", b->epoch);
			err->byte = 0;
			return -1;
		}
		set_clock(w, add_micros((struct instant){t.utc, t.nanos}, w->options.lateness));
	}
	if (b->resume == NULL || strcmp(b->resume, b->pos) == 0)
		return set_mark(w, b->pos, err);
	w->replaying = 1;
	w->replay_epoch = b->epoch;
	return set_mark(w, b->resume, err);
}

static int end_replay(struct windows *w, const struct window_barrier *b, struct err *err)
{
	if (b->epoch != w->replay_epoch)
		return err_set(err, ERR_DATA,
			       "barrier %" PRId64 " comes in a replay that barrier %" PRId64
			       " should have ended",
			       b->epoch, w->replay_epoch);
	w->replaying = 0;
	return set_mark(w, b->pos, err);
}

int windows_barrier(struct windows *w, const struct window_barrier *b, struct err *err)
{
	int first = w->barriers++ == 0;
	int64_t since = b->time - w->barrier_time;

	w->barrier_time = b->time;
	if (first && b->empty)
		return resume(w, b, err) != 0 ? -1 : WINDOW_PASS;
	if (w->replaying)
		return end_replay(w, b, err) != 0 ? -1 : WINDOW_PASS;
	if (b->watermark != NULL && b->epoch != w->promised_epoch)
		return err_set(err, ERR_CONFIG,
			       "barrier %" PRId64 " has a watermark: another stage upstream holds "
			       "open windows, and only one can be restarted",
			       b->epoch);
	if (leave_last(w, err) != 0)
		return -1;
	if (b->empty && b->snapshot)
		close_windows(w, w->open_count);
	if (b->empty && w->has_clock && since > 0)
		set_clock(w, add_micros(w->clock, since));
	return set_mark(w, b->pos, err) != 0 ? -1 : WINDOW_STAMP;
}

int windows_resume(const struct windows *w, const char **pos)
{
	const struct mark *oldest = NULL;

	for (size_t i = 0; i < w->open_count; i++) {
		const struct mark *m = w->open[i]->mark;

		if (m == NULL)
			return -1;
		if (oldest == NULL || m->number < oldest->number)
			oldest = m;
	}
	if (oldest == NULL)
		return 0;
	*pos = oldest->pos;
	return 1;
}

int windows_watermark(const struct windows *w, struct buf *out)
{
	size_t start = out->len, zulu;
	struct instant at;
	char digits[8];
	int more;

	if (!w->has_clock)
		return 0;
	at = add_micros(w->clock, -w->options.lateness);
	if (timestamp_put_utc(out, at.seconds, at.nanos) != 0)
		return -1;
	/* The digits behind the milliseconds, in front of the Z. */
	more = at.nanos % 1000000 == 0 ? 0 : at.nanos % 1000 == 0 ? 3 : 6;
	if (buf_room(out, (size_t)more) == NULL)
		return -1;
	for (zulu = start; out->at[zulu] != 'Z'; zulu++)
		;
	snprintf(digits, sizeof digits, "%06d", at.nanos % 1000000);
	memmove(out->at + zulu + more, out->at + zulu, out->len - zulu);
	memcpy(out->at + zulu, digits, (size_t)more);
	out->len += (size_t)more;
	return 1;
}

int windows_replaying(const struct windows *w)
{
	return w->replaying;
}
