/* awspack.h - layer 3: bodies of requests compressed with gzip, as the user's settings have it.
 *
 * Only for operations whose service takes that. Source: tuberia-aws(7), COMPRESSION; AWS SDKs and
 * Tools Reference Guide, "Request compression".
 */
#ifndef TUBERIA_AWSPACK_H
#define TUBERIA_AWSPACK_H

#include "l0-base/err.h"

struct awsconfig;
struct awspack;
struct awsrequest;

/* Returns 0 with *out, or -1: ERR_CONFIG (a setting that is none), ERR_TEMP. */
int awspack_new(const struct awsconfig *c, struct awspack **out, struct err *err);
void awspack_free(struct awspack *p); /* NULL is allowed */

/* Let the request's body be its compressed form, which stays until the next call, if it is large
 * enough for that. Once a request, before it is started. Returns 0, or -1 with ERR_TEMP. */
int awspack_request(struct awspack *p, struct awsrequest *r, struct err *err);

#endif
