#include "l1-value/percent.h"

static int is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

int percent_put(struct buf *out, struct slice s, const char *keep)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (is_unreserved((char)c) || (c != '\0' && strchr(keep, c) != NULL)) {
			buf_byte(out, (char)c);
			continue;
		}
		buf_byte(out, '%');
		buf_byte(out, digits[c >> 4]);
		buf_byte(out, digits[c & 15]);
	}
	return out->failed ? -1 : 0;
}
