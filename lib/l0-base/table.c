#include "l0-base/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "l0-base/short.h"

/* The layout is chosen for tables that are much larger than the caches, where each line of memory
 * touched costs more than all the rest. A look-up touches two places: its slot of the index, which
 * holds enough of the hash to tell other keys apart, and the record, where value and key lie side
 * by side:
 *
 *   index    slots of 8 bytes, open addressing with linear probing: hash (32 bits) | place (32)
 *   places   one a record, in order of first appearance
 *   chunks   the records: value, key length (4 bytes), key bytes; 16-byte aligned, never moved
 *
 * A place counts units of 16 bytes through all chunks; 0 marks a free slot. */
enum {
	UNIT = 16,
	CHUNK_UNITS_LOG2 = 17,
	CHUNK_UNITS = 1 << CHUNK_UNITS_LOG2, /* 2 MiB, a huge page */
	CHUNK_BYTES = CHUNK_UNITS * UNIT,
	/* Where a chunk's records begin: place 0 is none, and records of a whole number of cache
	 * lines lie in just as many. */
	FIRST_UNIT = 4,
	LAST_UNITS = 1, /* free at a chunk's end, so that bytes behind a key can be read */
	INDEX_LEAST = 64
};

struct table {
	uint64_t *index;
	size_t index_size; /* a power of two */
	int index_shift;   /* the slot to look at first is hash >> index_shift */
	size_t value_size;

	uint32_t *places;
	size_t count, places_size;

	/* A chunk made larger for one record has NULLs behind it, one for each further size of a
	 * chunk that it takes: no record begins there. chunks[0 .. chunk_next) are in use, and
	 * those made larger. */
	char **chunks;
	size_t chunk_next, chunk_count, chunks_size;
	size_t next, limit; /* place of the next record, and the end of its chunk */
	size_t record_units;
};

/* Random numbers of this process: whoever chooses the keys cannot know which ones collide. */
static uint64_t seed[4];

static void make_seed(void)
{
	struct timespec now;

	if (seed[0] != 0)
		return;
	if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
		/* Not on any Linux since 3.17: then a guess that is hard enough. */
		clock_gettime(CLOCK_REALTIME, &now);
		for (int i = 0; i < 4; i++)
			seed[i] = ((uint64_t)now.tv_nsec << 32 ^ (uintptr_t)&now ^
				   (uint64_t)now.tv_sec) *
				  (0x9e3779b97f4a7c15u + 2u * (unsigned)i);
	}
	seed[0] |= 1;
}

/* Both halves of the product: every bit of it depends on many bits of both factors. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Takes 16 bytes a step, the last step overlapping the one before it, so that no byte outside the
 * key is read and none of it is left over. The construction is that of Wang Yi's wyhash. */
static inline uint32_t hash_of(struct slice key)
{
	const char *p = key.at;
	size_t n = key.len;
	uint64_t state = seed[0], a, b;

	if (n > 16) {
		for (; n > 16; p += 16, n -= 16)
			state = mix(short_load8(p) ^ seed[1], short_load8(p + 8) ^ state);
		a = short_load8(p + n - 16);
		b = short_load8(p + n - 8);
	} else if (n >= 8) {
		a = short_load8(p);
		b = short_load8(p + n - 8);
	} else if (n >= 4) {
		a = short_load4(p);
		b = short_load4(p + n - 4);
	} else if (n > 0) {
		a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 |
		    (unsigned char)p[n - 1];
		b = 0;
	} else {
		a = b = 0;
	}
	return (uint32_t)(mix(seed[2] ^ key.len, mix(a ^ seed[3], b ^ state)) >> 32);
}

static inline char *record_at(const struct table *t, uint32_t place)
{
	return t->chunks[place >> CHUNK_UNITS_LOG2] + (size_t)(place & (CHUNK_UNITS - 1)) * UNIT;
}

static inline struct slice key_of(const struct table *t, const char *record)
{
	uint32_t len;

	memcpy(&len, record + t->value_size, sizeof len);
	return (struct slice){record + t->value_size + sizeof len, len};
}

/* Memory of a multiple of a chunk's size, in huge pages where the system has them: far fewer page
 * faults, and far fewer misses of the TLB, when a large table is walked at random. */
static void *allocate_huge(size_t bytes)
{
	void *at = aligned_alloc(CHUNK_BYTES, bytes);

	if (at != NULL)
		madvise(at, bytes, MADV_HUGEPAGE); /* advice only */
	return at;
}

struct table *table_new(size_t value_size)
{
	struct table *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	make_seed();
	t->value_size = value_size;
	t->index = calloc(INDEX_LEAST, sizeof *t->index);
	if (t->index == NULL) {
		free(t);
		return NULL;
	}
	t->index_size = INDEX_LEAST;
	t->index_shift = 32 - __builtin_ctzl(INDEX_LEAST);
	return t;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->chunk_count; i++)
		free(t->chunks[i]);
	free(t->chunks);
	free(t->places);
	free(t->index);
	free(t);
}

static int is_enlarged(const struct table *t, size_t chunk)
{
	return chunk + 1 < t->chunk_count && t->chunks[chunk + 1] == NULL;
}

/* Chunks made larger go: they may be huge, and fit one record only. */
static void clear_chunks(struct table *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->chunk_count; i++) {
		if (is_enlarged(t, i))
			free(t->chunks[i]);
		else if (t->chunks[i] != NULL)
			t->chunks[kept++] = t->chunks[i];
	}
	t->chunk_count = kept;
	t->chunk_next = 0;
	t->next = t->limit = 0;
	t->record_units = 0;
}

static size_t most_entries(size_t index_size)
{
	return index_size / 4 * 3;
}

static void set_index(struct table *t, uint64_t *index, size_t size)
{
	t->index = index;
	t->index_size = size;
	t->index_shift = 32 - __builtin_ctzl(size);
}

void table_clear(struct table *t)
{
	size_t size = t->index_size;
	uint64_t *smaller;

	if (t->count == 0)
		return;
	/* The index is wiped whole. One that is much too large, after a phase with many keys, would
	 * make every short phase behind it pay for that. */
	while (size > INDEX_LEAST && most_entries(size) / 8 >= t->count)
		size /= 2;
	if (size < t->index_size) {
		smaller = realloc(t->index, size * sizeof *smaller);
		if (smaller != NULL)
			set_index(t, smaller, size);
	}
	memset(t->index, 0, t->index_size * sizeof *t->index);
	clear_chunks(t);
	t->count = 0;
}

/* The slot for a key that is not there yet. */
static inline size_t free_slot(const struct table *t, uint32_t hash)
{
	size_t slot = (size_t)hash >> t->index_shift;

	while (t->index[slot] != 0)
		slot = (slot + 1) & (t->index_size - 1);
	return slot;
}

/* Make the index twice as large. Slots lie in the order of their hashes, nearly, in the old one and
 * in the new: this is a walk through both, and touches no record. */
static int grow_index(struct table *t)
{
	uint64_t *old = t->index, *index;
	size_t old_size = t->index_size, bytes = 2 * old_size * sizeof *index;

	if (old_size > SIZE_MAX / 2 / sizeof *index || old_size > UINT32_MAX / 2 + 1ul)
		return -1;
	if (bytes < CHUNK_BYTES) {
		index = calloc(1, bytes);
	} else {
		index = allocate_huge(bytes);
		if (index != NULL)
			memset(index, 0, bytes);
	}
	if (index == NULL)
		return -1;
	set_index(t, index, 2 * old_size);
	for (size_t i = 0; i < old_size; i++)
		if (old[i] != 0)
			index[free_slot(t, (uint32_t)(old[i] >> 32))] = old[i];
	free(old);
	return 0;
}

static int grow_places(struct table *t)
{
	size_t size = t->places_size == 0 ? INDEX_LEAST : 2 * t->places_size;
	uint32_t *places = reallocarray(t->places, size, sizeof *places);

	if (places == NULL)
		return -1;
	t->places = places;
	t->places_size = size;
	return 0;
}

/* Room for n more entries of chunks[]. */
static int grow_chunks(struct table *t, size_t n)
{
	size_t size = t->chunks_size == 0 ? 16 : t->chunks_size;
	char **chunks;

	/* A place has 32 bits: 64 GiB of records. */
	if (n > ((size_t)UINT32_MAX >> CHUNK_UNITS_LOG2) + 1 - t->chunk_count)
		return -1;
	while (size < t->chunk_count + n)
		size *= 2;
	if (size == t->chunks_size)
		return 0;
	chunks = reallocarray(t->chunks, size, sizeof *chunks);
	if (chunks == NULL)
		return -1;
	t->chunks = chunks;
	t->chunks_size = size;
	return 0;
}

/* Returns the place of so many units in a row, or 0 out of memory. */
static uint32_t take_units(struct table *t, size_t units)
{
	size_t take = (FIRST_UNIT + units + LAST_UNITS + CHUNK_UNITS - 1) >> CHUNK_UNITS_LOG2;
	size_t place;

	if (t->limit - t->next < units) {
		while (take == 1 && t->chunk_next < t->chunk_count &&
		       (t->chunks[t->chunk_next] == NULL || is_enlarged(t, t->chunk_next)))
			t->chunk_next++;
		if (take > 1 || t->chunk_next == t->chunk_count) {
			char *chunk;

			if (grow_chunks(t, take) != 0)
				return 0;
			/* The first one in small pages, as small tables touch little of it. */
			chunk = t->chunk_count == 0 ? malloc(take * CHUNK_BYTES)
						    : allocate_huge(take * CHUNK_BYTES);
			if (chunk == NULL)
				return 0;
			t->chunks[t->chunk_count] = chunk;
			for (size_t i = 1; i < take; i++)
				t->chunks[t->chunk_count + i] = NULL;
			t->chunk_count += take;
		}
		if (take > 1) {
			t->record_units += units;
			return (uint32_t)((t->chunk_count - take) * CHUNK_UNITS + FIRST_UNIT);
		}
		t->next = t->chunk_next * CHUNK_UNITS + FIRST_UNIT;
		t->limit = (t->chunk_next + 1) * CHUNK_UNITS - LAST_UNITS;
		t->chunk_next++;
	}
	place = t->next;
	t->next += units;
	t->record_units += units;
	return (uint32_t)place;
}

/* The slot where key is or would be; its record, or NULL. */
static inline char *look_up(const struct table *t, struct slice key, uint32_t hash, size_t *slot)
{
	size_t i = (size_t)hash >> t->index_shift;

	for (; t->index[i] != 0; i = (i + 1) & (t->index_size - 1)) {
		if ((uint32_t)(t->index[i] >> 32) != hash)
			continue;
		char *record = record_at(t, (uint32_t)t->index[i]);

		struct slice found = key_of(t, record);

		if (found.len == key.len && short_equal(found.at, key.at, key.len)) {
			*slot = i;
			return record;
		}
	}
	*slot = i;
	return NULL;
}

uint32_t table_hash(struct slice key)
{
	return hash_of(key);
}

void table_fetch_slot(const struct table *t, uint32_t hash)
{
	__builtin_prefetch(&t->index[hash >> t->index_shift]);
}

void table_fetch_entry(const struct table *t, uint32_t hash)
{
	const char *record;

	if (t->chunk_count == 0)
		return;
	/* Of the first slot, whoever's it is, and place 0 if it is free: where half of the keys are
	 * new, to ask would be guessed wrong half of the time, and that costs more. */
	record = record_at(t, (uint32_t)t->index[hash >> t->index_shift]);
	/* A short key and its value may lie across two lines. */
	__builtin_prefetch(record, 1);
	__builtin_prefetch(record + t->value_size + UNIT, 1);
}

void *table_at(struct table *t, struct slice key, int *fresh)
{
	return table_at_hash(t, key, hash_of(key), fresh);
}

void *table_at_hash(struct table *t, struct slice key, uint32_t hash, int *fresh)
{
	uint32_t place, len = (uint32_t)key.len;
	size_t slot;
	char *record = look_up(t, key, hash, &slot);

	*fresh = record == NULL;
	if (record != NULL)
		return record;

	if (key.len > (size_t)1 << 31)
		return NULL;
	if (t->count == t->places_size && grow_places(t) != 0)
		return NULL;
	if (t->count == most_entries(t->index_size)) {
		if (grow_index(t) != 0)
			return NULL;
		slot = free_slot(t, hash);
	}
	place = take_units(t, (t->value_size + sizeof len + key.len + UNIT - 1) / UNIT);
	if (place == 0)
		return NULL;
	record = record_at(t, place);
	for (size_t i = 0; i < t->value_size; i += UNIT)
		memset(record + i, 0, UNIT);
	memcpy(record + t->value_size, &len, sizeof len);
	short_copy(record + t->value_size + sizeof len, key.at, len);
	t->index[slot] = (uint64_t)hash << 32 | place;
	t->places[t->count++] = place;
	return record;
}

void *table_find(const struct table *t, struct slice key)
{
	size_t slot;

	return look_up(t, key, hash_of(key), &slot);
}

size_t table_count(const struct table *t)
{
	return t->count;
}

size_t table_bytes(const struct table *t)
{
	return sizeof *t + t->index_size * sizeof *t->index + t->count * sizeof *t->places +
	       t->record_units * UNIT;
}

struct slice table_key(const struct table *t, size_t i)
{
	return key_of(t, record_at(t, t->places[i]));
}

void *table_value(const struct table *t, size_t i)
{
	return record_at(t, t->places[i]);
}
