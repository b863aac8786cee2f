#include "l1-value/jsontext.h"

#include <stdlib.h>
#include <sys/random.h>

#include "l1-value/text.h"

/* What may come next. */
enum expect {
	VALUE,      /* a value */
	FIRST_ITEM, /* behind '[': a value or ']' */
	FIRST_KEY,  /* behind '{': a key or '}' */
	COLON,      /* behind a key */
	REST        /* behind a value: ',' or the end of its container, or of the text */
};

/* Keys of the objects that are open, as a stack: those of an inner object lie above those of the
 * outer one, and go when it closes. Up to FEW keys of an object are compared one by one; beyond
 * that, all its keys are in a hash table too, so that an object of 100,000 keys costs what it is
 * long. Keys of the stack leave in the reverse order of their coming, so an entry of the table can
 * be taken out by emptying its place: nothing that came later had to step over it. */
#define FEW 16

struct key {
	const char *at;
	size_t len;
	uint64_t hash;
	int tabled;
};

struct jsontext_keys {
	struct key *key;
	size_t count, size;
	uint32_t *table; /* index of a key + 1; 0 for an empty place */
	size_t table_size, table_count;
	uint64_t seed; /* unknown outside, so that nobody can choose keys that collide */
	size_t first[JSONTEXT_DEPTH_MAX]; /* of the keys of the object at each depth */
};

struct jsontext *jsontext_new(void)
{
	struct jsontext *j = calloc(1, sizeof *j);

	if (j == NULL)
		return NULL;
	j->keys = calloc(1, sizeof *j->keys);
	if (j->keys == NULL) {
		free(j);
		return NULL;
	}
	if (getrandom(&j->keys->seed, sizeof j->keys->seed, GRND_NONBLOCK) < 0)
		j->keys->seed = (uint64_t)(uintptr_t)j;
	return j;
}

void jsontext_free(struct jsontext *j)
{
	if (j == NULL)
		return;
	free(j->keys->key);
	free(j->keys->table);
	free(j->keys);
	buf_free(&j->undone);
	free(j);
}

void jsontext_begin(struct jsontext *j, struct slice text)
{
	struct jsontext_keys *k = j->keys;

	j->start = j->at = text.at;
	j->end = text.at + text.len;
	j->expect = VALUE;
	j->top = 0;
	j->depth = 0;
	buf_clear(&j->undone);
	k->count = 0;
	if (k->table_count > 0) { /* the text before ended in an error */
		memset(k->table, 0, k->table_size * sizeof *k->table);
		k->table_count = 0;
	}
}

static int fail_at(const struct jsontext *j, const char *at, const char *message, struct err *err)
{
	if (at >= j->end)
		return err_at(err, (size_t)(j->end - j->start) + 1, "unexpected end of line");
	return err_at(err, (size_t)(at - j->start) + 1, "%s", message);
}

/* Strings */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The value of XXXX in \uXXXX, or -1; *at goes on behind it, or to the byte that is wrong. */
static int hex4(const char **at, const char *end)
{
	int value = 0;

	for (int i = 0; i < 4; i++, (*at)++) {
		int digit = *at < end ? hex_digit(**at) : -1;

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* One escape, from its backslash on. Returns the place behind it, or NULL with *bad (the byte that
 * is wrong) and *why. */
static const char *check_escape(const char *at, const char *end, const char **bad, const char **why)
{
	const char *begin = at++;
	int unit;

	*why = "bad escape in a string";
	*bad = at;
	if (at >= end)
		return NULL;
	switch (*at++) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return at;
	case 'u':
		break;
	default:
		return NULL;
	}
	unit = hex4(&at, end);
	*bad = at;
	if (unit < 0)
		return NULL;
	if (unit < 0xd800 || unit > 0xdfff)
		return at;
	*why = "lone surrogate in a string";
	*bad = begin;
	if (unit >= 0xdc00)
		return NULL;
	/* The other half must follow; where the text ends in it, that is what is wrong. */
	if (at >= end || (*at == '\\' && at + 1 >= end)) {
		*bad = end;
		return NULL;
	}
	if (at[0] != '\\' || at[1] != 'u')
		return NULL;
	at += 2;
	unit = hex4(&at, end);
	if (unit < 0) {
		*why = "bad escape in a string";
		*bad = at;
		return NULL;
	}
	return unit >= 0xdc00 && unit <= 0xdfff ? at : NULL;
}

/* As jsontext_string; on NULL, *bad and *why say what is wrong. */
static const char *check_string(const char *at, const char *end, int *escaped, const char **bad,
				const char **why)
{
	const char *begin = at + 1, *next;
	int high = 0;

	*escaped = 0;
	at = jsontext_plain(begin, end, 1);
	if (at < end && (unsigned char)*at >= 0x80) {
		high = 1;
		at = jsontext_plain(at, end, 0);
	}
	while (at < end && *at != '"') {
		if (*at != '\\') {
			*bad = at;
			*why = "control byte in a string";
			goto wrong;
		}
		*escaped = 1;
		next = check_escape(at, end, bad, why);
		if (next == NULL)
			goto wrong;
		at = jsontext_plain(next, end, !high);
		if (at < end && (unsigned char)*at >= 0x80) {
			high = 1;
			at = jsontext_plain(at, end, 0);
		}
	}
	if (at >= end) {
		at = *bad = end;
		*why = "unexpected end of line";
		goto wrong;
	}
	*bad = at;
	next = at + 1;
	if (!high)
		return next;
	at = NULL;
wrong:
	/* Of two faults the first is reported, and UTF-8 is looked at last. */
	if (high) {
		struct slice inside = {begin, (size_t)(*bad - begin)};
		size_t valid = utf8_valid(inside);

		if (valid == inside.len && at == NULL)
			return next;
		if (valid < inside.len) {
			*bad = begin + valid;
			*why = "invalid UTF-8";
		}
	}
	return NULL;
}

const char *jsontext_string(const char *at, const char *end, int *escaped)
{
	const char *bad, *why;

	return check_string(at, end, escaped, &bad, &why);
}

static char *put_utf8(char *to, unsigned long c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

int jsontext_undo(struct jsontext *j, struct slice raw, struct slice *text, struct err *err)
{
	const char *at = raw.at + 1, *end = raw.at + raw.len - 1;
	char *begin, *to;

	/* Undone, no string is longer than it was: one room for all strings of the text, so that
	 * none of them has to move for a later one. */
	if (j->undone.len == 0 &&
	    buf_room(&j->undone, (size_t)(j->end - j->start) + JSONTEXT_PADDING) == NULL)
		return err_memory(err);
	begin = to = j->undone.at + j->undone.len;
	while (at < end) {
		static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
		const char *backslash = memchr(at, '\\', (size_t)(end - at));
		size_t plain = (size_t)((backslash == NULL ? end : backslash) - at);
		const char *known;

		memcpy(to, at, plain);
		to += plain;
		at += plain;
		if (at == end)
			break;
		at += 2;
		if (at[-1] == 'u') {
			unsigned long c = (unsigned long)hex4(&at, end);

			if (c >= 0xd800 && c <= 0xdbff) {
				at += 2;
				c = 0x10000 + ((c - 0xd800) << 10) +
				    ((unsigned long)hex4(&at, end) - 0xdc00);
			}
			to = put_utf8(to, c);
		} else {
			known = strchr(from, at[-1]);
			*to++ = known == NULL ? at[-1] : into[known - from];
		}
	}
	*text = (struct slice){begin, (size_t)(to - begin)};
	j->undone.len += text->len;
	return 0;
}

/* Numbers */

static const char *digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* As jsontext_number; on NULL, *bad is the byte that is wrong. */
static const char *check_number(const char *at, const char *end, const char **bad)
{
	const char *from;

	if (at < end && *at == '-')
		at++;
	from = at;
	at = digits(at, end);
	*bad = at;
	if (at == from)
		return NULL;
	if (*from == '0' && at > from + 1) {
		*bad = from + 1;
		return NULL;
	}
	if (at < end && *at == '.') {
		from = ++at;
		*bad = at = digits(at, end);
		if (at == from)
			return NULL;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		from = at;
		*bad = at = digits(at, end);
		if (at == from)
			return NULL;
	}
	return at;
}

const char *jsontext_number(const char *at, const char *end)
{
	const char *bad;

	return check_number(at, end, &bad);
}

/* Keys */

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* May read up to 7 bytes behind the key: there is padding. */
static uint64_t hash_of(uint64_t seed, struct slice key)
{
	uint64_t h = seed ^ key.len, word;
	const char *at = key.at;
	size_t left = key.len;

	for (; left >= 8; at += 8, left -= 8) {
		memcpy(&word, at, 8);
		h = mix(h ^ word, UINT64_C(0x9e3779b97f4a7c15));
	}
	if (left > 0) {
		word = 0;
		memcpy(&word, at, left);
		h = mix(h ^ word, UINT64_C(0x9e3779b97f4a7c15));
	}
	return h ^ h >> 32;
}

static int same_key(const struct key *a, const struct key *b)
{
	return a->hash == b->hash && a->len == b->len &&
	       (a->len == 0 || memcmp(a->at, b->at, a->len) == 0);
}

/* The hash of a key in the table depends on its object too. */
static size_t place_of(const struct jsontext_keys *k, uint64_t hash, size_t first)
{
	return (size_t)mix(hash ^ first, UINT64_C(0xd6e8feb86659fd93)) & (k->table_size - 1);
}

static int table_grow(struct jsontext_keys *k, unsigned depth, struct err *err)
{
	size_t size = k->table_size == 0 ? 256 : 2 * k->table_size;
	uint32_t *table = calloc(size, sizeof *table);
	unsigned d = 0;

	if (table == NULL)
		return err_memory(err);
	free(k->table);
	k->table = table;
	k->table_size = size;
	for (size_t i = 0; i < k->count; i++) {
		size_t p;

		/* Whose key it is: the innermost object that begins at or before it. */
		while (d + 1 < depth && k->first[d + 1] <= i)
			d++;
		if (!k->key[i].tabled)
			continue;
		p = place_of(k, k->key[i].hash, k->first[d]);
		while (table[p] != 0)
			p = (p + 1) & (size - 1);
		table[p] = (uint32_t)i + 1;
	}
	return 0;
}

/* Put key i into the table. Returns 1, or 0 when the same key of the same object is there. */
static int table_add(struct jsontext_keys *k, size_t i, size_t first)
{
	size_t p = place_of(k, k->key[i].hash, first);

	for (; k->table[p] != 0; p = (p + 1) & (k->table_size - 1)) {
		size_t other = k->table[p] - 1;

		if (other >= first && same_key(&k->key[other], &k->key[i]))
			return 0;
	}
	k->table[p] = (uint32_t)i + 1;
	k->table_count++;
	k->key[i].tabled = 1;
	return 1;
}

/* Add j->key to the keys of the innermost object. Returns 1, 0 when it is there, or -1. */
static int add_key(struct jsontext *j, struct err *err)
{
	struct jsontext_keys *k = j->keys;
	size_t first = k->first[j->depth - 1], count = k->count - first;
	struct key *key;

	if (k->count == k->size) {
		size_t size = k->size == 0 ? 64 : 2 * k->size;
		struct key *bigger =
			size < UINT32_MAX ? realloc(k->key, size * sizeof *bigger) : NULL;

		if (bigger == NULL)
			return err_memory(err);
		k->key = bigger;
		k->size = size;
	}
	key = &k->key[k->count];
	*key = (struct key){j->key.at, j->key.len, hash_of(k->seed, j->key), 0};
	if (count < FEW) {
		for (size_t i = first; i < k->count; i++) {
			if (same_key(&k->key[i], key))
				return 0;
		}
		k->count++;
		return 1;
	}
	while (2 * (k->table_count + count + 1) > k->table_size) {
		if (table_grow(k, j->depth, err) != 0)
			return -1;
	}
	if (count == FEW) {
		for (size_t i = first; i < k->count; i++)
			table_add(k, i, first);
	}
	if (!table_add(k, k->count, first))
		return 0;
	k->count++;
	return 1;
}

/* The innermost object closes: its keys go, the last one first. */
static void drop_keys(struct jsontext *j)
{
	struct jsontext_keys *k = j->keys;
	size_t first = k->first[j->depth - 1];

	if (k->count - first <= FEW) {
		k->count = first;
		return;
	}
	while (k->count > first) {
		size_t i = --k->count, p = place_of(k, k->key[i].hash, first);

		while (k->table[p] != (uint32_t)i + 1)
			p = (p + 1) & (k->table_size - 1);
		k->table[p] = 0;
		k->table_count--;
	}
}

/* Events */

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

static int give(struct jsontext *j, int event, const char *at, const char *behind, int expect)
{
	j->raw = (struct slice){at, (size_t)(behind - at)};
	j->at = behind;
	j->expect = expect;
	return event;
}

static int open_container(struct jsontext *j, const char *at, int event, struct err *err)
{
	if (j->depth == JSONTEXT_DEPTH_MAX)
		return err_at(err, (size_t)(at - j->start) + 1, "nested deeper than %d levels",
			      JSONTEXT_DEPTH_MAX);
	if (j->depth == 0)
		j->top = event;
	/* For an array too: the search in table_grow wants them in order. */
	j->keys->first[j->depth] = j->keys->count;
	j->container[j->depth++] = (unsigned char)event;
	return give(j, event, at, at + 1, event == JSONTEXT_OBJECT ? FIRST_KEY : FIRST_ITEM);
}

static int close_container(struct jsontext *j, const char *at)
{
	int event = JSONTEXT_ARRAY_END;

	if (j->container[j->depth - 1] == JSONTEXT_OBJECT) {
		drop_keys(j);
		event = JSONTEXT_OBJECT_END;
	}
	j->depth--;
	return give(j, event, at, at + 1, REST);
}

static int next_string(struct jsontext *j, const char *at, struct err *err)
{
	const char *bad, *why, *behind = check_string(at, j->end, &j->escaped, &bad, &why);

	if (behind == NULL)
		return fail_at(j, bad, why, err);
	return give(j, JSONTEXT_STRING, at, behind, REST);
}

static int next_key(struct jsontext *j, const char *at, struct err *err)
{
	int added;

	if (at >= j->end || *at != '"')
		return fail_at(j, at,
			       j->expect == FIRST_KEY ? "expected a key or '}'" : "expected a key",
			       err);
	if (next_string(j, at, err) < 0)
		return -1;
	j->key = (struct slice){at + 1, j->raw.len - 2};
	if (j->escaped && jsontext_undo(j, j->raw, &j->key, err) != 0)
		return -1;
	added = add_key(j, err);
	if (added < 0)
		return -1;
	if (added == 0)
		return err_at(err, (size_t)(at - j->start) + 1, "duplicate key \"%.*s\"",
			      j->key.len > 100 ? 100 : (int)j->key.len, j->key.at);
	j->expect = COLON;
	return JSONTEXT_KEY;
}

static int next_number(struct jsontext *j, const char *at, struct err *err)
{
	const char *bad = at, *behind = check_number(at, j->end, &bad);

	if (behind == NULL)
		return fail_at(j, bad, "not a JSON number", err);
	/* "0x10", "1_000", "1.2.3": say it is the number, not a comma, that is wrong. */
	if (behind < j->end &&
	    ((*behind >= '0' && *behind <= '9') || (*behind >= 'a' && *behind <= 'z') ||
	     (*behind >= 'A' && *behind <= 'Z') || memchr("._+-", *behind, 4) != NULL))
		return fail_at(j, behind, "not a JSON number", err);
	return give(j, JSONTEXT_NUMBER, at, behind, REST);
}

static int next_word(struct jsontext *j, const char *at, const char *word, int event,
		     struct err *err)
{
	char message[32] = "expected ";
	size_t i = 0;

	while (word[i] != '\0') {
		if (at + i >= j->end || at[i] != word[i]) {
			strcat(message, word);
			return fail_at(j, at + i, message, err);
		}
		i++;
	}
	return give(j, event, at, at + i, REST);
}

static int next_value(struct jsontext *j, const char *at, struct err *err)
{
	if (at >= j->end)
		return fail_at(j, at, "", err);
	switch (*at) {
	case '{':
		return open_container(j, at, JSONTEXT_OBJECT, err);
	case '[':
		return open_container(j, at, JSONTEXT_ARRAY, err);
	case '"':
		return next_string(j, at, err);
	case 't':
		return next_word(j, at, "true", JSONTEXT_TRUE, err);
	case 'f':
		return next_word(j, at, "false", JSONTEXT_FALSE, err);
	case 'n':
		return next_word(j, at, "null", JSONTEXT_NULL, err);
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return next_number(j, at, err);
	case '+':
	case '.':
	case 'I':
	case 'N': /* what others let pass: +1, .5, Infinity, NaN */
		return fail_at(j, at, "not a JSON number", err);
	default:
		return fail_at(j, at,
			       j->expect == FIRST_ITEM ? "expected a value or ']'"
						       : "expected a value",
			       err);
	}
}

int jsontext_next(struct jsontext *j, struct err *err)
{
	const char *at = skip_space(j->at, j->end);
	int object;

	if (j->expect == COLON) {
		if (at >= j->end || *at != ':')
			return fail_at(j, at, "expected ':'", err);
		j->expect = VALUE;
		at = skip_space(at + 1, j->end);
	}
	switch (j->expect) {
	case FIRST_ITEM:
		if (at < j->end && *at == ']')
			return close_container(j, at);
		return next_value(j, at, err);
	case FIRST_KEY:
		if (at < j->end && *at == '}')
			return close_container(j, at);
		return next_key(j, at, err);
	case VALUE:
		return next_value(j, at, err);
	default:
		break;
	}
	if (j->depth == 0) {
		if (at < j->end)
			return fail_at(j, at,
				       j->top == JSONTEXT_OBJECT ? "text behind the object"
								 : "text behind the value",
				       err);
		return JSONTEXT_END;
	}
	object = j->container[j->depth - 1] == JSONTEXT_OBJECT;
	if (at < j->end && *at == (object ? '}' : ']'))
		return close_container(j, at);
	if (at >= j->end || *at != ',')
		return fail_at(j, at, object ? "expected ',' or '}'" : "expected ',' or ']'", err);
	at = skip_space(at + 1, j->end);
	j->expect = VALUE;
	return object ? next_key(j, at, err) : next_value(j, at, err);
}
