#include "l1-value/pgkeys.h"

#include <stdlib.h>

#include "check.h"

static const struct pgkeys_pos here = {7, 100, 16385, "d.public.t"};
static struct buf text;

/* The keys as they stand in a position. */
static const char *keys_of(const struct pgkeys *k)
{
	char *from, *to;

	buf_clear(&text);
	pgkeys_put(&text, &here, k);
	from = text.at + strlen("pgk1:7:100:");
	to = strchr(from, ':');
	*to = '\0';
	return from;
}

static void test_gaps(void)
{
	struct pgkeys k = {.top = 10};

	pgkeys_give(&k, 11, 10);
	CHECK(strcmp(keys_of(&k), "11") == 0, "the next key leaves no gap");
	pgkeys_give(&k, 15, 10);
	CHECK(strcmp(keys_of(&k), "15~12..14") == 0, "one further on does");
	CHECK(pgkeys_has(&k, 11) && !pgkeys_has(&k, 13) && pgkeys_has(&k, 15) &&
		      !pgkeys_has(&k, 16) && pgkeys_has(&k, -5),
	      "what is in it was not given");
	pgkeys_give(&k, 13, 10);
	CHECK(strcmp(keys_of(&k), "15~12,14") == 0, "a key inside cuts it in two");
	pgkeys_give(&k, 13, 10);
	CHECK(strcmp(keys_of(&k), "15~12,14") == 0, "twice is once");
	pgkeys_give(&k, 20, 18);
	CHECK(strcmp(keys_of(&k), "20~12,14,19") == 0, "no gap in what is settled");
	pgkeys_give(&k, 23, 100);
	CHECK(strcmp(keys_of(&k), "23~12,14,19") == 0, "none at all");
	pgkeys_give(&k, 30, 23);
	pgkeys_give(&k, 24, 23);
	pgkeys_give(&k, 29, 23);
	CHECK(strcmp(keys_of(&k), "30~12,14,19,25..28") == 0, "keys at the ends of a gap");
	pgkeys_settle(&k, 26);
	CHECK(strcmp(keys_of(&k), "30~27..28") == 0,
	      "what is settled is forgotten, inside one too");
	pgkeys_give(&k, 27, 26);
	pgkeys_give(&k, 28, 26);
	CHECK(strcmp(keys_of(&k), "30") == 0, "and what is filled is no gap any more");
	pgkeys_free(&k);
	k.top = PGKEYS_NONE;
	pgkeys_give(&k, 2, PGKEYS_NONE);
	CHECK(!pgkeys_has(&k, 1) && pgkeys_has(&k, 2), "before the first key there is a gap");
	pgkeys_give(&k, INT64_MAX, PGKEYS_NONE);
	pgkeys_give(&k, INT64_MAX - 1, PGKEYS_NONE);
	CHECK(strcmp(keys_of(&k), "9223372036854775807~-9223372036854775807..1,3.."
				  "9223372036854775805") == 0,
	      "up to the greatest there is: %s", keys_of(&k));
	pgkeys_settle(&k, INT64_MAX);
	CHECK(k.count == 0, "all settled");
	pgkeys_free(&k);
}

/* Against a table of what was given. */
static void test_at_random(void)
{
	struct pgkeys k = {.top = 0};
	char given[200] = {1};
	int wrong = 0;

	srandom(20240321);
	for (int i = 0; i < 4000 && wrong == 0; i++) {
		long key = 1 + random() % 199;

		if (key <= k.top + 8) {
			pgkeys_give(&k, key, 0);
			given[key] = 1;
		}
		for (int n = 0; n < 200; n++)
			wrong += pgkeys_has(&k, n) != given[n];
		for (size_t n = 0; n < k.count; n++)
			wrong += k.gap[n].last < k.gap[n].first || k.gap[n].last >= k.top ||
				 (n > 0 && k.gap[n].first < k.gap[n - 1].last + 2);
	}
	CHECK(wrong == 0, "keys in any order");
	pgkeys_free(&k);
}

static void test_positions(void)
{
	static const char *const good[] = {
		"pgk1:7:100:15:16385:d.public.t",
		"pgk1:7:100:15~12,14:16385:d.public.t",
		"pgk1:7:100:-3~-9..-5:16385:d.public.t",
		"pgk1:7:100:-9223372036854775808:16385:d.public.t",
		"pgk1:7:100:9223372036854775807~-9223372036854775807..1:16385:d.public.t",
	};
	static const char *const bad[] = {
		"",
		"pg1:7:0/1:0:16385:d.public.t",
		"pgk1:7:100:16385:d.public.t",
		"pgk1:7:100:9223372036854775808:16385:d.public.t",
		"pgk1:7:100:-9223372036854775809:16385:d.public.t",
		"pgk1:7:100:-0:16385:d.public.t",
		"pgk1:7:100:15~:16385:d.public.t",
		"pgk1:7:100:15~9..8:16385:d.public.t",
		"pgk1:7:100:15~15:16385:d.public.t",
		"pgk1:7:100:15~9,8:16385:d.public.t",
		"pgk1:7:100:15~8,9:16385:d.public.t",
		"pgk1:7:100:15~8..:16385:d.public.t",
		"pgk1:-7:100:15:16385:d.public.t",
		"pgk1:7:4294967296:15:16385:d.public.t",
	};
	static const char *const others[] = {
		"pgk1:8:100:15:16385:d.public.t",
		"pgk1:7:101:15:16385:d.public.t",
		"pgk1:7:100:15:16386:d.public.t",
	};
	static const char *const reasons[] = {"another server", "truncated", "another table"};
	struct pgkeys k = {0}, other = {0};
	struct err err;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		int result = pgkeys_parse(slice_of(good[i]), &here, &k, &err);

		buf_clear(&text);
		pgkeys_put(&text, &here, &k);
		CHECK(result == 0 && strcmp(buf_text(&text), good[i]) == 0, "read and printed: %s",
		      good[i]);
		pgkeys_copy(&other, &k);
		buf_clear(&text);
		pgkeys_put(&text, &here, &other);
		CHECK(strcmp(buf_text(&text), good[i]) == 0, "copied: %s", good[i]);
		pgkeys_free(&k);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(pgkeys_parse(slice_of(bad[i]), &here, &k, &err) == -1 &&
			      err.status == ERR_CONFIG && k.gap == NULL,
		      "no position: %s", bad[i]);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		CHECK(pgkeys_parse(slice_of(others[i]), &here, &k, &err) == -1 &&
			      err.status == ERR_CONFIG && strstr(err.message, reasons[i]) != NULL,
		      "%s: %s", reasons[i], err.message);
	pgkeys_free(&other);
}

int main(void)
{
	test_gaps();
	test_at_random();
	test_positions();
	buf_free(&text);
	return check_done();
}
