#include "l3-stream/pgcopy.h"

/* Undo the escapes of a value, in place; it ends at a tab or at `end`, of which the text has a byte
 * behind it. Returns where it ends. */
static char *undo(char *at, const char *end, struct pgoutput_value *v)
{
	char *to;

	v->kind = PGOUTPUT_TEXT;
	v->text.at = at;
	while (at < end && *at != '\t' && *at != '\\')
		at++;
	to = at;
	while (at < end && *at != '\t') {
		if (*at != '\\' || at + 1 == end) {
			*to++ = *at++;
			continue;
		}
		switch (at[1]) {
		case 'b':
			*to++ = '\b';
			break;
		case 'f':
			*to++ = '\f';
			break;
		case 'n':
			*to++ = '\n';
			break;
		case 'r':
			*to++ = '\r';
			break;
		case 't':
			*to++ = '\t';
			break;
		case 'v':
			*to++ = '\v';
			break;
		case 'N':
			v->kind = PGOUTPUT_NULL;
			break;
		default:
			*to++ = at[1];
		}
		at += 2;
	}
	v->text.len = (size_t)(to - v->text.at);
	return at;
}

int pgcopy_row(char *row, size_t len, struct pgoutput_value *value, size_t count, struct err *err)
{
	char *at = row, *end = row + len;

	if (len > 0 && end[-1] == '\n')
		end--;
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			if (at == end)
				return err_set(err, ERR_DATA, "a row of %zu columns, not %zu", i,
					       count);
			at++; /* the tab */
		}
		at = undo(at, end, &value[i]);
	}
	if (at != end)
		return err_set(err, ERR_DATA, "a row of more than %zu columns", count);
	return 0;
}
