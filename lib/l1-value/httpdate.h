/* httpdate.h - layer 1: the Date header of HTTP. */
#ifndef TUBERIA_HTTPDATE_H
#define TUBERIA_HTTPDATE_H

#include <stdint.h>

#include "l0-base/buf.h"

/* Parse "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7, the preferred form) into seconds
 * since 1970 UTC. Returns 0, or -1 when it is something else, *time untouched. */
int httpdate_parse(struct slice text, int64_t *time);

#endif
