#include "l2-line/omit.h"

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Where the member begins whose value is at `value`: at its key's opening quote. The line is valid
 * JSON, so what stands before the value is a key and a colon; and a quote inside the key has an odd
 * number of backslashes before it. */
static const char *member_start(const char *value)
{
	const char *p = value - 1;

	while (is_space(*p) || *p == ':')
		p--;
	for (;;) {
		size_t backslashes = 0;

		p--; /* from the closing quote on; at last, the opening one */
		if (*p != '"')
			continue;
		while (p[-1 - (ptrdiff_t)backslashes] == '\\')
			backslashes++;
		if (backslashes % 2 == 0)
			return p;
	}
}

/* The first of the values behind `from`, or NULL. */
static const struct scan_value *next_value(const struct scan_value *const *values, size_t count,
					   const char *from)
{
	const struct scan_value *first = NULL;

	for (size_t i = 0; i < count; i++)
		if (values[i]->kind != SCAN_ABSENT && values[i]->raw.at >= from &&
		    (first == NULL || values[i]->raw.at < first->raw.at))
			first = values[i];
	return first;
}

int omit_fields(struct slice line, const struct scan_value *const *values, size_t count,
		struct buf *out)
{
	const char *from = line.at, *end = line.at + line.len;
	const struct scan_value *v;
	size_t start = out->len;

	while ((v = next_value(values, count, from)) != NULL) {
		const char *member = member_start(v->raw.at);

		buf_put(out, from, (size_t)(member - from));
		from = v->raw.at + v->raw.len;
		while (from < end && is_space(*from))
			from++;
		if (from < end && *from == ',') {
			from++;
			continue;
		}
		/* The last one of its object: the comma before it goes. */
		while (out->len > start && is_space(out->at[out->len - 1]))
			out->len--;
		if (out->len > start && out->at[out->len - 1] == ',')
			out->len--;
	}
	return buf_put(out, from, (size_t)(end - from)) != 0 || out->failed ? -1 : 0;
}
