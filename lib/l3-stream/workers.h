/* workers.h - layer 3: processes that do the same work, kept alive by the one that forked them.
 */
#ifndef TUBERIA_WORKERS_H
#define TUBERIA_WORKERS_H

#include <signal.h>
#include <stddef.h>

#include "l0-base/err.h"

struct workers {
	size_t count;
	int (*work)(void *context); /* in a child: returns its exit status */
	void *context;
	volatile sig_atomic_t *stop;
	const sigset_t *wait_mask;
	void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2)));
};

/* Fork them, and another one for each that dies, at once or, when it lived for less than a second,
 * a while later. When *stop is set, each gets SIGTERM, and SIGKILL when it takes longer than 15
 * seconds. A child also gets SIGTERM when its parent dies.
 * Returns 0 in the parent when all are gone, or -1 with *err; in a child 1 with *status, which is
 * to exit with it. */
int workers_run(const struct workers *w, int *status, struct err *err);

#endif
