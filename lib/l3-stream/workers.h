/* workers.h - layer 3: processes that do the same work, kept alive by the one that forked them.
 */
#ifndef TUBERIA_WORKERS_H
#define TUBERIA_WORKERS_H

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "l0-base/err.h"

struct workers {
	size_t count;
	/* In a child, which adds to *beats at each of its steps, every second at least. Returns its
	 * exit status. */
	int (*work)(void *context, atomic_uint *beats);
	void *context;
	unsigned patience; /* seconds without a beat after which a child hangs, and is killed */
	volatile sig_atomic_t *stop;
	const sigset_t *wait_mask;
	void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2)));
};

/* Fork them, and another one for each that dies, at once or, when it lived for less than a second,
 * a while later. One that hangs dies by SIGKILL: it may be in a call that no other signal ends.
 * Seconds count as this process lives through them: what stops all of the machine, or all of its
 * processes, makes nobody hang. When *stop is set, each gets SIGTERM, and SIGKILL when it takes
 * longer than 15 seconds. A child also gets SIGTERM when its parent dies. Returns 0 in the parent
 * when all are gone, or -1 with *err; in a child 1 with *status, which is to exit with it. */
int workers_run(const struct workers *w, int *status, struct err *err);

#endif
