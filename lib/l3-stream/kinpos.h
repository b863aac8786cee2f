/* kinpos.h - layer 3: positions in a Kinesis stream: a place in each of its shards, and what was
 * met there of each writer. The text behind "pos" in kinesis-tail's barriers:
 *
 *     kin1:STREAM;SHARD=PLACE~WRITER:HIGH:BITS~...;SHARD=PLACE;...
 *
 * PLACE is a sequence number that was read, '-' (its begin), '@' and a time in milliseconds (from
 * then on), or '!' (closed, and read to its end).
 */
#ifndef TUBERIA_KINPOS_H
#define TUBERIA_KINPOS_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l2-line/eras.h"
#include "l2-line/seen.h"

enum { KINPOS_TEXT_MAX = 128, KINPOS_WRITERS_MAX = 64 };

enum kinplace_kind { KINPLACE_BEGIN, KINPLACE_TIME, KINPLACE_AFTER, KINPLACE_DONE };

struct kinplace {
	enum kinplace_kind kind;
	char text[KINPOS_TEXT_MAX + 1]; /* the sequence number, or the time */
};

/* In the order in which they are reached: below, equal to, above 0. */
int kinplace_compare(const struct kinplace *a, const struct kinplace *b);

struct kinshard {
	char id[KINPOS_TEXT_MAX + 1];
	struct kinplace place;
	struct seen *seen; /* of each writer, grown by kinshard_writer */
	size_t seen_count;
};

void kinshard_free(struct kinshard *s); /* what it holds */

/* What was met of a writer: all generations of one NAME are one writer, whose latest counts.
 * Returns NULL with ERR_TEMP, or ERR_CONFIG for too many writers. */
struct seen *kinshard_writer(struct kinshard *s, struct slice name, struct err *err);

/* The name of another writer of the shard than this, or NULL. */
const char *kinshard_other_writer(const struct kinshard *s, struct slice name);

/* A generation that counts there counts on the way to it: the epoch that it has begun is empty.
 * Returns 0, or -1. */
int kinshard_adopt(struct kinshard *s, const struct kinshard *there, struct eras *e,
		   struct err *err);

/* The child of a reshard has met what its parent has. Returns 0, or -1. */
int kinshard_inherit(struct kinshard *s, const struct kinshard *parent, struct err *err);

struct kinpos {
	char stream[KINPOS_TEXT_MAX + 1];
	struct kinshard *shards;
	size_t count;
};

/* Returns 0, or -1 with ERR_CONFIG: it was not written by kinesis-tail; ERR_TEMP. */
int kinpos_parse(const char *text, struct kinpos *pos, struct err *err);
void kinpos_free(struct kinpos *pos); /* zero is allowed */

/* NULL when it is not there. */
const struct kinshard *kinpos_find(const struct kinpos *pos, const char *id);

/* Append the head; then each shard. Return 0, or -1 out of memory. */
int kinpos_put_head(struct buf *out, const char *stream);
int kinpos_put_shard(struct buf *out, const struct kinshard *s);

#endif
