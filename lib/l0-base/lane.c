#include "l0-base/lane.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	BLOCKS = 64, /* 2 MB: what comes while the thread is at a long message */
	/* So many wait before the thread is woken, which costs more than a block; and so few are
	 * left before a caller that waits is. */
	WAKE = 8,
	HALF = BLOCKS / 2
};

struct block {
	struct block *next;
	size_t len;
	_Alignas(max_align_t) char at[LANE_BLOCK];
};

struct lane {
	lane_work *work;
	void *context;
	struct block *filling; /* the caller's; the only one when all is done in its own thread */

	pthread_t thread;
	int second, begun; /* there may be a thread; there is one */
	pthread_mutex_t lock;
	pthread_cond_t woken, eased; /* awake or ending was set; there is room, or awake is 0 */
	/* Of the lock. Blocks at the queue's head are the thread's while it is awake, the caller's
	 * otherwise. */
	int awake, ending;
	struct block *first, **last, *spare;
	size_t waiting, allocated;
	struct err failure; /* the first one */
};

static struct block *take_first(struct lane *l)
{
	struct block *b = l->first;

	l->first = b->next;
	if (l->first == NULL)
		l->last = &l->first;
	return b;
}

/* Do a block, with the lock held before and behind. */
static void do_block(struct lane *l, struct block *b)
{
	struct err err;
	int failed;

	pthread_mutex_unlock(&l->lock);
	failed = l->work(l->context, b->at, b->len, &err);
	pthread_mutex_lock(&l->lock);
	if (failed && l->failure.status == ERR_NONE)
		l->failure = err;
	b->len = 0;
}

/* Do the first of those that wait. */
static void do_first(struct lane *l)
{
	struct block *b = take_first(l);

	do_block(l, b);
	b->next = l->spare;
	l->spare = b;
	l->waiting--;
}

static void *run(void *context)
{
	struct lane *l = context;

	pthread_mutex_lock(&l->lock);
	while (!l->ending) {
		while (l->waiting > 0 && l->awake) {
			do_first(l);
			if (l->waiting == HALF)
				pthread_cond_signal(&l->eased);
		}
		if (l->awake) {
			l->awake = 0;
			pthread_cond_signal(&l->eased);
		}
		if (!l->ending)
			pthread_cond_wait(&l->woken, &l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

struct lane *lane_new(int second, lane_work *work, void *context)
{
	struct lane *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->filling = malloc(sizeof *l->filling);
	if (l->filling == NULL) {
		free(l);
		return NULL;
	}
	l->filling->len = 0;
	l->allocated = 1;
	l->last = &l->first;
	l->work = work;
	l->context = context;
	l->second = second;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->woken, NULL);
	pthread_cond_init(&l->eased, NULL);
	return l;
}

void lane_free(struct lane *l)
{
	struct err ignored;
	struct block *next;

	if (l == NULL)
		return;
	lane_settle(l, &ignored);
	if (l->begun) {
		pthread_mutex_lock(&l->lock);
		l->ending = 1;
		pthread_cond_signal(&l->woken);
		pthread_mutex_unlock(&l->lock);
		pthread_join(l->thread, NULL);
	}
	for (struct block *b = l->spare; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(l->filling);
	pthread_cond_destroy(&l->woken);
	pthread_cond_destroy(&l->eased);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static int answer(const struct lane *l, struct err *err)
{
	if (l->failure.status == ERR_NONE)
		return 0;
	*err = l->failure;
	return -1;
}

/* Without a thread, after all, the caller does what waits when it settles. */
static void wake(struct lane *l)
{
	if (!l->begun)
		l->begun = l->second = pthread_create(&l->thread, NULL, run, l) == 0;
	if (!l->begun)
		return;
	l->awake = 1;
	pthread_cond_signal(&l->woken);
}

/* Do in this thread all that waits, and what is being filled. The other one sleeps. */
static void do_all(struct lane *l)
{
	while (l->waiting > 0)
		do_first(l);
	if (l->filling->len > 0)
		do_block(l, l->filling);
}

/* An empty block; NULL when there are as many as there may be, or out of memory. */
static struct block *empty_block(struct lane *l)
{
	struct block *b = l->spare;

	if (b != NULL) {
		l->spare = b->next;
	} else if (l->allocated < BLOCKS) {
		b = malloc(sizeof *b);
		if (b == NULL)
			return NULL;
		l->allocated++;
		b->len = 0;
	}
	return b;
}

/* Hand over the block that is full. */
static void hand_over(struct lane *l)
{
	struct block *fresh = empty_block(l);

	if (fresh == NULL && l->awake) {
		while (l->awake && l->waiting > HALF)
			pthread_cond_wait(&l->eased, &l->lock);
		fresh = empty_block(l);
	}
	if (fresh == NULL) { /* memory is short, but what there is will do */
		while (l->awake)
			pthread_cond_wait(&l->eased, &l->lock);
		do_all(l);
		return;
	}
	l->filling->next = NULL;
	*l->last = l->filling;
	l->last = &l->filling->next;
	l->filling = fresh;
	l->waiting++;
	if (!l->awake && l->waiting >= WAKE)
		wake(l);
}

/* Returns 0, or -1 with the failure. */
static __attribute__((noinline)) int make_room(struct lane *l, struct err *err)
{
	int result;

	pthread_mutex_lock(&l->lock);
	if (l->second)
		hand_over(l);
	else
		do_all(l);
	result = answer(l, err);
	pthread_mutex_unlock(&l->lock);
	return result;
}

char *lane_room(struct lane *l, size_t n, int *behind, struct err *err)
{
	char *at;

	if (l->filling->len + n > LANE_BLOCK && make_room(l, err) != 0)
		return NULL;
	*behind = l->filling->len > 0;
	at = l->filling->at + l->filling->len;
	l->filling->len += n;
	return at;
}

void lane_shorten(struct lane *l, size_t n)
{
	l->filling->len -= n;
}

int lane_idle(struct lane *l, struct err *err)
{
	int result;

	pthread_mutex_lock(&l->lock);
	if (l->waiting > 0 && !l->awake)
		wake(l);
	if (!l->awake)
		do_all(l);
	result = answer(l, err) != 0 ? -1 : !l->awake;
	pthread_mutex_unlock(&l->lock);
	return result;
}

int lane_settle(struct lane *l, struct err *err)
{
	int result;

	pthread_mutex_lock(&l->lock);
	while (l->awake)
		pthread_cond_wait(&l->eased, &l->lock);
	do_all(l);
	result = answer(l, err);
	pthread_mutex_unlock(&l->lock);
	return result;
}
