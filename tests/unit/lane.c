#include "l0-base/lane.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "check.h"

/* Messages are a number of 8 bytes and padding. The work checks that they come in order, each once
 * and whole. */
struct bench {
	uint64_t next, wrong, blocks;
	uint64_t fail_at;
	pthread_t caller;
	int by_caller, by_other;
	pthread_mutex_t gate; /* the work goes through it at each block */
};

static int work(void *context, char *at, size_t len, struct err *err)
{
	struct bench *b = context;
	int failed = 0;

	pthread_mutex_lock(&b->gate);
	pthread_mutex_unlock(&b->gate);
	b->blocks++;
	*(pthread_equal(pthread_self(), b->caller) ? &b->by_caller : &b->by_other) = 1;
	for (size_t i = 0; i < len; b->next++) {
		uint64_t n[2];

		memcpy(n, at + i, sizeof n);
		b->wrong += n[0] != b->next || n[1] < sizeof n || n[1] > len - i ||
			    (uintptr_t)at % 16 != 0;
		if (n[1] < sizeof n)
			break;
		if (b->next >= b->fail_at && !failed)
			failed = err_set(err, ERR_DATA, "message %d", (int)b->next);
		i += n[1];
	}
	return failed;
}

static struct lane *begin(struct bench *b, int second)
{
	*b = (struct bench){.fail_at = UINT64_MAX, .caller = pthread_self()};
	pthread_mutex_init(&b->gate, NULL);
	return lane_new(second, work, b);
}

static int put(struct lane *l, uint64_t number, uint64_t size, struct err *err)
{
	int behind;
	char *at = lane_room(l, size, &behind, err);

	if (at == NULL)
		return -1;
	memcpy(at, &number, sizeof number);
	memcpy(at + sizeof number, &size, sizeof size);
	return behind;
}

static void test_order(int second)
{
	enum { MESSAGES = 300000 };
	struct bench b;
	struct lane *l = begin(&b, second);
	struct err err;
	int good = 1;

	for (uint64_t i = 0; i < MESSAGES; i++) {
		good &= put(l, i, i % 5000 == 0 ? LANE_BLOCK : 16 + i * 7919 % 13 * 16, &err) >= 0;
		if (i % 70001 == 0)
			good &= lane_settle(l, &err) == 0 && b.next == i + 1;
	}
	good &= lane_settle(l, &err) == 0;
	CHECK(good && b.next == MESSAGES && b.wrong == 0, "all in order, with a second thread: %d",
	      second);
	CHECK(b.by_other == second, "which did its part: %d", second);
	CHECK(lane_settle(l, &err) == 0 && lane_idle(l, &err) == 1, "nothing more to do");
	put(l, MESSAGES, 16, &err);
	lane_free(l);
	CHECK(b.next == MESSAGES + 1, "the last message is done before the end");
}

static void test_few(void)
{
	struct bench b;
	struct lane *l = begin(&b, 1);
	struct err err;
	int good = 1;

	CHECK(put(l, 0, 16, &err) == 0 && put(l, 1, 16, &err) == 1, "behind another one, or not");
	lane_shorten(l, 16);
	CHECK(put(l, 1, 32, &err) == 1 && b.next == 0, "a message given back; nothing done yet");
	CHECK(lane_idle(l, &err) == 1 && b.next == 2 && b.wrong == 0, "idle: done at once");
	for (uint64_t i = 2; i < 1002; i++)
		good &= put(l, i, 1600, &err) >= 0 && (i % 10 != 0 || lane_idle(l, &err) == 1);
	CHECK(good && lane_settle(l, &err) == 0 && b.next == 1002 && b.wrong == 0 && !b.by_other,
	      "few at a time: the caller does them");
	lane_free(l);
}

/* More than a block waits when the caller is idle: the other thread has it. */
static void test_idle(void)
{
	struct bench b;
	struct lane *l = begin(&b, 1);
	struct err err;
	int idle, waited = 0;

	pthread_mutex_lock(&b.gate);
	for (uint64_t i = 0; i < 30; i++)
		put(l, i, 3200, &err);
	CHECK(lane_idle(l, &err) == 0, "not idle while the other thread is at it");
	pthread_mutex_unlock(&b.gate);
	while ((idle = lane_idle(l, &err)) == 0)
		waited = 1;
	CHECK(idle == 1 && b.next == 30 && b.wrong == 0 && b.by_other, "idle later (%d)", waited);
	lane_free(l);
}

static void test_failure(int second)
{
	struct bench b;
	struct lane *l = begin(&b, second);
	struct err err = {0};
	uint64_t i;

	b.fail_at = 5000;
	for (i = 0; i < 1000000 && put(l, i, 160, &err) >= 0; i++)
		;
	CHECK(i > 5000 && i < 1000000 && strcmp(err.message, "message 5000") == 0,
	      "the failure is told, with a second thread: %d", second);
	err = (struct err){0};
	CHECK(lane_settle(l, &err) == -1 && strcmp(err.message, "message 5000") == 0 &&
		      b.next == i && b.wrong == 0,
	      "again; what was handed over comes all the same");
	CHECK(lane_idle(l, &err) == -1, "and again");
	lane_free(l);
}

int main(void)
{
	test_order(0);
	test_order(1);
	test_few();
	test_idle();
	test_failure(0);
	test_failure(1);
	return check_done();
}
