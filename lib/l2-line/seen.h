/* seen.h - layer 2: which records of a stream have been met: kinesis-put may send one twice, and
 * whoever reads the stream is to see it once. Source: kinesis-put(1), TWICE.
 *
 * Each line carries a label: "NAME.GENERATION:ORDINAL". kinesis-put sends a line only when all that
 * are SEEN_WINDOW or more before it are stored; so one that comes so far behind the greatest has
 * been met, and of those between, a bit each says so.
 *
 * A generation that begins with SEEN_ANEW makes void what others of its kind that are less have
 * put. Source: tuberia(7), STREAMS THAT BEGIN ANEW.
 */
#ifndef TUBERIA_SEEN_H
#define TUBERIA_SEEN_H

#include <stdint.h>

#include "l0-base/buf.h"

#define SEEN_WINDOW 1024
#define SEEN_NAME_MAX 64 /* "NAME.GENERATION" */
#define SEEN_ANEW 'N'
#define SEEN_KEY "\"@put\""        /* the label is a member of the line, the last one */
#define SEEN_MARK "{\"@anew\":{}}" /* the line that a generation begins with */

struct seen {
	char name[SEEN_NAME_MAX + 1];    /* letters, digits, '_', '-', '.' */
	uint64_t high;                   /* the greatest ordinal met; they begin with 1 */
	uint64_t bits[SEEN_WINDOW / 64]; /* bit i: high - i was met */
};

/* Whether a name (without generation) may be used: 1 to 32 letters, digits, '_' and '-'. */
int seen_name_ok(const char *name);

/* Draw a generation for a name: by the clock, and later than the generation `after`, which may be
 * NULL. anew: it makes void what was before. */
void seen_generation(char out[SEEN_NAME_MAX + 1], const char *name, int anew, const char *after);

/* Whether it is one that begins anew; whether two names are one writer, whose generations follow
 * each other: the same up to the dot, and both or neither of that kind. */
int seen_is_anew(struct slice name);
int seen_is_one_writer(struct slice a, struct slice b);

/* Of one writer: below, equal to, above 0, as the generation of a is before that of b, or behind.
 */
int seen_compare(struct slice a, struct slice b);

/* Append the line with its label: before its last '}'. Returns 0, or -1: no object of at least one
 * member, or out of memory. */
int seen_put_label(struct buf *out, struct slice line, const char *name, uint64_t ordinal);

/* Take the label off: *line becomes two parts that are the line without it. Returns 1 with name (as
 * in struct seen) and ordinal; 0 when there is none. */
int seen_cut_label(struct slice line, struct slice parts[2], struct slice *name, uint64_t *ordinal);

/* Meet an ordinal. Returns 1 for the first time, 0 when it was met before. */
int seen_meet(struct seen *s, uint64_t ordinal);

/* Append as text, "name:high:hex"; and read it back. Return 0, or -1. */
int seen_put(struct buf *out, const struct seen *s);
int seen_get(struct slice text, struct seen *s);

/* *s becomes what either has met. */
void seen_join(struct seen *s, const struct seen *other);

#endif
