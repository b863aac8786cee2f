/* branch.h - layer 3: a side branch of a stream: a command that is given its lines, as far as it
 * takes them. Nobody ever waits for it: what it does not take in time is left out and counted, and
 * when it dies it is started again. Source: side-tee(1).
 */
#ifndef TUBERIA_BRANCH_H
#define TUBERIA_BRANCH_H

#include <poll.h>
#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct branch_options {
	const char *command; /* run by sh(1), in a process group of its own; what it writes to
			      * standard output goes to standard error */
	int number;          /* for messages: "branch 1: ..." */
	size_t buffer;       /* bytes that may wait for it, beside those in the pipe */
	void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2)));
};

struct branch;

/* The command is started by the first branch_work. Returns NULL out of memory. */
struct branch *branch_new(const struct branch_options *o);

/* Offer whole lines, `count` of them. Never fails: see branch_counts. */
void branch_offer(struct branch *b, struct slice lines, uint64_t count);

/* A line too long to be offered. */
void branch_skip(struct branch *b);

/* Write what goes without waiting, notice that the command has ended, start it again when it is
 * time. now: nanoseconds of CLOCK_MONOTONIC. */
void branch_work(struct branch *b, int64_t now);

/* What to wait for until the next branch_work: at most two entries are set at *p. Returns how many;
 * *until becomes less when there is something to do at a certain time. */
size_t branch_poll(const struct branch *b, struct pollfd *p, int64_t *until);

/* There will be no more lines: when those that wait are written, the command sees the end. */
void branch_close(struct branch *b);

/* 1: the command has ended, and will not be started again. */
int branch_done(const struct branch *b);

/* Send a signal to the command and all that it has started. */
void branch_signal(const struct branch *b, int signal_number);

struct branch_counts {
	uint64_t given, lost; /* lines: written into its pipe; left out */
	uint64_t starts;
};

struct branch_counts branch_counts(const struct branch *b);

/* What is still waiting is counted as lost. NULL is allowed. */
void branch_free(struct branch *b);

#endif
