/* store_dynamodb_write.h - layer 4, of the store alone: the write side of its DynamoDB backend, in
 * three files: checkpoints and commits (_write.c), whether an epoch fits (_fits.c), and the updates
 * of items (_apply.c).
 */
#ifndef TUBERIA_STORE_DYNAMODB_WRITE_H
#define TUBERIA_STORE_DYNAMODB_WRITE_H

#include "l4-service/store_dynamodb.h"

enum { DDB_OWNER_BYTES = 16, DDB_NUMBER_SIZE = 48 };

/* An update in flight. */
struct slot {
	struct aws_call call;
	struct buf body;
	struct writing *w;
	struct slot *next; /* that is free */
};

struct writing {
	struct store base;
	struct ddb d;
	char *name; /* of the checkpoint, NULL: plain */
	char owner[2 * DDB_OWNER_BYTES + 1];
	int64_t generation; /* 0: none yet */
	int128 sums_below;  /* see _fits.c; as it is when the epoch is in */
	char *pending;      /* line of the barrier that a run before us began to apply */
	int64_t ttl_days;
	uint64_t commits; /* plain ones, for their tokens */

	struct slot slots[DDB_IN_FLIGHT], *free;
	struct buf key;       /* of an item, while its update is made */
	struct buf attribute; /* "epoca#NAME", as JSON */
	char number[DDB_NUMBER_SIZE];
	int replace;
	struct err err; /* the first update that failed */
};

/* What an item says of that; 0 when it says nothing. */
int128 ddb_sums_below(const struct json *item);

/* Does the epoch fit, with what is stored: its sums into a decimal and an int64, its ids into keys?
 * Closes it. Returns 0; or -1, ERR_DATA when it does not, and nothing of it may be applied. Reads
 * nothing unless amounts, all in all, are near the limit. */
int ddb_fits(struct writing *w, struct epoch *e, struct err *err);

/* Update all items of the epoch, rollups too, each unless it has had w->number. Waits until all are
 * done. Returns 0, or -1: what was done stays done, and is not done again. */
int ddb_apply(struct writing *w, struct epoch *e, struct err *err);

/* Delete all items that have not had w->number, after a snapshot was applied. */
int ddb_remove_stale(struct writing *w, struct err *err);

#endif
