/* Transactions held until their commit: order, what is rolled back, memory and file. */
#include "l2-line/pgheld.h"

#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static struct err err;

/* Message n of a transaction: its length is such that it crosses every boundary sooner or later. */
static struct slice message(uint32_t xid, unsigned n)
{
	static char text[70000];
	size_t len = n % 1000 == 999 ? sizeof text : 10 + n % 97;

	memset(text, 'a' + (int)((xid + n) % 26), len);
	memcpy(text, &n, sizeof n);
	return (struct slice){text, len};
}

static void add(struct pgheld *h, uint32_t xid, uint32_t subxid, unsigned n)
{
	if (pgheld_add(h, xid, subxid, message(xid, n), &err) != 0)
		CHECK(0, "add: %s", err.message);
}

/* Whether transaction xid has messages 0 .. count - 1 of which those with n % every == skip are
 * aborted (every 0: none). */
static int gives(struct pgheld *h, uint32_t xid, unsigned count, unsigned every, unsigned skip)
{
	struct slice got;
	unsigned n = 0;
	int aborted, result;

	pgheld_commit(h, xid);
	while ((result = pgheld_next(h, &got, &aborted, &err)) == 1) {
		if (!slice_equal(got, message(xid, n)) ||
		    aborted != (every != 0 && n % every == skip))
			return 0;
		n++;
	}
	return result == 0 && n == count && pgheld_next(h, &got, &aborted, &err) == 0;
}

static void two_interleaved(size_t memory)
{
	struct pgheld *h = pgheld_new(memory);

	for (unsigned n = 0; n < 3000; n++) {
		add(h, 10, 10, n);
		add(h, 20, n % 3 == 1 ? 21 : n % 3 == 2 ? 22 : 20, n);
	}
	pgheld_abort(h, 20, 22, &err);
	pgheld_abort(h, 20, 19, &err);
	pgheld_abort(h, 20, 23, &err);
	CHECK(pgheld_count(h) == 2, "memory %zu: two are held", memory);
	CHECK(gives(h, 20, 3000, 3, 2), "memory %zu: the second, a part of it rolled back", memory);
	add(h, 30, 30, 0);
	CHECK(gives(h, 10, 3000, 0, 0), "memory %zu: the first", memory);
	CHECK(gives(h, 30, 1, 0, 0), "memory %zu: a third, begun meanwhile", memory);
	CHECK(pgheld_count(h) == 0 && pgheld_bytes(h) == 0, "memory %zu: nothing is held", memory);
	pgheld_free(h);
}

int main(void)
{
	struct pgheld *h;

	two_interleaved(1 << 30);
	two_interleaved(300000);
	two_interleaved(0);

	h = pgheld_new(1000);
	for (unsigned n = 0; n < 2000; n++)
		add(h, 5, 5, n);
	pgheld_abort(h, 5, 5, &err);
	pgheld_abort(h, 6, 6, &err);
	CHECK(pgheld_count(h) == 0 && pgheld_bytes(h) == 0, "what is rolled back is gone");
	CHECK(gives(h, 5, 0, 0, 0), "and its commit gives nothing");
	add(h, 5, 5, 0);
	CHECK(gives(h, 5, 1, 0, 0), "its number may come again");
	pgheld_free(h);

	setenv("TMPDIR", "/nonexistent", 1);
	h = pgheld_new(1000);
	CHECK(pgheld_add(h, 1, 1, message(1, 1), &err) == 0, "memory needs no file");
	CHECK(pgheld_add(h, 1, 1, message(1, 999), &err) == -1 && err.status == ERR_CREATE,
	      "no place for the file: %s", err.message);
	pgheld_free(h); /* in mid-transaction */
	pgheld_free(NULL);
	return check_done();
}
