/* minute.h - layer 2: times that come nearly in order: the minute of the last one is remembered.
 *
 * Most records of a stream are of the same minute as the one before. Of a text such as
 * "2010-12-01T08:26:59", only the seconds are read then.
 */
#ifndef TUBERIA_MINUTE_H
#define TUBERIA_MINUTE_H

#include "l0-base/buf.h"
#include "l0-base/short.h"
#include "l1-value/timestamp.h"

enum { MINUTE_LENGTH = sizeof "2010-12-01T08:26:" - 1 };

/* Begins as zero. */
struct minute {
	int known;
	char text[MINUTE_LENGTH];
	int64_t utc, local; /* of its second 0 */
};

/* Remember the minute of *t, which is what timestamp_parse made of text. */
void minute_learn(struct minute *m, struct zone *z, struct slice text, const struct timestamp *t);

/* Read text when it is of the minute remembered. Returns 1 with *t as timestamp_parse would set it,
 * or 0, *t untouched: ask timestamp_parse. */
static inline int minute_read(const struct minute *m, struct slice text, struct timestamp *t)
{
	unsigned tens, ones;

	if (text.len != MINUTE_LENGTH + 2 || !m->known ||
	    !short_equal(text.at, m->text, MINUTE_LENGTH))
		return 0;
	tens = (unsigned char)(text.at[MINUTE_LENGTH] - '0');
	ones = (unsigned char)(text.at[MINUTE_LENGTH + 1] - '0');
	if (tens > 5 || ones > 9)
		return 0;
	t->utc = m->utc + 10 * tens + ones;
	t->local = m->local + 10 * tens + ones;
	t->nanos = 0;
	return 1;
}

#endif
