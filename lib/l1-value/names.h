/* names.h - layer 1: lists of names on a command line: a,b,c. */
#ifndef TUBERIA_NAMES_H
#define TUBERIA_NAMES_H

#include <stddef.h>

#include "l0-base/err.h"

#define NAMES_MAX 16

struct names {
	char *name[NAMES_MAX];
	size_t count;
};

/* Add those of a list. Returns 0, or -1 with ERR_USAGE (an empty one, one that is there, more than
 * NAMES_MAX), ERR_TEMP. */
int names_add(struct names *n, const char *list, struct err *err);
void names_free(struct names *n); /* resets to {0} */

#endif
