/* zstandard.h - layer 0: Zstandard (RFC 8878). The one user of libzstd.
 *
 * A block is a frame with its checksum; frames in a row are one stretch of bytes (RFC 8878, 3.1),
 * so that blocks can be made by several threads, in any order.
 */
#ifndef TUBERIA_ZSTANDARD_H
#define TUBERIA_ZSTANDARD_H

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct zstandard_packer;

/* level: 1 (fast) to 19 (small). For one thread at a time. Returns NULL out of memory. */
struct zstandard_packer *zstandard_packer_new(int level);
void zstandard_packer_free(struct zstandard_packer *p); /* NULL is allowed */

/* Returns 0, or -1 with ERR_TEMP. */
int zstandard_put_block(struct zstandard_packer *p, struct slice block, struct buf *out,
			struct err *err);

struct zstandard_unpacker;

struct zstandard_unpacker *zstandard_unpacker_new(void); /* NULL out of memory */
void zstandard_unpacker_free(struct zstandard_unpacker *u);

/* As gzip_unpack and gzip_unpack_ended. */
int zstandard_unpack(struct zstandard_unpacker *u, struct slice *in, struct buf *out, size_t most,
		     struct err *err);
int zstandard_unpack_ended(const struct zstandard_unpacker *u);

#endif
