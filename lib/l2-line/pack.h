/* pack.h - layer 2: objects packed by several threads into a temporary file, whole before anybody
 * sees them.
 *
 * An object is made of blocks, each compressed by itself, so its bytes depend on where blocks end
 * and on nothing else: not on the number of threads, nor on which of them was first.
 */
#ifndef TUBERIA_PACK_H
#define TUBERIA_PACK_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l0-base/spool.h"
#include "l1-value/codec.h"

struct pack;
struct pack_object;

/* spool stays the caller's; others may use it too. Returns NULL out of memory or threads. */
struct pack *pack_new(enum codec codec, int level, unsigned threads, struct spool *spool);
void pack_free(struct pack *p); /* waits for what is being packed; NULL is allowed */

/* Returns NULL out of memory. */
struct pack_object *pack_object_new(void);
void pack_object_free(struct pack_object *o); /* when no thread is at it; NULL is allowed */

/* Put a block at the end of an object. The block's memory is taken; *block becomes an empty buf,
 * perhaps one with memory. Waits while the threads are behind. Returns 0, or -1 with ERR_TEMP,
 * ERR_IO, of this or of an earlier block: then nothing more can be packed. */
int pack_put(struct pack *p, struct pack_object *o, struct buf *block, struct err *err);

/* Wait for all blocks; then seal objects, each once: no more is put to them. Wait again, and they
 * have size, digest and bytes. Return 0, or -1. */
int pack_wait(struct pack *p, struct err *err);
int pack_seal(struct pack *p, struct pack_object *o, struct err *err);

uint64_t pack_size(const struct pack_object *o);
const char *pack_sha256(const struct pack_object *o); /* lower-case hex */

/* Read len bytes of a sealed object; offset + len <= its size. For several threads. Returns 0, or
 * -1 with ERR_IO. */
int pack_read(const struct pack *p, const struct pack_object *o, uint64_t offset, char *to,
	      size_t len, struct err *err);

#endif
