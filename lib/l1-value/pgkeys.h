/* pgkeys.h - layer 1: which keys of a table have been given, where rows are read by a key that
 * grows; and positions made of that.
 *
 * Keys are handed out in their order, but committed in any: behind a key that is there, smaller
 * ones may still appear. So all keys up to `top` count as given, but for the gaps between them. A
 * position is the text behind "pos" in the barriers of pg-tail --poll:
 *
 *     pgk1:<system identifier>:<file>:<top>[~<gap>,...]:<table's OID>:<database>.<schema>.<table>
 *
 * with a gap as 7 or 7..9, and `file` the number of the table's file, which changes when the table
 * is truncated or rewritten; 0: it has none of its own.
 */
#ifndef TUBERIA_PGKEYS_H
#define TUBERIA_PGKEYS_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

#define PGKEYS_NONE INT64_MIN /* as top: nothing was given; no key of a row */

struct pgkeys_gap {
	int64_t first, last;
};

/* Start with {.top = PGKEYS_NONE}. Gaps ascend, do not touch, and are below top. */
struct pgkeys {
	int64_t top;
	struct pgkeys_gap *gap;
	size_t count, size;
};

void pgkeys_free(struct pgkeys *k); /* resets to {0} */

/* Whether this key was given. */
int pgkeys_has(const struct pgkeys *k, int64_t key);

/* It is given now. Keys up to `settled` that are jumped over will never appear; others become gaps.
 * Returns 0, or -1 out of memory, and then nothing is changed. */
int pgkeys_give(struct pgkeys *k, int64_t key, int64_t settled);

/* Forget the gaps up to `settled`: nothing will appear in them. */
void pgkeys_settle(struct pgkeys *k, int64_t settled);

/* Become a copy of another one. Returns 0, or -1 out of memory, and then nothing is changed. */
int pgkeys_copy(struct pgkeys *k, const struct pgkeys *from);

struct pgkeys_pos {
	uint64_t system;
	uint32_t file, table;
	const char *name; /* for people */
};

/* Append a position. Returns 0, or -1 out of memory. */
int pgkeys_put(struct buf *out, const struct pgkeys_pos *pos, const struct pgkeys *k);

/* Parse a position into *k, which is {0}. It must be of the server, table and file of `here`.
 * Returns 0; free with pgkeys_free. -1 with ERR_CONFIG: it was not written by pg-tail --poll, or is
 * of another server or table, or the table was truncated or rewritten since; or ERR_TEMP. */
int pgkeys_parse(struct slice text, const struct pgkeys_pos *here, struct pgkeys *k,
		 struct err *err);

#endif
