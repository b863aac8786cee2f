#include "l2-line/metric.h"

#include <stdio.h>

#include "l1-value/text.h"

static int put_part(struct buf *out, struct slice part)
{
	return part.at == NULL ? buf_byte(out, '*') : id_put_part(out, part);
}

int metric_put_id(struct buf *out, const struct metric_key *key)
{
	size_t before = out->len;

	if (put_part(out, key->cliente_id) == 0 && buf_byte(out, '#') == 0 &&
	    put_part(out, key->producto) == 0 && buf_byte(out, '#') == 0 &&
	    (key->fecha.at == NULL ? buf_byte(out, '*') : buf_slice(out, key->fecha)) == 0)
		return 0;
	out->len = before;
	return -1;
}

int metric_cut_id(struct slice id, struct metric_key *encoded)
{
	const char *end = id.at + id.len;
	const char *first = id.len > 0 ? memchr(id.at, '#', id.len) : NULL;
	const char *second =
		first == NULL ? NULL : memchr(first + 1, '#', (size_t)(end - first - 1));

	if (second == NULL || memchr(second + 1, '#', (size_t)(end - second - 1)) != NULL)
		return -1;
	encoded->cliente_id = (struct slice){id.at, (size_t)(first - id.at)};
	encoded->producto = (struct slice){first + 1, (size_t)(second - first - 1)};
	encoded->fecha = (struct slice){second + 1, (size_t)(end - second - 1)};
	return 0;
}

enum metric_kind metric_number_kind(struct slice text, int64_t *n)
{
	size_t i = text.len > 0 && text.at[0] == '-';
	int negative = (int)i;
	int64_t value = 0;

	/* The one text that an integer is printed as: so it comes back as it was. */
	if (i == text.len || (text.at[i] == '0' && text.len > 1))
		return METRIC_STRING;
	for (; i < text.len; i++) {
		int digit = text.at[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, digit, &value))
			return METRIC_STRING;
	}
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return METRIC_STRING;
	*n = value;
	return METRIC_NUMBER;
}

int metric_keep(struct metric *m, struct buf *texts)
{
	struct slice *text[] = {&m->id, &m->cliente_id.text, &m->producto.text, &m->fecha,
				&m->fecha_hora};
	size_t start = 0;

	buf_clear(texts);
	for (size_t i = 0; i < sizeof text / sizeof text[0]; i++)
		buf_slice(texts, *text[i]);
	if (texts->failed)
		return -1;
	for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
		text[i]->at = texts->at + start;
		start += text[i]->len;
	}
	return 0;
}

static void put_kind(struct buf *out, const char *key, const struct metric_part *p)
{
	buf_puts(out, key);
	if (p->kind == METRIC_NUMBER)
		buf_slice(out, p->text);
	else
		json_put_string(out, p->text);
}

int metric_print(struct buf *out, const struct metric *m)
{
	char amount[DECIMAL_TEXT_MAX];
	size_t before = out->len;

	decimal_print(&m->monto_total, amount);
	buf_puts(out, "{\"id\":");
	json_put_string(out, m->id);
	put_kind(out, ",\"cliente_id\":", &m->cliente_id);
	put_kind(out, ",\"producto\":", &m->producto);
	buf_puts(out, ",\"fecha\":");
	json_put_string(out, m->fecha);
	buf_printf(out, ",\"num_transacciones\":%lld,\"monto_total\":%s,\"fecha_hora\":",
		   (long long)m->num_transacciones, amount);
	json_put_string(out, m->fecha_hora);
	buf_byte(out, '}');
	if (!out->failed)
		return 0;
	out->len = before;
	return -1;
}
