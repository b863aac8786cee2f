/* jsontext.h - layer 1: the grammar of JSON text (RFC 8259), as a stream of events.
 *
 * The one place that knows what is JSON and what is not: the record scanner and the document
 * parser both read through it, so they agree. It is strict (UTF-8 throughout, no key twice in one
 * object, no lone surrogate, nothing behind the value) and does not recurse. Numbers are text.
 */
#ifndef TUBERIA_JSONTEXT_H
#define TUBERIA_JSONTEXT_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

#if defined(__SSE2__) && !defined(TUBERIA_PORTABLE)
#include <emmintrin.h>
#define JSONTEXT_SSE2 1
#else
#define JSONTEXT_SSE2 0
#endif

#define JSONTEXT_DEPTH_MAX 1000
/* This many bytes behind a text must be readable (they are not used). */
#define JSONTEXT_PADDING 16

enum jsontext_event {
	JSONTEXT_END, /* the text ends, and is valid */
	JSONTEXT_NULL,
	JSONTEXT_FALSE,
	JSONTEXT_TRUE,
	JSONTEXT_NUMBER,
	JSONTEXT_STRING,
	JSONTEXT_OBJECT,
	JSONTEXT_ARRAY,
	JSONTEXT_KEY,
	JSONTEXT_OBJECT_END,
	JSONTEXT_ARRAY_END
};

struct keyset;

struct jsontext {
	/* The event just given: its token as it stands (strings and keys with their quotes), and
	 * whether it has a backslash; of a key, the characters, escapes undone. */
	struct slice raw, key;
	int escaped;
	unsigned depth; /* objects and arrays open behind the event */

	/* the module's own */
	const char *start, *at, *end;
	int expect, top;
	unsigned char container[JSONTEXT_DEPTH_MAX];
	struct keyset *keys;
	struct buf undone;
};

/* Returns NULL out of memory. The memory that a text needed is kept for the next one. */
struct jsontext *jsontext_new(void);
void jsontext_free(struct jsontext *j);

/* Start on a text, which must stay, with JSONTEXT_PADDING readable bytes behind it. */
void jsontext_begin(struct jsontext *j, struct slice text);

/* The next event: an enum jsontext_event, or -1 with ERR_DATA and err.byte (of the text; its length
 * + 1 where it ends too early), or ERR_TEMP. What has been given stays valid until jsontext_begin.
 */
int jsontext_next(struct jsontext *j, struct err *err);

/* The characters of a string of this text, given with its quotes, escapes undone. To be called once
 * for a string at most: the room is measured for that. Returns 0, or -1 with ERR_TEMP. */
int jsontext_undo(struct jsontext *j, struct slice raw, struct slice *text, struct err *err);

/* Lexical pieces, for callers that know what must come next. */

/* Where a string whose opening quote is at `at` ends: returns the place behind its closing quote,
 * or NULL when it is not a valid string. *escaped as above. */
const char *jsontext_string(const char *at, const char *end, int *escaped);

/* Where the number at `at` ends, as far as it goes; NULL when none begins there. */
const char *jsontext_number(const char *at, const char *end);

/* The first byte of a string's inside, from `at` on, that is a quote, a backslash, a control byte,
 * or, with stop_at_high, has its high bit set; or some place >= end. */
static inline const char *jsontext_plain(const char *at, const char *end, int stop_at_high)
{
#if JSONTEXT_SSE2
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);

	for (; at < end; at += 16) {
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)at);
		__m128i hit = _mm_or_si128(
			_mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_cmpeq_epi8(b, backslash)),
			_mm_cmpeq_epi8(_mm_min_epu8(b, control), b));
		unsigned mask;

		if (stop_at_high)
			hit = _mm_or_si128(hit, b); /* movemask looks at the high bits alone */
		mask = (unsigned)_mm_movemask_epi8(hit);
		if (mask != 0)
			return at + __builtin_ctz(mask);
	}
	return at;
#else
	/* Eight bytes at a time: a byte's high bit in `hit` is set when it may stop us, surely when
	 * it is the lowest one; the byte loop then finds out. */
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;

	for (; at < end; at += 8) {
		uint64_t b, q, s, hit;

		memcpy(&b, at, sizeof b);
		q = b ^ (ones * '"');
		s = b ^ (ones * '\\');
		hit = ((q - ones) & ~q) | ((s - ones) & ~s) | ((b - ones * 0x20) & ~b);
		if (stop_at_high)
			hit |= b;
		if ((hit & highs) != 0)
			break;
	}
	for (; at < end; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '"' || c == '\\' || c < 0x20 || (stop_at_high && c >= 0x80))
			break;
	}
	return at;
#endif
}

#endif
