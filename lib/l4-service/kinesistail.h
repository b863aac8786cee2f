/* kinesistail.h - layer 4: all shards of a Kinesis stream, or one, into a feed: lines, and barriers
 * whose position has a place in each shard. Source: kinesis-tail(1).
 *
 * Parents are read to their end before their children. What a writer has sent twice comes once.
 * When a writer begins anew, an empty epoch with `snapshot` says so, and what it had put before is
 * left out from there on. While a barrier is awaited, each shard is read up to its place in it, and
 * not further.
 */
#ifndef TUBERIA_KINESISTAIL_H
#define TUBERIA_KINESISTAIL_H

#include <signal.h>
#include <stdint.h>

#include "l0-base/err.h"
#include "l3-stream/feed.h"

struct kinesistail;

struct kinesistail_options {
	const char *stream;
	const char *shard; /* only this one, or NULL */
	/* Milliseconds since 1970: from then on; -1: from the begin. at_end: it is now, and what
	 * the service calls the latest: see kinesistail_opening. */
	int64_t from;
	int at_end;
	const char *resume;      /* a position instead, or NULL */
	int64_t poll;            /* microseconds between two looks at a shard without news */
	struct feed *feed;       /* stays the caller's */
	const sigset_t *allowed; /* as for aws_open */
	const volatile sig_atomic_t *stop;
};

/* The shards are looked up. Returns 0 with *out, or -1: ERR_CONFIG (no such stream or shard; a
 * position of another stream), or as aws_run. */
int kinesistail_open(const struct kinesistail_options *o, struct kinesistail **out,
		     struct err *err);
void kinesistail_close(struct kinesistail *t); /* NULL is allowed */

/* Do what is to be done now, without waiting. Returns 0, or -1. */
int kinesistail_work(struct kinesistail *t, struct err *err);

/* 1: until the service has said of every shard where its end is now. What is put later comes;
 * nothing is read meanwhile, and no barrier should be placed. */
int kinesistail_opening(struct kinesistail *t);

/* Wait on this descriptor (POLLIN), until that time (nanoseconds of feed_now). */
int kinesistail_fd(const struct kinesistail *t);
int64_t kinesistail_due(const struct kinesistail *t);

/* Close the epoch here. Not while a barrier is awaited. Returns 0, or -1. */
int kinesistail_barrier(struct kinesistail *t, struct err *err);

int kinesistail_caught_up(const struct kinesistail *t); /* nothing more is there for now */
int kinesistail_finished(const struct kinesistail *t);  /* the one shard is closed and read */

struct kinesistail_counts {
	uint64_t records, twice, foreign; /* of the stream; lines met before; control records */
	uint64_t dropped;                 /* records of generations that are void */
	size_t shards;                    /* that are open to us */
};
struct kinesistail_counts kinesistail_counts(const struct kinesistail *t);

#endif
