#include "l1-value/decimal.h"

#include <endian.h>
#include <stdint.h>

typedef unsigned __int128 uint128;

/* 10^n, 0 <= n <= 38. */
static const uint64_t tens[20] = {1u,
				  10u,
				  100u,
				  1000u,
				  10000u,
				  100000u,
				  1000000u,
				  10000000u,
				  100000000u,
				  1000000000u,
				  10000000000u,
				  100000000000u,
				  1000000000000u,
				  10000000000000u,
				  100000000000000u,
				  1000000000000000u,
				  10000000000000000u,
				  100000000000000000u,
				  1000000000000000000u,
				  10000000000000000000u};

static inline uint128 power_of_ten(int n)
{
	return n < 20 ? tens[n] : (uint128)tens[19] * tens[n - 19];
}

static inline uint128 magnitude(int128 n)
{
	return n < 0 ? -(uint128)n : (uint128)n;
}

static int not_a_decimal(struct err *err)
{
	return err_set(err, ERR_DATA, "not a decimal");
}

static int too_long(struct err *err)
{
	return err_set(err, ERR_DATA, "more than %d digits", DECIMAL_DIGITS);
}

static inline int is_digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

/* The exponent behind 'e' or 'E', which *p stands on; at the end *p is behind it. Cut at a million,
 * where any number but zero has long been out of range. Returns 0, or -1 when there is none. */
static int parse_exponent(const char **p, const char *end, int *exponent)
{
	int n = 0, minus = 0;

	++*p;
	if (*p < end && (**p == '+' || **p == '-'))
		minus = *(*p)++ == '-';
	if (*p == end || !is_digit(**p))
		return -1;
	for (; *p < end && is_digit(**p); ++*p)
		if (n < 1000000)
			n = 10 * n + (**p - '0');
	*exponent = minus ? -n : n;
	return 0;
}

/* Any number whatever; decimal_parse has the short ones already. */
static int parse_long(struct slice text, struct decimal *d, struct err *err)
{
	const char *p = text.at, *end = p + text.len, *point = NULL, *first;
	uint64_t high = 0, low = 0; /* the first 19 digits, and those behind them */
	int minus = 0, digits = 0, exponent = 0, scale;
	size_t fraction = 0;
	uint128 n;

	if (p < end && *p == '-') {
		minus = 1;
		p++;
	}
	first = p;
	for (; p < end; p++) {
		if (*p == '.') {
			if (point != NULL || p == first)
				return not_a_decimal(err);
			point = p;
			continue;
		}
		if (!is_digit(*p))
			break;
		if (digits == 0 && *p == '0')
			continue; /* zeros in front do not count */
		if (digits < 19)
			high = 10 * high + (unsigned)(*p - '0');
		else if (digits < DECIMAL_DIGITS)
			low = 10 * low + (unsigned)(*p - '0');
		digits += digits <= DECIMAL_DIGITS;
	}
	if (p == first || p[-1] == '.')
		return not_a_decimal(err);
	if (*first == '0' && p - first > 1 && is_digit(first[1]))
		return not_a_decimal(err);
	if (point != NULL)
		fraction = (size_t)(p - point - 1);
	if (p < end && (*p == 'e' || *p == 'E') && parse_exponent(&p, end, &exponent) != 0)
		return not_a_decimal(err);
	if (p != end)
		return not_a_decimal(err);

	/* A fraction beyond the exponent's cut is too long in any case. */
	scale = fraction > 2000000 ? DECIMAL_DIGITS + 1 : (int)fraction - exponent;
	if (digits > DECIMAL_DIGITS || scale > DECIMAL_DIGITS)
		return too_long(err);
	n = digits > 19 ? high * power_of_ten(digits - 19) + low : high;
	if (scale < 0) {
		if (n != 0 && digits - scale > DECIMAL_DIGITS)
			return too_long(err);
		if (n != 0)
			n *= power_of_ten(-scale);
		scale = 0;
	}
	d->unscaled = minus ? -(int128)n : (int128)n;
	d->scale = scale;
	return 0;
}

static inline uint64_t load8(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return le64toh(word);
}

static inline uint64_t load4(const char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof word);
	return le32toh(word);
}

#define EACH_BYTE(b) (0x0101010101010101u * (uint64_t)(b))

/* Of the 1 to 8 characters at p, those that are touched by no more than len bytes. */
static inline uint64_t load_short(const char *p, size_t len)
{
	if (len == 8)
		return load8(p);
	if (len >= 4)
		return load4(p) | load4(p + len - 4) << 8 * (len - 4);
	return (uint64_t)(unsigned char)p[0] |
	       (uint64_t)(unsigned char)p[len / 2] << 8 * (len / 2) |
	       (uint64_t)(unsigned char)p[len - 1] << 8 * (len - 1);
}

/* One to eight digits, a point among them or not: all at once, in the bytes of a word, the first
 * character in the lowest byte. Returns 0, or -1 when it is something else. */
static inline int parse_short(uint64_t word, size_t len, uint64_t *n, int *scale)
{
	unsigned first = word & 0xff, second = word >> 8 & 0xff;
	uint64_t point, below;

	/* To the upper end, with zeros in front; each byte becomes the value of its digit. */
	word = (word ^ EACH_BYTE('0')) << 8 * (8 - len);

	/* The first byte that was '.', as the bit 0x80 in it; those below move up over it. */
	point = word ^ EACH_BYTE('.' ^ '0');
	point = (point - EACH_BYTE(1)) & ~point & EACH_BYTE(0x80);
	*scale = 0;
	if (point != 0) {
		int bit = __builtin_ctzll(point) - 7; /* the lowest of its byte */

		*scale = 7 - bit / 8;
		/* Not the first character, nor the last. */
		if (*scale == 0 || *scale == (int)len - 1)
			return -1;
		below = word & (((uint64_t)1 << bit) - 1);
		word = (word >> bit >> 8 << bit << 8) | below << 8;
	}
	if (((word | (word + EACH_BYTE(0x76))) & EACH_BYTE(0x80)) != 0)
		return -1;
	if (first == '0' && len > 1 && second != '.')
		return -1;

	/* Pairs, fours, eight. */
	word = word * 10 + (word >> 8);
	word = (word & 0x00ff00ff00ff00ffu) * 100 + (word >> 16 & 0x00ff00ff00ff00ffu);
	*n = (word & 0xffff) * 10000 + (word >> 32 & 0xffff);
	return 0;
}

static inline int parse(struct slice text, int padded, struct decimal *d, struct err *err)
{
	int minus = text.len > 0 && text.at[0] == '-', scale;
	size_t len = text.len - (size_t)minus;
	uint64_t n;

	/* Nearly all amounts: eight characters at most, without an exponent. */
	if (len - 1 < 8 &&
	    parse_short(padded ? load8(text.at + minus) : load_short(text.at + minus, len), len, &n,
			&scale) == 0) {
		d->unscaled = minus ? -(int64_t)n : (int64_t)n;
		d->scale = scale;
		return 0;
	}
	return text.len == 0 ? not_a_decimal(err) : parse_long(text, d, err);
}

int decimal_parse(struct slice text, struct decimal *d, struct err *err)
{
	return parse(text, 0, d, err);
}

int decimal_parse_padded(struct slice text, struct decimal *d, struct err *err)
{
	return parse(text, 1, d, err);
}

/* The unscaled value at a greater scale. Returns 0, or -1 when it needs more than 38 digits. */
static int rescale(const struct decimal *d, int scale, int128 *unscaled)
{
	int up = scale - d->scale;

	if (up > 0 && d->unscaled != 0) {
		if (magnitude(d->unscaled) >= power_of_ten(DECIMAL_DIGITS - up))
			return -1;
		*unscaled = d->unscaled * (int128)power_of_ten(up);
	} else {
		*unscaled = d->unscaled;
	}
	return 0;
}

static int add(struct decimal *sum, const struct decimal *d, int minus, struct err *err)
{
	int scale = sum->scale > d->scale ? sum->scale : d->scale;
	int128 a = sum->unscaled, b = d->unscaled;

	if (sum->scale != d->scale && (rescale(sum, scale, &a) != 0 || rescale(d, scale, &b) != 0))
		return too_long(err);
	/* |a|, |b| < 10^38 and 2 * 10^38 > 2^127, so the sum is taken without a sign. */
	uint128 n = (uint128)a + (minus ? -(uint128)b : (uint128)b);
	int a_below = a < 0, b_below = minus ? b > 0 : b < 0;

	if (a_below == b_below && (a_below ? -n : n) >= power_of_ten(DECIMAL_DIGITS))
		return too_long(err);
	sum->unscaled = (int128)n;
	sum->scale = scale;
	return 0;
}

int decimal_add(struct decimal *sum, const struct decimal *d, struct err *err)
{
	return add(sum, d, 0, err);
}

int decimal_sub(struct decimal *sum, const struct decimal *d, struct err *err)
{
	return add(sum, d, 1, err);
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
	int128 x = a->unscaled, y = b->unscaled;

	if (a->scale != b->scale) {
		int128 x_unit = (int128)power_of_ten(a->scale);
		int128 y_unit = (int128)power_of_ten(b->scale);

		/* First what stands before the point; then what is behind it, at 38 digits each,
		 * which always fits. C's division truncates, so a remainder has its number's sign.
		 */
		if (x / x_unit != y / y_unit)
			return x / x_unit < y / y_unit ? -1 : 1;
		x = x % x_unit * (int128)power_of_ten(DECIMAL_DIGITS - a->scale);
		y = y % y_unit * (int128)power_of_ten(DECIMAL_DIGITS - b->scale);
	}
	return x < y ? -1 : x > y;
}

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

/* Write so many digits of *n, the last ones, backward, ending before p, and take them away. Returns
 * the first. */
static inline char *put_digits(char *p, uint64_t *n, int count)
{
	uint32_t small;

	for (; count >= 2 && *n > UINT32_MAX; count -= 2, *n /= 100)
		memcpy(p -= 2, pairs + 2 * (*n % 100), 2);
	/* Divisions of 32 bits are a third of the work. */
	if (count >= 2) {
		for (small = (uint32_t)*n; count >= 2; count -= 2, small /= 100)
			memcpy(p -= 2, pairs + 2 * (small % 100), 2);
		*n = small;
	}
	if (count > 0) {
		*--p = (char)('0' + *n % 10);
		*n /= 10;
	}
	return p;
}

static int count_digits(uint64_t n)
{
	/* 1233 / 4096 is log10(2), near enough for 64 bits; one too few is put right. */
	int few = (64 - __builtin_clzll(n | 1)) * 1233 >> 12;

	return few + (n >= tens[few]);
}

/* The way back of parse_short: the eight digits of n < 10^8, each the value of a byte, the first
 * one in the lowest. Fours, pairs, digits: the quotients go below their remainders. */
static inline uint64_t eight_digits(uint32_t n)
{
	uint64_t word = n / 10000 | (uint64_t)(n % 10000) << 32, upper;

	upper = (word * 5243 >> 19) & 0x0000007f0000007fu; /* by 100, exact below 10000 */
	word = upper | (word - 100 * upper) << 16;
	upper = (word * 103 >> 10) & 0x000f000f000f000fu; /* by 10, exact below 100 */
	return upper | (word - 10 * upper) << 8;
}

static inline void store8(char *to, uint64_t word)
{
	word = htole64(word);
	memcpy(to, &word, sizeof word);
}

/* Of nearly all amounts: less than 10^8, with a scale below 8. */
static inline size_t print_eight(uint32_t n, int minus, int scale, char out[DECIMAL_TEXT_MAX])
{
	uint64_t word = eight_digits(n);
	int count = 8 - __builtin_ctzll(word | (uint64_t)1 << 56) / 8;
	char *to = out + minus;

	if (count < scale + 1)
		count = scale + 1;
	word |= EACH_BYTE('0');
	*out = '-';
	store8(to, word >> 8 * (8 - count)); /* what stands too far right is written over */
	to += count - scale;
	if (scale > 0) {
		*to++ = '.';
		store8(to, word >> 8 * (8 - scale));
		to += scale;
	}
	*to = '\0';
	return (size_t)(to - out);
}

/* Backward to where it belongs: the fraction, the point, the rest. */
static __attribute__((noinline)) size_t print_short(int64_t n, int scale,
						    char out[DECIMAL_TEXT_MAX])
{
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
	int count = count_digits(left);
	char *p, *end;

	if (count < scale + 1)
		count = scale + 1;
	*out = '-';
	p = end = out + (n < 0) + count + (scale > 0);
	*end = '\0';
	if (scale > 0) {
		p = put_digits(p, &left, scale);
		*--p = '.';
	}
	put_digits(p, &left, count - scale);
	return (size_t)(end - out);
}

/* 19 digits or more, in two halves; always one before the point. */
static __attribute__((noinline)) size_t print_long(const struct decimal *d,
						   char out[DECIMAL_TEXT_MAX])
{
	char digits[DECIMAL_DIGITS + 1], *to = out, *end = digits + sizeof digits, *first;
	uint128 n = magnitude(d->unscaled);
	uint64_t high = (uint64_t)(n / tens[19]), low = (uint64_t)(n % tens[19]);
	int scale = d->scale, count = 19 + count_digits(high);

	if (d->unscaled < 0)
		*to++ = '-';
	if (count < scale + 1)
		count = scale + 1;
	first = put_digits(put_digits(end, &low, 19), &high, count - 19);
	memcpy(to, first, (size_t)(count - scale));
	to += count - scale;
	if (scale > 0) {
		*to++ = '.';
		memcpy(to, end - scale, (size_t)scale);
		to += scale;
	}
	*to = '\0';
	return (size_t)(to - out);
}

size_t decimal_print(const struct decimal *d, char out[DECIMAL_TEXT_MAX])
{
	int64_t n = (int64_t)d->unscaled;
	uint64_t magnitude = n < 0 ? -(uint64_t)n : (uint64_t)n;

	if (n == d->unscaled && magnitude < 100000000 && d->scale < 8)
		return print_eight((uint32_t)magnitude, n < 0, d->scale, out);
	return n == d->unscaled ? print_short(n, d->scale, out) : print_long(d, out);
}
