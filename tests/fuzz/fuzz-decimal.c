/* Input: two numbers with a newline between them. What is parsed prints as text that parses to the
 * same number; what is added can be taken away again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "l1-value/decimal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

static int same(const struct decimal *a, const struct decimal *b)
{
	return a->unscaled == b->unscaled && a->scale == b->scale;
}

/* Returns 0 with *d, or -1. */
static int check_one(struct slice text, struct decimal *d)
{
	const struct decimal before = {42, 7};
	char out[DECIMAL_TEXT_MAX];
	struct decimal again;
	struct err err;
	size_t len;
	char *padded;
	int failed;

	padded = malloc(text.len + DECIMAL_PADDING);
	if (padded == NULL)
		abort();
	if (text.len > 0)
		memcpy(padded, text.at, text.len);
	memset(padded + text.len, '1', DECIMAL_PADDING);
	again = *d = before;
	failed = decimal_parse(text, d, &err) != 0;
	demand((decimal_parse_padded((struct slice){padded, text.len}, &again, &err) != 0) ==
		       failed &&
	       same(d, &again));
	free(padded);
	if (failed) {
		demand(err.status == ERR_DATA && same(d, &before));
		return -1;
	}
	demand(d->scale >= 0 && d->scale <= DECIMAL_DIGITS);
	len = decimal_print(d, out);
	demand(len < sizeof out && out[len] == '\0' && strlen(out) == len);
	demand(decimal_parse((struct slice){out, len}, &again, &err) == 0 && same(d, &again));
	demand(decimal_compare(d, &again) == 0);
	demand(decimal_is_zero(d) == (strpbrk(out, "123456789") == NULL));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = memchr(data, '\n', size);
	size_t first = newline == NULL ? size : (size_t)(newline - data);
	struct decimal a, b, sum;
	struct err err;

	if (check_one((struct slice){(const char *)data, first}, &a) != 0 || newline == NULL ||
	    check_one((struct slice){(const char *)newline + 1, size - first - 1}, &b) != 0)
		return 0;
	demand(decimal_compare(&a, &b) == -decimal_compare(&b, &a));
	sum = a;
	if (decimal_add(&sum, &b, &err) != 0) {
		demand(err.status == ERR_DATA && same(&sum, &a));
		return 0;
	}
	demand(sum.scale == (a.scale > b.scale ? a.scale : b.scale));
	demand(decimal_sub(&sum, &b, &err) == 0 && decimal_compare(&sum, &a) == 0);
	return 0;
}
