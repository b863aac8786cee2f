/* store.h - layer 4: the store of metrics: items by id with their rollups, and checkpoints.
 *
 * The one place that knows the schema, for the writer (ddb-put) and the readers (metrics-query,
 * metrics-cgi). A store is named by a URI: sqlite:FILE, or dynamodb:TABLE. Items are struct metric;
 * their slices are valid until the next call on the same store or reader.
 *
 * Errors of both sides: ERR_CONFIG (no such backend; not a store, one of a newer version), ERR_DATA
 * (damaged), ERR_DENIED (permissions), ERR_CREATE, ERR_IO, ERR_TEMP (disk full, memory, another
 * process holds it too long). Of readers: ERR_UNAVAILABLE (none there, which a writer may mend).
 */
#ifndef TUBERIA_STORE_H
#define TUBERIA_STORE_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l2-line/metric.h"

struct barrier;
struct epoch;

/* ---- Reading ------------------------------------------------------------------------------- */

struct store_reader;

/* Open an existing store for reading; nothing is created. One reader serves any number of calls,
 * and sees each epoch whole or not at all. within: as of store_within. Returns 0 with *out, or -1.
 */
int store_reader_open(const char *uri, int64_t within, struct store_reader **out, struct err *err);
void store_reader_close(struct store_reader *r); /* NULL is allowed */

/* From now on, calls that have not come to their end when `within` microseconds have gone by, all
 * together, fail with ERR_TEMP, whatever they wait for. 0: each may wait as long as the backend
 * sees fit. */
void store_within(struct store_reader *r, int64_t within);

/* From now on, answers are of what has been committed by then, where a backend would else give what
 * was there a moment ago (DynamoDB, at half the price). What is listed by an index may still lack
 * an item that is new. */
void store_consistent(struct store_reader *r);

/* Between begin and end all calls see the same epoch, however many the writer commits meanwhile
 * (DynamoDB has no such thing: there each call sees the newest). Without begin each get or list is
 * for itself. end is allowed without begin. Return 0, or -1. */
int store_begin(struct store_reader *r, struct err *err);
void store_end(struct store_reader *r);

/* The time (microseconds since 1970 UTC, by the source's clock) and the epoch of the newest barrier
 * that was committed under any checkpoint. Returns 1; 0 when there is none (nothing yet, or written
 * without a checkpoint); -1. */
int store_fresh(struct store_reader *r, int64_t *time, int64_t *epoch, struct err *err);

/* One item by its key. An item whose count is zero is as good as absent, here and in all that
 * follows. There is no item for all customers and all products together: sum store_products.
 * Returns 1 with *m, 0 when it is absent, -1. */
int store_get(struct store_reader *r, const struct metric_key *key, struct metric *m,
	      struct err *err);

/* Begin an answer of many items, to be taken with store_next; a new one ends the one before.
 * Return 0, or -1.
 *
 * store_get_many: the items of these keys, in their order, absent ones left out. The keys stay the
 * caller's and must live until the answer's end.
 *
 * store_customers: the customers of a product (at NULL: of all products together) on a day (at
 * NULL: over all days), an item each; those whose id begins with prefix, if it is not empty.
 * store_products: the products of a customer (at NULL: of all customers together), likewise.
 * Both in the order of ids, which is that of bytes: "10" stands before "9".
 *
 * store_days: the days from..to, inclusive, of a customer, a product, or both (not of neither:
 * ERR_USAGE), an item a day that has one, in order of days. Days as in date_of. */
int store_get_many(struct store_reader *r, const struct metric_key *keys, size_t count,
		   struct err *err);
int store_customers(struct store_reader *r, struct slice producto, struct slice fecha,
		    struct slice prefix, struct err *err);
int store_products(struct store_reader *r, struct slice cliente_id, struct slice fecha,
		   struct slice prefix, struct err *err);
int store_days(struct store_reader *r, struct slice cliente_id, struct slice producto, int64_t from,
	       int64_t to, struct err *err);

/* The next item. Returns 1 with *m, 0 at the end, -1. */
int store_next(struct store_reader *r, struct metric *m, struct err *err);

/* ---- Writing ------------------------------------------------------------------------------- */

struct store;

/* Open for writing; a store that is not there is made. checkpoint: NULL for plain use
 * (at-least-once), or the name under which this run's position is kept: the run then owns that
 * name, and an older instance that still runs will fail its next commit.
 * Returns 0 with *out, or -1. */
int store_open(const char *uri, const char *checkpoint, struct store **out, struct err *err);
void store_close(struct store *s); /* NULL is allowed; what was not committed is gone */

/* A barrier arrived, `gathered` records after the one before. Says what it is for this store:
 * 1: it closes an epoch: store_commit it; 0: nothing to do (it is the committed one, which the
 * source prints on a resume); -1 with ERR_CONFIG (the stream does not start where the store
 * stands) or ERR_DATA (a barrier is missing; records where there can be none).
 * Without a checkpoint it is 0 for a barrier that the stream begins with, else 1. Source:
 * tuberia(7), CONTROL RECORDS. */
int store_expects(struct store *s, const struct barrier *b, uint64_t gathered, struct err *err);

/* A record arrived. Returns 0, or -1 with ERR_CONFIG: the store has a checkpoint, and the stream
 * must begin with its barrier. */
int store_expects_records(struct store *s, struct err *err);

/* Take over what an epoch holds so far, out of memory, and clear it; committed by the next
 * store_commit and not before. */
int store_stage(struct store *s, struct epoch *e, struct err *err);

/* Apply the epoch (closed or not yet) and what was staged before it, whole, with its rollups and
 * the checkpoint, and clear it. b: the barrier that closes it, NULL without one. A barrier with
 * `snapshot` replaces all items. Without a checkpoint, part of a snapshot may be in the store
 * before its barrier arrives; if the store was not empty before, that is ERR_CONFIG. Returns 0 when
 * it is durable, or -1, nothing of it applied: ERR_DENIED when another instance has taken the
 * checkpoint over, else as above. */
int store_commit(struct store *s, struct epoch *e, const struct barrier *b, struct err *err);

/* Put the commit of a closed epoch off, and clear it: a backlog of small epochs costs far less in
 * one large transaction, where what is touched often is written once. The store is then as if they
 * had been committed one after the other. Returns 1; 0 when this one must be committed now
 * (store_settle, then store_commit): there is no checkpoint, it is a snapshot or was staged, a sum
 * could overflow, the backend does not do it; or -1. */
int store_hold(struct store *s, struct epoch *e, const struct barrier *b, struct err *err);
int store_holds(const struct store *s);   /* 1: something was put off */
size_t store_held(const struct store *s); /* ids of that, as epoch_count has them */

/* Commit what was put off, if anything. Returns as store_commit. */
int store_settle(struct store *s, struct err *err);

/* The same in two steps: a thread commits what was put off until `begin`, and more may be put off
 * meanwhile. `begin` waits for the one before, `end` for this one; each returns what that came to,
 * as store_commit. All other calls for writing wait too. Signals must be blocked (tool_begin). */
int store_settle_begin(struct store *s, struct err *err);
int store_settling(const struct store *s); /* 1: it has not come to its end */
int store_settle_end(struct store *s, struct err *err);

/* What is worth a line with -v at the end of a run, though nothing failed. Appends it, without
 * newline. Returns 1; 0: nothing is. */
int store_remark(const struct store *s, struct buf *line);

/* ---- Looking after it ---------------------------------------------------------------------- */

/* Append the line of the barrier that was committed last under this name, its newline included,
 * with "pending" in it when the backend has one. Returns 1; 0 when there is none, or no store yet;
 * -1. */
int store_show_checkpoint(const char *uri, const char *name, struct buf *line, struct err *err);

/* Forget a checkpoint; items stay. Returns 1, 0 when there was none, or -1. */
int store_drop_checkpoint(const char *uri, const char *name, struct err *err);

/* Make a store that is not there, or look whether the one that is there is one. ttl_days: items of
 * a day go so many days after it, 0 never. Returns 0; or -1 with ERR_USAGE (a TTL where there is
 * none), ERR_CONFIG (something else is there). */
int store_create(const char *uri, int64_t ttl_days, struct err *err);

/* Recompute every rollup from the items, and look at every item. Each difference goes to report()
 * as one line of JSON without newline; it returns 0, or -1 with *err, which ends the check. In
 * bounded memory. Returns 0 with the counts, however many differences there were, or -1. */
struct store_verified {
	uint64_t items, rollups, differences;
};
int store_verify(const char *uri,
		 int (*report)(void *context, struct slice difference, struct err *err),
		 void *context, struct store_verified *counts, struct err *err);

#endif
