#include "l2-line/bar.h"

#include <stdlib.h>

#include "check.h"

static const struct display utf8 = {.width = 80, .utf8 = 1}, ascii = {.width = 80};

static struct decimal number(const char *text)
{
	struct decimal d = {0};
	struct err err;

	if (decimal_parse(slice_of(text), &d, &err) < 0) {
		printf("Bail out! %s: %s\n", text, err.message);
		exit(1);
	}
	return d;
}

/* The bar of `value` among `others` (numbers parted by spaces), which may hold it. */
static int draws(const struct display *d, const char *others, const char *value, size_t width,
		 const char *expected)
{
	struct bar_range range = {0};
	struct decimal n = number(value);
	char copy[400], *at = copy, *word;
	struct buf out = {0};
	int equal;

	snprintf(copy, sizeof copy, "%s", others);
	while ((word = strsep(&at, " ")) != NULL) {
		struct decimal other = number(word);

		bar_range_add(&range, &other);
	}
	bar_put(&out, d, &range, &n, width);
	equal = slice_is(buf_view(&out), expected);
	if (!equal)
		printf("# got \"%s\"\n", buf_text(&out));
	buf_free(&out);
	return equal;
}

#define NINES "99999999999999999999999999999999999999" /* 38 */

int main(void)
{
	CHECK(draws(&utf8, "80", "80", 10, "██████████"), "the greatest fills the width");
	CHECK(draws(&utf8, "80", "40", 10, "█████"), "half of it, half the width");
	CHECK(draws(&utf8, "80", "41", 10, "█████▏"), "an eighth of a column more");
	CHECK(draws(&utf8, "80", "47.9", 10, "█████▉"), "steps are cut off, not rounded up");
	CHECK(draws(&utf8, "80", "0", 10, ""), "zero is nothing");
	CHECK(draws(&utf8, "80", "0.001", 10, "▏"), "next to nothing is something");
	CHECK(draws(&utf8, "0", "0", 10, ""), "zero among zeros is nothing");
	CHECK(draws(&ascii, "80", "41", 10, "#####"), "whole columns in ASCII");
	CHECK(draws(&ascii, "80", "0.001", 10, "#"), "at least one in ASCII");

	CHECK(draws(&utf8, "-40 40", "40", 12, "     │█████"), "the right side of a zero line");
	CHECK(draws(&utf8, "-40 40", "-40", 12, "█████│"), "the left side of it");
	CHECK(draws(&utf8, "-40 40", "-12", 12, "   ▐█│"), "half columns to the left");
	CHECK(draws(&utf8, "-40 40", "-8", 12, "    █│"), "a whole one");
	CHECK(draws(&utf8, "-40 40", "-9", 12, "   ▕█│"), "and an eighth");
	CHECK(draws(&utf8, "-40 40", "0", 12, "     │"), "zero has the line alone");
	CHECK(draws(&utf8, "-1 1000", "-1", 12, "▕│"), "a small loss is seen");
	CHECK(draws(&utf8, "-1 1000", "1000", 12, " │█████████▉"), "beside a great gain");
	CHECK(draws(&utf8, "-0.00000000000000000000000000000000000001 " NINES,
		    "-0.00000000000000000000000000000000000001", 12, "▕│"),
	      "the least there is beside the greatest there is");
	CHECK(draws(&utf8, "-80 -40", "-80", 12, "██████████│"), "losses only");
	CHECK(draws(&ascii, "-40 40", "-40", 12, "#####|"), "a zero line in ASCII");

	CHECK(draws(&utf8, NINES " 0.5", "0.5", 10, "▏"), "38 digits beside a fraction");
	CHECK(draws(&utf8, "0." NINES " 0.5", "0.5", 10, "█████"), "38 decimals");
	CHECK(draws(&utf8, "80.000 40", "40", 10, "█████"), "scales may differ");
	CHECK(draws(&utf8, "-" NINES " " NINES, NINES, 12, "     │█████"),
	      "both at their greatest");
	return check_done();
}
