/* The memory of a static program: here what it falls back to is this C library's. */
#include "l0-base/musl.h"

#include <stdint.h>
#include <stdlib.h>

#include "check.h"

enum { MOST = 1 << 30 }; /* sanitizers end a program that asks for too much */

static long real, real_live; /* calls of the C library's, and its blocks that are in use */

void *musl_real_malloc(size_t n)
{
	void *at = n > MOST ? NULL : malloc(n);

	real++;
	real_live += at != NULL;
	return at;
}

void *musl_real_calloc(size_t n, size_t of)
{
	void *at = n > MOST ? NULL : calloc(n, of);

	real++;
	real_live += at != NULL;
	return at;
}

void *musl_real_realloc(void *at, size_t n)
{
	return realloc(at, n);
}

void musl_real_free(void *at)
{
	real_live -= at != NULL;
	free(at);
}

static unsigned long random_number(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void test_reuse(void)
{
	char *a, *b, *c;
	int zero = 1;

	a = musl_malloc(100);
	memset(a, 'x', 100);
	musl_free(a);
	b = musl_malloc(97);
	CHECK(b == a, "what was given back is given out again");
	musl_free(b);
	c = musl_calloc(10, 10);
	for (int i = 0; i < 100; i++)
		zero &= c[i] == 0;
	CHECK(c == a && zero, "as zeros, where those were asked for");
	CHECK(musl_realloc(c, 112) == c, "it grows within its size");
	c[111] = 'y';
	b = musl_realloc(c, 5000);
	CHECK(b != c && b[111] == 'y', "and moves beyond it");
	CHECK(musl_malloc(112) == c, "what it left is there again");
	musl_free(NULL);
	a = musl_realloc(NULL, 0);
	b = musl_malloc(0);
	CHECK(a != NULL && b != NULL && a != b, "no bytes have a place of their own");
	CHECK(real == 0, "all of that without the C library");
	CHECK(musl_calloc(SIZE_MAX / 2, 3) == NULL && musl_malloc(SIZE_MAX) == NULL,
	      "too much is refused");
	a = musl_malloc(8193);
	a[8192] = 'z';
	b = musl_realloc(a, 100000);
	CHECK(real_live == 1 && b[8192] == 'z', "what is large is the C library's");
	musl_free(b);
	CHECK(real_live == 0, "and goes back there");
}

/* Thousand blocks that come, change their size and go: each keeps its bytes, beside all others. */
static void test_many(void)
{
	enum { BLOCKS = 1000, TURNS = 200000 };
	static struct {
		unsigned char *at;
		size_t size;
		unsigned char fill;
	} block[BLOCKS];
	int good = 1, aligned = 1;

	real = 0;
	for (int turn = 0; turn < TURNS; turn++) {
		size_t i = random_number() % BLOCKS, size = 1 + random_number() % 700;

		for (size_t n = 0; n < block[i].size; n++)
			good &= block[i].at[n] == block[i].fill;
		if (random_number() % 3 == 0) {
			musl_free(block[i].at);
			block[i].at = NULL;
			size = 0;
		} else {
			unsigned char *at = musl_realloc(block[i].at, size);

			for (size_t n = 0; n < size && n < block[i].size; n++)
				good &= at[n] == block[i].fill;
			aligned &= (uintptr_t)at % 16 == 0;
			block[i].at = at;
			block[i].fill = (unsigned char)random_number();
			memset(at, block[i].fill, size);
		}
		block[i].size = size;
	}
	CHECK(good, "no block touches another");
	CHECK(aligned, "all are aligned to 16 bytes");
	CHECK(real > 0 && real < TURNS / 2,
	      "most come from the block, the rest from the C library");
	for (int i = 0; i < BLOCKS; i++)
		musl_free(block[i].at);
	CHECK(real_live == 0, "nothing is lost");
}

int main(void)
{
	test_reuse();
	test_many();
	return check_done();
}
