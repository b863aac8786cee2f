#include <stdlib.h>
#include <time.h>

#include "l1-value/timestamp.h"
#include "l4-service/store_dynamodb_read.h"

#define TARGET "DynamoDB_20120810."

void ddb_drop_window(struct reading *r)
{
	for (size_t i = 0; i < r->kept_count; i++)
		json_free(r->kept[i]);
	r->kept_count = 0;
	table_clear(r->window);
	buf_clear(&r->order);
	r->next = 0;
}

/* ---- where ids come from ---- */

static int add_id(struct reading *r, struct slice id, struct err *err)
{
	size_t count = table_count(r->window);
	struct found *f;
	size_t place = count;
	int fresh;

	f = table_at(r->window, id, &fresh);
	if (f == NULL)
		return err_memory(err);
	for (place = 0; !fresh && table_value(r->window, place) != f; place++)
		;
	if (fresh)
		place = count;
	return buf_put(&r->order, &place, sizeof place) == 0 ? 0 : err_memory(err);
}

static int add_keys(struct reading *r, struct err *err)
{
	for (size_t i = 0; i < DDB_WINDOW && r->key < r->key_count; i++)
		if (ddb_read_id(r, &r->keys[r->key++], err) != 0 ||
		    add_id(r, buf_view(&r->id), err) != 0)
			return -1;
	return 0;
}

/* Pages of an index, until the window is full or there is no more. A page may be empty. */
static int add_page(struct reading *r, struct err *err)
{
	const struct json *items, *last;

	while (!r->last_page && r->order.len == 0) {
		ddb_begin(&r->d, &r->d.body);
		buf_slice(&r->d.body, buf_view(&r->query));
		if (r->from.len > 0)
			buf_printf(&r->d.body, ",\"ExclusiveStartKey\":%s", buf_text(&r->from));
		buf_printf(&r->d.body, ",\"Limit\":%d}", DDB_WINDOW);
		if (ddb_read_call(r, TARGET "Query", err) != 0)
			return -1;
		items = json_get(r->d.reply, "Items");
		for (size_t i = 0; i < json_count(items); i++) {
			const char *id = ddb_string(json_item(items, i), "id");

			if (id != NULL && add_id(r, slice_of(id), err) != 0)
				return -1;
		}
		last = json_get(r->d.reply, "LastEvaluatedKey");
		r->last_page = last == NULL;
		buf_clear(&r->from);
		if (last != NULL && json_print(&r->from, last) != 0)
			return err_memory(err);
	}
	return 0;
}

static int has_month(const struct reading *r, struct slice month)
{
	return r->months.len > 0 &&
	       memmem(r->months.at, r->months.len, month.at, month.len) != NULL;
}

/* Days of the months that there are. */
static int add_days(struct reading *r, struct err *err)
{
	enum { MONTH = sizeof "YYYY-MM" - 1, DAY = sizeof "YYYY-MM-DD" - 1 };
	size_t count = 0;

	while (count < DDB_WINDOW && r->day <= r->to) {
		const char *day;

		buf_clear(&r->id);
		buf_slice(&r->id, buf_view(&r->prefix));
		if (date_put(&r->id, r->day) != 0)
			return err_memory(err);
		day = r->id.at + r->prefix.len;
		if (!has_month(r, (struct slice){day, MONTH})) {
			/* To the first day of the next one. (No text for atoi: nothing ends it.) */
			int of_month = (day[DAY - 2] - '0') * 10 + day[DAY - 1] - '0';
			int64_t first = r->day - (of_month - 1);

			for (r->day = first + 28; r->day <= r->to; r->day++) {
				struct buf next = {0};
				int other;

				date_put(&next, r->day);
				other = next.len == DAY && memcmp(next.at, day, MONTH) != 0;
				buf_free(&next);
				if (other)
					break;
			}
			continue;
		}
		if (add_id(r, buf_view(&r->id), err) != 0)
			return -1;
		count++;
		r->day++;
	}
	return 0;
}

/* ---- the window ---- */

static void on_batch(struct aws_call *c)
{
	((struct batch *)c->context)->done = 1;
}

static int start_batch(struct reading *r, struct batch *b, struct err *err)
{
	if (b->body.failed)
		return err_memory(err);
	ddb_request(&b->call, TARGET "BatchGetItem");
	b->call.request.body = buf_view(&b->body);
	b->call.context = b;
	b->call.done = on_batch;
	b->done = 0;
	if (ddb_read_limit(r, &b->call, err) != 0)
		return -1;
	return aws_start(r->d.aws, &b->call, err);
}

static void put_keys(struct reading *r, struct batch *b, size_t from, size_t to)
{
	buf_clear(&b->body);
	buf_printf(&b->body, "{\"RequestItems\":{\"%s\":{", r->d.table);
	if (r->consistent)
		buf_puts(&b->body, "\"ConsistentRead\":true,");
	buf_puts(&b->body, "\"Keys\":[");
	for (size_t i = from; i < to; i++) {
		buf_puts(&b->body, i == from ? "{" : ",{");
		ddb_put_string(&b->body, "id", table_key(r->window, i));
		buf_byte(&b->body, '}');
	}
	buf_puts(&b->body, "]}}}");
}

/* Take the items of a reply. *again: the body is what has been left unprocessed. */
static int take_batch(struct reading *r, struct batch *b, int *again, struct err *err)
{
	const struct json *items, *left;
	struct json *reply;

	if (b->call.err.status != ERR_NONE)
		return ddb_fail(&r->d, &b->call, err);
	reply = ddb_parse(&b->call.http.reply, err);
	if (reply == NULL)
		return -1;
	r->kept[r->kept_count++] = reply;
	items = json_get(json_get(reply, "Responses"), r->d.table);
	for (size_t i = 0; i < json_count(items); i++) {
		const struct json *item = json_item(items, i);
		const char *id = ddb_string(item, "id");
		struct found *f = id == NULL ? NULL : table_find(r->window, slice_of(id));

		if (f != NULL)
			f->item = item;
	}
	left = json_get(reply, "UnprocessedKeys");
	*again = json_count(left) > 0;
	if (!*again)
		return 0;
	buf_clear(&b->body);
	buf_puts(&b->body, "{\"RequestItems\":");
	json_print(&b->body, left);
	return buf_byte(&b->body, '}') == 0 ? 0 : err_memory(err);
}

static void nap(int round)
{
	struct timespec t = {0, (5000000L << round) % 1000000000L};

	nanosleep(&t, NULL);
}

/* Fetch all that is in the window. */
static int fetch(struct reading *r, struct err *err)
{
	size_t count = table_count(r->window), used = (count + DDB_BATCH - 1) / DDB_BATCH;
	int busy[DDB_BATCHES] = {0}, more = 1, failed = 0;
	struct err ignored;

	for (size_t i = 0; i < used; i++) {
		size_t to = (i + 1) * DDB_BATCH < count ? (i + 1) * DDB_BATCH : count;

		put_keys(r, &r->batches[i], i * DDB_BATCH, to);
		busy[i] = 1;
	}
	for (int round = 0; !failed && more; round++) {
		more = 0;
		if (round == DDB_ROUNDS_MOST)
			return err_set(err, ERR_TEMP, "%s: keys are left unprocessed, %d times",
				       aws_label(r->d.aws), DDB_ROUNDS_MOST);
		if (round > 0)
			nap(round);
		for (size_t i = 0; !failed && i < used; i++)
			if (busy[i])
				failed = start_batch(r, &r->batches[i], err);
		while (aws_in_flight(r->d.aws) > 0)
			if (aws_step(r->d.aws, -1, failed ? &ignored : err) < 0)
				return -1;
		for (size_t i = 0; !failed && i < used; i++) {
			if (busy[i])
				failed = take_batch(r, &r->batches[i], &busy[i], err);
			more |= busy[i];
		}
	}
	return failed;
}

/* The next window. Returns 1, 0 when there are no more ids, -1. */
int ddb_fill_window(struct reading *r, struct err *err)
{
	int failed = 0;

	ddb_drop_window(r);
	switch (r->rest) {
	case REST_NONE:
		return 0;
	case REST_KEYS:
		failed = add_keys(r, err);
		break;
	case REST_PAGES:
		failed = add_page(r, err);
		break;
	case REST_DAYS:
		failed = add_days(r, err);
		break;
	}
	if (failed)
		return -1;
	if (r->order.len == 0)
		return 0;
	return fetch(r, err) == 0 ? 1 : -1;
}
