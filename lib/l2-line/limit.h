/* limit.h - layer 2: how many requests a minute: one truth for all processes that ask.
 *
 * A token bucket by its theoretical arrival time (GCRA), one 64-bit number for each key or address,
 * in a small file that all processes map. Nothing is ever locked: a process may die between any two
 * instructions, and what it leaves is a state like any other. Source: ITU-T I.371, annex A.
 */
#ifndef TUBERIA_LIMIT_H
#define TUBERIA_LIMIT_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

#define LIMIT_WINDOW_SECONDS 60

struct limit;

/* quota: so many requests a minute. burst: so many of them at once, when nothing was asked for
 * before; hence in no minute more than both together. path: the file, made when it is not there;
 * NULL: memory that this process shares with those that it forks. Returns 0, or -1: ERR_CONFIG (not
 * such a file), ERR_DENIED, ERR_CREATE, ERR_TEMP. */
int limit_open(const char *path, int64_t quota, int64_t burst, struct limit **out, struct err *err);
void limit_close(struct limit *l); /* NULL is allowed */

/* Keys and addresses are counted in tables of their own: no crowd of addresses can push a key out.
 */
enum limit_whose { LIMIT_KEY, LIMIT_ADDRESS };

struct limit_verdict {
	int allowed;
	int64_t remaining;   /* requests that may follow at once */
	int64_t reset;       /* seconds until all of the burst is there again */
	int64_t retry_after; /* seconds, when not allowed */
};

/* Take one request of whoever `who` names (a digest of the key; an address, of which an IPv6 one
 * counts by its first 64 bits). now: nanoseconds by limit_now. */
void limit_take(struct limit *l, enum limit_whose whose, struct slice who, int64_t now,
		struct limit_verdict *v);

/* A clock that all processes of the machine share, and that nobody sets. */
int64_t limit_now(void);

#endif
