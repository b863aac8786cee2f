/* pool.h - layer 0: threads that do one kind of job, several at once.
 *
 * Make it after the signals are blocked (tool_begin): its threads take none.
 */
#ifndef TUBERIA_POOL_H
#define TUBERIA_POOL_H

#include "l0-base/err.h"

struct pool;

/* Does a job; worker: 0 to threads - 1, never two jobs of one number at once. Returns 0, or -1 with
 * *err; then the jobs that have not begun are dropped. */
typedef int pool_work(void *context, void *job, unsigned worker, struct err *err);

/* threads: 1 to 64. At most twice as many jobs wait. Returns NULL out of memory or threads. */
struct pool *pool_new(unsigned threads, pool_work *work, void *context);
/* Drops what has not begun, waits for what has. NULL is allowed. */
void pool_free(struct pool *p);

/* Hand over a job; waits while too many wait already. Returns 0, or -1 with what a job failed with;
 * the job is then not taken. */
int pool_put(struct pool *p, void *job, struct err *err);

/* 1: all jobs are done. */
int pool_idle(struct pool *p);

/* Wait until all jobs are done. Returns 0, or -1 with what the first failed one said. */
int pool_wait(struct pool *p, struct err *err);

#endif
