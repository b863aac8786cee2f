/* percent.h - layer 1: percent-encoding, as signatures of AWS and the paths of S3 want it. */
#ifndef TUBERIA_PERCENT_H
#define TUBERIA_PERCENT_H

#include "l0-base/buf.h"

/* Append s with every byte encoded that is neither unreserved (RFC 3986, section 2.3) nor in
 * `keep`: "" for a name or value in a query, "/" for a path. Returns 0, or -1 out of memory. */
int percent_put(struct buf *out, struct slice s, const char *keep);

#endif
