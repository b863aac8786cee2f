#include "l1-value/base64.h"

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* A group of four, of which `digits` are none of padding, into three bytes. */
static int get_group(const char *text, size_t digits, char *to)
{
	unsigned bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int v = i < digits ? value_of(text[i]) : 0;

		if (v < 0)
			return -1;
		bits = bits << 6 | (unsigned)v;
	}
	to[0] = (char)(bits >> 16);
	to[1] = (char)(bits >> 8);
	to[2] = (char)bits;
	/* What padding stands for is zero. */
	return (bits & ((1U << (24 - 8 * (digits - 1))) - 1)) == 0 ? 0 : -1;
}

int base64_get(struct buf *out, struct slice text)
{
	size_t padding = 0, groups = text.len / 4;
	char *to;

	if (text.len % 4 != 0)
		return -1;
	if (text.len == 0)
		return 0;
	while (padding < 2 && text.at[text.len - 1 - padding] == '=')
		padding++;
	to = buf_room(out, 3 * groups);
	if (to == NULL)
		return -1;
	for (size_t i = 0; i < groups; i++)
		if (get_group(text.at + 4 * i, i + 1 < groups ? 4 : 4 - padding, to + 3 * i) != 0)
			return -1;
	out->len += 3 * groups - padding;
	return 0;
}
