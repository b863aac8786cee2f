#include "l1-value/display.h"

#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static struct display utf8 = {.width = 80, .utf8 = 1}, ascii = {.width = 80};

static int shows(const struct display *d, const char *text, size_t most, const char *expected,
		 size_t columns)
{
	struct buf out = {0};
	size_t used = display_put(&out, d, slice_of(text), most);
	int equal = slice_is(buf_view(&out), expected) && used == columns;

	if (!equal)
		printf("# got \"%s\", %zu columns\n", buf_text(&out), used);
	buf_free(&out);
	return equal;
}

static void test_text(void)
{
	CHECK(shows(&utf8, "", 10, "", 0), "nothing");
	CHECK(shows(&utf8, "85123A", 10, "85123A", 6), "ASCII");
	CHECK(shows(&utf8, "Martínez", 10, "Martínez", 8), "one column a letter");
	CHECK(shows(&utf8, "漢字", 10, "漢字", 4), "two columns a wide character");
	CHECK(shows(&utf8, "e\xcc\x81", 10, "e\xcc\x81", 1), "none for a combining one");
	CHECK(shows(&utf8, "a\nb\033[31m\x7f", 40, "a\\x0ab\\x1b[31m\\x7f", 18),
	      "control bytes are escaped");
	CHECK(shows(&utf8, "\xc2\x9b", 40, "\\u009b", 6), "C1 controls are escaped");
	CHECK(shows(&utf8, "\xe2\x80\xae", 40, "\\u202e", 6), "bidirectional controls are escaped");
	CHECK(shows(&utf8, "\xe2\x80\xa8", 40, "\\u2028", 6), "a line separator is escaped");
	CHECK(shows(&utf8, "\xff\xc3", 40, "\\xff\\xc3", 8), "what is no UTF-8 is escaped");
	CHECK(shows(&utf8, "\xc0\xaf\xed\xa0\x80", 40, "\\xc0\\xaf\\xed\\xa0\\x80", 20),
	      "overlong forms and surrogates are no UTF-8");
	CHECK(shows(&ascii, "ñ漢😀", 40, "\\u00f1\\u6f22\\U0001f600", 22),
	      "in ASCII everything above it is escaped");
	CHECK(display_width(&utf8, (struct slice){"a\0b", 3}, 80) == 6, "NUL is escaped");
}

static void test_cut(void)
{
	CHECK(shows(&utf8, "abcdef", 6, "abcdef", 6), "what fits is whole");
	CHECK(shows(&utf8, "abcdefg", 6, "abcde…", 6), "what does not is cut");
	CHECK(shows(&ascii, "abcdefg", 6, "abc...", 6), "three dots in ASCII");
	CHECK(shows(&utf8, "漢字漢字", 6, "漢字…", 5), "never through a wide character");
	CHECK(shows(&utf8, "abc\ndef", 6, "abc…", 4), "never through an escape");
	CHECK(shows(&utf8, "abc", 0, "", 0), "no room, nothing");
	CHECK(shows(&ascii, "abcd", 2, "", 0), "no room for the dots, nothing");
	CHECK(display_width(&utf8, slice_of("abcdefgh"), 4) == 5,
	      "width is not looked at to the end");
}

static void test_duration(void)
{
	static const struct {
		int64_t micros;
		const char *text;
	} cases[] = {{0, "0.0 s"},
		     {850000, "0.8 s"},
		     {9999999, "9.9 s"},
		     {10000000, "10 s"},
		     {59999999, "59 s"},
		     {303000000, "5 min 3 s"},
		     {11520000000, "3 h 12 min"},
		     {86399999999, "23 h 59 min"},
		     {86400000000, "1 d 0 h"},
		     {INT64_MAX, "106751991 d 4 h"}};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_clear(&out);
		display_duration(&out, cases[i].micros);
		CHECK(slice_is(buf_view(&out), cases[i].text), "a duration of %s", cases[i].text);
	}
	buf_free(&out);
}

static void test_detect(void)
{
	struct display d;

	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("COLUMNS", "132", 1);
	display_detect(&d, -1);
	CHECK(d.width == 132 && d.utf8 && !d.terminal && !d.color, "no terminal, COLUMNS, UTF-8");
	setenv("LC_ALL", "C", 1);
	for (size_t i = 0; i < 6; i++) {
		static const char *const bad[] = {"",    "0",   "-5",
						  "80x", " 80", "99999999999999999999"};

		setenv("COLUMNS", bad[i], 1);
		display_detect(&d, -1);
		CHECK(d.width == 80 && !d.utf8, "COLUMNS \"%s\" is not used", bad[i]);
	}
}

int main(void)
{
	struct buf out = {0};

	CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL, "there is a C.UTF-8 locale");
	test_text();
	test_cut();
	test_duration();
	display_repeat(&out, "─", 3);
	CHECK(slice_is(buf_view(&out), "───"), "repeat");
	buf_clear(&out);
	display_style(&out, &utf8, DISPLAY_BOLD);
	CHECK(out.len == 0, "no style without colour");
	utf8.color = 1;
	display_style(&out, &utf8, DISPLAY_RED);
	CHECK(slice_is(buf_view(&out), "\033[31m"), "a style with colour");
	buf_free(&out);
	test_detect();
	return check_done();
}
