/* control.h - layer 3: the control records of the pipe, {"@barrier":{…}}, {"@end":{…}} and
 * {"@gap":{…}}.
 * Source: tuberia(7), CONTROL RECORDS.
 */
#ifndef TUBERIA_CONTROL_H
#define TUBERIA_CONTROL_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct json;

/* A barrier. All members unknown to this module are kept and printed again (document). */
struct barrier {
	int64_t epoch;      /* 0 or more */
	const char *pos;    /* opaque to all but its source */
	int64_t time;       /* source's wall clock, microseconds since 1970 UTC */
	int snapshot;       /* 1: the epoch holds absolute totals: the sink sets, not adds */
	const char *resume; /* NULL, or the earlier position from which open windows are rebuilt */
	const char *watermark; /* NULL, or the time up to which windows had been closed (UTC, RFC
				  3339) */
	const struct json *pending; /* NULL, or the barrier that the sink has promised and not
				     * committed: an object of the same members */
	struct json *document;      /* the object behind "@barrier"; owns all the texts above */
};

/* Parse the value of a "@barrier" record, or a whole {"@barrier":{…}} line (control_parse_line).
 * Returns 0; free with barrier_free. -1 with ERR_DATA: no object, no epoch, pos or time. */
int barrier_parse(struct slice value, struct barrier *b, struct err *err);
int barrier_parse_line(struct slice line, struct barrier *b, struct err *err);
void barrier_free(struct barrier *b); /* resets to {0}; a zero barrier is allowed */

/* Read the members again after the document was changed. */
int barrier_reread(struct barrier *b, struct err *err);

/* Append {"@barrier":{…}}, without a newline behind it. Returns 0, or -1 out of memory. */
int barrier_print(struct buf *out, const struct barrier *b);

/* Append a barrier's line made from its parts, with newline; extra members are left out when
 * NULL/0. */
int control_put_barrier(struct buf *out, int64_t epoch, const char *pos, int64_t time,
			int snapshot);

/* Append {"@end":{"records":N}} and a newline; parse the value of "@end". */
int control_put_end(struct buf *out, uint64_t records);
int control_parse_end(struct slice value, uint64_t *records, struct err *err);

/* Append {"@gap":{"records":N}} and a newline: here N records are missing, since this branch of the
 * stream did not keep up. control_lost: N for such a line, 0 for any other. */
int control_put_gap(struct buf *out, uint64_t records);
uint64_t control_lost(struct slice line);

#endif
