/* gzip.h - layer 0: gzip (RFC 1952), as one member out of blocks that are compressed each by
 * itself.
 *
 * The one user of zlib. Blocks can be made by several threads, in any order, and the bytes depend
 * on the blocks alone: no time stamp, no file name.
 */
#ifndef TUBERIA_GZIP_H
#define TUBERIA_GZIP_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

/* ---- packing: head, any number of blocks, tail ---- */

struct gzip_packer;

/* level: 1 (fast) to 9 (small). For one thread at a time. Returns NULL out of memory. */
struct gzip_packer *gzip_packer_new(int level);
void gzip_packer_free(struct gzip_packer *p); /* NULL is allowed */

int gzip_put_head(struct buf *out);
/* *crc: of the block, for gzip_join_crc. Returns 0, or -1 with ERR_TEMP. */
int gzip_put_block(struct gzip_packer *p, struct slice block, struct buf *out, uint32_t *crc,
		   struct err *err);
/* crc, length: of all blocks together. */
int gzip_put_tail(struct buf *out, uint32_t crc, uint64_t length);
/* The checksum of two stretches of bytes, of which the second is so long; of nothing it is 0. */
uint32_t gzip_join_crc(uint32_t first, uint32_t second, uint64_t second_length);

/* ---- unpacking: members in a row are one stretch of bytes ---- */

struct gzip_unpacker;

struct gzip_unpacker *gzip_unpacker_new(void); /* NULL out of memory */
void gzip_unpacker_free(struct gzip_unpacker *u);

/* Append what these bytes, which follow those before, unpack to; in->at moves behind what was used.
 * Returns 0; 1 after about `most` bytes, to be called again with what is left, even when that is
 * nothing; -1 with ERR_DATA, ERR_TEMP. */
int gzip_unpack(struct gzip_unpacker *u, struct slice *in, struct buf *out, size_t most,
		struct err *err);
/* 1: the last member is whole. */
int gzip_unpack_ended(const struct gzip_unpacker *u);

#endif
