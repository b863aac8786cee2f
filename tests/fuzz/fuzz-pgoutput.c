/* Input: messages of logical replication, each behind its length in two bytes, for one decoder; the
 * same bytes are a row of COPY's text as well. What is decoded lies within what was given.
 */
#include <stdint.h>
#include <stdlib.h>

#include "l2-line/pgoutput.h"
#include "l3-stream/pgcopy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

static void within(struct slice part, struct slice whole)
{
	if (part.len == 0)
		return;
	demand(part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void check_tuple(const struct pgoutput_tuple *t, struct slice bytes)
{
	for (size_t i = 0; i < t->count; i++) {
		demand(t->value[i].kind <= PGOUTPUT_TEXT);
		if (t->value[i].kind == PGOUTPUT_TEXT)
			within(t->value[i].text, bytes);
	}
}

static void check_message(const struct pgoutput_message *m, struct slice bytes)
{
	switch (m->kind) {
	case PGOUTPUT_RELATION:
		within(m->schema, bytes);
		within(m->table, bytes);
		for (size_t i = 0; i < m->column_count; i++)
			within(m->column[i].name, bytes);
		break;
	case PGOUTPUT_INSERT:
	case PGOUTPUT_UPDATE:
	case PGOUTPUT_DELETE:
		demand(m->kind == PGOUTPUT_INSERT || m->old == 'O' || m->old == 'K' ||
		       (m->kind == PGOUTPUT_UPDATE && m->old == 0));
		check_tuple(&m->old_row, bytes);
		check_tuple(&m->new_row, bytes);
		break;
	case PGOUTPUT_TRUNCATE:
		within(m->truncated, bytes);
		pgoutput_truncates(m, 16385);
		break;
	default:
		break;
	}
}

/* In a copy of its own size, so that a byte too many is seen. */
static void decode(struct pgoutput *d, const uint8_t *data, size_t len)
{
	struct pgoutput_message m;
	struct err err = {0};
	char *copy = malloc(len == 0 ? 1 : len), *bytes = copy;
	uint32_t xid;
	size_t rest = len;

	if (copy == NULL)
		return;
	if (len > 0)
		memcpy(copy, data, len);
	if (pgoutput_decode(d, (struct slice){copy, len}, &m, &err) == 0)
		check_message(&m, (struct slice){copy, len});
	else
		demand(err.status == ERR_DATA || err.status == ERR_TEMP);
	if (len > 0 && pgoutput_take_xid(&bytes, &rest, &xid, &err) == 0) {
		demand(rest == len - 4 && bytes + rest == copy + len);
		if (pgoutput_decode(d, (struct slice){bytes, rest}, &m, &err) == 0)
			check_message(&m, (struct slice){bytes, rest});
	}
	free(copy);
}

static void check_copy(const uint8_t *data, size_t size)
{
	struct pgoutput_value value[8];
	struct err err = {0};
	size_t count = size == 0 ? 1 : 1 + data[0] % 8;
	char *row = malloc(size + 1);

	if (row == NULL)
		return;
	if (size > 0)
		memcpy(row, data, size);
	row[size] = '\0';
	if (pgcopy_row(row, size, value, count, &err) == 0)
		for (size_t i = 0; i < count; i++)
			if (value[i].kind == PGOUTPUT_TEXT)
				within(value[i].text, (struct slice){row, size});
	free(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pgoutput d = {0};
	size_t at = 0;

	check_copy(data, size);
	while (size - at >= 2) {
		size_t len = (size_t)data[at] << 8 | data[at + 1];

		at += 2;
		if (len > size - at)
			len = size - at;
		decode(&d, data + at, len);
		at += len;
	}
	pgoutput_free(&d);
	return 0;
}
