/* eras.h - layer 2: the latest generation of each writer of a stream, of those that begin anew:
 * what earlier ones have put is void. Source: tuberia(7), STREAMS THAT BEGIN ANEW.
 */
#ifndef TUBERIA_ERAS_H
#define TUBERIA_ERAS_H

#include "l2-line/seen.h"

enum { ERAS_MAX = 64 }; /* writers */

struct eras {
	char names[ERAS_MAX][SEEN_NAME_MAX + 1];
	size_t count;
};

/* What a line with this label is: of the generation that counts, or of one that has nothing to do
 * with this; void; or the first of a generation that begins anew, which eras_learn makes the one
 * that counts. */
enum era { ERA_COUNTS, ERA_VOID, ERA_ANEW };

/* A writer that is not known yet is learnt. */
enum era eras_judge(struct eras *e, struct slice name);

/* Take a generation for the one that counts, unless it is earlier than that. */
void eras_learn(struct eras *e, struct slice name);

#endif
