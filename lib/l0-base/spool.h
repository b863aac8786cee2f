/* spool.h - layer 0: bytes put aside in a temporary file, and read back.
 *
 * The file has no name: it goes with its last descriptor, however the process ends. For several
 * threads at once.
 */
#ifndef TUBERIA_SPOOL_H
#define TUBERIA_SPOOL_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct spool;

/* directory: where it lies. Returns 0 with *out, or -1 with ERR_CREATE, ERR_TEMP. */
int spool_new(const char *directory, struct spool **out, struct err *err);
void spool_free(struct spool *s); /* NULL is allowed */

/* Put bytes behind those that are there; *at says where they are. Returns 0, or -1 with ERR_TEMP
 * (no room), ERR_IO. */
int spool_put(struct spool *s, struct slice bytes, uint64_t *at, struct err *err);

/* Read len bytes that were put. Returns 0, or -1 with ERR_IO. */
int spool_get(struct spool *s, uint64_t at, char *to, size_t len, struct err *err);

uint64_t spool_size(struct spool *s);

#endif
