/* codec.h - layer 1: the compressions of published objects, behind one interface.
 *
 * An object is a head, any number of blocks, a tail. Its bytes depend on the blocks alone.
 */
#ifndef TUBERIA_CODEC_H
#define TUBERIA_CODEC_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

enum codec { CODEC_GZIP, CODEC_ZSTD, CODEC_NONE };

/* By its name: "gzip", "zstd", "none". Returns 0, or -1. */
int codec_named(const char *name, enum codec *codec);
/* By the end of an object's name: ".gz", ".zst", anything else. */
enum codec codec_of_object(struct slice name);
/* The end of its objects' names: ".gz", ".zst", "". */
const char *codec_suffix(enum codec codec);
/* The level that is used when none is asked for, and the greatest; the least is 1. 0: no levels. */
int codec_level(enum codec codec);
int codec_level_most(enum codec codec);

struct codec_packer;

/* Returns NULL out of memory. For one thread at a time. */
struct codec_packer *codec_packer_new(enum codec codec, int level);
void codec_packer_free(struct codec_packer *p); /* NULL is allowed */

int codec_put_head(enum codec codec, struct buf *out);
/* *check: what codec_join wants to know of the block. Returns 0, or -1 with ERR_TEMP. */
int codec_put_block(struct codec_packer *p, struct slice block, struct buf *out, uint32_t *check,
		    struct err *err);
/* check, length: of all blocks joined; of none both are 0. */
int codec_put_tail(enum codec codec, uint32_t check, uint64_t length, struct buf *out);
uint32_t codec_join(enum codec codec, uint32_t first, uint32_t second, uint64_t second_length);

struct codec_unpacker;

struct codec_unpacker *codec_unpacker_new(enum codec codec); /* NULL out of memory */
void codec_unpacker_free(struct codec_unpacker *u);          /* NULL is allowed */

/* Append what these bytes, which follow those before, unpack to; in->at moves behind what was used.
 * Returns 0; 1 after about `most` bytes, to be called again with what is left, even when that is
 * nothing; -1 with ERR_DATA, ERR_TEMP. */
int codec_unpack(struct codec_unpacker *u, struct slice *in, struct buf *out, size_t most,
		 struct err *err);
/* All bytes were given. Returns 0, or -1 with ERR_DATA: there should be more. */
int codec_unpack_end(const struct codec_unpacker *u, struct err *err);

#endif
