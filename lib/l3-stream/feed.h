/* feed.h - layer 3: the producing end of a pipe: records and barriers to stdout, the sink's
 * acknowledgement back. Source: tuberia(7), CONTROL RECORDS.
 *
 * Knows epochs and when a barrier is due, but not what a position means: the source gives its text
 * for each barrier, and says when it has reached one that is awaited. Never waits: feed_push()
 * writes what goes, the caller polls.
 */
#ifndef TUBERIA_FEED_H
#define TUBERIA_FEED_H

#include <signal.h>
#include <stdint.h>

#include "l0-base/err.h"
#include "l3-stream/control.h"

/* A barrier falls after this many records at the latest. */
#define FEED_RECORDS_MAX 100000

struct feed;

/* fd: where the records go. every: microseconds between barriers. ack_file: or NULL.
 * Returns NULL out of memory. */
struct feed *feed_new(int fd, int64_t every, const char *ack_file);
void feed_free(struct feed *f);

/* Begin behind a barrier that an earlier run had placed: it is printed first. If it has a `resume`
 * other than its `pos`, it is awaited, to be printed again when the source has come there; then, if
 * it has a `pending` barrier, that one is awaited. Meanwhile no other barrier is placed. Without
 * this call the first barrier has epoch 1. b must live as long as f. Returns 0, or -1. */
int feed_resume(struct feed *f, const struct barrier *b, struct err *err);

/* The position of the barrier that is awaited, or NULL. */
const char *feed_awaited(const struct feed *f);

/* The source is just there: print that barrier as it was promised. Returns 0, or -1. */
int feed_reach(struct feed *f, struct err *err);

/* Where to append records; count them by feed_count. */
struct buf *feed_buf(struct feed *f);
void feed_count(struct feed *f, unsigned records);
uint64_t feed_records(const struct feed *f);  /* since the start */
uint64_t feed_open(const struct feed *f);     /* since the last barrier */
uint64_t feed_barriers(const struct feed *f); /* printed */
int64_t feed_epoch(const struct feed *f);     /* of the last barrier; 0: none yet */

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t feed_now(void);

/* Whether a barrier is due, at `now`; never while one is awaited. feed_due_at: when by the clock,
 * if no record comes; INT64_MAX for never. */
int feed_due(const struct feed *f, int64_t now);
int64_t feed_due_at(const struct feed *f);

/* Close the epoch at this position. snapshot: it holds absolute totals. Not while one is awaited.
 * Returns 0, or -1. */
int feed_barrier(struct feed *f, const char *pos, int snapshot, struct err *err);

/* Say that the source has finished on purpose. Returns 0, or -1. */
int feed_end(struct feed *f, struct err *err);

/* Write what goes without waiting. Returns 0, or -1 as outlet_write; or ERR_TEMP when memory had
 * run out while a record was appended. */
int feed_push(struct feed *f, struct err *err);

/* Bytes that wait to be written. Enough of them for a write; so many that the source should stop
 * reading: bounded memory, and the way in which a slow reader slows the server. */
size_t feed_waiting(const struct feed *f);
int feed_wants_push(const struct feed *f);
int feed_full(const struct feed *f);

/* Wait for events on fd (-1: none), for room in the output while something waits to be written, for
 * a signal that `allowed` lets through, or until a time. Returns 0; -1 with closed_pipe set when
 * the reader of the output has gone. */
int feed_wait(struct feed *f, int fd, short events, int64_t until, const sigset_t *allowed,
	      struct err *err);

/* Write out all that waits. Once *stop is set, or from the start where stop is NULL, for 10 seconds
 * at most. tick: called meanwhile, at least every 100 ms; or NULL. Returns 0, or -1: as feed_push
 * and feed_wait, or ERR_TEMP when nobody reads. */
int feed_drain(struct feed *f, const volatile sig_atomic_t *stop, const sigset_t *allowed,
	       void (*tick)(void *context), void *context, struct err *err);

/* Close the output: its reader sees the end. Returns 0, or -1 with ERR_IO. */
int feed_close(struct feed *f, struct err *err);

/* Look at the ack file (at most every 100 ms, by stat(2), unless `at_once`). Returns 1 when it has
 * a barrier that was not there before: *epoch, and *pos: from where the sink would have to be fed
 * again after a crash, its `resume` or `pos` (valid until the next call). 0: nothing new, or no
 * barrier in it: it is feedback, never the truth. */
int feed_acknowledged(struct feed *f, int at_once, int64_t *epoch, const char **pos);

#endif
