/* Whether an epoch fits, before anything of it is applied: DynamoDB would refuse an update in the
 * middle of it, and take a count that no reader takes.
 *
 * No sum is looked at for that as a rule. Each checkpoint has a number below which all sums of what
 * was ever put under it stay, `sums_below`: it grows by the largest sum of each epoch, and is
 * written with the epoch's intent. While it is small, whatever is in the store has room for one
 * epoch more. Else the sums are read, and added up here. */
#include <stdlib.h>

#include "l3-stream/epoch.h"
#include "l4-service/store_dynamodb_write.h"

#define TARGET "DynamoDB_20120810."

enum {
	KEY_MOST = 2048,       /* bytes of a key */
	SCALE_MOST = 15,       /* of amounts whose sums are small */
	COUNT_WEIGHT = 100000, /* a count is small up to 10^15 */
	CHUNK = 400            /* items read at once */
};

/* Of 38 digits: 20 before the point, 15 behind it, and 3 that make room for a thousand checkpoints.
 */
#define SMALL ((int128)10000000000 * 10000000000)

/* The largest sums of an epoch, item or rollup. */
struct largest {
	int128 amount[SCALE_MOST + 1]; /* unscaled, for each scale */
	uint64_t count;
	int wide; /* an amount has a greater scale */
};

static void look_at(struct largest *l, const struct metric *m)
{
	int128 amount = m->monto_total.unscaled;
	uint64_t count = (uint64_t)m->num_transacciones;
	int scale = m->monto_total.scale;

	amount = amount < 0 ? -amount : amount;
	count = m->num_transacciones < 0 ? 0 - count : count;
	if (scale > SCALE_MOST)
		l->wide = 1;
	else if (amount > l->amount[scale])
		l->amount[scale] = amount;
	if (count > l->count)
		l->count = count;
}

/* No sum of the epoch is that large. */
static int128 bound(const struct largest *l)
{
	int128 most = (int128)l->count * COUNT_WEIGHT, power = 1;

	for (int scale = 0; scale <= SCALE_MOST; scale++, power *= 10)
		if (l->amount[scale] / power > most)
			most = l->amount[scale] / power;
	return l->wide || most > SMALL ? SMALL : most + 1;
}

/* ---- sum by sum ---- */

/* The keys of some items: their texts lie one behind the other. */
struct chunk {
	struct buf texts;
	struct metric_key keys[CHUNK];
	size_t count;
};

static void put_part(struct chunk *c, const struct metric_part *part, struct slice *key)
{
	key->at = part->kind == METRIC_ALL ? NULL : "";
	key->len = part->kind == METRIC_ALL ? 0 : part->text.len;
	if (key->at != NULL)
		buf_slice(&c->texts, part->text);
}

static int cut(struct chunk *c, struct epoch *e, size_t from, size_t to, struct err *err)
{
	struct timestamp at;
	struct metric m;
	size_t place = 0;

	buf_clear(&c->texts);
	for (c->count = 0; from + c->count < to && c->count < CHUNK; c->count++) {
		struct metric_key *k = &c->keys[c->count];

		epoch_item(e, from + c->count, &m, &at);
		put_part(c, &m.cliente_id, &k->cliente_id);
		put_part(c, &m.producto, &k->producto);
		k->fecha = (struct slice){slice_is(m.fecha, "*") ? NULL : "", m.fecha.len};
		if (k->fecha.at != NULL)
			buf_slice(&c->texts, m.fecha);
	}
	if (c->texts.failed || buf_room(&c->texts, 1) == NULL)
		return err_memory(err);
	for (size_t i = 0; i < c->count; i++) {
		struct slice *parts[] = {&c->keys[i].cliente_id, &c->keys[i].producto,
					 &c->keys[i].fecha};

		for (size_t k = 0; k < 3; k++) {
			if (parts[k]->at == NULL)
				continue;
			parts[k]->at = c->texts.at + place;
			place += parts[k]->len;
		}
	}
	return 0;
}

static int add(const struct writing *w, const struct metric *stored, const struct metric *m,
	       struct err *err)
{
	struct decimal sum = stored->monto_total;
	int64_t count;

	if (__builtin_add_overflow(stored->num_transacciones, m->num_transacciones, &count))
		err_set(err, ERR_DATA, "num_transacciones: out of range");
	else if (decimal_add(&sum, &m->monto_total, err) == 0)
		return 0;
	else
		err_prefix(err, "monto_total");
	return err_prefix(err, "id %.*s: %s", SLICE_ARG(m->id), w->d.table);
}

static int add_chunk(const struct writing *w, struct store_reader *r, const struct chunk *c,
		     struct epoch *e, size_t from, struct err *err)
{
	struct metric stored, m;
	struct timestamp at;
	int found;

	if (store_dynamodb_reading.get_many(r, c->keys, c->count, err) != 0)
		return -1;
	found = store_dynamodb_reading.next(r, &stored, err);
	for (size_t i = 0; found > 0 && i < c->count; i++) {
		epoch_item(e, from + i, &m, &at);
		if (!slice_equal(m.id, stored.id))
			continue; /* it is new */
		if (add(w, &stored, &m, err) != 0)
			return -1;
		found = store_dynamodb_reading.next(r, &stored, err);
	}
	return found < 0 ? -1 : 0;
}

static int add_all(const struct writing *w, struct epoch *e, size_t count, struct err *err)
{
	struct store_reader *r = NULL;
	struct chunk *c = calloc(1, sizeof *c);
	int failed = 0;

	if (c == NULL)
		return err_memory(err);
	if (store_dynamodb_reading.open(w->d.table, 0, &r, err) != 0)
		failed = -1;
	else
		store_dynamodb_reading.consistent(r);
	for (size_t i = 0; !failed && i < count; i += c->count) {
		failed = cut(c, e, i, count, err);
		if (!failed)
			failed = add_chunk(w, r, c, e, i, err);
	}
	if (r != NULL)
		store_dynamodb_reading.close(r);
	buf_free(&c->texts);
	free(c);
	return failed;
}

/* ---- the epoch ---- */

/* What was put without a checkpoint has its number in the store's own item, several may add to it.
 */
static int add_plain(struct writing *w, int128 more, struct err *err)
{
	char text[DECIMAL_TEXT_MAX];
	struct decimal d = {more, 0};

	decimal_print(&d, text);
	ddb_begin(&w->d, &w->d.body);
	buf_puts(&w->d.body, ",\"Key\":{\"id\":{\"S\":\"" DDB_STORE_ID "\"}}"
			     ",\"ReturnValues\":\"UPDATED_NEW\""
			     ",\"UpdateExpression\":\"ADD sums_below :n\""
			     ",\"ExpressionAttributeValues\":{");
	ddb_put_number(&w->d.body, ":n", text);
	buf_puts(&w->d.body, "}}");
	if (ddb_call(&w->d, TARGET "UpdateItem", NULL, err) < 0)
		return -1;
	w->sums_below = ddb_sums_below(json_get(w->d.reply, "Attributes"));
	return 0;
}

int128 ddb_sums_below(const struct json *item)
{
	const char *text = ddb_number(item, "sums_below");
	struct decimal d = {0, 0};
	struct err ignored;

	if (text != NULL && decimal_parse(slice_of(text), &d, &ignored) != 0)
		return SMALL;
	return d.scale > 0 || d.unscaled < 0 || d.unscaled > SMALL ? SMALL : d.unscaled;
}

int ddb_fits(struct writing *w, struct epoch *e, struct err *err)
{
	struct largest largest = {0};
	struct timestamp at;
	struct metric m;
	size_t count;
	int128 more;

	if (epoch_close(e, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		epoch_item(e, i, &m, &at);
		if (m.id.len > KEY_MOST)
			return err_set(err, ERR_DATA,
				       "a key of DynamoDB has %d bytes at most, and this id %zu: "
				       "%.*s",
				       KEY_MOST, m.id.len, SLICE_ARG(m.id));
		look_at(&largest, &m);
	}
	more = bound(&largest);
	if (w->name == NULL && add_plain(w, more, err) != 0)
		return -1;
	if (w->name != NULL)
		w->sums_below = more < SMALL - w->sums_below ? w->sums_below + more : SMALL;
	/* One that was begun did fit, and part of it is in the sums; a snapshot replaces them. */
	if (w->sums_below < SMALL || w->replace || w->pending != NULL)
		return 0;
	return add_all(w, e, count, err);
}
