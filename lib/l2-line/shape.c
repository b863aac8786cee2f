#include "l2-line/shape.h"

#include <stdint.h>
#include <stdlib.h>

#include "l1-value/jsontext.h"

/* The bytes before a scalar, or behind the last one. */
struct piece {
	const char *bytes; /* readable up to a whole number of WIDE */
	ptrdiff_t len;
	unsigned mask; /* of the first WIDE bytes, those that count */
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
					     len < WIDE ? (1u << len) - 1 : (1u << WIDE) - 1};
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

static inline const char *word_end(const char *at, const char *word, size_t len)
{
	return memcmp(at, word, len) == 0 ? at + len : NULL;
}

/* The scalar at c->at, which is before `end`. Returns 0 when there is no valid one. Its end may be
 * found to lie behind `end`: then the piece that must follow is not there. */
static inline int take_scalar(struct scalar *c, const char *end)
{
	c->escaped = 0;
	switch (*c->at) {
	case '"':
		c->event = JSONTEXT_STRING;
		c->end = jsontext_plain(c->at + 1, end, 1);
		if (c->end < end && *c->end == '"')
			c->end++;
		else
			c->end = jsontext_string(c->at, end, &c->escaped);
		break;
	case 'n':
		c->event = JSONTEXT_NULL;
		c->end = word_end(c->at, "null", 4);
		break;
	case 't':
		c->event = JSONTEXT_TRUE;
		c->end = word_end(c->at, "true", 4);
		break;
	case 'f':
		c->event = JSONTEXT_FALSE;
		c->end = word_end(c->at, "false", 5);
		break;
	default:
		c->event = JSONTEXT_NUMBER;
		c->end = number_end(c->at, end);
	}
	return c->end != NULL;
}

int shape_match(const struct shape *s, struct slice line, struct scalar *scalars)
{
	const char *at = line.at, *end = line.at + line.len;
	const struct piece *p = s->piece;

	for (size_t i = 0; i < s->count; i++, p++) {
		struct scalar *c = &scalars[i];

		if (end - at <= p->len || !has_piece(at, p))
			return 0;
		c->at = at + p->len;
		if (!take_scalar(c, end))
			return 0;
		at = c->end;
	}
	return end - at == p->len && has_piece(at, p);
}
