/* store_backend.h - layer 4, of the store alone: what a backend does for it.
 *
 * store_read.c finds the backend by the URI, store.c knows in which order barriers may come; a
 * backend knows its database. Functions are as in store.h, where nothing else is said; `place` is
 * the URI without its scheme.
 */
#ifndef TUBERIA_STORE_BACKEND_H
#define TUBERIA_STORE_BACKEND_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l3-stream/control.h"

struct epoch;
struct pool;
struct metric;
struct metric_key;
struct store_verified;

/* A backend's own struct begins with one of these two. */
struct store_reader {
	const struct store_reading *reading;
};

struct store {
	const struct store_writing *writing;
	char *checkpoint; /* NULL: plain */
	/* The barrier that was committed last under that name, or put off; epoch 0: none. */
	int64_t epoch;
	struct buf pos;
	int begun;     /* a barrier has come */
	int was_empty; /* there was no item when it was opened */
	int partial;   /* plain: something was committed since the last barrier */
	int staged;    /* something was staged since the last commit */
	/* Epochs whose commit was put off, and the line of their last barrier; empty: none. */
	struct epoch *held;
	struct buf held_line;
	/* Epochs that were put off before those, which a thread commits now. */
	struct pool *settler; /* NULL: there was none yet */
	struct epoch *settling;
	struct barrier settling_barrier; /* the last of them */
	size_t settling_count;           /* ids, as of `held` */
	int is_settling;
};

struct store_reading {
	int (*open)(const char *place, int64_t within, struct store_reader **out, struct err *err);
	void (*close)(struct store_reader *r);
	void (*within)(struct store_reader *r, int64_t within);
	void (*consistent)(struct store_reader *r); /* NULL: it always is */
	int (*begin)(struct store_reader *r, struct err *err);
	void (*end)(struct store_reader *r);
	int (*fresh)(struct store_reader *r, int64_t *time, int64_t *epoch, struct err *err);
	int (*get)(struct store_reader *r, const struct metric_key *key, struct metric *m,
		   struct err *err);
	int (*get_many)(struct store_reader *r, const struct metric_key *keys, size_t count,
			struct err *err);
	int (*customers)(struct store_reader *r, struct slice producto, struct slice fecha,
			 struct slice prefix, struct err *err);
	int (*products)(struct store_reader *r, struct slice cliente_id, struct slice fecha,
			struct slice prefix, struct err *err);
	int (*days)(struct store_reader *r, struct slice cliente_id, struct slice producto,
		    int64_t from, int64_t to, struct err *err);
	int (*next)(struct store_reader *r, struct metric *m, struct err *err);
};

struct store_writing {
	int holds; /* a commit may be put off: many epochs cost less in one */
	/* *line: the last committed barrier of the checkpoint is appended. Sets was_empty. */
	int (*open)(const char *place, const char *checkpoint, struct store **out, struct buf *line,
		    struct err *err);
	void (*close)(struct store *s);
	int (*stage)(struct store *s, struct epoch *e, struct err *err);
	/* replace: what is there goes first. */
	int (*commit)(struct store *s, struct epoch *e, const struct barrier *b, int replace,
		      struct err *err);

	int (*remark)(const struct store *s, struct buf *line); /* NULL: never */

	int (*show_checkpoint)(const char *place, const char *name, struct buf *line,
			       struct err *err);
	int (*drop_checkpoint)(const char *place, const char *name, struct err *err);
	/* ttl_days: 0 for none. */
	int (*create)(const char *place, int64_t ttl_days, struct err *err);
	int (*verify)(const char *place,
		      int (*report)(void *context, struct slice difference, struct err *err),
		      void *context, struct store_verified *counts, struct err *err);
};

/* The two sides are apart, so that a program that only reads need not link what writing takes. */
struct store_backend {
	const char *scheme;
	const struct store_reading *reading;
	const struct store_writing *writing; /* NULL: not in this program */
};

/* All that this program has, in store_backends.c; a program that has less defines its own. The last
 * one's scheme is NULL. */
extern const struct store_backend store_backends[];

/* The backend of a URI, and what stands behind its scheme; NULL with *err. */
const struct store_backend *store_backend_of(const char *uri, const char **place, struct err *err);

extern const struct store_reading store_sqlite_reading;
extern const struct store_writing store_sqlite_writing;
extern const struct store_reading store_dynamodb_reading;
extern const struct store_writing store_dynamodb_writing;

#endif
