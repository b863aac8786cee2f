/* The updates of items, many in flight. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l1-value/timestamp.h"
#include "l3-stream/epoch.h"
#include "l4-service/store_dynamodb_write.h"

#define TARGET "DynamoDB_20120810."

/* An update is done within milliseconds, or its answer got lost. */
enum { UPDATE_TIMEOUT = 5000000 };

/* ---- items ---- */

static void on_updated(struct aws_call *c)
{
	struct slot *s = c->context;
	struct writing *w = s->w;

	s->next = w->free;
	w->free = s;
	/* It has had this epoch: from us, whose first answer got lost, or from a run before. */
	if (c->err.status == ERR_NONE || aws_is(c, "ConditionalCheckFailedException") ||
	    w->err.status != ERR_NONE)
		return;
	ddb_fail(&w->d, c, &w->err);
	if (aws_is(c, "ValidationException")) /* a sum beyond what a number holds */
		w->err.status = ERR_DATA;
}

static int start(struct writing *w, struct slot *s, const char *target, struct err *err)
{
	if (s->body.failed)
		return err_memory(err);
	ddb_request(&s->call, target);
	s->call.request.body = buf_view(&s->body);
	s->call.context = s;
	s->call.done = on_updated;
	s->call.timeout = UPDATE_TIMEOUT;
	if (aws_start(w->d.aws, &s->call, err) == 0)
		return 0;
	s->next = w->free;
	w->free = s;
	return -1;
}

/* A free slot; waits for one. NULL when something has failed. */
static struct slot *take_slot(struct writing *w, struct err *err)
{
	struct slot *s;

	while (w->err.status == ERR_NONE && (w->free == NULL || aws_room(w->d.aws) == 0))
		if (aws_step(w->d.aws, -1, err) < 0)
			return NULL;
	if (w->err.status != ERR_NONE) {
		*err = w->err;
		return NULL;
	}
	s = w->free;
	w->free = s->next;
	return s;
}

/* Wait for all updates in flight. failed: what has gone wrong so far. */
static int settle(struct writing *w, int failed, struct err *err)
{
	struct err ignored;

	while (aws_in_flight(w->d.aws) > 0)
		if (aws_step(w->d.aws, -1, failed ? &ignored : err) < 0)
			return -1;
	if (!failed && w->err.status != ERR_NONE) {
		*err = w->err;
		failed = -1;
	}
	return failed;
}

static void put_part(struct buf *b, const char *name, const struct metric_part *p)
{
	if (p->kind == METRIC_NUMBER)
		buf_printf(b, "\"%s\":{\"N\":\"%.*s\"}", name, SLICE_ARG(p->text));
	else
		ddb_put_string(b, name, p->text);
}

/* "2010-11","2010-12": the months of the items behind number i, which is over all days and whose
 * customer and product are those in w->key. */
static void put_months(struct writing *w, struct buf *b, struct epoch *e, size_t i, size_t count)
{
	enum { MONTH = sizeof "YYYY-MM" - 1 };
	size_t prefix = w->key.len;
	struct metric m;
	struct timestamp at;
	char last[MONTH] = "";
	int some = 0;

	for (size_t k = i + 1; k < count; k++) {
		epoch_item(e, k, &m, &at);
		if (m.id.len <= prefix + MONTH || memcmp(m.id.at, w->key.at, prefix) != 0)
			break;
		if (memcmp(m.id.at + prefix, last, MONTH) == 0)
			continue;
		memcpy(last, m.id.at + prefix, MONTH);
		buf_printf(b, "%s\"%.*s\"", some ? "," : "", MONTH, last);
		some = 1;
	}
}

static void put_values(struct writing *w, struct buf *b, const struct metric *m, int64_t expires)
{
	char amount[DECIMAL_TEXT_MAX];
	struct metric_key key;

	metric_cut_id(m->id, &key);
	decimal_print(&m->monto_total, amount);
	buf_printf(b,
		   "\":n\":{\"N\":\"%" PRId64 "\"},\":m\":{\"N\":\"%s\"},\":s\":{\"NS\":[\"%d\"]},",
		   m->num_transacciones, amount, m->monto_total.scale);
	put_part(b, ":c", &m->cliente_id);
	buf_byte(b, ',');
	put_part(b, ":p", &m->producto);
	buf_byte(b, ',');
	ddb_put_string(b, ":d", m->fecha);
	buf_byte(b, ',');
	ddb_put_string(b, ":h", m->fecha_hora);
	if (m->cliente_id.kind != METRIC_ALL) {
		buf_byte(b, ',');
		ddb_put_string(
			b, ":t",
			(struct slice){key.producto.at, key.producto.len + 1 + key.fecha.len});
	}
	if (m->producto.kind != METRIC_ALL) {
		buf_clear(&w->key);
		buf_printf(&w->key, "%.*s#%.*s", SLICE_ARG(key.cliente_id), SLICE_ARG(key.fecha));
		buf_byte(b, ',');
		ddb_put_string(b, ":f", buf_view(&w->key));
	}
	if (expires > 0)
		buf_printf(b, ",\":x\":{\"N\":\"%" PRId64 "\"}", expires);
	buf_printf(b, ",\":e\":%s", w->number);
}

/* When an item of a day expires; 0: never. */
static int64_t expiry(const struct writing *w, const struct metric *m)
{
	struct err ignored;
	int64_t day;

	if (w->ttl_days == 0 || date_parse(m->fecha, &day, &ignored) != 0)
		return 0;
	return (day + w->ttl_days) * 86400;
}

static void put_update(struct writing *w, struct buf *b, const struct metric *m, int64_t expires,
		       int months)
{
	ddb_begin(&w->d, b);
	buf_puts(b, ",\"Key\":{");
	ddb_put_string(b, "id", m->id);
	buf_puts(b, "},\"UpdateExpression\":\"");
	if (w->replace)
		buf_puts(b, "SET num_transacciones = :n, monto_total = :m, escalas = :s, "
			    "cliente_id = :c, producto = :p");
	else
		buf_puts(b, "ADD num_transacciones :n, monto_total :m, escalas :s");
	if (months && !w->replace)
		buf_puts(b, ", meses :k");
	if (!w->replace)
		buf_puts(b, " SET cliente_id = if_not_exists(cliente_id, :c), "
			    "producto = if_not_exists(producto, :p)");
	else if (months)
		buf_puts(b, ", meses = :k");
	buf_puts(b, ", fecha = :d, fecha_hora = :h, #e = :e");
	if (m->cliente_id.kind != METRIC_ALL)
		buf_puts(b, ", producto_fecha = :t");
	if (m->producto.kind != METRIC_ALL)
		buf_puts(b, ", cliente_fecha = :f");
	if (expires > 0)
		buf_puts(b, ", caduca = :x");
	/* A plain run's token is only ever met again by an update that is repeated. */
	buf_printf(b, "\",\"ConditionExpression\":\"attribute_not_exists(#e) OR #e %s :e\"",
		   w->name == NULL ? "<>" : "<");
	buf_puts(b, ",\"ExpressionAttributeNames\":{\"#e\":");
	buf_slice(b, buf_view(&w->attribute));
	buf_puts(b, "},\"ExpressionAttributeValues\":{");
}

static int update(struct writing *w, struct epoch *e, size_t i, size_t count, struct err *err)
{
	struct slot *s = take_slot(w, err);
	struct metric m;
	struct timestamp at;
	int64_t expires;
	int months;

	if (s == NULL)
		return -1;
	epoch_item(e, i, &m, &at);
	expires = expiry(w, &m);
	months = m.id.at[m.id.len - 1] == '*';
	put_update(w, &s->body, &m, expires, months);
	put_values(w, &s->body, &m, expires);
	if (months) {
		buf_clear(&w->key);
		buf_put(&w->key, m.id.at, m.id.len - 1);
		buf_puts(&s->body, ",\":k\":{\"SS\":[");
		put_months(w, &s->body, e, i, count);
		buf_puts(&s->body, "]}");
	}
	buf_puts(&s->body, "}}");
	s->body.failed |= w->key.failed;
	return start(w, s, TARGET "UpdateItem", err);
}

int ddb_apply(struct writing *w, struct epoch *e, struct err *err)
{
	size_t count;
	int failed = 0;

	if (epoch_close(e, &count, err) != 0)
		return -1;
	w->err.status = ERR_NONE;
	for (size_t i = 0; !failed && i < count; i++)
		failed = update(w, e, i, count, err);
	return settle(w, failed, err);
}

/* ---- what a snapshot replaces ---- */

static void put_stale(struct writing *w, struct buf *b, const char *expression)
{
	buf_printf(b, ",\"%s\":\"attribute_not_exists(#e) OR #e %s :e\"", expression,
		   w->name == NULL ? "<>" : "<");
	buf_puts(b, ",\"ExpressionAttributeNames\":{\"#e\":");
	buf_slice(b, buf_view(&w->attribute));
	buf_printf(b, "},\"ExpressionAttributeValues\":{\":e\":%s}", w->number);
}

static int delete_stale(struct writing *w, const char *id, struct err *err)
{
	struct slot *s = take_slot(w, err);

	if (s == NULL)
		return -1;
	ddb_begin(&w->d, &s->body);
	buf_puts(&s->body, ",\"Key\":{");
	ddb_put_string(&s->body, "id", slice_of(id));
	buf_byte(&s->body, '}');
	put_stale(w, &s->body, "ConditionExpression");
	buf_byte(&s->body, '}');
	return start(w, s, TARGET "DeleteItem", err);
}

/* All items that the snapshot did not have. */
int ddb_remove_stale(struct writing *w, struct err *err)
{
	struct buf from = {0}, *b = &w->d.body;
	int failed = 0, more = 1;

	while (!failed && more) {
		const struct json *items, *last;

		ddb_begin(&w->d, b);
		buf_puts(b, ",\"ConsistentRead\":true,\"ProjectionExpression\":\"id\"");
		put_stale(w, b, "FilterExpression");
		if (from.len > 0)
			buf_printf(b, ",\"ExclusiveStartKey\":%s", buf_text(&from));
		buf_byte(b, '}');
		failed = ddb_call(&w->d, TARGET "Scan", NULL, err) < 0;
		items = json_get(w->d.reply, "Items");
		for (size_t i = 0; !failed && i < json_count(items); i++) {
			const char *id = ddb_string(json_item(items, i), "id");

			if (ddb_is_metric(id))
				failed = delete_stale(w, id, err);
		}
		failed = settle(w, failed, err);
		last = json_get(w->d.reply, "LastEvaluatedKey");
		more = !failed && last != NULL;
		buf_clear(&from);
		if (more && json_print(&from, last) != 0)
			failed = err_memory(err);
	}
	buf_free(&from);
	return failed ? -1 : 0;
}
