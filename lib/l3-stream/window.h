/* window.h - layer 3: tumbling windows over event time: which window a record falls into, when a
 * window closes, and what a restart needs to know. Source: window-agg(1); tuberia(7), CONTROL
 * RECORDS.
 *
 * Records and barriers are put in; finished records are printed by gather.h, in part later.
 *
 *   WINDOW_FINAL   a window is due when the watermark (event clock less lateness) has reached its
 *                  end, and comes out once.
 *   WINDOW_DELTA   what changed since the last flush comes out at the next one; nothing is late.
 */
#ifndef TUBERIA_WINDOW_H
#define TUBERIA_WINDOW_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l1-value/timestamp.h"
#include "l2-line/group.h"
#include "l3-stream/gather.h"

/* Bytes in front of each key given to windows_add that belong to this module. */
#define WINDOW_KEY_FRONT 24

enum window_emit { WINDOW_FINAL, WINDOW_DELTA };

struct window_options {
	enum window_emit emit;
	int64_t size;      /* seconds, as tumble_size gives them */
	int64_t lateness;  /* microseconds */
	int64_t max_ahead; /* microseconds, or -1: any time is taken */
	uint64_t max_groups;
	int threads;              /* 1, or 2: of gather_new */
	struct group_shape shape; /* its prefix is set by this module. With an id, the business
				   * day is part of the group */
};

struct windows;

/* z stays the caller's, and must outlive the windows. Returns NULL out of memory. */
struct windows *windows_new(const struct window_options *o, struct zone *z,
			    const struct gather_output *out);
void windows_free(struct windows *w);

enum window_fate {
	WINDOW_COUNTED,
	WINDOW_DUE,      /* counted, and windows_due */
	WINDOW_LATE,     /* its window is closed */
	WINDOW_REPLAYED, /* the same during a replay: the run before had it */
	WINDOW_AHEAD     /* it would move the event clock further ahead than is allowed */
};

/* Add a record, or take it back (retract 1). key: as for groups_add, with WINDOW_KEY_FRONT writable
 * bytes before key.at, at most 16 KB. Only a record that is counted changes anything. Returns an
 * enum window_fate, or -1: ERR_DATA as groups_add; ERR_CONFIG more than max_groups groups in open
 * windows; ERR_TEMP; or what the output has failed with since. */
int windows_add(struct windows *w, const struct timestamp *t, struct slice key, int retract,
		const struct decimal *amounts, struct err *err);

/* Something is to be printed before the next record is put in. */
int windows_due(const struct windows *w);

/* Everything is due: the end of the input, or, in deltas, a barrier. In final mode the event clock
 * goes on until the last open window is closed. Not so during a replay: what its windows hold then
 * is not whole, and stays. */
void windows_flush(struct windows *w);

/* Print what is due. Returns 0, or -1 with what has failed. */
int windows_print(struct windows *w, struct err *err);

/* All has been printed that was to be, and the output may be used. Returns 0, or -1. */
int windows_settle(struct windows *w, struct err *err);

/* The same without waiting, while there is no input: 1; 0 when it will be so soon; -1. */
int windows_idle(struct windows *w, struct err *err);

/* How many records have been printed, when settled. */
uint64_t windows_printed(const struct windows *w);

/* ---- final mode: barriers ---- */

struct window_barrier {
	int64_t epoch, time;
	const char *pos, *resume, *watermark; /* the latter two may be NULL */
	int snapshot;
	int64_t pending; /* epoch of the barrier that is promised by "pending", or -1 */
	int empty;       /* there was no record since the barrier before it, or since the start */
};

enum window_verdict {
	WINDOW_PASS, /* forward it as it is */
	WINDOW_STAMP /* print what is due; then forward it with windows_resume and
			windows_watermark */
};

/* A barrier has come.
 * - As the first thing in the stream it is the one to resume from: it sets the event clock, and,
 *   when its resume is not its pos, begins a replay, which the same barrier ends.
 * - Without a record since the last one, the event clock goes on by the time between the two.
 * - An empty snapshot (TRUNCATE) drops the open windows.
 * Returns an enum window_verdict, or -1: ERR_DATA (another barrier where the replay's had to come;
 * an unreadable watermark), ERR_CONFIG (another stage upstream holds open windows too), ERR_TEMP.
 */
int windows_barrier(struct windows *w, const struct window_barrier *b, struct err *err);

/* Where a restart has to begin, after what is due has been printed: returns 1 with the position of
 * the last barrier before the first record of any open window; 0 when no window is open; -1 when
 * one was opened before there was any barrier: then no position is known from which the windows
 * could be rebuilt. *pos lives until the next call. */
int windows_resume(const struct windows *w, const char **pos);

/* Append the watermark, UTC, to the last digit. Returns 1, 0 when there is none yet (no record has
 * come), or -1 out of memory. */
int windows_watermark(const struct windows *w, struct buf *out);

/* 1 while records are those of a replay. */
int windows_replaying(const struct windows *w);

#endif
