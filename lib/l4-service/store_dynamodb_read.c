/* The read side. An answer of many items is a series of ids, in order, which come from the caller,
 * an index, or the days of the months that a rollup knows; the items are fetched by BatchGetItem,
 * some hundred at once. */
#include <stdlib.h>
#include <time.h>

#include "l1-value/text.h"
#include "l4-service/store_dynamodb_read.h"

#define TARGET "DynamoDB_20120810."

static int64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- open, close ---- */

static void ddb_read_close(struct store_reader *reader)
{
	struct reading *r = (struct reading *)reader;

	if (r->window != NULL)
		ddb_drop_window(r);
	for (size_t i = 0; i < DDB_BATCHES; i++) {
		aws_call_free(&r->batches[i].call);
		buf_free(&r->batches[i].body);
		json_free(r->batches[i].reply);
	}
	ddb_close(&r->d);
	table_free(r->window);
	buf_free(&r->order);
	buf_free(&r->query);
	buf_free(&r->from);
	buf_free(&r->months);
	buf_free(&r->prefix);
	buf_free(&r->id);
	buf_free(&r->names[0]);
	buf_free(&r->names[1]);
	free(r);
}

static void ddb_read_within(struct store_reader *reader, int64_t within)
{
	((struct reading *)reader)->deadline = within == 0 ? 0 : monotonic() + within;
}

static void ddb_read_consistent(struct store_reader *reader)
{
	((struct reading *)reader)->consistent = 1;
}

int ddb_read_limit(struct reading *r, struct aws_call *c, struct err *err)
{
	int64_t left = r->deadline == 0 ? 0 : r->deadline - monotonic();

	if (r->deadline != 0 && left <= 0)
		return err_set(err, ERR_TEMP, "%s: no answer within the time there was",
			       aws_label(r->d.aws));
	c->timeout = left;
	c->attempts = r->deadline == 0 ? 0 : 2;
	return 0;
}

int ddb_read_call(struct reading *r, const char *operation, struct err *err)
{
	if (ddb_read_limit(r, &r->d.call, err) != 0)
		return -1;
	if (ddb_call(&r->d, operation, NULL, err) > 0)
		return 0;
	/* A writer may mend that. */
	if (ddb_is_missing(&r->d.call))
		err->status = ERR_UNAVAILABLE;
	return -1;
}

static void begin_get(struct reading *r, struct slice id)
{
	ddb_begin(&r->d, &r->d.body);
	buf_puts(&r->d.body, ",\"Key\":{");
	ddb_put_string(&r->d.body, "id", id);
	buf_puts(&r->d.body, r->consistent ? "},\"ConsistentRead\":true}" : "}}");
}

/* The store's own item: is it a store, of a version that we know? */
static int check_store(struct reading *r, struct err *err)
{
	const char *version;

	begin_get(r, slice_of(DDB_STORE_ID));
	if (ddb_read_call(r, TARGET "GetItem", err) != 0)
		return -1;
	version = ddb_number(json_get(r->d.reply, "Item"), "version");
	if (version == NULL)
		return err_set(err, ERR_UNAVAILABLE, "dynamodb:%s: no store there yet", r->d.table);
	if (atoi(version) <= DDB_VERSION)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "table \"%s\": a store of version %s, written by a newer program; this one "
		       "knows version %d",
		       r->d.table, version, DDB_VERSION);
}

static int ddb_read_open(const char *place, int64_t within, struct store_reader **out,
			 struct err *err)
{
	struct reading *r = calloc(1, sizeof *r);

	if (r == NULL)
		return err_memory(err);
	r->base.reading = &store_dynamodb_reading;
	r->window = table_new(sizeof(struct found));
	ddb_read_within(&r->base, within);
	if (r->window == NULL)
		err_memory(err);
	else if (ddb_open(&r->d, place, DDB_BATCHES, err) == 0 && check_store(r, err) == 0) {
		*out = &r->base;
		return 0;
	}
	ddb_read_close(&r->base);
	return -1;
}

static void end_answer(struct reading *r)
{
	ddb_drop_window(r);
	r->rest = REST_NONE;
}

static int ddb_read_begin(struct store_reader *reader, struct err *err)
{
	(void)err;
	end_answer((struct reading *)reader);
	return 0;
}

static void ddb_read_end(struct store_reader *reader)
{
	end_answer((struct reading *)reader);
}

/* ---- single items ---- */

/* Returns 1 with *item, which lives until the next call, 0, or -1. */
static int get_item(struct reading *r, struct slice id, const struct json **item, struct err *err)
{
	begin_get(r, id);
	if (ddb_read_call(r, TARGET "GetItem", err) != 0)
		return -1;
	*item = json_get(r->d.reply, "Item");
	return *item != NULL;
}

int ddb_read_id(struct reading *r, const struct metric_key *key, struct err *err)
{
	buf_clear(&r->id);
	return metric_put_id(&r->id, key) == 0 ? 0 : err_memory(err);
}

/* An item whose count is back at zero is absent. */
static int present(struct reading *r, const struct json *item, struct metric *m, struct err *err)
{
	if (ddb_metric(item, r->names, m, err) != 0)
		return -1;
	return m->num_transacciones != 0;
}

static int ddb_read_get(struct store_reader *reader, const struct metric_key *key, struct metric *m,
			struct err *err)
{
	struct reading *r = (struct reading *)reader;
	const struct json *item;
	int found;

	end_answer(r);
	if (ddb_read_id(r, key, err) != 0)
		return -1;
	found = get_item(r, buf_view(&r->id), &item, err);
	return found <= 0 ? found : present(r, item, m, err);
}

static int ddb_read_fresh(struct store_reader *reader, int64_t *time, int64_t *epoch,
			  struct err *err)
{
	struct reading *r = (struct reading *)reader;
	const struct json *item, *names;
	struct json *store;
	struct buf id = {0};
	int found, newest = 0;

	end_answer(r);
	found = get_item(r, slice_of(DDB_STORE_ID), &item, err);
	if (found <= 0)
		return found;
	store = r->d.reply; /* ours, while others are asked for */
	r->d.reply = NULL;
	names = json_get(json_get(item, "checkpoints"), "SS");
	for (size_t i = 0; found >= 0 && i < json_count(names); i++) {
		const char *at, *number;

		buf_clear(&id);
		ddb_put_checkpoint_id(&id, json_string(json_item(names, i)));
		found = get_item(r, buf_view(&id), &item, err);
		at = found > 0 ? ddb_number(item, "barrier_time") : NULL;
		number = found > 0 ? ddb_number(item, "epoch") : NULL;
		if (at == NULL || number == NULL || (newest && atoll(at) <= *time))
			continue;
		*time = atoll(at);
		*epoch = atoll(number);
		newest = 1;
	}
	buf_free(&id);
	json_free(store);
	return found < 0 ? -1 : newest;
}

static int ddb_read_next(struct store_reader *reader, struct metric *m, struct err *err)
{
	struct reading *r = (struct reading *)reader;
	int found = 0;

	while (found == 0) {
		const struct found *f;
		size_t place;

		if (r->next * sizeof place == r->order.len) {
			found = ddb_fill_window(r, err);
			if (found <= 0) {
				end_answer(r);
				return found;
			}
			found = 0;
			continue;
		}
		memcpy(&place, r->order.at + r->next++ * sizeof place, sizeof place);
		f = table_value(r->window, place);
		if (f->item != NULL)
			found = present(r, f->item, m, err);
	}
	return found;
}

/* ---- answers of many items ---- */

static int ddb_read_get_many(struct store_reader *reader, const struct metric_key *keys,
			     size_t count, struct err *err)
{
	struct reading *r = (struct reading *)reader;

	(void)err;
	end_answer(r);
	r->keys = keys;
	r->key_count = count;
	r->key = 0;
	r->rest = REST_KEYS;
	return 0;
}

/* A part of an id; '*' where it is summed away. */
static void put_part(struct buf *out, struct slice part)
{
	if (part.at == NULL)
		buf_byte(out, '*');
	else
		id_put_part(out, part);
}

/* key: the value of the index's key; begin: of ids. */
static int query(struct reading *r, const char *index, const char *attribute, const struct buf *key,
		 const struct buf *begin, struct err *err)
{
	struct buf *q = &r->query;

	end_answer(r);
	buf_clear(&r->from);
	r->last_page = 0;
	buf_clear(q);
	buf_printf(q, ",\"IndexName\":\"%s\",\"KeyConditionExpression\":\"%s = :k%s\"", index,
		   attribute, begin->len > 0 ? " AND begins_with(id, :b)" : "");
	buf_puts(q, ",\"ExpressionAttributeValues\":{");
	ddb_put_string(q, ":k", buf_view(key));
	if (begin->len > 0) {
		buf_byte(q, ',');
		ddb_put_string(q, ":b", buf_view(begin));
	}
	buf_byte(q, '}');
	if (q->failed || key->failed || begin->failed)
		return err_memory(err);
	r->rest = REST_PAGES;
	return 0;
}

static int ddb_read_customers(struct store_reader *reader, struct slice producto,
			      struct slice fecha, struct slice prefix, struct err *err)
{
	struct reading *r = (struct reading *)reader;
	struct buf key = {0}, begin = {0};
	int failed;

	put_part(&key, producto);
	buf_byte(&key, '#');
	buf_slice(&key, fecha.at == NULL ? slice_of("*") : fecha);
	id_put_part(&begin, prefix);
	failed = query(r, "por_producto", "producto_fecha", &key, &begin, err);
	buf_free(&key);
	buf_free(&begin);
	return failed;
}

static int ddb_read_products(struct store_reader *reader, struct slice cliente_id,
			     struct slice fecha, struct slice prefix, struct err *err)
{
	struct reading *r = (struct reading *)reader;
	struct buf key = {0}, begin = {0};
	int failed;

	put_part(&key, cliente_id);
	if (prefix.len > 0) {
		buf_slice(&begin, buf_view(&key));
		buf_byte(&begin, '#');
		id_put_part(&begin, prefix);
	}
	buf_byte(&key, '#');
	buf_slice(&key, fecha.at == NULL ? slice_of("*") : fecha);
	failed = query(r, "por_cliente", "cliente_fecha", &key, &begin, err);
	buf_free(&key);
	buf_free(&begin);
	return failed;
}

static int ddb_read_days(struct store_reader *reader, struct slice cliente_id,
			 struct slice producto, int64_t from, int64_t to, struct err *err)
{
	struct reading *r = (struct reading *)reader;
	struct metric_key key = {cliente_id, producto, {NULL, 0}};
	const struct json *item = NULL, *months;
	int found;

	end_answer(r);
	if (ddb_read_id(r, &key, err) != 0)
		return -1;
	buf_clear(&r->prefix);
	buf_put(&r->prefix, r->id.at, r->id.len - 1);
	found = get_item(r, buf_view(&r->id), &item, err);
	if (found < 0)
		return -1;
	months = found == 0 ? NULL : json_get(json_get(item, "meses"), "SS");
	buf_clear(&r->months);
	for (size_t i = 0; i < json_count(months); i++) {
		const char *month = json_string(json_item(months, i));

		if (month != NULL)
			buf_printf(&r->months, "%s,", month);
	}
	if (r->months.failed || r->prefix.failed)
		return err_memory(err);
	/* 0001-01-01 and 9999-12-31: there are no items of other days. */
	r->day = from < -719162 ? -719162 : from;
	r->to = to > 2932896 ? 2932896 : to;
	r->rest = REST_DAYS;
	return 0;
}

const struct store_reading store_dynamodb_reading = {
	.open = ddb_read_open,
	.close = ddb_read_close,
	.within = ddb_read_within,
	.consistent = ddb_read_consistent,
	.begin = ddb_read_begin,
	.end = ddb_read_end,
	.fresh = ddb_read_fresh,
	.get = ddb_read_get,
	.get_many = ddb_read_get_many,
	.customers = ddb_read_customers,
	.products = ddb_read_products,
	.days = ddb_read_days,
	.next = ddb_read_next,
};
