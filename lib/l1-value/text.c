#include "l1-value/text.h"

#include <stdint.h>

static const char upper_hex[] = "0123456789ABCDEF";

static inline uint64_t load8(const unsigned char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

#define EACH_BYTE(b) (0x0101010101010101u * (uint64_t)(b))

/* Letter behind the backslash for a byte that must be escaped; 'u' for \u00XX, 0 for none. Source:
 * PostgreSQL's escape_json(), src/backend/utils/adt/json.c. */
static inline char escape_of(unsigned char c)
{
	switch (c) {
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '"':
	case '\\':
		return (char)c;
	default:
		return c < 0x20 ? 'u' : 0;
	}
}

/* Non-zero when one of eight bytes is below 0x20, '"' or '\\'; bytes of 0x80 and above are none of
 * them. A borrow can only add a hit above a true one, so "zero" is exact. */
static inline uint64_t any_escape(uint64_t word)
{
	uint64_t quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');

	return ((word - EACH_BYTE(0x20)) | (quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1))) &
	       ~word & EACH_BYTE(0x80);
}

/* Length of the front part of s that stands in a JSON string as it is. */
static size_t plain_length(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.at;
	size_t i = 0;

	while (s.len - i >= 8 && any_escape(load8(p + i)) == 0)
		i += 8;
	while (i < s.len && escape_of(p[i]) == 0)
		i++;
	return i;
}

/* The rest of a string, from its first byte that must be escaped on. */
static int put_escaped(struct buf *out, struct slice s)
{
	static const char lower_hex[] = "0123456789abcdef";

	while (s.len > 0) {
		size_t plain = plain_length(s);

		if (buf_put(out, s.at, plain) != 0)
			return -1;
		if (plain == s.len)
			break;
		unsigned char c = (unsigned char)s.at[plain];
		char letter = escape_of(c);
		char text[6] = {'\\', letter, '0', '0', lower_hex[c >> 4], lower_hex[c & 15]};

		if (buf_put(out, text, letter == 'u' ? 6 : 2) != 0)
			return -1;
		s.at += plain + 1;
		s.len -= plain + 1;
	}
	return buf_byte(out, '"');
}

int json_put_string(struct buf *out, struct slice s)
{
	size_t before = out->len, plain = plain_length(s);
	char *to = buf_room(out, plain + 2);

	if (to == NULL)
		return -1;
	*to++ = '"';
	if (plain > 0)
		memcpy(to, s.at, plain);
	to[plain] = '"';
	out->len += plain + 1;
	if (plain == s.len) {
		out->len++; /* nothing to escape: done */
		return 0;
	}
	if (put_escaped(out, (struct slice){s.at + plain, s.len - plain}) == 0)
		return 0;
	out->len = before;
	return -1;
}

static inline int must_encode(unsigned char c)
{
	return c < 0x20 || c == 0x7f || c == '#' || c == '%' || c == '*';
}

int id_put_part(struct buf *out, struct slice part)
{
	/* Room for the worst case at once; ids are short. */
	char *to;

	if (part.len > SIZE_MAX / 3) {
		out->failed = 1;
		return -1;
	}
	to = buf_room(out, 3 * part.len);
	if (to == NULL)
		return -1;
	for (size_t i = 0; i < part.len; i++) {
		unsigned char c = (unsigned char)part.at[i];

		if (must_encode(c)) {
			*to++ = '%';
			*to++ = upper_hex[c >> 4];
			*to++ = upper_hex[c & 15];
		} else {
			*to++ = (char)c;
		}
	}
	if (part.len > 0)
		out->len = (size_t)(to - out->at);
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int id_get_part(struct buf *out, struct slice encoded)
{
	char *to = buf_room(out, encoded.len);

	if (to == NULL && encoded.len > 0)
		return -1;
	for (size_t i = 0; i < encoded.len; i++) {
		unsigned char c = (unsigned char)encoded.at[i];

		if (c == '%') {
			int high = i + 2 < encoded.len ? hex_value(encoded.at[i + 1]) : -1;
			int low = i + 2 < encoded.len ? hex_value(encoded.at[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -1;
			c = (unsigned char)(high << 4 | low);
			/* One part has one encoding: "%41" is nobody's. */
			if (!must_encode(c))
				return -1;
			i += 2;
		} else if (must_encode(c)) {
			return -1;
		}
		*to++ = (char)c;
	}
	if (encoded.len > 0)
		out->len = (size_t)(to - out->at);
	return 0;
}
