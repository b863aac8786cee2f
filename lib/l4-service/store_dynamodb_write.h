/* store_dynamodb_write.h - layer 4, of the store alone: the write side of its DynamoDB backend, in
 * two files: checkpoints and commits (_write.c), and the updates of items (_apply.c).
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

/* Update all items of the epoch, rollups too, each unless it has had w->number. Waits until all are
 * done. Returns 0, or -1: what was done stays done, and is not done again. */
int ddb_apply(struct writing *w, struct epoch *e, struct err *err);

/* Delete all items that have not had w->number, after a snapshot was applied. */
int ddb_remove_stale(struct writing *w, struct err *err);

#endif
