#include "l3-stream/window.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l2-line/tumble.h"

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
	struct pane *pane;
	struct mark *mark; /* NULL: opened before any barrier */
};

struct windows {
	struct window_options options;
	struct tumble tumble;
	struct window *last; /* the open window of the record before, or NULL */
	struct gather *gather;

	/* Final mode: the open windows in the order in which they close. */
	struct window **open;
	size_t open_count, open_size;
	/* Delta mode: window and day stand in front of each key. NULL: nothing has changed. */
	struct pane *delta;
	int flushing; /* all deltas are due */

	int has_clock;
	struct instant clock;
	int64_t watermark; /* its whole seconds; INT64_MIN without a clock */

	uint64_t barriers;
	int64_t barrier_time;
	struct mark *mark; /* of the last barrier */
	int replaying;
	int64_t replay_epoch;   /* the barrier that ends the replay */
	int64_t promised_epoch; /* the barrier that the sink knows already, or -1 */
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

/* Its pane went another way. */
static void free_window(struct window *v)
{
	release_mark(v->mark);
	free(v);
}

struct windows *windows_new(const struct window_options *o, struct zone *z,
			    const struct gather_output *out)
{
	struct windows *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->options = *o;
	w->options.shape.prefix = o->emit == WINDOW_DELTA ? WINDOW_KEY_FRONT : 0;
	w->tumble = tumble_of(z, o->size, o->shape.id);
	w->watermark = INT64_MIN;
	w->promised_epoch = -1;
	w->gather = gather_new(&w->options.shape, &w->tumble, o->threads, out);
	if (w->gather == NULL) {
		windows_free(w);
		return NULL;
	}
	return w;
}

/* Forget the open windows, or the deltas. */
static int drop_all(struct windows *w, struct err *err)
{
	int failed = 0;

	for (size_t i = 0; i < w->open_count; i++) {
		failed |= gather_drop(w->gather, w->open[i]->pane, err);
		free_window(w->open[i]);
	}
	if (w->delta != NULL)
		failed |= gather_drop(w->gather, w->delta, err);
	w->delta = NULL;
	w->last = NULL;
	w->open_count = 0;
	return failed;
}

void windows_free(struct windows *w)
{
	struct err ignored;

	if (w == NULL)
		return;
	drop_all(w, &ignored);
	gather_free(w->gather);
	free(w->open);
	release_mark(w->mark);
	free(w);
}

/* ---- open windows ---- */

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
	v = calloc(1, sizeof *v);
	if (v == NULL)
		return NULL;
	v->at = w->tumble.window;
	v->pane = gather_open(&v->at);
	if (v->pane == NULL) {
		free(v);
		return NULL;
	}
	v->mark = w->mark;
	if (v->mark != NULL)
		v->mark->uses++;
	memmove(w->open + low + 1, w->open + low, (w->open_count - low) * sizeof(struct window *));
	w->open[low] = v;
	w->open_count++;
	return v;
}

/* ---- records ---- */

/* There may be too many groups. Those that are due are as good as gone. */
static int check_limit(struct windows *w, struct err *err)
{
	if (gather_settle(w->gather, err) != 0)
		return -1;
	if (windows_due(w))
		return WINDOW_DUE;
	if (gather_most(w->gather) <= w->options.max_groups)
		return WINDOW_COUNTED;
	return err_set(err, ERR_CONFIG,
		       "more than %" PRIu64 " groups in open windows (--max-groups)",
		       w->options.max_groups);
}

static int add_delta(struct windows *w, struct slice key, int retract,
		     const struct decimal *amounts, struct err *err)
{
	char *front = (char *)key.at - WINDOW_KEY_FRONT;

	if (w->delta == NULL && (w->delta = gather_open(NULL)) == NULL)
		return err_memory(err);
	memcpy(front, &w->tumble.window, sizeof w->tumble.window);
	key = (struct slice){front, key.len + WINDOW_KEY_FRONT};
	if (gather_add(w->gather, w->delta, key, retract, amounts, err) != 0)
		return -1;
	if (gather_most(w->gather) < w->options.max_groups)
		return WINDOW_COUNTED;
	if (gather_settle(w->gather, err) != 0)
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

	if (tumble_find(&w->tumble, t))
		w->last = NULL;
	if (w->options.emit == WINDOW_DELTA)
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
	}
	if (gather_add(w->gather, w->last->pane, key, retract, amounts, err) != 0)
		return -1;
	if (ahead)
		set_clock(w, at);
	if (gather_most(w->gather) > w->options.max_groups)
		return check_limit(w, err);
	/* It is the event clock that makes windows due. */
	return ahead && windows_due(w) ? WINDOW_DUE : WINDOW_COUNTED;
}

/* ---- printing ---- */

static int is_due(const struct windows *w, size_t i)
{
	return i < w->open_count && !w->replaying && w->open[i]->at.end <= w->watermark;
}

int windows_due(const struct windows *w)
{
	if (w->options.emit == WINDOW_DELTA)
		return w->delta != NULL &&
		       (w->flushing || gather_most(w->gather) >= w->options.max_groups);
	return is_due(w, 0);
}

void windows_flush(struct windows *w)
{
	struct instant end;

	w->flushing = w->delta != NULL;
	if (w->open_count == 0 || w->replaying)
		return;
	end = (struct instant){w->open[w->open_count - 1]->at.end, 0};
	end = add_micros(end, w->options.lateness);
	if (is_before(w->clock, end))
		set_clock(w, end);
}

static int print_delta(struct windows *w, struct err *err)
{
	struct pane *p = w->delta;

	w->delta = NULL;
	w->flushing = 0;
	return gather_print(w->gather, p, err);
}

int windows_print(struct windows *w, struct err *err)
{
	size_t count = 0;
	int failed = 0;

	if (w->options.emit == WINDOW_DELTA)
		return windows_due(w) ? print_delta(w, err) : 0;
	for (; is_due(w, count); count++) {
		failed |= gather_print(w->gather, w->open[count]->pane, err);
		free_window(w->open[count]);
	}
	w->last = NULL;
	w->open_count -= count;
	if (w->open_count > 0)
		memmove(w->open, w->open + count, w->open_count * sizeof(struct window *));
	return failed;
}

int windows_settle(struct windows *w, struct err *err)
{
	return gather_settle(w->gather, err);
}

int windows_idle(struct windows *w, struct err *err)
{
	return gather_idle(w->gather, err);
}

uint64_t windows_printed(const struct windows *w)
{
	return gather_printed(w->gather);
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
	if (b->empty && b->snapshot && drop_all(w, err) != 0)
		return -1;
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
