/* Looking after a table: making it, and its checkpoints without an epoch. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "l1-value/text.h"
#include "l3-stream/control.h"
#include "l3-stream/tool.h"
#include "l4-service/store_dynamodb.h"

enum { WAIT_SECONDS = 600 };

#define TARGET "DynamoDB_20120810."

static const char definition[] = ",\"BillingMode\":\"PAY_PER_REQUEST\""
				 ",\"AttributeDefinitions\":["
				 "{\"AttributeName\":\"id\",\"AttributeType\":\"S\"},"
				 "{\"AttributeName\":\"producto_fecha\",\"AttributeType\":\"S\"},"
				 "{\"AttributeName\":\"cliente_fecha\",\"AttributeType\":\"S\"}]"
				 ",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}]"
				 ",\"GlobalSecondaryIndexes\":["
				 "{\"IndexName\":\"por_producto\",\"KeySchema\":["
				 "{\"AttributeName\":\"producto_fecha\",\"KeyType\":\"HASH\"},"
				 "{\"AttributeName\":\"id\",\"KeyType\":\"RANGE\"}],"
				 "\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"}},"
				 "{\"IndexName\":\"por_cliente\",\"KeySchema\":["
				 "{\"AttributeName\":\"cliente_fecha\",\"KeyType\":\"HASH\"},"
				 "{\"AttributeName\":\"id\",\"KeyType\":\"RANGE\"}],"
				 "\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"}}]}";

static int is(const struct json *text, const char *expected)
{
	const char *s = json_string(text);

	return s != NULL && strcmp(s, expected) == 0;
}

/* Has it just the key that we want? */
static int has_key(const struct json *of, const char *hash, const char *range)
{
	const struct json *schema = json_get(of, "KeySchema");

	if (json_count(schema) != (range == NULL ? 1u : 2u) ||
	    !is(json_get(json_item(schema, 0), "AttributeName"), hash))
		return 0;
	return range == NULL || is(json_get(json_item(schema, 1), "AttributeName"), range);
}

/* 1 when the table and its indexes can be used, 0 while they are made; -1 when they are others. */
static int look_at(const struct ddb *d, const struct json *table, struct err *err)
{
	const struct json *indexes = json_get(table, "GlobalSecondaryIndexes");
	int found = 0, active = is(json_get(table, "TableStatus"), "ACTIVE");

	for (size_t i = 0; i < json_count(indexes); i++) {
		const struct json *index = json_item(indexes, i),
				  *name = json_get(index, "IndexName");

		if ((is(name, "por_producto") && has_key(index, "producto_fecha", "id")) ||
		    (is(name, "por_cliente") && has_key(index, "cliente_fecha", "id"))) {
			found++;
			active &= is(json_get(index, "IndexStatus"), "ACTIVE");
		}
	}
	if (has_key(table, "id", NULL) && found == 2)
		return active;
	return err_set(err, ERR_CONFIG,
		       "table \"%s\" is there, but not as a store's: its key is not \"id\", or it "
		       "lacks the indexes por_producto and por_cliente",
		       d->table);
}

static int wait_until_active(struct ddb *d, struct err *err)
{
	static const struct timespec nap = {0, 200000000};
	int ready = 0;

	for (int i = 0; i < WAIT_SECONDS * 5; i++) {
		ddb_begin(d, &d->body);
		buf_byte(&d->body, '}');
		if (ddb_call(d, TARGET "DescribeTable", NULL, err) < 0)
			return -1;
		ready = look_at(d, json_get(d->reply, "Table"), err);
		if (ready != 0)
			return ready < 0 ? -1 : 0;
		if (tool_stop)
			return err_set(err, ERR_TEMP,
				       "stopped by a signal; table \"%s\" is being made", d->table);
		nanosleep(&nap, NULL);
	}
	return err_set(err, ERR_TEMP, "table \"%s\" is not active after %d seconds", d->table,
		       WAIT_SECONDS);
}

static int set_ttl(struct ddb *d, struct err *err)
{
	ddb_begin(d, &d->body);
	buf_puts(&d->body, ",\"TimeToLiveSpecification\":"
			   "{\"AttributeName\":\"caduca\",\"Enabled\":true}}");
	if (ddb_call(d, TARGET "UpdateTimeToLive", NULL, err) == 1)
		return 0;
	/* It is so already. */
	return aws_is(&d->call, "ValidationException") &&
			       strstr(err->message, "already enabled") != NULL
		       ? 0
		       : -1;
}

/* The item that says what the store is like; one that is there keeps what it says. */
static int set_store(struct ddb *d, int64_t ttl_days, struct err *err)
{
	struct buf *b = &d->body;

	ddb_begin(d, b);
	buf_puts(b, ",\"Key\":{\"id\":{\"S\":\"" DDB_STORE_ID "\"}}"
		    ",\"UpdateExpression\":\"SET version = if_not_exists(version, :v)");
	if (ttl_days > 0)
		buf_puts(b, ", ttl_days = :d");
	buf_printf(b, "\",\"ExpressionAttributeValues\":{\":v\":{\"N\":\"%d\"}", DDB_VERSION);
	if (ttl_days > 0)
		buf_printf(b, ",\":d\":{\"N\":\"%lld\"}", (long long)ttl_days);
	buf_puts(b, "}}");
	return ddb_call(d, TARGET "UpdateItem", NULL, err) < 0 ? -1 : 0;
}

int ddb_create(const char *place, int64_t ttl_days, struct err *err)
{
	struct ddb d;
	int failed = ddb_open(&d, place, 1, err);

	if (!failed) {
		ddb_begin(&d, &d.body);
		buf_puts(&d.body, definition);
		failed = ddb_call(&d, TARGET "CreateTable", "ResourceInUseException", err) < 0;
	}
	if (!failed)
		failed = wait_until_active(&d, err);
	if (!failed && ttl_days > 0)
		failed = set_ttl(&d, err);
	if (!failed)
		failed = set_store(&d, ttl_days, err);
	ddb_close(&d);
	return failed ? -1 : 0;
}

/* ---- checkpoints, without an epoch ---- */

static int begin_checkpoint(struct ddb *d, const char *name, struct err *err)
{
	struct buf id = {0};

	ddb_put_checkpoint_id(&id, name);
	ddb_begin(d, &d->body);
	buf_puts(&d->body, ",\"Key\":{");
	ddb_put_string(&d->body, "id", buf_view(&id));
	buf_byte(&d->body, '}');
	d->body.failed |= id.failed;
	buf_free(&id);
	return d->body.failed ? err_memory(err) : 0;
}

/* The committed barrier, and in it the one that was begun and not committed. */
static int put_checkpoint(struct buf *line, const char *committed, const char *pending,
			  struct err *err)
{
	struct barrier b = {0}, begun = {0};
	int failed = barrier_parse_line(slice_of(committed), &b, err);

	if (!failed && pending != NULL) {
		failed = barrier_parse_line(slice_of(pending), &begun, err);
		if (!failed && json_put_copy(b.document, "pending", begun.document) == NULL)
			failed = err_memory(err);
		if (!failed)
			failed = barrier_reread(&b, err);
	}
	if (!failed && (barrier_print(line, &b) != 0 || buf_byte(line, '\n') != 0))
		failed = err_memory(err);
	barrier_free(&b);
	barrier_free(&begun);
	return failed ? -1 : 1;
}

int ddb_show_checkpoint(const char *place, const char *name, struct buf *line, struct err *err)
{
	struct ddb d;
	const struct json *item;
	const char *committed;
	int found = -1;

	if (ddb_open(&d, place, 1, err) == 0 && begin_checkpoint(&d, name, err) == 0) {
		buf_puts(&d.body, ",\"ConsistentRead\":true}");
		found = ddb_call(&d, TARGET "GetItem", NULL, err);
		if (found < 0 && ddb_is_missing(&d.call))
			found = 0;
	}
	if (found > 0) {
		item = json_get(d.reply, "Item");
		committed = ddb_string(item, "barrier");
		found = committed == NULL
				? 0
				: put_checkpoint(line, committed, ddb_string(item, "pending"), err);
	}
	ddb_close(&d);
	return found;
}

/* *below: what the checkpoint's item says of the sums under it, NULL: nothing. Returns 1, 0 when
 * there is no such item, -1. */
static int read_below(struct ddb *d, const char *name, char **below, struct err *err)
{
	const struct json *item;
	const char *text;

	free(*below);
	*below = NULL;
	if (begin_checkpoint(d, name, err) != 0)
		return -1;
	buf_puts(&d->body, ",\"ConsistentRead\":true}");
	if (ddb_call(d, TARGET "GetItem", NULL, err) < 0)
		return ddb_is_missing(&d->call) ? 0 : -1;
	item = json_get(d->reply, "Item");
	text = ddb_number(item, "sums_below");
	if (text != NULL && (*below = strdup(text)) == NULL)
		return err_memory(err);
	return item != NULL;
}

/* The sums stay, and what is known of them: into the store's own item. */
static int leave_store(struct ddb *d, const char *name, const char *below, struct err *err)
{
	ddb_begin(d, &d->body);
	buf_puts(&d->body, ",\"Key\":{\"id\":{\"S\":\"" DDB_STORE_ID "\"}}"
			   ",\"UpdateExpression\":\"DELETE checkpoints :c ADD sums_below :n\""
			   ",\"ExpressionAttributeValues\":{");
	ddb_put_number(&d->body, ":n", below == NULL ? "0" : below);
	buf_puts(&d->body, ",\":c\":{\"SS\":[");
	json_put_string(&d->body, slice_of(name));
	buf_puts(&d->body, "]}}}");
	return ddb_call(d, TARGET "UpdateItem", NULL, err) < 0 ? -1 : 0;
}

/* Returns 1; 0 when it has changed since read_below: nothing was deleted; -1. */
static int delete_unchanged(struct ddb *d, const char *name, const char *below, struct err *err)
{
	if (begin_checkpoint(d, name, err) != 0)
		return -1;
	buf_printf(&d->body, ",\"ConditionExpression\":\"%s\"",
		   below == NULL ? "attribute_not_exists(sums_below)" : "sums_below = :n");
	if (below != NULL) {
		buf_puts(&d->body, ",\"ExpressionAttributeValues\":{");
		ddb_put_number(&d->body, ":n", below);
		buf_byte(&d->body, '}');
	}
	buf_byte(&d->body, '}');
	return ddb_call(d, TARGET "DeleteItem", "ConditionalCheckFailedException", err);
}

/* Killed in between, it is there still; done again, sums_below is larger than it need be. */
int ddb_drop_checkpoint(const char *place, const char *name, struct err *err)
{
	struct ddb d;
	char *below = NULL;
	int found = -1, deleted = -1;

	if (ddb_open(&d, place, 1, err) == 0)
		do {
			found = read_below(&d, name, &below, err);
			if (found > 0)
				deleted = leave_store(&d, name, below, err) != 0
						  ? -1
						  : delete_unchanged(&d, name, below, err);
		} while (found > 0 && deleted == 0);
	free(below);
	ddb_close(&d);
	/* Not there any more: deleted by a request whose answer got lost. */
	return found > 0 ? deleted : found == 0 && deleted == 0 ? 1 : found;
}
