/* omit.h - layer 2: a record without some of its fields, all else as it stood. */
#ifndef TUBERIA_OMIT_H
#define TUBERIA_OMIT_H

#include "l0-base/buf.h"
#include "l2-line/scan.h"

/* Append line without the members of which these are the values, as scan_line gave them for it
 * (SCAN_ABSENT ones are passed over); count: at most SCAN_FIELDS_MAX. A comma goes with each.
 * Returns 0, or -1 out of memory. */
int omit_fields(struct slice line, const struct scan_value *const *values, size_t count,
		struct buf *out);

#endif
