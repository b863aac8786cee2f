/* The zone of timestamp.h: offsets from UTC, remembered. */
#include "l1-value/timestamp.h"

#include <stdlib.h>
#include <time.h>

#define DAY_SECONDS 86400

/* localtime_r(3) costs more than all else about a record, so its answers are kept by blocks of
 * time. A block whose first and last second have the same offset has it throughout: no zone ever
 * changed its clocks twice within a quarter of an hour. */
enum {
	BLOCK_SECONDS = 900,
	BLOCKS = 16384 /* 170 days of them */
};

struct block {
	int64_t number; /* of the block: its first second / BLOCK_SECONDS */
	int32_t offset;
	enum { BLOCK_UNKNOWN, BLOCK_CONSTANT, BLOCK_CHANGES } state;
};

struct cache {
	/* The block asked for last, as most questions are about the same one. */
	int64_t last_from;
	int last_offset, last_known;
	struct block blocks[BLOCKS];
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
	/* No offset is as large as a day, nor do two changes fall so close together. */
	int before = ask_offset(local - DAY_SECONDS), after = ask_offset(local + DAY_SECONDS);

	if (before == after)
		return before;
	/* Both may hold (the hour comes twice: after), or none (it is skipped: before). */
	return ask_offset(local - after) == after ? after : before;
}

static int cached(struct cache *cache, int64_t at, int (*ask)(int64_t))
{
	int64_t number;
	struct block *b;

	if (cache->last_known && (uint64_t)at - (uint64_t)cache->last_from < BLOCK_SECONDS)
		return cache->last_offset;
	number = at / BLOCK_SECONDS - (at % BLOCK_SECONDS < 0);
	b = &cache->blocks[number & (BLOCKS - 1)];
	if (b->state == BLOCK_UNKNOWN || b->number != number) {
		int64_t from = number * BLOCK_SECONDS;

		b->number = number;
		b->offset = ask(from);
		b->state =
			ask(from + BLOCK_SECONDS - 1) == b->offset ? BLOCK_CONSTANT : BLOCK_CHANGES;
	}
	if (b->state == BLOCK_CHANGES)
		return ask(at);
	cache->last_known = 1;
	cache->last_from = number * BLOCK_SECONDS;
	cache->last_offset = b->offset;
	return b->offset;
}

int zone_offset(struct zone *z, int64_t utc)
{
	return cached(&z->by_utc, utc, ask_offset);
}

int64_t zone_utc(struct zone *z, int64_t local)
{
	return local - cached(&z->by_local, local, ask_local);
}
