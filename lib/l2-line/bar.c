#include "l2-line/bar.h"

/* Steps of a column. */
#define STEPS 8

void bar_range_add(struct bar_range *range, const struct decimal *value)
{
	if (decimal_compare(value, &range->least) < 0)
		range->least = *value;
	if (decimal_compare(value, &range->most) > 0)
		range->most = *value;
}

static int128 power_of_ten(int exponent)
{
	int128 power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

static int digits_of(int128 n)
{
	int digits = 0;

	for (; n != 0; n /= 10)
		digits++;
	return digits;
}

/* |d| in units of 10^-places, cut off. The caller sees to it that it fits. */
static int128 units_of(const struct decimal *d, int places)
{
	int128 n = d->unscaled < 0 ? -d->unscaled : d->unscaled;
	int shift = places - d->scale;

	if (n == 0 || shift < -DECIMAL_DIGITS)
		return 0;
	return shift >= 0 ? n * power_of_ten(shift) : n / power_of_ten(-shift);
}

/* The number of decimal places at which d has 30 digits in front: enough for any display, and with
 * room for a factor of a hundred million in 128 bits. */
static int places_of(const struct decimal *d)
{
	return 30 - digits_of(d->unscaled) + d->scale;
}

static void put_to_right(struct buf *out, const struct display *d, size_t steps)
{
	static const char *const part[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

	if (d->utf8) {
		display_repeat(out, "█", steps / STEPS);
		buf_puts(out, part[steps % STEPS]);
	} else {
		display_repeat(out, "#", steps < STEPS ? 1 : (steps + STEPS / 2) / STEPS);
	}
}

/* Fill `columns` columns, the bar at their right end. */
static void put_to_left(struct buf *out, const struct display *d, size_t steps, size_t columns)
{
	size_t whole = steps / STEPS, part = steps % STEPS;

	if (!d->utf8) {
		whole = steps < STEPS ? 1 : (steps + STEPS / 2) / STEPS;
		part = 0;
	}
	display_repeat(out, " ", columns - whole - (part > 0));
	display_style(out, d, DISPLAY_RED);
	if (part > 0)
		buf_puts(out, part < STEPS / 2 ? "▕" : "▐");
	display_repeat(out, d->utf8 ? "█" : "#", whole);
	display_style(out, d, DISPLAY_PLAIN);
}

void bar_put(struct buf *out, const struct display *d, const struct bar_range *range,
	     const struct decimal *value, size_t width)
{
	int both = range->least.unscaled < 0;
	int at_least = places_of(&range->least), at_most = places_of(&range->most);
	int places = range->least.unscaled == 0  ? at_most
		     : range->most.unscaled == 0 ? at_least
		     : at_least < at_most        ? at_least
						 : at_most;
	int128 least = units_of(&range->least, places), most = units_of(&range->most, places);
	int128 span = least + most;
	/* With a zero line: a column for it, and one because both sides are rounded up. */
	int128 scale = both ? (int128)width - 2 : (int128)width;
	size_t steps, left;

	if (span == 0 || width < 3)
		return;
	left = (size_t)((least * scale + span - 1) / span);
	if (both && left == 0)
		left = 1; /* far too small to be seen, and not nothing */
	steps = (size_t)(units_of(value, places) * scale * STEPS / span);
	if (steps == 0 && value->unscaled != 0)
		steps = 1;
	if (both && value->unscaled < 0)
		put_to_left(out, d, steps, left);
	else if (both)
		display_repeat(out, " ", left);
	if (both) {
		display_style(out, d, DISPLAY_DIM);
		buf_puts(out, d->utf8 ? "│" : "|");
		display_style(out, d, DISPLAY_PLAIN);
	}
	if (value->unscaled > 0) {
		display_style(out, d, DISPLAY_CYAN);
		put_to_right(out, d, steps);
		display_style(out, d, DISPLAY_PLAIN);
	}
}
