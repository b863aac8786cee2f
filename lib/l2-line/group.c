#include "l2-line/group.h"

#include <stdint.h>
#include <stdlib.h>

#include "l0-base/short.h"
#include "l0-base/table.h"
#include "l1-value/jsontext.h"
#include "l1-value/text.h"

/* A group's value, as the table holds it: the count, the scale of each measure (UNSET: a least or
 * greatest amount that no record has set), and, from the next multiple of 16 on, the measures'
 * unscaled numbers. Kept tight: a table much larger than the caches is where the time goes. */
struct value {
	int64_t count;
	int8_t scale[];
};

enum {
	UNIT = 16,
	UNSET = -1,
	/* How many records ahead the index and the entry of a packed one are fetched. */
	FAR = 8,
	NEAR = 4,
	NARROW_SCALE = 6, /* of a narrow amount, at most */
	VALUE_MAX = sizeof(struct value) + GROUP_MEASURES_MAX + UNIT +
		    GROUP_MEASURES_MAX * sizeof(int128)
};

/* Of the keys that are printed. */
enum { ID, TIME, COUNT, BY };

struct group_plan {
	struct group_shape shape;
	size_t value_size, numbers_at; /* bytes of a value, and where its numbers begin */
	int takes_back;                /* a group may vanish: nothing but count and sums */
	size_t amounts;                /* that measures look at */
	size_t packed_fixed;           /* bytes of a packed record in front of its key */
	/* The keys as they are printed, each with a comma in front: `,"cliente_id":`. The comma of
	 * the first one becomes the record's brace. */
	struct slice key[BY + GROUP_BY_MAX + GROUP_MEASURES_MAX];
	size_t first_measure; /* its key */
	size_t fixed;         /* bytes of a record, at most, besides key, id, day and tail */
	struct buf texts;
};

/* A packed record: this, its amounts (8 bytes each), their scales (one each), its key, and as many
 * bytes as make the next one aligned. */
struct packed {
	uint32_t hash;
	uint16_t key_len;
	int8_t step; /* of the count: 1, or -1 for a record that is taken back */
	int64_t unscaled[];
};

struct groups {
	const struct group_plan *plan;
	struct table *table;
};

static inline int128 *numbers_of(const struct group_plan *p, struct value *v)
{
	return (int128 *)(void *)((char *)v + p->numbers_at);
}

/* ---- plan ---- */

/* Append a key as it is printed. The place of the text is remembered as an offset, since the
 * buffer may move; plan_new turns it into a pointer at the end. */
static void put_key(struct group_plan *p, size_t n, const char *name)
{
	size_t start = p->texts.len;

	buf_byte(&p->texts, ',');
	json_put_string(&p->texts, slice_of(name));
	buf_byte(&p->texts, ':');
	if (n == ID)
		buf_byte(&p->texts, '"');
	p->key[n] = (struct slice){(const char *)start, p->texts.len - start};
}

struct group_plan *group_plan_new(const struct group_shape *shape)
{
	struct group_plan *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->shape = *shape;
	p->numbers_at = (sizeof(struct value) + shape->measure_count + UNIT - 1) / UNIT * UNIT;
	p->value_size = p->numbers_at + shape->measure_count * sizeof(int128);
	p->takes_back = 1;
	put_key(p, ID, "id");
	put_key(p, TIME, shape->time);
	put_key(p, COUNT, shape->count == NULL ? "" : shape->count);
	for (size_t i = 0; i < shape->by_count; i++)
		put_key(p, BY + i, shape->by[i]);
	p->first_measure = BY + shape->by_count;
	for (size_t i = 0; i < shape->measure_count; i++) {
		put_key(p, p->first_measure + i, shape->measures[i].name);
		p->takes_back &= shape->measures[i].kind == MEASURE_SUM;
		if (p->amounts <= shape->measures[i].amount)
			p->amounts = shape->measures[i].amount + 1;
	}
	p->packed_fixed = sizeof(struct packed) + p->amounts * (sizeof(int64_t) + 1);
	if (buf_room(&p->texts, SHORT_SPILL) == NULL || p->texts.failed) {
		group_plan_free(p);
		return NULL;
	}
	for (size_t i = 0; i < p->first_measure + shape->measure_count; i++)
		p->key[i].at = p->texts.at + (uintptr_t)p->key[i].at;
	p->fixed = p->texts.len + (1 + shape->measure_count) * DECIMAL_TEXT_MAX;
	return p;
}

void group_plan_free(struct group_plan *p)
{
	if (p == NULL)
		return;
	buf_free(&p->texts);
	free(p);
}

/* ---- groups ---- */

struct groups *groups_new(const struct group_plan *p)
{
	struct groups *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->plan = p;
	g->table = table_new(p->value_size);
	if (g->table == NULL) {
		free(g);
		return NULL;
	}
	return g;
}

void groups_free(struct groups *g)
{
	if (g == NULL)
		return;
	table_free(g->table);
	free(g);
}

void groups_clear(struct groups *g)
{
	table_clear(g->table);
}

size_t groups_count(const struct groups *g)
{
	return table_count(g->table);
}

size_t groups_bytes(const struct groups *g)
{
	return table_bytes(g->table);
}

struct slice groups_key(const struct groups *g, size_t i)
{
	return table_key(g->table, i);
}

/* Add to a sum, or subtract. Nearly always scales agree and the numbers are small; decimal_add has
 * the rest. Returns 0, or -1 with ERR_DATA, *number and *scale unchanged. */
static inline int add_amount(int128 *number, int8_t *scale, const struct decimal *amount,
			     int retract, struct err *err)
{
	struct decimal sum;

	if (amount->scale == *scale && amount->unscaled == (int64_t)amount->unscaled &&
	    *number == (int64_t)*number) {
		*number += retract ? -amount->unscaled : amount->unscaled;
		return 0;
	}
	if (*number == 0 && amount->scale >= *scale) {
		*number = retract ? -amount->unscaled : amount->unscaled;
		*scale = (int8_t)amount->scale;
		return 0;
	}
	sum = (struct decimal){*number, *scale};
	if ((retract ? decimal_sub : decimal_add)(&sum, amount, err) != 0)
		return -1;
	*number = sum.unscaled;
	*scale = (int8_t)sum.scale;
	return 0;
}

static void set_extreme(const struct measure *m, int128 *number, int8_t *scale,
			const struct decimal *amount)
{
	if (*scale != UNSET) {
		struct decimal held = {*number, *scale};
		int order = decimal_compare(amount, &held);

		if (m->kind == MEASURE_MIN ? order >= 0 : order <= 0)
			return;
	}
	*number = amount->unscaled;
	*scale = (int8_t)amount->scale;
}

static inline struct value *find_value(struct groups *g, struct slice key, uint32_t hash)
{
	const struct group_shape *shape = &g->plan->shape;
	int fresh;
	struct value *v = table_at_hash(g->table, key, hash, &fresh);

	if (v != NULL && fresh && !g->plan->takes_back)
		for (size_t i = 0; i < shape->measure_count; i++)
			if (shape->measures[i].kind != MEASURE_SUM)
				v->scale[i] = UNSET;
	return v;
}

int groups_add(struct groups *g, struct slice key, int retract, const struct decimal *amounts,
	       struct err *err)
{
	const struct group_plan *p = g->plan;
	const struct group_shape *shape = &p->shape;
	_Alignas(UNIT) char before[VALUE_MAX];
	struct value *v = find_value(g, key, table_hash(key));
	int128 *numbers;

	if (v == NULL)
		return err_memory(err);
	numbers = numbers_of(p, v);
	/* The first sum may fail and changes nothing then; a later one may have others before it.
	 * In a new group none can fail: a sum of one amount fits. */
	if (shape->measure_count > 1)
		memcpy(before, v, p->value_size);
	for (size_t i = 0; i < shape->measure_count; i++) {
		const struct measure *m = &shape->measures[i];
		const struct decimal *amount = &amounts[m->amount];

		if (m->kind != MEASURE_SUM) {
			if (!retract)
				set_extreme(m, &numbers[i], &v->scale[i], amount);
		} else if (add_amount(&numbers[i], &v->scale[i], amount, retract, err) != 0) {
			if (i > 0)
				memcpy(v, before, p->value_size);
			return err_prefix(err, "%s", m->name);
		}
	}
	v->count += retract ? -1 : 1;
	return 0;
}

/* ---- packed records ---- */

/* Of less than 2^42 amounts of 64 bits with a scale of up to 6, no sum has more than
 * 63 + 20 + 42 = 125 bits, and 10^38 has 126.2. */
_Static_assert(GROUP_PACKED_MOST < (uint64_t)1 << 42, "no sum of packed records overflows");

static inline int is_narrow(const struct decimal *amount)
{
	return amount->scale <= NARROW_SCALE && amount->unscaled == (int64_t)amount->unscaled;
}

static inline size_t packed_size(const struct group_plan *p, size_t key_len)
{
	return (p->packed_fixed + key_len + GROUP_PACKED_ALIGN - 1) / GROUP_PACKED_ALIGN *
	       GROUP_PACKED_ALIGN;
}

size_t group_packed_size(const struct group_plan *p, size_t key_len)
{
	return packed_size(p, key_len);
}

int group_packable(const struct group_plan *p, const struct decimal *amounts)
{
	for (size_t i = 0; i < p->amounts; i++)
		if (!is_narrow(&amounts[i]))
			return 0;
	return 1;
}

void group_pack(const struct group_plan *p, void *to, struct slice key, int retract,
		const struct decimal *amounts)
{
	struct packed *r = to;
	int8_t *scale = (int8_t *)&r->unscaled[p->amounts];

	r->key_len = (uint16_t)key.len;
	r->step = retract ? -1 : 1;
	for (size_t i = 0; i < p->amounts; i++) {
		r->unscaled[i] = (int64_t)amounts[i].unscaled;
		scale[i] = (int8_t)amounts[i].scale;
	}
	short_copy((char *)scale + p->amounts, key.at, key.len);
}

static inline struct slice packed_key(const struct group_plan *p, const struct packed *r)
{
	return (struct slice){(const char *)r + p->packed_fixed, r->key_len};
}

static inline struct packed *next_packed(const struct group_plan *p, struct packed *r)
{
	return (struct packed *)(void *)((char *)r + packed_size(p, r->key_len));
}

/* What add_packed does not do at once: another scale, a least or a greatest amount. */
static __attribute__((noinline)) int add_unusual(const struct measure *m, int128 *number,
						 int8_t *scale, const struct decimal *amount,
						 int step, struct err *err)
{
	if (m->kind == MEASURE_SUM)
		return add_amount(number, scale, amount, step < 0, err);
	if (step > 0)
		set_extreme(m, number, scale, amount);
	return 0;
}

static inline int add_packed(struct groups *g, const struct packed *r, struct err *err)
{
	const struct group_plan *p = g->plan;
	const int8_t *scales = (const int8_t *)&r->unscaled[p->amounts];
	struct value *v = find_value(g, packed_key(p, r), r->hash);
	int128 *numbers;

	if (v == NULL)
		return err_memory(err);
	numbers = numbers_of(p, v);
	for (size_t i = 0; i < p->shape.measure_count; i++) {
		const struct measure *m = &p->shape.measures[i];
		struct decimal amount = {r->unscaled[m->amount], scales[m->amount]};

		if (m->kind == MEASURE_SUM && (amount.scale == v->scale[i] ||
					       (numbers[i] == 0 && amount.scale > v->scale[i]))) {
			v->scale[i] = (int8_t)amount.scale;
			numbers[i] += (int128)r->unscaled[m->amount] * r->step;
		} else if (add_unusual(m, &numbers[i], &v->scale[i], &amount, r->step, err) != 0) {
			return -1;
		}
	}
	v->count += r->step;
	return 0;
}

/* The first two steps on the way of a record into a table that is far away in memory. Each returns
 * the record behind it. */
static inline struct packed *fetch_slot(struct groups *g, struct packed *r, const void *end)
{
	if ((const void *)r == end)
		return r;
	r->hash = table_hash(packed_key(g->plan, r));
	table_fetch_slot(g->table, r->hash);
	return next_packed(g->plan, r);
}

static inline struct packed *fetch_entry(struct groups *g, struct packed *r, const void *end)
{
	if ((const void *)r == end)
		return r;
	table_fetch_entry(g->table, r->hash);
	return next_packed(g->plan, r);
}

int groups_add_packed(struct groups *g, void *packed, size_t len, struct err *err)
{
	struct packed *far = packed, *near = packed;
	const char *end = (char *)packed + len;

	for (int i = 0; i < FAR; i++)
		far = fetch_slot(g, far, end);
	for (int i = 0; i < NEAR; i++)
		near = fetch_entry(g, near, end);
	for (struct packed *r = packed; (char *)r != end; r = next_packed(g->plan, r)) {
		far = fetch_slot(g, far, end);
		near = fetch_entry(g, near, end);
		if (add_packed(g, r, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- printing ---- */

/* What a byte of a canonical JSON string means to the id: 0: it stands there as it is. */
enum { PLAIN, END, ESCAPED, ENCODED };

static const unsigned char id_class[256] = {
	['"'] = END,     ['\\'] = ESCAPED, ['#'] = ENCODED,
	['%'] = ENCODED, ['*'] = ENCODED,  [0x7f] = ENCODED,
};

static char *put_encoded(char *to, unsigned char c)
{
	static const char upper_hex[] = "0123456789ABCDEF";

	*to++ = '%';
	*to++ = upper_hex[c >> 4];
	*to++ = upper_hex[c & 15];
	return to;
}

static unsigned hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The byte behind the backslash at *p, which moves to the escape's last byte. json_put_string
 * writes no other escapes than these. */
static unsigned char unescape(const char **p)
{
	switch (*++*p) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'u':
		*p += 4;
		return (unsigned char)(hex_digit((*p)[-1]) << 4 | hex_digit((*p)[0]));
	default:
		return (unsigned char)**p; /* a quote or a backslash */
	}
}

/* Put one by-value into the id, as id_put_part encodes it and a JSON string holds that. */
static inline char *put_id_part(char *to, struct slice value)
{
	const char *at = value.at;
	unsigned char c;

	if (*at != '"') /* a number, true, false: no byte of them means anything to an id */
		return short_spill(to, at, value.len);
	for (;;) {
		c = (unsigned char)*++at;
		if (id_class[c] == PLAIN) {
			*to++ = (char)c;
		} else if (id_class[c] == END) {
			return to;
		} else if (id_class[c] == ENCODED) {
			to = put_encoded(to, c);
		} else {
			c = unescape(&at);
			if (c == '"' || c == '\\') {
				*to++ = '\\';
				*to++ = (char)c;
			} else {
				to = put_encoded(to, c); /* a control byte */
			}
		}
	}
}

/* Behind the by-value at p: a string, or a number, true or false, which ends at a comma. */
static inline const char *value_end(const char *p, const char *end)
{
	if (*p != '"') {
		while (*p != ',')
			p++;
		return p;
	}
	for (p++; *(p = jsontext_plain(p, end, 0)) != '"'; p++)
		p++; /* what a backslash escapes */
	return p + 1;
}

static int is_taken_back(const struct group_plan *p, struct value *v)
{
	if (v->count != 0 || !p->takes_back)
		return 0;
	for (size_t i = 0; i < p->shape.measure_count; i++)
		if (numbers_of(p, v)[i] != 0)
			return 0;
	return 1;
}

static inline char *put(char *to, struct slice s)
{
	return short_spill(to, s.at, s.len);
}

static inline char *put_count(char *to, int64_t n)
{
	struct decimal count = {n, 0};

	if (n < 0 || n > 9)
		return to + decimal_print(&count, to);
	*to = (char)('0' + n);
	return to + 1;
}

int group_plan_put_tail(const struct group_plan *p, struct slice time, struct buf *out)
{
	buf_slice(out, p->key[TIME]);
	buf_slice(out, time);
	buf_puts(out, "}\n");
	return buf_room(out, SHORT_SPILL) == NULL || out->failed ? -1 : 0;
}

int groups_print(const struct groups *g, size_t i, struct slice day, struct slice tail,
		 struct buf *out)
{
	const struct group_plan *p = g->plan;
	const struct group_shape *shape = &p->shape;
	struct value *v = table_value(g->table, i);
	struct slice key = table_key(g->table, i);
	const char *at = key.at + shape->prefix, *end = key.at + key.len;
	struct slice by[GROUP_BY_MAX];
	char *to, *first;

	if (is_taken_back(p, v))
		return 0;
	/* At most three bytes of the id for a byte of the key, and the key itself. */
	to = buf_room(out, p->fixed + 4 * key.len + day.len + tail.len + SHORT_SPILL);
	if (to == NULL)
		return -1;
	first = to;
	for (size_t n = 0; n < shape->by_count; n++) {
		const char *behind = n + 1 < shape->by_count ? value_end(at, end) : end;

		by[n] = (struct slice){at, (size_t)(behind - at)};
		at = behind + 1; /* the comma */
	}
	if (shape->id) {
		to = put(to, p->key[ID]);
		for (size_t n = 0; n < shape->by_count; n++) {
			to = put_id_part(to, by[n]);
			*to++ = '#';
		}
		to = put(to, day);
		*to++ = '"';
	}
	for (size_t n = 0; n < shape->by_count; n++) {
		to = put(to, p->key[BY + n]);
		to = put(to, by[n]);
	}
	if (shape->count != NULL)
		to = put_count(put(to, p->key[COUNT]), v->count);
	for (size_t n = 0; n < shape->measure_count; n++) {
		struct decimal d = {numbers_of(p, v)[n], v->scale[n]};

		if (d.scale == UNSET)
			continue;
		to = put(to, p->key[p->first_measure + n]);
		to += decimal_print(&d, to);
	}
	to = put(to, tail);
	*first = '{';
	out->len = (size_t)(to - out->at);
	return 1;
}
