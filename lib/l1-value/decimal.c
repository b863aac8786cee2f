#include "l1-value/decimal.h"

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
	uint128 n = 0;
	int minus = 0, digits = 0, long_fraction = 0, exponent = 0;
	size_t fraction = 0;

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
		if (n == 0 && digits == 0 && *p == '0')
			continue; /* zeros in front do not count */
		if (digits < DECIMAL_DIGITS)
			n = 10 * n + (unsigned)(*p - '0');
		digits += digits <= DECIMAL_DIGITS;
	}
	if (p == first || p == point + 1)
		return not_a_decimal(err);
	if (*first == '0' && p - first > 1 && is_digit(first[1]))
		return not_a_decimal(err);
	if (point != NULL)
		fraction = (size_t)(p - point - 1);
	if (p < end && (*p == 'e' || *p == 'E') && parse_exponent(&p, end, &exponent) != 0)
		return not_a_decimal(err);
	if (p != end)
		return not_a_decimal(err);

	/* fraction - exponent is the scale; a fraction beyond the exponent's cut is too long anyway
	 */
	long_fraction = fraction > 1000000;
	int scale = long_fraction ? 1000000 : (int)fraction - exponent;

	if (digits > DECIMAL_DIGITS || scale > DECIMAL_DIGITS)
		return too_long(err);
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

int decimal_parse(struct slice text, struct decimal *d, struct err *err)
{
	const char *p = text.at, *end = p + text.len, *first, *point = NULL;
	uint64_t n = 0;
	int minus;

	/* Nearly all amounts: at most 18 digits, which fit 64 bits, and no exponent. */
	if (text.len == 0 || text.len > 18)
		return parse_long(text, d, err);
	minus = *p == '-';
	p += minus;
	first = p;
	while (p < end && is_digit(*p))
		n = 10 * n + (unsigned)(*p++ - '0');
	if (p == first || (*first == '0' && p - first > 1))
		return not_a_decimal(err);
	if (p < end && *p == '.') {
		point = ++p;
		while (p < end && is_digit(*p))
			n = 10 * n + (unsigned)(*p++ - '0');
		if (p == point)
			return not_a_decimal(err);
	}
	if (p != end)
		return parse_long(text, d, err);
	d->unscaled = minus ? -(int64_t)n : (int64_t)n;
	d->scale = point == NULL ? 0 : (int)(end - point);
	return 0;
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

/* Write n's digits backward, ending before p, at least `least` of them. Returns the first. */
static char *put_digits(char *p, uint64_t n, int least)
{
	for (; n != 0 || least > 0; n /= 10, least--)
		*--p = (char)('0' + n % 10);
	return p;
}

size_t decimal_print(const struct decimal *d, char out[DECIMAL_TEXT_MAX])
{
	char digits[DECIMAL_DIGITS + 2], *end = digits + sizeof digits, *p = end, *to = out;
	uint128 n = magnitude(d->unscaled);
	int least = d->scale + 1; /* one digit before the point, always */

	if (n >= tens[19]) {
		uint128 high = n / tens[19];

		p = put_digits(p, (uint64_t)(n - high * tens[19]), 19);
		n = high;
		least -= 19;
	}
	p = put_digits(p, (uint64_t)n, least);
	if (d->unscaled < 0)
		*to++ = '-';
	size_t before = (size_t)(end - p) - (size_t)d->scale;

	memcpy(to, p, before);
	to += before;
	if (d->scale > 0) {
		*to++ = '.';
		memcpy(to, p + before, (size_t)d->scale);
		to += d->scale;
	}
	*to = '\0';
	return (size_t)(to - out);
}
