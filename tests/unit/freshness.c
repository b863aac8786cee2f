#include "l2-line/freshness.h"

#include "check.h"

#define AT INT64_C(1711015205123000) /* 2024-03-21T10:00:05.123Z */

static int says(struct freshness f, const char *expected)
{
	struct buf out = {0};
	int equal = freshness_put(&out, &f) == 0 && slice_is(buf_view(&out), expected);

	if (!equal)
		printf("# got \"%s\"\n", buf_text(&out));
	buf_free(&out);
	return equal;
}

static int aged(int64_t now, const char *expected)
{
	struct freshness f = {1, AT, 42, now};
	struct decimal age = freshness_age(&f);
	char text[DECIMAL_TEXT_MAX];

	decimal_print(&age, text);
	return strcmp(text, expected) == 0;
}

int main(void)
{
	int64_t now = freshness_now();

	CHECK(says((struct freshness){1, AT, 42, AT + 850000},
		   "as of 2024-03-21T10:00:05.123Z (0.8 s ago), epoch 42"),
	      "a moment ago");
	CHECK(says((struct freshness){1, AT, 42, AT + 3600000000},
		   "as of 2024-03-21T10:00:05.123Z (1 h 0 min ago), epoch 42"),
	      "an hour ago");
	CHECK(says((struct freshness){1, AT, 42, AT - 1},
		   "as of 2024-03-21T10:00:05.123Z (0.0 s ahead of this clock), epoch 42"),
	      "the source's clock is ahead");
	CHECK(says((struct freshness){1, -1, 1, 0},
		   "as of 1969-12-31T23:59:59.999Z (0.0 s ago), epoch 1"),
	      "before 1970");
	CHECK(says((struct freshness){0}, "no checkpoint in this store: not known how fresh"),
	      "not known");
	CHECK(aged(AT + 1234999, "1.234") && aged(AT, "0.000") && aged(AT - 50000, "-0.050"),
	      "ages are exact to the millisecond");
	CHECK(now > AT && now < INT64_C(32503680000000000), "now is not long ago, nor in 3000");
	return check_done();
}
