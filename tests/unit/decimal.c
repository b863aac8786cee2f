#include "l1-value/decimal.h"

#include <inttypes.h>
#include <stdint.h>

#include "check.h"
#include "edge.h"

#define NINES_38 "99999999999999999999999999999999999999"
#define ZEROS_38 "00000000000000000000000000000000000000"

/* Text and what it prints as; NULL: refused. */
static const char *const cases[][2] = {
	{"0", "0"},
	{"15.30", "15.30"},
	{"-15.30", "-15.30"},
	{"-0", "0"},
	{"-0.00", "0.00"},
	{"-0.05", "-0.05"},
	{"0.1", "0.1"},
	{"10", "10"},
	{"1234567", "1234567"},
	{"12345678", "12345678"},
	{"123456789", "123456789"},
	{"1.234567", "1.234567"},
	{"1234.5678", "1234.5678"},
	{"99999999", "99999999"},
	{"-99999999", "-99999999"},
	{"9.999999", "9.999999"},
	{"4294967295", "4294967295"}, /* 2^32 - 1, */
	{"4294967296", "4294967296"},
	{"-85899345.91", "-85899345.91"},
	{"9007199254740993", "9007199254740993"}, /* 2^53 + 1 */
	{"18446744073709551616", "18446744073709551616"},
	{"9999999999999999999", "9999999999999999999"},
	{"10000000000000000000", "10000000000000000000"},
	{"1000000000000000000.0000000000000000001", "1000000000000000000.0000000000000000001"},
	{NINES_38, NINES_38},
	{"-" NINES_38, "-" NINES_38},
	{"0." NINES_38, "0." NINES_38},
	{"0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001"},
	{"0." ZEROS_38, "0." ZEROS_38},

	/* the exponent moves the point; the scale is never below 0 */
	{"1e2", "100"},
	{"1E+2", "100"},
	{"1.50e1", "15.0"},
	{"1.50e2", "150"},
	{"1.50e3", "1500"},
	{"150e-2", "1.50"},
	{"1e-2", "0.01"},
	{"-1.5e-1", "-0.15"},
	{"1e00000000000000000000000000001", "10"},
	{"1e37", "10000000000000000000000000000000000000"},
	{"1e-38", "0.00000000000000000000000000000000000001"},
	{"0e0", "0"},
	{"0e5", "0"},
	{"0e999999999999", "0"},
	{"0.0e1", "0"},
	{"0.000000000000000000000000000000000000000000000000001e20",
	 "0.0000000000000000000000000000001"},

	/* more than 38 digits */
	{"1" ZEROS_38, NULL},
	{"1." ZEROS_38, NULL},
	{"9" NINES_38, NULL},
	{"1234567890123456789012345678901234567890", NULL},
	{"1e38", NULL},
	{"1e999", NULL},
	{"1e-999", NULL},
	{"1e-39", NULL},
	{"1e99999999999999999999999999", NULL},
	{"1e-99999999999999999999999999", NULL},
	{"12e37", NULL},
	{"0e-39", NULL},
	{"0.0" ZEROS_38, NULL},

	/* not a JSON number */
	{"", NULL},
	{"-", NULL},
	{"+1", NULL},
	{"--1", NULL},
	{".5", NULL},
	{"-.5", NULL},
	{"5.", NULL},
	{"-5.", NULL},
	{".", NULL},
	{"..", NULL},
	{"1..2", NULL},
	{"1.2.3", NULL},
	{"01", NULL},
	{"-01", NULL},
	{"00", NULL},
	{"00.5", NULL},
	{"0000000001", NULL},
	{"0000000.5", NULL},
	{"1e", NULL},
	{"1e+", NULL},
	{"1e-", NULL},
	{"1e1.0", NULL},
	{"e1", NULL},
	{".e1", NULL},
	{"1.e1", NULL},
	{"1e2e3", NULL},
	{"0x10", NULL},
	{"1,5", NULL},
	{"1_000", NULL},
	{" 1", NULL},
	{"1 ", NULL},
	{"1\n", NULL},
	{"NaN", NULL},
	{"nan", NULL},
	{"Infinity", NULL},
	{"-Infinity", NULL},
	{"null", NULL},
	{"1/2", NULL}, /* '/' and ':' stand beside the digits */
	{"1:2", NULL},
	{"12345:78", NULL},
	{"\xc2\xb2", NULL},
	{"\xb1\xb2\xb3", NULL}, /* digits with their high bits set */
	{"12345678a", NULL},
	{"123456789012345678901234567890x", NULL},
};

/* As decimal_parse, and decimal_parse_padded must say the same, whatever stands behind. */
static int parse(struct slice text, struct decimal *d, struct err *err)
{
	const struct decimal before = *d;
	int result = decimal_parse(text, d, err);

	for (const char *fill = "07.-\""; *fill != '\0'; fill++) {
		char padded[256];
		struct decimal again = before;
		struct err other = {0};

		if (text.len > sizeof padded - DECIMAL_PADDING)
			abort();
		memset(padded, *fill, sizeof padded);
		memcpy(padded, text.at, text.len);
		if (decimal_parse_padded((struct slice){padded, text.len}, &again, &other) !=
			    result ||
		    again.unscaled != d->unscaled || again.scale != d->scale ||
		    (result != 0 && strcmp(other.message, err->message) != 0)) {
			printf("# padded with %c: %.*s\n", *fill, SLICE_ARG(text));
			return -2;
		}
	}
	return result;
}

/* For the name of a test, which is one line. */
static const char *visible(const char *text)
{
	return text[strcspn(text, "\n")] == '\0' ? text : "(a newline)";
}

static void check_parsing(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *expected = cases[i][1];
		struct slice text = slice_of(cases[i][0]);
		struct err err = {0};

		for (int start = 0; start < 2; start++) {
			struct decimal d = {42, 7};
			char out[DECIMAL_TEXT_MAX] = "";
			int got = parse(start ? edge_start(text) : edge_end(text), &d, &err);

			if (expected == NULL) {
				CHECK(got == -1 && err.status == ERR_DATA && d.unscaled == 42 &&
					      d.scale == 7,
				      "\"%s\" is refused (%s)", visible(cases[i][0]), err.message);
				continue;
			}
			size_t len = got == 0 ? decimal_print(&d, out) : 0;

			CHECK(got == 0 && strcmp(out, expected) == 0 && len == strlen(expected),
			      "\"%s\" prints as \"%s\" (got \"%s\")", cases[i][0], expected, out);
		}
	}

	/* the text ends where its slice ends */
	struct decimal d;
	struct err err;

	CHECK(decimal_parse((struct slice){"15.307", 5}, &d, &err) == 0 && d.unscaled == 1530 &&
		      d.scale == 2,
	      "digits behind the slice are not read");
	CHECK(decimal_parse((struct slice){"1\0", 2}, &d, &err) == -1, "a NUL byte is no digit");
	CHECK(decimal_parse((struct slice){NULL, 0}, &d, &err) == -1, "no text is no decimal");
}

/* Small numbers at every scale, as printf(3) prints their two parts: zeros in front and between. */
static void check_small(void)
{
	static const int64_t tens[] = {1,      10,      100,      1000,     10000,
				       100000, 1000000, 10000000, 100000000};
	int right = 1;

	for (int64_t i = -3000; i <= 3000; i++) {
		for (int scale = 0; scale <= 8; scale++) {
			/* Near 10^scale on either side, and near zero. */
			for (int64_t n = i; n <= i + tens[scale]; n += tens[scale]) {
				struct decimal d = {n, scale};
				int64_t left = n < 0 ? -n : n;
				char text[64], out[DECIMAL_TEXT_MAX];
				int len = snprintf(text, sizeof text, "%s%" PRId64,
						   n < 0 ? "-" : "", left / tens[scale]);

				if (scale > 0)
					snprintf(text + len, sizeof text - (size_t)len,
						 ".%0*" PRId64, scale, left % tens[scale]);
				right &= decimal_print(&d, out) == strlen(text) &&
					 strcmp(out, text) == 0;
			}
		}
	}
	CHECK(right, "small numbers print as their parts do");
}

/* Every length of digits, with the point at every place: the steps between the ways of parsing and
 * of printing are somewhere among them. */
static void check_lengths(void)
{
	static const char digits[] = "31415926535897932384626433832795028841";
	int right = 1, count = 0;

	for (int n = 1; n <= DECIMAL_DIGITS; n++) {
		for (int scale = 0; scale <= n; scale++) {
			for (int minus = 0; minus < 2; minus++) {
				char text[64], out[DECIMAL_TEXT_MAX];
				struct decimal d = {0};
				struct err err;

				if (scale == 0)
					snprintf(text, sizeof text, "%s%.*s", minus ? "-" : "", n,
						 digits);
				else
					snprintf(text, sizeof text, "%s%.*s.%.*s", minus ? "-" : "",
						 scale == n ? 1 : n - scale,
						 scale == n ? "0" : digits, scale,
						 digits + n - scale);
				if (parse(edge_end(slice_of(text)), &d, &err) != 0 ||
				    d.scale != scale || decimal_print(&d, out) != strlen(text) ||
				    strcmp(text, out) != 0) {
					printf("# %s\n", text);
					right = 0;
				}
				count++;
			}
		}
	}
	CHECK(right, "%d numbers of 1 to 38 digits print as they were written", count);
}

static struct decimal make(const char *text)
{
	struct decimal d = {0};
	struct err err;

	if (decimal_parse(slice_of(text), &d, &err) != 0) {
		printf("Bail out! %s\n", text);
		exit(1);
	}
	return d;
}

static void check_sums(void)
{
	/* a, b, a + b, a - b; NULL: needs more than 38 digits */
	static const char *const sums[][4] = {
		{"0", "0", "0", "0"},
		{"15.30", "1", "16.30", "14.30"},
		{"1", "15.30", "16.30", "-14.30"},
		{"0.1", "0.2", "0.3", "-0.1"},
		{"0.10", "0.2", "0.30", "-0.10"},
		{"-5", "5.00", "0.00", "-10.00"},
		{"0", "0.00", "0.00", "0.00"},
		{"8300065.814", "-8300065.814", "0.000", "16600131.628"},
		{NINES_38, "1", NULL, "99999999999999999999999999999999999998"},
		{NINES_38, "-1", "99999999999999999999999999999999999998", NULL},
		{"-" NINES_38, "1", "-99999999999999999999999999999999999998", NULL},
		{"-" NINES_38, "-1", NULL, "-99999999999999999999999999999999999998"},
		{NINES_38, NINES_38, NULL, "0"},
		{"-" NINES_38, "-" NINES_38, NULL, "0"},
		{NINES_38, "-" NINES_38, "0", NULL},
		{NINES_38, "0.1", NULL, NULL}, /* 39 digits with its new scale */
		{"0.1", NINES_38, NULL, NULL},
		{NINES_38, "0.0", NULL, NULL},
		{"0.0", NINES_38, NULL, NULL},
		{"0", "0." NINES_38, "0." NINES_38, "-0." NINES_38},
		{"1", "0." NINES_38, NULL, NULL},
		{"0." NINES_38, "0.00000000000000000000000000000000000001", NULL,
		 "0.99999999999999999999999999999999999998"},
		{"9999999999999999999", "1", "10000000000000000000", "9999999999999999998"},
		{"18446744073709551615", "1", "18446744073709551616", "18446744073709551614"},
	};

	for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
		for (int minus = 0; minus < 2; minus++) {
			const char *const *s = sums[i], *expected = s[2 + minus];
			struct decimal sum = make(s[0]), d = make(s[1]), before = sum;
			struct err err = {0};
			char out[DECIMAL_TEXT_MAX] = "";
			int got = (minus ? decimal_sub : decimal_add)(&sum, &d, &err);

			if (expected == NULL) {
				CHECK(got == -1 && err.status == ERR_DATA &&
					      sum.unscaled == before.unscaled &&
					      sum.scale == before.scale,
				      "%s %c %s does not fit, and leaves the sum", s[0],
				      "+-"[minus], s[1]);
				continue;
			}
			decimal_print(&sum, out);
			CHECK(got == 0 && strcmp(out, expected) == 0, "%s %c %s = %s (got %s)",
			      s[0], "+-"[minus], s[1], expected, out);
		}
	}

	struct decimal sum = make("0"), cent = make("0.01");
	struct err err;

	for (int i = 0; i < 1000000; i++)
		decimal_add(&sum, &cent, &err);
	CHECK(decimal_compare(&sum, &(struct decimal){10000, 0}) == 0,
	      "a million cents are 10,000, as no double would say");
}

static void check_comparison(void)
{
	/* in order; equal ones on one line */
	static const char *const order[][3] = {
		{"-" NINES_38},
		{"-10", "-10.0", "-1e1"},
		{"-9.5"},
		{"-9.4"},
		{"-0." NINES_38},
		{"0", "-0", "0.00"},
		{"0.00000000000000000000000000000000000001"},
		{"0.1", "0.10", "1e-1"},
		{"0.11"},
		{"0." NINES_38},
		{"1", "1.0", "1.00"},
		{"1.5", "1.50"},
		{"9.4"},
		{"15"},
		{"10000000000000000000", "1e19"},
		{NINES_38},
	};
	size_t n = sizeof order / sizeof order[0];
	int right = 1;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			for (int k = 0; k < 9; k++) {
				const char *x = order[i][k / 3], *y = order[j][k % 3];

				if (x == NULL || y == NULL)
					continue;
				struct decimal a = make(x), b = make(y);
				int c = decimal_compare(&a, &b);

				if ((c > 0) - (c < 0) != (i > j) - (i < j)) {
					printf("# %s and %s: %d\n", x, y, c);
					right = 0;
				}
			}
	CHECK(right, "numbers compare by value, whatever their scales");

	struct decimal zero = make("-0.00"), cent = make("0.01");

	CHECK(decimal_is_zero(&zero) && !decimal_is_zero(&cent), "zero is zero at any scale");
}

int main(void)
{
	check_parsing();
	check_lengths();
	check_small();
	check_sums();
	check_comparison();
	return check_done();
}
