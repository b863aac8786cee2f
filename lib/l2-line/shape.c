#include "l2-line/shape.h"

#include <stdint.h>
#include <stdlib.h>

#include "l1-value/jsontext.h"

/* The bytes before a scalar, or behind the last one. */
struct piece {
	const char *bytes; /* readable up to a whole number of WIDE */
	ptrdiff_t len;
	unsigned mask; /* of the first WIDE bytes, those that count */
	int field;     /* of the scalar */
};

#define WIDE 16

struct shape {
	size_t count; /* of scalars; there is one more piece */
	char *bytes;
	struct piece piece[SHAPE_SCALARS_MAX + 1];
};

struct shape *shape_new(struct slice line, const struct scalar *scalars, size_t count)
{
	const char *from = line.at;
	struct shape *s;
	char *to;

	if (count > SHAPE_SCALARS_MAX)
		return NULL;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->count = count;
	to = s->bytes = calloc(1, line.len + (count + 1) * WIDE);
	if (to == NULL) {
		free(s);
		return NULL;
	}
	for (size_t i = 0; i <= count; i++) {
		const char *end = i < count ? scalars[i].at : line.at + line.len;
		size_t len = (size_t)(end - from);

		memcpy(to, from, len);
		s->piece[i] = (struct piece){to, (ptrdiff_t)len,
					     len < WIDE ? (1u << len) - 1 : (1u << WIDE) - 1,
					     i < count ? scalars[i].field : -1};
		to += len + WIDE - len % WIDE;
		if (i < count)
			from = scalars[i].end;
	}
	return s;
}

void shape_free(struct shape *s)
{
	if (s == NULL)
		return;
	free(s->bytes);
	free(s);
}

#if JSONTEXT_SSE2

static inline unsigned equal_bytes(const char *a, const char *b)
{
	return (unsigned)_mm_movemask_epi8(
		_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)a),
			       _mm_loadu_si128((const __m128i *)(const void *)b)));
}

/* Is this piece at `at`? Reads up to WIDE - 1 bytes behind it. */
static inline int has_piece(const char *at, const struct piece *p)
{
	if ((equal_bytes(at, p->bytes) & p->mask) != p->mask)
		return 0;
	for (ptrdiff_t i = WIDE; i < p->len; i += WIDE) {
		unsigned beyond = i + WIDE > p->len ? (unsigned)(i + WIDE - p->len) : 0;

		if ((equal_bytes(at + i, p->bytes + i) & 0xffffu >> beyond) != 0xffffu >> beyond)
			return 0;
	}
	return 1;
}

/* As jsontext_number, for the short ones in one step; may run past `end` into the padding. */
static inline const char *number_end(const char *at, const char *end)
{
	const char *first = at + (*at == '-');
	__m128i b = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)first),
				 _mm_set1_epi8('0'));
	__m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(b, _mm_set1_epi8(9)), b);
	unsigned other = ~(unsigned)_mm_movemask_epi8(digit); /* its bits from WIDE on are set */
	int n = __builtin_ctz(other);

	if (n == 0 || (n > 1 && *first == '0') || n >= WIDE - 1)
		return jsontext_number(at, end);
	if (first[n] == '.') {
		int decimals = __builtin_ctz(other >> (n + 1));

		n += 1 + decimals;
		if (decimals == 0 || n >= WIDE)
			return jsontext_number(at, end);
	}
	if ((first[n] | 0x20) == 'e')
		return jsontext_number(at, end);
	return first + n;
}

#else

static inline int has_piece(const char *at, const struct piece *p)
{
	return memcmp(at, p->bytes, (size_t)p->len) == 0;
}

static inline const char *number_end(const char *at, const char *end)
{
	return jsontext_number(at, end);
}

#endif

/* The kinds of a value are numbered as its events are. */
_Static_assert((int)SCAN_NULL == (int)JSONTEXT_NULL && (int)SCAN_FALSE == (int)JSONTEXT_FALSE &&
		       (int)SCAN_TRUE == (int)JSONTEXT_TRUE &&
		       (int)SCAN_NUMBER == (int)JSONTEXT_NUMBER &&
		       (int)SCAN_STRING == (int)JSONTEXT_STRING &&
		       (int)SCAN_OBJECT == (int)JSONTEXT_OBJECT &&
		       (int)SCAN_ARRAY == (int)JSONTEXT_ARRAY,
	       "kinds and events");

static inline const char *word_end(const char *at, const char *word, size_t len)
{
	return memcmp(at, word, len) == 0 ? at + len : NULL;
}

static const char *take_word(const char *at, enum scan_kind *kind)
{
	switch (*at) {
	case 'n':
		*kind = SCAN_NULL;
		return word_end(at, "null", 4);
	case 't':
		*kind = SCAN_TRUE;
		return word_end(at, "true", 4);
	case 'f':
		*kind = SCAN_FALSE;
		return word_end(at, "false", 5);
	default:
		return NULL;
	}
}

size_t shape_match(const struct shape *s, struct slice text, struct scan_value *values,
		   uint64_t *escaped)
{
	const char *at = text.at, *end = text.at + text.len;
	const struct piece *p = s->piece, *last = p + s->count;
	struct scan_value unwanted;

	*escaped = 0;
	for (; p < last; p++) {
		struct scan_value *v = p->field < 0 ? &unwanted : &values[p->field];
		const char *first;

		if (end - at <= p->len || !has_piece(at, p))
			return 0;
		first = at + p->len;
		v->byte = (size_t)(first - text.at) + 1;
		/* Its end may be found to lie behind `end`: then the piece that must follow is not
		 * there. */
		if (*first == '"') {
			at = jsontext_plain(first + 1, end, 1);
			if (at < end && *at == '"') {
				at++;
			} else {
				int escape = 0;

				at = jsontext_string(first, end, &escape);
				if (at == NULL)
					return 0;
				if (p->field >= 0)
					*escaped |= (uint64_t)escape << (p->field & 63);
			}
			v->kind = SCAN_STRING;
			v->text.at = first + 1;
			v->text.len = (size_t)(at - first) - 2;
		} else {
			v->kind = SCAN_NUMBER;
			at = *first < 'A' ? number_end(first, end) : take_word(first, &v->kind);
			if (at == NULL)
				return 0;
			v->text.at = first;
			v->text.len = (size_t)(at - first);
		}
		/* Member by member: a struct copied whole waits for its halves to reach the cache.
		 */
		v->raw.at = first;
		v->raw.len = (size_t)(at - first);
	}
	if (end - at < p->len || !has_piece(at, p))
		return 0;
	at += p->len;
	return at == end || *at == '\n' ? (size_t)(at - text.at) : 0;
}
