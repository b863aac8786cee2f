#include "l1-value/display.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static size_t columns_from_environment(void)
{
	const char *text = getenv("COLUMNS");
	char *end;
	unsigned long n;

	if (text == NULL || *text < '1' || *text > '9')
		return 0;
	n = strtoul(text, &end, 10);
	return *end == '\0' && n <= 100000 ? n : 0;
}

void display_detect(struct display *d, int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size;

	*d = (struct display){.terminal = isatty(fd)};
	d->width = columns_from_environment();
	if (d->width == 0 && d->terminal && ioctl(fd, TIOCGWINSZ, &size) == 0)
		d->width = size.ws_col;
	if (d->width == 0)
		d->width = 80;
	d->utf8 = setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	d->color = d->terminal && (no_color == NULL || *no_color == '\0') &&
		   (term == NULL || strcmp(term, "dumb") != 0);
}

/* The code point that starts at s.at[0] and how many bytes it takes (RFC 3629). A byte that starts
 * none is returned as 0x110000 + its value, and takes one. */
static uint32_t decode(struct slice s, size_t *taken)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)s.at;
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xc0 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf8 ? 4
				 : 0;
	uint32_t c;

	*taken = 1;
	if (n == 1)
		return p[0];
	if (n == 0 || n > s.len)
		return 0x110000 + p[0];
	c = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0x110000 + p[0];
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0x110000 + p[0];
	*taken = n;
	return c;
}

/* Unicode Bidirectional Algorithm (UAX 9), 2: the characters that reorder their neighbours. */
static int is_bidi_control(uint32_t c)
{
	return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

struct glyph {
	size_t bytes, columns; /* taken from the text, and used on the display */
	char escape[12];       /* what to print in its place; empty: the bytes as they are */
};

static struct glyph next_glyph(const struct display *d, struct slice s)
{
	struct glyph g = {0};
	uint32_t c = decode(s, &g.bytes);
	int width = c >= 0x20 && c < 0x7f ? 1 : -1;

	if (c >= 0xa0 && c < 0x110000 && d->utf8 && !is_bidi_control(c))
		width = wcwidth((wchar_t)c);
	if (width >= 0) {
		g.columns = (size_t)width;
		return g;
	}
	if (c >= 0x110000)
		c -= 0x110000;
	g.columns = (size_t)snprintf(g.escape, sizeof g.escape,
				     g.bytes == 1  ? "\\x%02x"
				     : c < 0x10000 ? "\\u%04x"
						   : "\\U%08x",
				     (unsigned)c);
	return g;
}

size_t display_width(const struct display *d, struct slice text, size_t most)
{
	size_t columns = 0;

	while (text.len > 0 && columns <= most) {
		struct glyph g = next_glyph(d, text);

		columns += g.columns;
		text.at += g.bytes;
		text.len -= g.bytes;
	}
	return columns;
}

size_t display_put(struct buf *out, const struct display *d, struct slice text, size_t most)
{
	const char *ellipsis = d->utf8 ? "…" : "...";
	size_t tail = d->utf8 ? 1 : 3, used = 0;
	int cut = display_width(d, text, most) > most;
	size_t room = !cut ? most : most > tail ? most - tail : 0;

	while (text.len > 0) {
		struct glyph g = next_glyph(d, text);

		if (used + g.columns > room)
			break;
		if (g.escape[0] != '\0')
			buf_puts(out, g.escape);
		else
			buf_put(out, text.at, g.bytes);
		used += g.columns;
		text.at += g.bytes;
		text.len -= g.bytes;
	}
	if (cut && most >= tail) {
		buf_puts(out, ellipsis);
		used += tail;
	}
	return used;
}

void display_repeat(struct buf *out, const char *character, size_t count)
{
	while (count-- > 0)
		buf_puts(out, character);
}

void display_duration(struct buf *out, int64_t micros)
{
	int64_t seconds = micros / 1000000, minutes = seconds / 60, hours = minutes / 60;

	if (seconds < 10)
		buf_printf(out, "%" PRId64 ".%" PRId64 " s", seconds, micros / 100000 % 10);
	else if (minutes == 0)
		buf_printf(out, "%" PRId64 " s", seconds);
	else if (hours == 0)
		buf_printf(out, "%" PRId64 " min %" PRId64 " s", minutes, seconds % 60);
	else if (hours < 24)
		buf_printf(out, "%" PRId64 " h %" PRId64 " min", hours, minutes % 60);
	else
		buf_printf(out, "%" PRId64 " d %" PRId64 " h", hours / 24, hours % 24);
}

void display_style(struct buf *out, const struct display *d, enum display_style style)
{
	static const char *const sequence[] = {
		[DISPLAY_PLAIN] = "\033[0m", [DISPLAY_BOLD] = "\033[1m", [DISPLAY_DIM] = "\033[2m",
		[DISPLAY_CYAN] = "\033[36m", [DISPLAY_RED] = "\033[31m",
	};

	if (d->color)
		buf_puts(out, sequence[style]);
}
