/* courier.h - layer 3: lines handed to a command, one run a line, by a thread of its own: who hands
 * them over never waits.
 */
#ifndef TUBERIA_COURIER_H
#define TUBERIA_COURIER_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct courier_options {
	const char *command; /* run by sh(1); the line is its standard input, and what it writes
			      * goes to standard error */
	int64_t timeout;     /* microseconds; then SIGTERM to its process group, and SIGKILL */
	unsigned limit;      /* at most so many runs ... */
	int64_t per;         /* ... in so many microseconds, by the clock on the wall */
	/* Lines are JSON objects. One that comes behind others that the limit held back says how
	 * many these were, in this member. */
	const char *omitted_name;
	/* Says what went wrong; called by the thread. */
	void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2)));
};

struct courier;

/* Signals are to be blocked already: the thread takes none. Returns 0 with *out, or -1. */
int courier_start(const struct courier_options *o, struct courier **out, struct err *err);

/* Hand a line over; it is copied. Returns 1, or 0 when too many are waiting (or no memory is left):
 * it is then counted, and not run. */
int courier_send(struct courier *c, struct slice line);

struct courier_counts {
	uint64_t run, failed; /* failed: of those run: not started, a status other than 0, killed */
	uint64_t limited;     /* held back by the limit */
	uint64_t dropped;     /* too many were waiting */
};

/* Let what is waiting be run, for `patience` microseconds at most, then end; frees c. NULL is
 * allowed. */
void courier_finish(struct courier *c, int64_t patience, struct courier_counts *counts);

#endif
