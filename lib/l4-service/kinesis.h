/* kinesis.h - layer 4: what the writing and the reading side of Amazon Kinesis Data Streams share.
 *
 * Source: Kinesis API reference.
 */
#ifndef TUBERIA_KINESIS_H
#define TUBERIA_KINESIS_H

#include <signal.h>

#include "l0-base/err.h"
#include "l3-stream/aws.h"

struct json;
struct kinshard;

/* 1 to 128 letters, digits, '_', '.', '-'. */
int kinesis_name_ok(const char *stream);

/* A call of an operation, its body in JSON, which must stay. c->request.target: its text is the
 * caller's. */
void kinesis_ask(struct aws_call *c, const char *target, struct slice body);

/* Create the stream with so many shards, if it is not there, and wait until it can be used; stop:
 * as for aws_open. Returns 0, or -1. */
int kinesis_create(struct aws *a, const char *stream, int64_t shards,
		   const volatile sig_atomic_t *stop, struct err *err);

/* Look up all shards; take() gets each, as ListShards describes it. Returns 0, or -1. */
int kinesis_list_shards(struct aws *a, const char *stream,
			int (*take)(void *context, const struct json *shard, struct err *err),
			void *context, struct err *err);

/* Append the body of GetShardIterator for what follows the shard's place; latest: for what follows
 * now. */
void kinesis_put_iterator(struct buf *out, const char *stream, const struct kinshard *s,
			  int latest);

#define KINESIS_TARGET(operation) "Kinesis_20131202." operation

#endif
