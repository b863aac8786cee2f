#include "l1-value/pgpos.h"

#include <inttypes.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 1 to 8 hexadecimal digits. */
static int parse_half(struct slice text, uint64_t *half)
{
	uint64_t n = 0;

	if (text.len < 1 || text.len > 8)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (hex_digit(text.at[i]) < 0)
			return -1;
		n = n << 4 | (uint64_t)hex_digit(text.at[i]);
	}
	*half = n;
	return 0;
}

/* Cut text at the first `by`: returns what is before it, *text becomes what is behind. An empty
 * slice at NULL when there is no `by`. */
static struct slice cut(struct slice *text, char by)
{
	const char *at = text->len == 0 ? NULL : memchr(text->at, by, text->len);
	struct slice head = {NULL, 0};

	if (at != NULL) {
		head = (struct slice){text->at, (size_t)(at - text->at)};
		text->at += head.len + 1;
		text->len -= head.len + 1;
	}
	return head;
}

int lsn_parse(struct slice text, uint64_t *lsn)
{
	struct slice high = cut(&text, '/');
	uint64_t h, l;

	if (parse_half(high, &h) != 0 || parse_half(text, &l) != 0)
		return -1;
	*lsn = h << 32 | l;
	return 0;
}

static int parse_count(struct slice text, uint64_t most, uint64_t *count)
{
	uint64_t n = 0;

	if (text.len < 1)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(text.at[i] - '0');

		if (digit > 9 || n > (most - digit) / 10)
			return -1;
		n = 10 * n + digit;
	}
	*count = n;
	return 0;
}

int pgpos_parse(struct slice text, struct pgpos *pos, struct err *err)
{
	struct slice rest = text, version = cut(&rest, ':'), system = cut(&rest, ':');
	struct slice lsn = cut(&rest, ':'), rows = cut(&rest, ':'), table = cut(&rest, ':');
	uint64_t oid;

	if (!slice_is(version, "pg1") || parse_count(system, UINT64_MAX, &pos->system) != 0 ||
	    lsn_parse(lsn, &pos->place.lsn) != 0 ||
	    parse_count(rows, INT64_MAX, &pos->place.rows) != 0 ||
	    parse_count(table, UINT32_MAX, &oid) != 0)
		return err_set(err, ERR_CONFIG, "not a position of pg-tail: %.*s",
			       (int)(text.len < 200 ? text.len : 200), text.at);
	pos->table = (uint32_t)oid;
	pos->name = rest;
	return 0;
}

int pgpos_place(struct slice text, uint64_t system, uint32_t table, const char *name,
		struct pgplace *place, struct err *err)
{
	struct pgpos pos = {0};

	if (pgpos_parse(text, &pos, err) != 0)
		return -1;
	if (pos.system != system)
		return err_set(err, ERR_CONFIG,
			       "the position is of another server (system identifier %" PRIu64
			       ", here it is %" PRIu64 "): its changes cannot be had from this one",
			       pos.system, system);
	if (pos.table != table)
		return err_set(err, ERR_CONFIG,
			       "the position is of another table, %.*s (OID %" PRIu32
			       "); %s has OID %" PRIu32 ": was it made anew?",
			       (int)(pos.name.len < 200 ? pos.name.len : 200), pos.name.at,
			       pos.table, name, table);
	*place = pos.place;
	return 0;
}

int pgpos_put(struct buf *out, const struct pgpos *pos)
{
	return buf_printf(out, "pg1:%" PRIu64 ":" LSN_FORMAT ":%" PRIu64 ":%" PRIu32 ":%.*s",
			  pos->system, LSN_ARG(pos->place.lsn), pos->place.rows, pos->table,
			  SLICE_ARG(pos->name));
}
