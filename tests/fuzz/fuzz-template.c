/* Input: a template, or a list of fields, up to the first newline; the rest is a value. The value
 * brings no '#' of its own, unless the template is that one field.
 */
#include "l2-line/template.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

static size_t count(struct slice s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.at[i] == c;
	return n;
}

/* With every field empty it is the text alone. */
static void check(const struct template *t, struct slice value)
{
	struct slice values[TEMPLATE_FIELDS_MAX];
	struct buf bare = {0}, made = {0};

	for (size_t i = 0; i < TEMPLATE_FIELDS_MAX; i++)
		values[i] = (struct slice){"", 0};
	demand(template_put(t, values, &bare) == 0);
	for (size_t i = 0; i < TEMPLATE_FIELDS_MAX; i++)
		values[i] = value;
	demand(template_put(t, values, &made) == 0);
	if (bare.len > 0 || !slice_equal(buf_view(&made), value)) {
		demand(count(buf_view(&made), '#') == count(buf_view(&bare), '#'));
		demand(count(buf_view(&made), '\n') == count(buf_view(&bare), '\n'));
	}
	buf_free(&bare);
	buf_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = size == 0 ? NULL : memchr(text, '\n', size);
	struct template *t;
	struct err err;
	char *copy;

	if (end == NULL)
		return 0;
	copy = strndup(text, (size_t)(end - text));
	if (copy == NULL)
		return 0;
	if (template_new(copy, &t, &err) == 0) {
		demand(template_field_count(t) >= 1);
		check(t, (struct slice){end + 1, size - (size_t)(end + 1 - text)});
		template_free(t);
	}
	free(copy);
	return 0;
}
