/* kindata.h - layer 4: what a record of a Kinesis stream holds, as lines of a feed.
 *
 * What the Kinesis Producer Library has packed is unpacked. Labels are taken off; a line that was
 * met before, and a control record of somebody else, which would be taken for one of ours, are left
 * out and counted. So is the mark of a generation.
 */
#ifndef TUBERIA_KINDATA_H
#define TUBERIA_KINDATA_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct feed;
struct kinshard;

/* Whose it is: the label of the first line, without the ordinal; empty when it has none. */
struct slice kindata_writer(struct slice data);

struct kindata_counts {
	uint64_t twice, foreign;
};

/* Returns 0, or -1 as kinshard_writer. */
int kindata_give(struct kinshard *s, struct slice data, struct feed *feed,
		 struct kindata_counts *counts, struct err *err);

#endif
