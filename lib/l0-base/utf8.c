#include "l0-base/utf8.h"

#include <stdint.h>

/* Length of the well-formed sequence at p, of which n >= 1 bytes are there; 0 when there is none.
 * Source: RFC 3629, section 4 (the table of well-formed sequences). */
static size_t sequence(const unsigned char *p, size_t n)
{
	unsigned char lead = p[0], low = 0x80, high = 0xbf;
	size_t len;

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	if (lead < 0xe0) {
		len = 2;
	} else if (lead < 0xf0) {
		len = 3;
		if (lead == 0xe0)
			low = 0xa0; /* overlong below */
		else if (lead == 0xed)
			high = 0x9f; /* surrogates above */
	} else {
		len = 4;
		if (lead == 0xf0)
			low = 0x90; /* overlong below */
		else if (lead == 0xf4)
			high = 0x8f; /* U+10FFFF is the last */
	}
	if (n < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static inline int is_ascii16(const unsigned char *p)
{
	uint64_t word[2];

	memcpy(word, p, sizeof word);
	return ((word[0] | word[1]) & UINT64_C(0x8080808080808080)) == 0;
}

size_t utf8_valid(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.at;
	size_t i = 0, step;

	while (i < s.len) {
		/* Most text is ASCII: 16 bytes a step while no byte has its high bit set. */
		while (s.len - i >= 16 && is_ascii16(p + i))
			i += 16;
		if (i == s.len)
			break;
		step = sequence(p + i, s.len - i);
		if (step == 0)
			break;
		i += step;
	}
	return i;
}
