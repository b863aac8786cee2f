/* store_dynamodb_read.h - layer 4, of the store alone: the read side of its DynamoDB backend, in
 * two files: answers (_read.c), and the window in which those of many items are fetched
 * (_window.c).
 *
 * An answer of many items is a series of ids, in order, which come from the caller, an index, or
 * the days of the months that a rollup knows; their items are fetched by BatchGetItem, some hundred
 * at once.
 */
#ifndef TUBERIA_STORE_DYNAMODB_READ_H
#define TUBERIA_STORE_DYNAMODB_READ_H

#include "l0-base/table.h"
#include "l4-service/store_dynamodb.h"

enum {
	DDB_BATCH = 100, /* keys of a BatchGetItem */
	DDB_BATCHES = 8, /* at once */
	DDB_WINDOW = DDB_BATCH * DDB_BATCHES,
	DDB_ROUNDS_MOST = 10 /* for keys that were left unprocessed */
};

enum rest { REST_NONE, REST_KEYS, REST_PAGES, REST_DAYS };

struct reading;

struct batch {
	struct aws_call call;
	struct buf body;
	struct reading *r;
	struct json *reply;
	int done;
};

/* What became of an id of the window. */
struct found {
	const struct json *item;
	uint64_t pad;
};

_Static_assert(sizeof(struct found) % 16 == 0, "a table's value");

struct reading {
	struct store_reader base;
	struct ddb d;
	int consistent;
	int64_t deadline; /* monotonic; 0: none */
	enum rest rest;

	struct table *window; /* by id; each once */
	struct buf order;     /* size_t: place in window of each id of the answer */
	size_t next;          /* in order */
	struct batch batches[DDB_BATCHES];
	struct json
		*kept[DDB_BATCHES * DDB_ROUNDS_MOST]; /* replies that items of the window are in */
	size_t kept_count;

	const struct metric_key *keys; /* REST_KEYS */
	size_t key_count, key;
	struct buf query,
		from; /* REST_PAGES: the request but for its place, and that; "" at first */
	int last_page;
	struct buf months, prefix; /* REST_DAYS: "2010-12" one behind the other; id without day */
	int64_t day, to;
	struct buf id, names[2];
};

/* Let a call end within what is left of the reader's time. Returns 0, or -1 with ERR_TEMP: none. */
int ddb_read_limit(struct reading *r, struct aws_call *c, struct err *err);

/* As ddb_call with d.body, within the time. Returns 0, or -1; a missing table is ERR_UNAVAILABLE: a
 * writer may mend that. */
int ddb_read_call(struct reading *r, const char *operation, struct err *err);

/* Put a key's id into r->id. Returns 0, or -1. */
int ddb_read_id(struct reading *r, const struct metric_key *key, struct err *err);

/* The next window of the answer. Returns 1, 0 when there are no more ids, or -1. */
int ddb_fill_window(struct reading *r, struct err *err);
void ddb_drop_window(struct reading *r);

#endif
