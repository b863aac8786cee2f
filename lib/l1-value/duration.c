/* The durations of timestamp.h. */
#include "l1-value/timestamp.h"

#include <inttypes.h>

static const struct {
	const char *name;
	int64_t micros;
} units[] = {{"d", 86400000000}, {"h", 3600000000}, {"m", 60000000},
	     {"s", 1000000},     {"ms", 1000},      {"us", 1}};

enum { UNITS = sizeof units / sizeof units[0] };

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int duration_parse(struct slice text, int64_t *micros, struct err *err)
{
	/* Ten years with their leap days. */
	const int64_t most = 3653 * units[0].micros;
	const char *p = text.at, *end = text.len > 0 ? p + text.len : p;
	int64_t sum = 0;
	size_t least = 0; /* units may only become smaller */

	if (text.len == 0)
		return err_set(err, ERR_DATA, "not a duration (such as 250ms, 10s, 1h30m)");
	while (p < end) {
		const char *first = p, *name;
		int64_t n = 0;
		size_t unit;

		for (; p < end && is_digit(*p); p++)
			if (n <= most)
				n = 10 * n + (*p - '0');
		name = p;
		while (p < end && !is_digit(*p))
			p++;
		for (unit = least; unit < UNITS; unit++)
			if (slice_is((struct slice){name, (size_t)(p - name)}, units[unit].name))
				break;
		if (name == first || unit == UNITS)
			return err_set(err, ERR_DATA, "not a duration (such as 250ms, 10s, 1h30m)");
		if (n > most / units[unit].micros || sum > most - n * units[unit].micros)
			return err_set(err, ERR_DATA, "longer than 10 years");
		sum += n * units[unit].micros;
		least = unit + 1;
	}
	*micros = sum;
	return 0;
}

int duration_put(struct buf *out, int64_t micros)
{
	size_t start = out->len;

	for (size_t i = 0; i < UNITS; i++) {
		if (micros / units[i].micros > 0)
			buf_printf(out, "%" PRId64 "%s", micros / units[i].micros, units[i].name);
		micros %= units[i].micros;
	}
	if (out->len == start)
		buf_puts(out, "0s");
	return out->failed ? -1 : 0;
}
