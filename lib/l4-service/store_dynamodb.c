#include "l4-service/store_dynamodb.h"

#include <stdio.h>
#include <stdlib.h>

#include "l1-value/text.h"
#include "l3-stream/tool.h"

/* ---- calls ---- */

int ddb_open(struct ddb *d, const char *place, unsigned in_flight, struct err *err)
{
	struct aws_options o = {.service = "dynamodb",
				.in_flight = in_flight,
				.allowed = tool_wait_mask(),
				.stop = &tool_stop};
	size_t n = strlen(place);

	*d = (struct ddb){0};
	if (n < 3 || n > 255 ||
	    strspn(place, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != n)
		return err_set(err, ERR_CONFIG, "\"%s\": not the name of a table in DynamoDB",
			       place);
	d->table = strdup(place);
	if (d->table == NULL)
		return err_memory(err);
	return aws_open(&o, &d->aws, err);
}

void ddb_close(struct ddb *d)
{
	aws_close(d->aws);
	aws_call_free(&d->call);
	buf_free(&d->body);
	json_free(d->reply);
	free(d->table);
	*d = (struct ddb){0};
}

void ddb_begin(struct ddb *d, struct buf *body)
{
	buf_clear(body);
	buf_puts(body, "{\"TableName\":\"");
	buf_puts(body, d->table);
	buf_byte(body, '"');
}

void ddb_request(struct aws_call *c, const char *operation)
{
	c->request.target = operation;
	c->request.type = "application/x-amz-json-1.0";
}

int ddb_is_missing(const struct aws_call *c)
{
	return aws_is(c, "ResourceNotFoundException");
}

int ddb_fail(const struct ddb *d, const struct aws_call *c, struct err *err)
{
	*err = c->err;
	if (ddb_is_missing(c))
		return err_set(err, ERR_CONFIG,
			       "%s: there is no table \"%s\": ddb-put --create-table dynamodb:%s "
			       "makes it (or is the region another one?)",
			       aws_label(d->aws), d->table, d->table);
	return err_prefix(err, "table \"%s\"", d->table);
}

/* A JSON document as we keep it has no NUL byte in a string. An id has them encoded, and says what
 * the name was in the part where a replacement character stands. */
struct json *ddb_parse(struct buf *reply, struct err *err)
{
	char *at = reply->at, *end = reply->at + reply->len;

	while (at < end && (at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
		if (end - at >= 6 && memcmp(at, "\\u0000", 6) == 0)
			memcpy(at, "\\ufffd", 6);
		at += 2; /* what follows a backslash is no beginning of another escape */
	}
	return json_parse(buf_view(reply), err);
}

int ddb_call(struct ddb *d, const char *operation, const char *except, struct err *err)
{
	json_free(d->reply);
	d->reply = NULL;
	if (d->body.failed)
		return err_memory(err);
	ddb_request(&d->call, operation);
	d->call.request.body = buf_view(&d->body);
	if (aws_run(d->aws, &d->call, err) != 0) {
		if (except != NULL && aws_is(&d->call, except))
			return 0;
		return ddb_fail(d, &d->call, err);
	}
	d->reply = ddb_parse(&d->call.http.reply, err);
	if (d->reply == NULL)
		return err_prefix(err, "%s: the reply", aws_label(d->aws));
	return 1;
}

/* ---- attributes ---- */

void ddb_put_string(struct buf *out, const char *name, struct slice text)
{
	buf_printf(out, "\"%s\":{\"S\":", name);
	json_put_string(out, text);
	buf_byte(out, '}');
}

void ddb_put_number(struct buf *out, const char *name, const char *number)
{
	buf_printf(out, "\"%s\":{\"N\":\"%s\"}", name, number);
}

void ddb_put_checkpoint_id(struct buf *out, const char *name)
{
	buf_puts(out, DDB_CHECKPOINT_ID);
	id_put_part(out, slice_of(name));
}

const char *ddb_string(const struct json *item, const char *name)
{
	return json_string(json_get(json_get(item, name), "S"));
}

const char *ddb_number(const struct json *item, const char *name)
{
	return json_string(json_get(json_get(item, name), "N"));
}

int ddb_is_metric(const char *id)
{
	struct metric_key key;

	return id != NULL && metric_cut_id(slice_of(id), &key) == 0;
}

/* ---- items ---- */

static int read_part(const struct json *item, const char *name, struct slice encoded,
		     struct buf *whole, struct metric_part *part)
{
	const char *text = ddb_string(item, name), *number = ddb_number(item, name);

	if (text == NULL && number == NULL)
		return -1;
	part->text = slice_of(text != NULL ? text : number);
	part->kind = number != NULL ? METRIC_NUMBER : METRIC_STRING;
	if (slice_is(encoded, "*"))
		part->kind = METRIC_ALL;
	if (memmem(encoded.at, encoded.len, "%00", 3) != NULL &&
	    strstr(part->text.at, "\xef\xbf\xbd") != NULL) {
		buf_clear(whole);
		if (id_get_part(whole, encoded) != 0)
			return -1;
		part->text = buf_view(whole);
	}
	return 0;
}

/* As many digits as the money came with. */
static int read_amount(const struct json *item, struct decimal *amount, struct err *err)
{
	const struct json *scales = json_get(json_get(item, "escalas"), "NS");
	const char *text = ddb_number(item, "monto_total");
	struct decimal scaled = {0, 0};

	if (text == NULL)
		return err_set(err, ERR_DATA, "monto_total: no number");
	if (decimal_parse(slice_of(text), amount, err) != 0)
		return err_prefix(err, "monto_total");
	for (size_t i = 0; i < json_count(scales); i++) {
		const char *scale = json_string(json_item(scales, i));
		int n = scale == NULL ? 0 : atoi(scale);

		if (n > scaled.scale && n <= DECIMAL_DIGITS)
			scaled.scale = n;
	}
	if (decimal_add(&scaled, amount, err) == 0)
		*amount = scaled;
	return 0; /* else, where all digits are taken: as it is */
}

static int read_count(const struct json *item, int64_t *count)
{
	const char *text = ddb_number(item, "num_transacciones");

	return text != NULL && metric_number_kind(slice_of(text), count) == METRIC_NUMBER ? 0 : -1;
}

int ddb_metric(const struct json *item, struct buf names[2], struct metric *m, struct err *err)
{
	const char *id = ddb_string(item, "id"), *fecha = ddb_string(item, "fecha");
	const char *fecha_hora = ddb_string(item, "fecha_hora");
	struct metric_key key;

	if (id == NULL || metric_cut_id(slice_of(id), &key) != 0)
		return err_set(err, ERR_DATA, "an item whose id is none of ours: %s",
			       id == NULL ? "" : id);
	m->id = slice_of(id);
	if (fecha == NULL || fecha_hora == NULL ||
	    read_part(item, "cliente_id", key.cliente_id, &names[0], &m->cliente_id) != 0 ||
	    read_part(item, "producto", key.producto, &names[1], &m->producto) != 0)
		return err_set(err, ERR_DATA,
			       "id %s: cliente_id, producto, fecha or fecha_hora is missing", id);
	if (read_count(item, &m->num_transacciones) != 0)
		return err_set(err, ERR_DATA, "id %s: num_transacciones: no integer", id);
	if (read_amount(item, &m->monto_total, err) != 0)
		return err_prefix(err, "id %s", id);
	m->fecha = slice_of(fecha);
	m->fecha_hora = slice_of(fecha_hora);
	return 0;
}
