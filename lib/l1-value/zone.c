/* The zone of timestamp.h: offsets from UTC, remembered. */
#include "l1-value/timestamp.h"

#include <stdlib.h>
#include <time.h>

#define DAY_SECONDS 86400

/* localtime_r(3) costs more than all else about a record, so its answers are kept by blocks of
 * time: a block whose first and last second have the same offset has it throughout. For no zone of
 * the tz database changes its clocks twice within two days; the least is four, in Freetown in 1939.
 * Where a coarse block holds a change, fine ones are asked, and within one of those the system is.
 */
enum {
	COARSE_SHIFT = 17,    /* 36 hours */
	COARSE_COUNT = 16384, /* 68 years of them */
	FINE_SHIFT = 10,      /* 17 minutes */
	FINE_COUNT = 1024     /* eight changes */
};

struct block {
	int64_t number; /* of the block: its first second >> shift */
	int32_t offset;
	enum { BLOCK_UNKNOWN, BLOCK_CONSTANT, BLOCK_CHANGES } state;
};

struct cache {
	/* The answer given last and where it holds, as most questions are about the same block. */
	int64_t last_from, last_length;
	int last_offset;
	struct block coarse[COARSE_COUNT], fine[FINE_COUNT];
};

struct zone {
	struct cache by_utc, by_local;
};

struct zone *zone_new(void)
{
	tzset();
	return calloc(1, sizeof(struct zone));
}

void zone_free(struct zone *z)
{
	free(z);
}

static int ask_offset(int64_t utc)
{
	time_t t = (time_t)utc;
	struct tm tm;

	return localtime_r(&t, &tm) == NULL ? 0 : (int)tm.tm_gmtoff;
}

/* The offset with which a local time is to be read. */
static int ask_local(int64_t local)
{
	/* No offset is as large as a day, and there is one change at most in between (see above).
	 */
	int before = ask_offset(local - DAY_SECONDS), after = ask_offset(local + DAY_SECONDS);

	if (before == after)
		return before;
	/* Both may hold (the hour comes twice: after), or none (it is skipped: before). */
	return ask_offset(local - after) == after ? after : before;
}

static const struct block *block_at(struct block *blocks, int count, int shift, int64_t at,
				    int (*ask)(int64_t))
{
	int64_t number = at >> shift, from = (int64_t)((uint64_t)number << shift);
	struct block *b = &blocks[number & (count - 1)];

	if (b->state == BLOCK_UNKNOWN || b->number != number) {
		b->number = number;
		b->offset = ask(from);
		b->state =
			ask(from + (1 << shift) - 1) == b->offset ? BLOCK_CONSTANT : BLOCK_CHANGES;
	}
	return b;
}

static int look_up(struct cache *cache, int64_t at, int (*ask)(int64_t))
{
	int shift = COARSE_SHIFT;
	const struct block *b = block_at(cache->coarse, COARSE_COUNT, shift, at, ask);

	if (b->state == BLOCK_CHANGES) {
		shift = FINE_SHIFT;
		b = block_at(cache->fine, FINE_COUNT, shift, at, ask);
	}
	if (b->state == BLOCK_CHANGES)
		return ask(at);
	cache->last_from = (int64_t)((uint64_t)b->number << shift);
	cache->last_length = 1 << shift;
	cache->last_offset = b->offset;
	return b->offset;
}

static inline int cached(struct cache *cache, int64_t at, int (*ask)(int64_t))
{
	if ((uint64_t)at - (uint64_t)cache->last_from < (uint64_t)cache->last_length)
		return cache->last_offset;
	return look_up(cache, at, ask);
}

int zone_offset(struct zone *z, int64_t utc)
{
	return cached(&z->by_utc, utc, ask_offset);
}

int64_t zone_utc(struct zone *z, int64_t local)
{
	return local - cached(&z->by_local, local, ask_local);
}
