/* base64.h - layer 1: Base64 (RFC 4648, section 4) back into bytes. The other way: hash_base64. */
#ifndef TUBERIA_BASE64_H
#define TUBERIA_BASE64_H

#include "l0-base/buf.h"

/* Append what the text stands for: whole groups of four, padded, nothing else between. Returns 0;
 * -1 when it is none (*out as before), or out of memory (out->failed tells). */
int base64_get(struct buf *out, struct slice text);

#endif
