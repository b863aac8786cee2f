#include "l0-base/utf8.h"

#include <iconv.h>
#include <stdlib.h>

#include "check.h"
#include "edge.h"

static iconv_t to_utf32;

/* iconv(3) is the oracle: the C library's own decoder. */
static int valid_by_iconv(const unsigned char *bytes, size_t n)
{
	char text[8], out[64], *in = text, *to = out;
	size_t in_left = n, out_left = sizeof out;

	memcpy(text, bytes, n);
	iconv(to_utf32, NULL, NULL, NULL, NULL);
	return iconv(to_utf32, &in, &in_left, &to, &out_left) == 0 && in_left == 0;
}

static int agree(const unsigned char *bytes, size_t n)
{
	int ours = utf8_valid((struct slice){(const char *)bytes, n}) == n;

	if (ours == valid_by_iconv(bytes, n))
		return 1;
	printf("# %zu bytes %02x %02x %02x %02x: %d\n", n, bytes[0], bytes[1], bytes[2], bytes[3],
	       ours);
	return 0;
}

static void check_sequences(void)
{
	static const unsigned char edges[] = {0x00, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90,
					      0x9f, 0xa0, 0xbe, 0xbf, 0xc0, 0xff};
	int right = 1;
	unsigned char b[4] = {0};

	for (unsigned i = 0; i < 0x10000; i++) {
		b[0] = (unsigned char)(i >> 8);
		b[1] = (unsigned char)i;
		right = right && agree(b, 1) && agree(b, 2);
	}
	CHECK(right, "all strings of 1 and 2 bytes, as iconv(3) says");
	for (unsigned i = 0; i < 0x10000; i++) {
		b[0] = (unsigned char)(i >> 8);
		b[1] = (unsigned char)i;
		for (size_t j = 0; j < sizeof edges; j++) {
			b[2] = edges[j];
			right = right && agree(b, 3);
		}
	}
	CHECK(right, "strings of 3 bytes, all but the last in full");
	for (unsigned i = 0; i < 0x10000; i++) {
		b[0] = (unsigned char)(i >> 8);
		b[1] = (unsigned char)i;
		for (size_t j = 0; b[0] >= 0xe0 && j < sizeof edges * sizeof edges; j++) {
			b[2] = edges[j / sizeof edges];
			b[3] = edges[j % sizeof edges];
			right = right && agree(b, 4);
		}
	}
	CHECK(right, "strings of 4 bytes that begin with e0 to ff");
}

static void check_prefixes(void)
{
	static const char *const bad[] = {
		"\x80",         "\xc3",         "\xc0\x80",         "\xc1\xbf",
		"\xe2\x82",     "\xed\xa0\x80", "\xed\xbf\xbf",     "\xe0\x9f\xbf",
		"\xf0\x8f\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xfe",         "\xff",         "\xe2\x28\xa1",     "\xf8\x88\x80\x80\x80",
	};
	int right = 1;

	/* wherever it stands, with ASCII or longer characters around: the steps of 16 bytes */
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		for (size_t before = 0; before < 70; before++) {
			for (size_t after = 0; after < 20; after++) {
				for (int wide = 0; wide < 2; wide++) {
					char text[200];
					size_t n = 0, whole;

					while (n + 1 < before)
						n += (size_t)snprintf(text + n, 8, "%s",
								      wide ? "\xc3\xb1" : "n");
					whole = n;
					memcpy(text + n, bad[i], strlen(bad[i]));
					n += strlen(bad[i]);
					/* a continuation byte could make it whole: ASCII follows */
					memset(text + n, 'z', after);
					n += after;
					if (utf8_valid(edge_end((struct slice){text, n})) != whole)
						right = 0;
				}
			}
		}
	}
	CHECK(right, "what is valid ends just before what is not, at any place");

	struct slice s = slice_of("Mart\xc3\xadnez \xe2\x82\xac 5 \xf0\x9f\x98\x80");

	CHECK(utf8_valid(edge_end(s)) == s.len, "characters of 1 to 4 bytes");
	CHECK(utf8_valid((struct slice){s.at, s.len - 1}) == s.len - 4,
	      "a character that is cut does not count");
	CHECK(utf8_valid((struct slice){NULL, 0}) == 0, "no text is valid");
	CHECK(utf8_valid((struct slice){"a\0b", 3}) == 3, "U+0000 is a character");
}

int main(void)
{
	to_utf32 = iconv_open("UTF-32LE", "UTF-8");
	if (to_utf32 == (iconv_t)-1) {
		perror("iconv_open");
		return 1;
	}
	check_sequences();
	check_prefixes();
	iconv_close(to_utf32);
	return check_done();
}
