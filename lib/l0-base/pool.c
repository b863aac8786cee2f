#include "l0-base/pool.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

struct pool {
	pool_work *work;
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t came, went; /* a job to do, or the end; room for a job, or all done */
	void *jobs[2 * THREADS_MAX];
	size_t first, waiting, most;
	size_t busy;
	int ending;
	struct err failure; /* of the first job that failed */
	pthread_t threads[THREADS_MAX];
	unsigned count, begun;
};

static void work_off(struct pool *p, unsigned number)
{
	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct err err;
		void *job;
		int failed;

		while (p->waiting == 0 && !p->ending)
			pthread_cond_wait(&p->came, &p->lock);
		if (p->waiting == 0)
			break;
		job = p->jobs[p->first];
		p->first = (p->first + 1) % p->most;
		p->waiting--;
		p->busy++;
		pthread_cond_signal(&p->went);
		pthread_mutex_unlock(&p->lock);
		failed = p->work(p->context, job, number, &err);
		pthread_mutex_lock(&p->lock);
		p->busy--;
		if (failed && p->failure.status == ERR_NONE)
			p->failure = err;
		if (failed)
			p->waiting = 0;
		pthread_cond_signal(&p->went);
	}
	pthread_mutex_unlock(&p->lock);
}

static void *run(void *context)
{
	struct pool *p = context;
	unsigned number;

	pthread_mutex_lock(&p->lock);
	number = p->begun++;
	pthread_mutex_unlock(&p->lock);
	work_off(p, number);
	return NULL;
}

struct pool *pool_new(unsigned threads, pool_work *work, void *context)
{
	struct pool *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->work = work;
	p->context = context;
	p->most = 2 * (size_t)threads;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->came, NULL);
	pthread_cond_init(&p->went, NULL);
	while (p->count < threads && pthread_create(&p->threads[p->count], NULL, run, p) == 0)
		p->count++;
	if (p->count == 0) {
		pool_free(p);
		return NULL;
	}
	return p;
}

void pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->waiting = 0;
	p->ending = 1;
	pthread_cond_broadcast(&p->came);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->count; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->came);
	pthread_cond_destroy(&p->went);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int pool_put(struct pool *p, void *job, struct err *err)
{
	int result = 0;

	pthread_mutex_lock(&p->lock);
	while (p->waiting == p->most && p->failure.status == ERR_NONE)
		pthread_cond_wait(&p->went, &p->lock);
	if (p->failure.status != ERR_NONE) {
		*err = p->failure;
		result = -1;
	} else {
		p->jobs[(p->first + p->waiting++) % p->most] = job;
		pthread_cond_signal(&p->came);
	}
	pthread_mutex_unlock(&p->lock);
	return result;
}

int pool_idle(struct pool *p)
{
	int idle;

	pthread_mutex_lock(&p->lock);
	idle = p->waiting == 0 && p->busy == 0;
	pthread_mutex_unlock(&p->lock);
	return idle;
}

int pool_wait(struct pool *p, struct err *err)
{
	int result = 0;

	pthread_mutex_lock(&p->lock);
	while (p->waiting > 0 || p->busy > 0)
		pthread_cond_wait(&p->went, &p->lock);
	if (p->failure.status != ERR_NONE) {
		*err = p->failure;
		result = -1;
	}
	pthread_mutex_unlock(&p->lock);
	return result;
}
