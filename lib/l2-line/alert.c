#include "l2-line/alert.h"

#include "l1-value/text.h"

/* Cut the first of the JSON texts off, and the comma behind it. */
static struct slice next_value(struct slice *key)
{
	struct slice value = {key->at, 0};

	if (key->len > 0 && *key->at == '"') {
		for (value.len = 1; value.len < key->len && key->at[value.len] != '"'; value.len++)
			value.len += key->at[value.len] == '\\';
		value.len++;
	} else {
		while (value.len < key->len && key->at[value.len] != ',')
			value.len++;
	}
	if (value.len > key->len)
		value.len = key->len;
	key->at += value.len;
	key->len -= value.len;
	if (key->len > 0) {
		key->at++;
		key->len--;
	}
	return value;
}

/* Its members; and for people, " (cliente_id 17850)". */
static void put_key(const struct alert *a, struct buf *members, struct buf *words)
{
	struct slice key = a->key;

	for (size_t i = 0; i < a->by_count; i++) {
		struct slice value = next_value(&key);

		json_put_string(members, slice_of(a->by[i]));
		buf_byte(members, ':');
		buf_slice(members, value);
		buf_byte(members, ',');
		buf_puts(words, i == 0 ? " (" : ", ");
		buf_printf(words, "%s ", a->by[i]);
		buf_slice(words, value);
	}
	if (a->by_count > 0)
		buf_byte(words, ')');
}

int alert_print(struct buf *out, const struct alert *a)
{
	struct buf words = {0};
	int failed;

	buf_slice(&words, a->message);
	buf_puts(out, "{\"alerta\":");
	json_put_string(out, slice_of(a->name));
	buf_puts(out, ",\"nivel\":");
	json_put_string(out, slice_of(a->level));
	if (a->value != NULL)
		buf_printf(out, ",\"valor\":%s", a->value);
	buf_printf(out, ",\"umbral\":%s,", a->threshold);
	put_key(a, out, &words);
	if (a->when.len > 0) {
		buf_puts(out, "\"fecha_hora\":");
		buf_slice(out, a->when);
		buf_byte(out, ',');
	}
	buf_puts(out, "\"mensaje\":");
	json_put_string(out, buf_view(&words));
	buf_byte(out, '}');
	failed = out->failed || words.failed;
	out->failed = failed;
	buf_free(&words);
	return failed ? -1 : 0;
}
