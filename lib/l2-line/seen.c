#include "l2-line/seen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "l1-value/timestamp.h"

#define WORDS (SEEN_WINDOW / 64)
#define NAME_MAX_ALONE 32

static int is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

int seen_name_ok(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!is_name(name[i]))
			return 0;
	return n > 0 && n <= NAME_MAX_ALONE;
}

/* ---- generations ---- */

/* Milliseconds, and below them chance: two that are drawn at once differ. */
enum { CHANCE_BITS = 16 };

/* What is behind the dot. */
static struct slice generation_of(struct slice name)
{
	const char *dot = name.len == 0 ? NULL : memchr(name.at, '.', name.len);

	if (dot == NULL)
		return (struct slice){"", 0};
	return (struct slice){dot + 1, name.len - (size_t)(dot + 1 - name.at)};
}

int seen_is_anew(struct slice name)
{
	struct slice generation = generation_of(name);

	return generation.len > 0 && *generation.at == SEEN_ANEW;
}

int seen_is_one_writer(struct slice a, struct slice b)
{
	struct slice first = {a.at, a.len - generation_of(a).len};
	struct slice second = {b.at, b.len - generation_of(b).len};

	return slice_equal(first, second) && seen_is_anew(a) == seen_is_anew(b);
}

int seen_compare(struct slice a, struct slice b)
{
	struct slice x = generation_of(a), y = generation_of(b);

	if (x.len != y.len)
		return x.len < y.len ? -1 : 1;
	return x.len == 0 ? 0 : memcmp(x.at, y.at, x.len);
}

void seen_generation(char out[SEEN_NAME_MAX + 1], const char *name, int anew, const char *after)
{
	struct slice last = after == NULL ? (struct slice){"", 0} : generation_of(slice_of(after));
	uint64_t number, least = 0;
	uint16_t chance = 0;
	int64_t seconds;
	int32_t nanos;

	timestamp_now(&seconds, &nanos);
	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = (uint16_t)nanos;
	number = (uint64_t)(seconds * 1000 + nanos / 1000000) << CHANCE_BITS | chance;
	/* A clock may be set back; generations are not. */
	if (last.len > 0)
		least = strtoull(last.at + (*last.at == SEEN_ANEW), NULL, 16) + 1;
	if (number < least)
		number = least;
	snprintf(out, SEEN_NAME_MAX + 1, "%.*s.%s%016" PRIx64, NAME_MAX_ALONE, name,
		 anew ? (char[]){SEEN_ANEW, '\0'} : "", number);
}

/* ---- labels ---- */

int seen_put_label(struct buf *out, struct slice line, const char *name, uint64_t ordinal)
{
	char digits[20], *const end = digits + sizeof digits, *digit = end;
	size_t n = line.len, before;

	while (n > 0 && (line.at[n - 1] == ' ' || line.at[n - 1] == '\t' || line.at[n - 1] == '\r'))
		n--;
	if (n < 2 || line.at[n - 1] != '}')
		return -1;
	for (before = n - 1;
	     before > 0 && (line.at[before - 1] == ' ' || line.at[before - 1] == '\t');)
		before--;
	if (before == 0 || line.at[before - 1] == '{')
		return -1;
	/* No printf: it would be a third of what a line costs. */
	do {
		*--digit = (char)('0' + ordinal % 10);
		ordinal /= 10;
	} while (ordinal > 0);
	buf_put(out, line.at, n - 1);
	buf_puts(out, "," SEEN_KEY ":\"");
	buf_puts(out, name);
	buf_byte(out, ':');
	buf_put(out, digit, (size_t)(end - digit));
	return buf_puts(out, "\"}") != 0 || out->failed ? -1 : 0;
}

/* Decimal, without zeros in front; within uint64. */
static int get_number(struct slice text, uint64_t *n)
{
	*n = 0;
	if (text.len == 0 || text.len > 20 || (text.len > 1 && text.at[0] == '0'))
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9' || __builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, (uint64_t)(text.at[i] - '0'), n))
			return -1;
	}
	return 0;
}

static int name_ok(struct slice name)
{
	if (name.len == 0 || name.len > SEEN_NAME_MAX)
		return 0;
	for (size_t i = 0; i < name.len; i++)
		if (!is_name(name.at[i]) && name.at[i] != '.')
			return 0;
	return 1;
}

int seen_cut_label(struct slice line, struct slice parts[2], struct slice *name, uint64_t *ordinal)
{
	static const char head[] = "," SEEN_KEY ":\"";
	const size_t head_len = sizeof head - 1;
	size_t end = line.len, colon, start;

	if (end < head_len + 5 || memcmp(line.at + end - 2, "\"}", 2) != 0)
		return 0;
	end -= 2;
	for (colon = end; colon > 0 && line.at[colon - 1] >= '0' && line.at[colon - 1] <= '9';)
		colon--;
	if (colon == 0 || line.at[colon - 1] != ':' ||
	    get_number((struct slice){line.at + colon, end - colon}, ordinal) != 0)
		return 0;
	colon--;
	for (start = colon;
	     start > 0 && (is_name(line.at[start - 1]) || line.at[start - 1] == '.');)
		start--;
	*name = (struct slice){line.at + start, colon - start};
	if (!name_ok(*name) || start < head_len ||
	    memcmp(line.at + start - head_len, head, head_len) != 0)
		return 0;
	parts[0] = (struct slice){line.at, start - head_len};
	parts[1] = (struct slice){"}", 1};
	return 1;
}

static int has(const struct seen *s, uint64_t back)
{
	return (int)(s->bits[back / 64] >> (back % 64) & 1);
}

static void set(struct seen *s, uint64_t back)
{
	s->bits[back / 64] |= UINT64_C(1) << (back % 64);
}

/* The window goes on by n. */
static void shift(struct seen *s, uint64_t n)
{
	struct seen old = *s;

	memset(s->bits, 0, sizeof s->bits);
	for (uint64_t i = 0; n < SEEN_WINDOW && i + n < SEEN_WINDOW; i++)
		if (has(&old, i))
			set(s, i + n);
	s->high += n;
}

int seen_meet(struct seen *s, uint64_t ordinal)
{
	uint64_t back;

	if (ordinal > s->high) {
		if (ordinal - s->high < 64) { /* nearly always */
			unsigned n = (unsigned)(ordinal - s->high);

			for (size_t i = WORDS; i-- > 0;)
				s->bits[i] =
					s->bits[i] << n | (i > 0 ? s->bits[i - 1] >> (64 - n) : 0);
			s->high = ordinal;
		} else {
			shift(s, ordinal - s->high);
		}
		set(s, 0);
		return 1;
	}
	back = s->high - ordinal;
	if (back >= SEEN_WINDOW || has(s, back))
		return 0;
	set(s, back);
	return 1;
}

int seen_put(struct buf *out, const struct seen *s)
{
	size_t words = WORDS;

	buf_printf(out, "%s:%" PRIu64 ":", s->name, s->high);
	while (words > 1 && s->bits[words - 1] == 0)
		words--;
	/* The last word is padded, so that only the first may be short. */
	buf_printf(out, "%" PRIx64, s->bits[words - 1]);
	while (--words > 0)
		buf_printf(out, "%016" PRIx64, s->bits[words - 1]);
	return out->failed ? -1 : 0;
}

static int get_hex(struct slice hex, struct seen *s)
{
	if (hex.len == 0 || hex.len > (size_t)16 * WORDS)
		return -1;
	for (size_t i = 0; i < hex.len; i++) {
		char c = hex.at[hex.len - 1 - i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			return -1;
		s->bits[i / 16] |= (uint64_t)digit << (4 * (i % 16));
	}
	return 0;
}

int seen_get(struct slice text, struct seen *s)
{
	const char *first = memchr(text.at, ':', text.len), *second;
	struct slice name, rest;

	*s = (struct seen){0};
	if (first == NULL)
		return -1;
	name = (struct slice){text.at, (size_t)(first - text.at)};
	rest = (struct slice){first + 1, text.len - name.len - 1};
	second = memchr(rest.at, ':', rest.len);
	if (second == NULL || !name_ok(name))
		return -1;
	memcpy(s->name, name.at, name.len);
	if (get_number((struct slice){rest.at, (size_t)(second - rest.at)}, &s->high) != 0)
		return -1;
	return get_hex((struct slice){second + 1, rest.len - (size_t)(second + 1 - rest.at)}, s);
}

void seen_join(struct seen *s, const struct seen *other)
{
	struct seen low = *other;

	if (low.high > s->high) {
		struct seen swap = *s;

		*s = low;
		low = swap;
	}
	for (uint64_t i = 0; i < SEEN_WINDOW; i++)
		if (has(&low, i) && s->high - low.high + i < SEEN_WINDOW)
			set(s, s->high - low.high + i);
}
