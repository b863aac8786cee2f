#include "l0-base/keyset.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

/* The keys of all open sets lie on one stack, those of an inner set above those of the outer one.
 * Up to FEW keys of a set are compared one by one; beyond that, all its keys are in a hash table
 * too. Keys leave in the reverse order of their coming, so an entry of the table can be taken out
 * by emptying its place: nothing that is still there had to step over it. */
#define FEW 16

struct key {
	const char *at;
	size_t len;
	uint64_t hash;
	uint32_t set; /* where its set begins on the stack */
	int tabled;
};

struct keyset {
	struct key *key;
	uint32_t count, size;
	uint32_t *table; /* index of a key + 1; 0 for an empty place */
	size_t table_size, table_count;
	uint32_t *first; /* of the keys of each open set */
	size_t depth, depth_size;
	uint64_t seed; /* unknown outside, so that nobody can choose keys that collide */
};

struct keyset *keyset_new(void)
{
	struct keyset *k = calloc(1, sizeof *k);

	if (k != NULL && getrandom(&k->seed, sizeof k->seed, GRND_NONBLOCK) < 0)
		k->seed = (uint64_t)(uintptr_t)k;
	return k;
}

void keyset_free(struct keyset *k)
{
	if (k == NULL)
		return;
	free(k->key);
	free(k->table);
	free(k->first);
	free(k);
}

void keyset_reset(struct keyset *k)
{
	k->depth = k->count = 0;
	if (k->table_count > 0)
		memset(k->table, 0, k->table_size * sizeof *k->table);
	k->table_count = 0;
}

int keyset_open(struct keyset *k)
{
	if (k->depth == k->depth_size) {
		size_t size = k->depth_size == 0 ? 16 : 2 * k->depth_size;
		uint32_t *bigger = realloc(k->first, size * sizeof *bigger);

		if (bigger == NULL)
			return -1;
		k->first = bigger;
		k->depth_size = size;
	}
	k->first[k->depth++] = k->count;
	return 0;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const char *at, size_t n)
{
	uint64_t word = 0;

	memcpy(&word, at, n);
	return word;
}

static uint64_t hash_of(uint64_t seed, struct slice key)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t h = seed ^ key.len;
	const char *at = key.at, *end = key.at + key.len;

	for (; end - at > 8; at += 8)
		h = mix(h ^ load(at, 8), odd);
	if (key.len >= 8)
		return mix(h ^ load(end - 8, 8), odd);
	if (key.len >= 4)
		return mix(h ^ (load(at, 4) | load(end - 4, 4) << 32), odd);
	if (key.len > 0)
		h ^= load(at, 1) | load(at + key.len / 2, 1) << 8 | load(end - 1, 1) << 16;
	return mix(h, odd);
}

static int same(const struct key *a, const struct key *b)
{
	return a->hash == b->hash && a->len == b->len &&
	       (a->len == 0 || memcmp(a->at, b->at, a->len) == 0);
}

/* The same key of another set has another place. */
static size_t place_of(const struct keyset *k, const struct key *key)
{
	return (size_t)mix(key->hash ^ key->set, UINT64_C(0xd6e8feb86659fd93)) &
	       (k->table_size - 1);
}

/* Put key i into the table. Returns 1, or 0 when it is there. */
static int table_add(struct keyset *k, uint32_t i)
{
	struct key *key = &k->key[i];
	size_t p = place_of(k, key);

	for (; k->table[p] != 0; p = (p + 1) & (k->table_size - 1)) {
		const struct key *other = &k->key[k->table[p] - 1];

		if (other->set == key->set && same(other, key))
			return 0;
	}
	k->table[p] = i + 1;
	k->table_count++;
	key->tabled = 1;
	return 1;
}

/* Make the table large enough for `more` keys; the keys are put in anew, in their old order. */
static int table_grow(struct keyset *k, size_t more)
{
	size_t size = k->table_size == 0 ? 256 : k->table_size;
	uint32_t *table;

	while (size / 2 < k->table_count + more)
		size *= 2;
	if (size == k->table_size)
		return 0;
	table = calloc(size, sizeof *table);
	if (table == NULL)
		return -1;
	free(k->table);
	k->table = table;
	k->table_size = size;
	k->table_count = 0;
	for (uint32_t i = 0; i < k->count; i++) {
		if (k->key[i].tabled)
			table_add(k, i);
	}
	return 0;
}

static int stack_grow(struct keyset *k)
{
	uint32_t size = k->size == 0 ? 64 : 2 * k->size;
	struct key *bigger = size < UINT32_MAX / 2 ? realloc(k->key, size * sizeof *bigger) : NULL;

	if (bigger == NULL)
		return -1;
	k->key = bigger;
	k->size = size;
	return 0;
}

int keyset_add(struct keyset *k, struct slice key)
{
	uint32_t first = k->first[k->depth - 1], count = k->count - first;
	struct key *new;

	if (k->count == k->size && stack_grow(k) != 0)
		return -1;
	new = &k->key[k->count];
	*new = (struct key){key.at, key.len, hash_of(k->seed, key), first, 0};
	if (count < FEW) {
		for (uint32_t i = first; i < k->count; i++) {
			if (same(&k->key[i], new))
				return 0;
		}
		k->count++;
		return 1;
	}
	if (table_grow(k, count + 1) != 0)
		return -1;
	if (count == FEW) {
		for (uint32_t i = first; i < k->count; i++)
			table_add(k, i);
	}
	if (!table_add(k, k->count))
		return 0;
	k->count++;
	return 1;
}

void keyset_close(struct keyset *k)
{
	uint32_t first = k->first[--k->depth];

	while (k->count > first) {
		const struct key *key = &k->key[--k->count];
		size_t p;

		if (!key->tabled)
			continue;
		for (p = place_of(k, key); k->table[p] != k->count + 1;)
			p = (p + 1) & (k->table_size - 1);
		k->table[p] = 0;
		k->table_count--;
	}
}
