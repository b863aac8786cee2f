#include "l1-value/pgkeys.h"

#include <inttypes.h>
#include <stdlib.h>

void pgkeys_free(struct pgkeys *k)
{
	free(k->gap);
	*k = (struct pgkeys){0};
}

/* The first gap that ends at this key or behind it; count when there is none. */
static size_t find(const struct pgkeys *k, int64_t key)
{
	size_t low = 0, high = k->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (k->gap[middle].last < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int pgkeys_has(const struct pgkeys *k, int64_t key)
{
	size_t i = find(k, key);

	return key <= k->top && (i == k->count || key < k->gap[i].first);
}

/* Make room for one gap more. */
static int grow(struct pgkeys *k)
{
	size_t size = k->size == 0 ? 16 : 2 * k->size;
	struct pgkeys_gap *grown;

	if (k->count < k->size)
		return 0;
	grown = realloc(k->gap, size * sizeof *grown);
	if (grown == NULL)
		return -1;
	k->gap = grown;
	k->size = size;
	return 0;
}

static void insert(struct pgkeys *k, size_t i, int64_t first, int64_t last)
{
	memmove(k->gap + i + 1, k->gap + i, (k->count - i) * sizeof *k->gap);
	k->gap[i] = (struct pgkeys_gap){first, last};
	k->count++;
}

static void take_out(struct pgkeys *k, size_t i, size_t n)
{
	k->count -= n;
	memmove(k->gap + i, k->gap + i + n, (k->count - i) * sizeof *k->gap);
}

int pgkeys_give(struct pgkeys *k, int64_t key, int64_t settled)
{
	int64_t below = k->top > settled ? k->top : settled;
	size_t i;

	if (grow(k) != 0)
		return -1;
	if (key > k->top) {
		if (key > below && key - 1 > below)
			insert(k, k->count, below + 1, key - 1);
		k->top = key;
		return 0;
	}
	i = find(k, key);
	if (i == k->count || key < k->gap[i].first)
		return 0;
	if (k->gap[i].first == key && k->gap[i].last == key) {
		take_out(k, i, 1);
	} else if (k->gap[i].first == key) {
		k->gap[i].first++;
	} else if (k->gap[i].last == key) {
		k->gap[i].last--;
	} else {
		insert(k, i, k->gap[i].first, key - 1);
		k->gap[i + 1].first = key + 1;
	}
	return 0;
}

void pgkeys_settle(struct pgkeys *k, int64_t settled)
{
	size_t n = 0;

	while (n < k->count && k->gap[n].last <= settled)
		n++;
	if (n < k->count && k->gap[n].first <= settled)
		k->gap[n].first = settled + 1;
	take_out(k, 0, n);
}

int pgkeys_copy(struct pgkeys *k, const struct pgkeys *from)
{
	struct pgkeys_gap *gap = NULL;

	if (from->count > 0) {
		gap = malloc(from->count * sizeof *gap);
		if (gap == NULL)
			return -1;
		memcpy(gap, from->gap, from->count * sizeof *gap);
	}
	free(k->gap);
	*k = (struct pgkeys){from->top, gap, from->count, from->count};
	return 0;
}

/* ---- positions ---- */

int pgkeys_put(struct buf *out, const struct pgkeys_pos *pos, const struct pgkeys *k)
{
	buf_printf(out, "pgk1:%" PRIu64 ":%" PRIu32 ":%" PRId64, pos->system, pos->file, k->top);
	for (size_t i = 0; i < k->count; i++) {
		buf_printf(out, "%c%" PRId64, i == 0 ? '~' : ',', k->gap[i].first);
		if (k->gap[i].last != k->gap[i].first)
			buf_printf(out, "..%" PRId64, k->gap[i].last);
	}
	return buf_printf(out, ":%" PRIu32 ":%s", pos->table, pos->name);
}

static int take(struct slice *text, const char *expected)
{
	size_t len = strlen(expected);

	if (text->len < len || memcmp(text->at, expected, len) != 0)
		return 0;
	text->at += len;
	text->len -= len;
	return 1;
}

/* A number of at most `most`, and for a negative one at least -most - 1. Returns 0, or -1. */
static int take_number(struct slice *text, uint64_t most, int *negative, uint64_t *n)
{
	size_t digits = 0;

	*negative = take(text, "-");
	most += (uint64_t)*negative;
	for (*n = 0; text->len > 0 && *text->at >= '0' && *text->at <= '9'; digits++) {
		unsigned digit = (unsigned)(*text->at - '0');

		if (*n > (most - digit) / 10)
			return -1;
		*n = 10 * *n + digit;
		text->at++;
		text->len--;
	}
	return digits > 0 ? 0 : -1;
}

static int take_count(struct slice *text, uint64_t most, uint64_t *n)
{
	int negative;

	return take_number(text, most, &negative, n) != 0 || negative ? -1 : 0;
}

static int take_key(struct slice *text, int64_t *key)
{
	uint64_t n;
	int negative;

	if (take_number(text, INT64_MAX, &negative, &n) != 0)
		return -1;
	*key = negative ? -1 - (int64_t)(n - 1) : (int64_t)n;
	return negative && n == 0 ? -1 : 0;
}

/* "17~3,5..9". Returns 0; -1 when that is not what stands there; -2 out of memory. */
static int take_keys(struct slice *text, struct pgkeys *k)
{
	int64_t behind = INT64_MIN; /* where the next gap may begin at the earliest */
	struct pgkeys_gap gap;

	if (take_key(text, &k->top) != 0)
		return -1;
	while (take(text, k->count == 0 ? "~" : ",")) {
		if (take_key(text, &gap.first) != 0)
			return -1;
		gap.last = gap.first;
		if (take(text, "..") && take_key(text, &gap.last) != 0)
			return -1;
		if (gap.first < behind || gap.last < gap.first || gap.last >= k->top)
			return -1;
		if (grow(k) != 0)
			return -2;
		insert(k, k->count, gap.first, gap.last);
		behind = gap.last + 2 <= k->top ? gap.last + 2 : k->top;
	}
	return 0;
}

int pgkeys_parse(struct slice text, const struct pgkeys_pos *here, struct pgkeys *k,
		 struct err *err)
{
	struct slice rest = text;
	uint64_t system = 0, file = 0, table = 0;
	int parsed = -1;

	if (take(&rest, "pgk1:") && take_count(&rest, UINT64_MAX, &system) == 0 &&
	    take(&rest, ":") && take_count(&rest, UINT32_MAX, &file) == 0 && take(&rest, ":"))
		parsed = take_keys(&rest, k);
	if (parsed == -2) {
		pgkeys_free(k);
		return err_memory(err);
	}
	if (parsed != 0 || !take(&rest, ":") || take_count(&rest, UINT32_MAX, &table) != 0 ||
	    !take(&rest, ":"))
		err_set(err, ERR_CONFIG, "not a position of pg-tail --poll: %.*s",
			(int)(text.len < 200 ? text.len : 200), text.at);
	else if (system != here->system)
		err_set(err, ERR_CONFIG,
			"the position is of another server (system identifier %" PRIu64
			", here it is %" PRIu64 ")",
			system, here->system);
	else if (table != here->table)
		err_set(err, ERR_CONFIG,
			"the position is of another table, %.*s (OID %" PRIu64
			"); %s has OID %" PRIu32 ": was it made anew?",
			(int)(rest.len < 200 ? rest.len : 200), rest.at, table, here->name,
			here->table);
	else if (file != here->file)
		err_set(err, ERR_CONFIG,
			"%s was truncated or rewritten since (TRUNCATE, VACUUM FULL, CLUSTER, "
			"ALTER TABLE): which of its rows are new cannot be told; rebuild: "
			"--snapshot",
			here->name);
	else
		return 0;
	pgkeys_free(k);
	return -1;
}
