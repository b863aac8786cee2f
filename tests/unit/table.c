#include "l0-base/table.h"

#include <stdint.h>
#include <sys/resource.h>

#include "check.h"
#include "edge.h"

static struct slice numbered(char text[32], unsigned i)
{
	snprintf(text, 32, "%u#85123A#2010-12-%02u", i, i % 31 + 1);
	return slice_of(text);
}

static void check_small(void)
{
	static const char *const keys[] = {"b", "a", "", "ab", "abc", "c"};
	struct table *t = table_new(16);
	int fresh, right = 1;

	CHECK(table_count(t) == 0 && table_find(t, slice_of("a")) == NULL, "a new table is empty");
	for (int i = 0; i < 6; i++) {
		int64_t *value = table_at(t, slice_of(keys[i]), &fresh);

		right = right && fresh && value[0] == 0 && value[1] == 0;
		value[0] = i;
		value[1] = -1;
	}
	CHECK(right && table_count(t) == 6, "new keys are fresh, their values zero");
	right = 1;
	for (int i = 5; i >= 0; i--) {
		int64_t *value = table_at(t, slice_of(keys[i]), &fresh);

		right = right && !fresh && value[0] == i && value[1] == -1;
		right = right && table_find(t, slice_of(keys[i])) == value;
	}
	CHECK(right && table_count(t) == 6, "known keys give their values");
	right = 1;
	for (size_t i = 0; i < 6; i++)
		right = right && slice_is(table_key(t, i), keys[i]) &&
			*(int64_t *)table_value(t, i) == (int64_t)i;
	CHECK(right, "entries lie in the order of first appearance");

	CHECK(table_at(t, (struct slice){NULL, 0}, &fresh) != NULL && !fresh,
	      "no text is the same key as empty text");
	CHECK(table_find(t, slice_of("abcd")) == NULL && table_find(t, slice_of("B")) == NULL,
	      "other keys are not there");
	table_at(t, (struct slice){"a\0b", 3}, &fresh);
	CHECK(fresh, "a key may hold NUL bytes");
	table_at(t, (struct slice){"a\0c", 3}, &fresh);
	CHECK(fresh && table_count(t) == 8, "and differs behind them");
	table_free(t);
	table_free(NULL);
}

/* Keys of each length up to 200 that differ in one bit: the hash must not read beside them, and
 * comparison must not take them for each other. */
static void check_lengths(void)
{
	struct table *t = table_new(32);
	char key[200];
	size_t count = 0;
	int fresh, right = 1;

	memset(key, 'k', sizeof key);
	for (int phase = 0; phase < 2; phase++) {
		for (size_t n = 0; n <= sizeof key; n++) {
			table_at(t, edge_end((struct slice){key, n}), &fresh);
			right = right && fresh == !phase;
			table_at(t, edge_start((struct slice){key, n}), &fresh);
			right = right && !fresh;
			for (size_t i = 0; i < n; i++) {
				key[i] ^= 1;
				table_at(t, edge_end((struct slice){key, n}), &fresh);
				right = right && fresh == !phase;
				key[i] ^= 1;
				count += !phase;
			}
			count += !phase;
		}
	}
	CHECK(right && table_count(t) == count, "%zu keys of 0 to 200 bytes are told apart", count);
	table_free(t);
}

/* Phases large and small, one after the other: what was kept must not shine through. */
static void check_phases(void)
{
	static const unsigned sizes[] = {1, 300000, 10, 1, 5000, 300000, 40, 100, 0, 70};
	struct table *t = table_new(48);
	size_t bytes_empty = table_bytes(t);
	char text[32];

	for (size_t phase = 0; phase < sizeof sizes / sizeof sizes[0]; phase++) {
		unsigned n = sizes[phase];
		int fresh, right = 1;

		for (unsigned i = 0; i < 2 * n; i++) {
			/* the second half meets the keys in another order */
			unsigned k = i < n ? i : (unsigned)((uint64_t)i * 7919 % n);
			char *value = table_at(t, numbered(text, k * 3), &fresh);

			right = right && (uintptr_t)value % 16 == 0 && fresh == (i < n);
			for (int j = 0; fresh && j < 48; j++)
				right = right && value[j] == 0;
			memset(value, (int)(k % 255) + 1, 48);
		}
		for (unsigned i = 0; i < n; i++) {
			unsigned char *value = table_value(t, i);

			right = right && slice_equal(table_key(t, i), numbered(text, i * 3)) &&
				value == table_find(t, numbered(text, i * 3)) &&
				value[0] == i % 255 + 1 && value[47] == i % 255 + 1 &&
				table_find(t, numbered(text, i * 3 + 1)) == NULL;
		}
		CHECK(right && table_count(t) == n, "phase of %u keys", n);
		CHECK(n == 0 || table_bytes(t) > bytes_empty + n * 48,
		      "its memory is counted: %zu bytes", table_bytes(t));
		table_clear(t);
		CHECK(table_count(t) == 0 && table_bytes(t) <= bytes_empty + 4096 + n * 200,
		      "and no longer after table_clear: %zu bytes", table_bytes(t));
		CHECK(table_find(t, numbered(text, 0)) == NULL, "nothing is found then");
	}
	table_free(t);
}

/* Keys about as large as the pieces the memory is taken in, and larger, among small ones. */
static void check_huge_keys(void)
{
	enum { MOST = 9 << 20 };
	static const int around[] = {0, 1, 15, 16, 17, 40, 64, 100};
	struct table *t = table_new(16);
	char *bytes = malloc(MOST), text[32];
	int fresh;

	memset(bytes, 'x', MOST);
	for (int phase = 0; phase < 3; phase++) {
		size_t count = 0;
		int right = 1;

		for (int round = 0; round < 2; round++) {
			for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
				for (size_t mib = 1; mib <= 8; mib *= 2) {
					struct slice key = {bytes, (mib << 20) - (size_t)around[i]};
					size_t *value = table_at(t, key, &fresh);

					right = right && fresh == !round &&
						(fresh || *value == key.len);
					*value = key.len;
					count += !round;
				}
				size_t *value = table_at(t, numbered(text, (unsigned)i), &fresh);

				right = right && fresh == !round;
				*value = i;
				count += !round;
			}
		}
		for (size_t i = 0; i < table_count(t); i++) {
			struct slice key = table_key(t, i);

			right = right &&
				(key.len < 32 || *(size_t *)table_value(t, i) == key.len) &&
				table_find(t, key) == table_value(t, i);
		}
		CHECK(right && table_count(t) == count, "keys of up to 8 MiB, phase %d", phase + 1);
		table_clear(t);
		/* the next phase begins in what this one left */
		for (unsigned i = 0; i < 50000; i++)
			table_at(t, numbered(text, i), &fresh);
		CHECK(table_count(t) == 50000, "and small ones in their place");
		table_clear(t);
	}
	free(bytes);
	table_free(t);
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static void check_out_of_memory(void)
{
#ifdef SANITIZED
	CHECK(1, "out of memory # SKIP the sanitizer's own memory cannot be limited");
#else
	struct table *t = table_new(16);
	struct rlimit before, limit;
	char text[32];
	int fresh;
	unsigned n = 0;

	getrlimit(RLIMIT_AS, &before);
	limit = (struct rlimit){.rlim_cur = 100 << 20, .rlim_max = before.rlim_max};
	setrlimit(RLIMIT_AS, &limit);
	while (n < 10000000 && table_at(t, numbered(text, n), &fresh) != NULL)
		n++;
	CHECK(n > 10000 && n < 10000000, "out of memory is an answer (after %u keys)", n);
	CHECK(table_at(t, numbered(text, n), &fresh) == NULL, "and is so again");

	int right = table_count(t) == n && table_find(t, numbered(text, n)) == NULL;

	for (unsigned i = 0; i < n; i++)
		right = right && slice_equal(table_key(t, i), numbered(text, i)) &&
			table_at(t, numbered(text, i), &fresh) == table_value(t, i) && !fresh;
	CHECK(right, "the table is as it was");
	setrlimit(RLIMIT_AS, &before);
	CHECK(table_at(t, numbered(text, n), &fresh) != NULL && fresh, "with memory it goes on");
	table_free(t);
#endif
}

/* Records of 64 bytes fill a chunk to its end: what can be read behind the last key is there, too.
 * (It is memory checkers that would see it.) */
static void check_behind(void)
{
	struct table *t = table_new(16);
	volatile char sum = 0;
	unsigned count = 0;
	int fresh;

	for (unsigned i = 0; i < 70000; i++) {
		char text[45];

		snprintf(text, sizeof text, "%044u", i);
		count += table_at(t, (struct slice){text, 44}, &fresh) != NULL && fresh;
	}
	for (unsigned i = 0; i < count; i++)
		for (size_t n = 0; n < 16; n++)
			sum = (char)(sum ^ table_key(t, i).at[44 + n]);
	CHECK(count == 70000, "16 bytes can be read behind each of %u keys", count);
	table_free(t);
}

int main(void)
{
	check_behind();
	check_small();
	check_lengths();
	check_phases();
	check_huge_keys();
	check_out_of_memory();
	return check_done();
}
