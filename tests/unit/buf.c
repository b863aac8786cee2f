#include "l0-base/buf.h"

#include <stdint.h>
#include <stdlib.h>

#include "check.h"

int main(void)
{
	struct buf b = {0};
	size_t len;

	CHECK(buf_view(&b).len == 0, "a new buf is empty");
	CHECK(strcmp(buf_text(&b), "") == 0, "and its text is \"\"");
	CHECK(buf_put(&b, "", 0) == 0 && buf_slice(&b, (struct slice){NULL, 0}) == 0 && b.len == 0,
	      "nothing can be put, from nowhere");

	buf_puts(&b, "uno");
	buf_byte(&b, ',');
	buf_printf(&b, "%d%%", 100);
	buf_put(&b, "a\0b", 3);
	CHECK(slice_equal(buf_view(&b), (struct slice){"uno,100%a\0b", 11}),
	      "puts follow each other, NUL bytes too");
	CHECK(buf_text(&b)[11] == '\0' && b.len == 11,
	      "the NUL byte behind the text is not counted");

	buf_clear(&b);
	CHECK(b.len == 0 && b.size > 0, "clear keeps the memory");
	for (const int64_t *n = (const int64_t[]){0, -1, 10, INT64_MIN, INT64_MAX}; *n != INT64_MAX;
	     n++) {
		buf_int(&b, *n);
		buf_byte(&b, ' ');
	}
	buf_int(&b, INT64_MAX);
	CHECK(slice_is(buf_view(&b), "0 -1 10 -9223372036854775808 9223372036854775807"),
	      "whole numbers, to both ends");
	buf_clear(&b);
	while (b.size - b.len > 3)
		buf_byte(&b, '.');
	len = b.len;
	buf_printf(&b, "%d", 4321);
	CHECK(b.len == len + 4 && memcmp(b.at + len, "4321", 4) == 0,
	      "printf grows when a text just does not fit with its NUL byte");

	buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "%07d\n", i);
	int right = b.len == 800000;

	for (int i = 0; right && i < 100000; i++)
		right = atoi(b.at + (size_t)i * 8) == i;
	CHECK(right, "it grows: 100,000 lines, all there");

	char *room = buf_room(&b, 10);

	CHECK(room == b.at + b.len && b.size - b.len >= 10, "room is at the end, and large enough");

	len = b.len;
	CHECK(buf_room(&b, SIZE_MAX) == NULL && buf_room(&b, SIZE_MAX / 2) == NULL,
	      "sizes that overflow are refused");
	CHECK(b.failed && b.len == len && memcmp(b.at, "0000000\n", 8) == 0,
	      "a failed call sets failed and changes nothing else");
	buf_puts(&b, "x");
	CHECK(b.failed, "failed stays set over later puts that succeed");
	buf_clear(&b);
	CHECK(!b.failed, "until clear");
	buf_free(&b);
	CHECK(b.at == NULL && b.len == 0 && b.size == 0, "free leaves an empty buf");
	buf_free(&b);

	CHECK(slice_equal(slice_of(""), (struct slice){NULL, 0}), "empty slices are equal");
	CHECK(slice_is((struct slice){"abc", 2}, "ab") &&
		      !slice_is((struct slice){"abc", 2}, "abc"),
	      "a slice ends where it ends");
	CHECK(!slice_equal((struct slice){"a\0b", 3}, (struct slice){"a\0c", 3}),
	      "slices differ behind a NUL byte too");
	return check_done();
}
