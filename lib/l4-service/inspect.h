/* inspect.h - layer 4: are published partitions what their manifests say? */
#ifndef TUBERIA_INSPECT_H
#define TUBERIA_INSPECT_H

#include <stdint.h>

#include "l0-base/err.h"
#include "l1-value/timestamp.h"
#include "l4-service/dest.h"

struct inspected {
	uint64_t partitions, objects, rows, differences;
};

/* Read every object of every partition at the destination again, and compare rows, exact sums, the
 * least and greatest time, bytes and digest with the manifest. Also a difference: an object that no
 * manifest names, one that is not there, a partition without _SUCCESS, a manifest that cannot be
 * read. differs is called with a line of text for each, and returns 0, or -1 with *err. Returns 0,
 * or -1 when that cannot be found out. */
int inspect(struct dest *d, struct zone *zone,
	    int (*differs)(void *context, struct slice line, struct err *err), void *context,
	    struct inspected *counts, struct err *err);

#endif
