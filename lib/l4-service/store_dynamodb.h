/* store_dynamodb.h - layer 4, of the store alone: what the parts of its DynamoDB backend share.
 *
 * store_dynamodb.c knows the table's items; _write, _read, _table and _verify are its users.
 *
 * A table has one item for each metric and each rollup, with key `id`:
 *
 *   cliente_id, producto, fecha, num_transacciones, monto_total, fecha_hora   as in struct metric
 *   escalas         set of the scales that amounts came with: DynamoDB makes 1.50 a 1.5, and the
 *                   greatest of them says how many digits to show
 *   meses           in a rollup over all days: set of the months that have a day
 *   producto_fecha  end of the id, in items of one customer: key of index por_producto
 *   cliente_fecha   id without the product, in items of one product: key of index por_cliente
 *   epoca#NAME      number of the last epoch applied to it under that checkpoint
 *   caduca          when it expires, in tables made so
 *
 * and some of the store's own, whose ids no metric has: "@store" (version, ttl_days, the set of
 * checkpoints, and how many generations they have had), "@checkpoint#NAME" (owner, host, pid,
 * since, generation; barrier, epoch, barrier_time; pending while an epoch is being applied). In
 * both, sums_below: no sum of what was put under it, or without a checkpoint, is that large
 * (_fits.c). Both indexes hold keys alone: an update of sums is not written to them.
 */
#ifndef TUBERIA_STORE_DYNAMODB_H
#define TUBERIA_STORE_DYNAMODB_H

#include "l2-line/json.h"
#include "l2-line/metric.h"
#include "l3-stream/aws.h"
#include "l4-service/store_backend.h"

#define DDB_STORE_ID "@store"
#define DDB_CHECKPOINT_ID "@checkpoint#"
enum { DDB_VERSION = 1, DDB_IN_FLIGHT = 50, DDB_SCAN_TIMEOUT = 30 };

/* A table, and one call at a time to it. */
struct ddb {
	struct aws *aws;
	char *table; /* its name, which needs no escapes in JSON */
	struct aws_call call;
	struct buf body; /* of the next call */
	struct json *reply;
};

/* Open a client. Nothing is sent. Returns 0, or -1; to be closed in any case. */
int ddb_open(struct ddb *d, const char *place, unsigned in_flight, struct err *err);
void ddb_close(struct ddb *d);

/* Begin d->body: {"TableName":"…" ; the caller goes on with ",…}". */
void ddb_begin(struct ddb *d, struct buf *body);

/* Call an operation with d->body, and parse the reply into d->reply. Returns 1; 0 when the answer
 * is the error `except` (NULL: none); -1. A table that is not there is ERR_CONFIG, and what to do.
 */
int ddb_call(struct ddb *d, const char *operation, const char *except, struct err *err);

/* As ddb_call makes it, of a call of one's own that failed. Always -1. */
int ddb_fail(const struct ddb *d, const struct aws_call *c, struct err *err);

/* The target and type of an operation, for calls of one's own. */
void ddb_request(struct aws_call *c, const char *operation);

/* 1 when the table is missing, as the last ddb_call or this call found. */
int ddb_is_missing(const struct aws_call *c);

/* Append "name":{"S":"text"}, {"N":"text"}. */
void ddb_put_string(struct buf *out, const char *name, struct slice text);
void ddb_put_number(struct buf *out, const char *name, const char *number);

/* Append the id of a checkpoint's item. */
void ddb_put_checkpoint_id(struct buf *out, const char *name);

/* Read an attribute of an item: {"S":"…"} or {"N":"…"}; NULL when it is not there. */
const char *ddb_string(const struct json *item, const char *name);
const char *ddb_number(const struct json *item, const char *name);

/* 1 when the id is that of a metric: it has just two '#'. */
int ddb_is_metric(const char *id);

/* Parse a reply, which is changed. Returns NULL with ERR_DATA or ERR_TEMP. */
struct json *ddb_parse(struct buf *reply, struct err *err);

/* An item as a metric; texts live as long as the item, and until the next use of names. Returns 0,
 * or -1 with ERR_DATA. */
int ddb_metric(const struct json *item, struct buf names[2], struct metric *m, struct err *err);

/* The parts of the DynamoDB backend. */
int ddb_show_checkpoint(const char *place, const char *name, struct buf *line, struct err *err);
int ddb_drop_checkpoint(const char *place, const char *name, struct err *err);
int ddb_create(const char *place, int64_t ttl_days, struct err *err);
int ddb_verify(const char *place,
	       int (*report)(void *context, struct slice difference, struct err *err),
	       void *context, struct store_verified *counts, struct err *err);

#endif
