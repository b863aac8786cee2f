#include "l1-value/codec.h"

#include <stdlib.h>

#include "l0-base/gzip.h"
#include "l0-base/zstandard.h"

static const struct {
	const char *name, *suffix;
	int level, most;
} codecs[] = {
	[CODEC_GZIP] = {"gzip", ".gz", 6, 9},
	[CODEC_ZSTD] = {"zstd", ".zst", 3, 19},
	[CODEC_NONE] = {"none", "", 0, 0},
};

enum { CODECS = sizeof codecs / sizeof *codecs };

int codec_named(const char *name, enum codec *codec)
{
	for (int i = 0; i < CODECS; i++) {
		if (strcmp(name, codecs[i].name) == 0) {
			*codec = (enum codec)i;
			return 0;
		}
	}
	return -1;
}

enum codec codec_of_object(struct slice name)
{
	for (int i = 0; i < CODECS; i++) {
		size_t len = strlen(codecs[i].suffix);

		if (len > 0 && name.len > len &&
		    memcmp(name.at + name.len - len, codecs[i].suffix, len) == 0)
			return (enum codec)i;
	}
	return CODEC_NONE;
}

const char *codec_suffix(enum codec codec)
{
	return codecs[codec].suffix;
}

int codec_level(enum codec codec)
{
	return codecs[codec].level;
}

int codec_level_most(enum codec codec)
{
	return codecs[codec].most;
}

/* ---- packing ---- */

struct codec_packer {
	enum codec codec;
	struct gzip_packer *gzip;
	struct zstandard_packer *zstandard;
};

struct codec_packer *codec_packer_new(enum codec codec, int level)
{
	struct codec_packer *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->codec = codec;
	if (codec == CODEC_GZIP)
		p->gzip = gzip_packer_new(level);
	if (codec == CODEC_ZSTD)
		p->zstandard = zstandard_packer_new(level);
	if (codec != CODEC_NONE && p->gzip == NULL && p->zstandard == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void codec_packer_free(struct codec_packer *p)
{
	if (p == NULL)
		return;
	gzip_packer_free(p->gzip);
	zstandard_packer_free(p->zstandard);
	free(p);
}

int codec_put_head(enum codec codec, struct buf *out)
{
	return codec == CODEC_GZIP ? gzip_put_head(out) : 0;
}

int codec_put_block(struct codec_packer *p, struct slice block, struct buf *out, uint32_t *check,
		    struct err *err)
{
	*check = 0;
	switch (p->codec) {
	case CODEC_GZIP:
		return gzip_put_block(p->gzip, block, out, check, err);
	case CODEC_ZSTD:
		return zstandard_put_block(p->zstandard, block, out, err);
	default:
		return buf_slice(out, block) == 0 ? 0 : err_memory(err);
	}
}

int codec_put_tail(enum codec codec, uint32_t check, uint64_t length, struct buf *out)
{
	return codec == CODEC_GZIP ? gzip_put_tail(out, check, length) : 0;
}

uint32_t codec_join(enum codec codec, uint32_t first, uint32_t second, uint64_t second_length)
{
	return codec == CODEC_GZIP ? gzip_join_crc(first, second, second_length) : 0;
}

/* ---- unpacking ---- */

struct codec_unpacker {
	enum codec codec;
	struct gzip_unpacker *gzip;
	struct zstandard_unpacker *zstandard;
};

struct codec_unpacker *codec_unpacker_new(enum codec codec)
{
	struct codec_unpacker *u = calloc(1, sizeof *u);

	if (u == NULL)
		return NULL;
	u->codec = codec;
	if (codec == CODEC_GZIP)
		u->gzip = gzip_unpacker_new();
	if (codec == CODEC_ZSTD)
		u->zstandard = zstandard_unpacker_new();
	if (codec != CODEC_NONE && u->gzip == NULL && u->zstandard == NULL) {
		free(u);
		return NULL;
	}
	return u;
}

void codec_unpacker_free(struct codec_unpacker *u)
{
	if (u == NULL)
		return;
	gzip_unpacker_free(u->gzip);
	zstandard_unpacker_free(u->zstandard);
	free(u);
}

int codec_unpack(struct codec_unpacker *u, struct slice *in, struct buf *out, size_t most,
		 struct err *err)
{
	switch (u->codec) {
	case CODEC_GZIP:
		return gzip_unpack(u->gzip, in, out, most, err);
	case CODEC_ZSTD:
		return zstandard_unpack(u->zstandard, in, out, most, err);
	default:
		if (buf_slice(out, *in) != 0)
			return err_memory(err);
		in->at += in->len;
		in->len = 0;
		return 0;
	}
}

int codec_unpack_end(const struct codec_unpacker *u, struct err *err)
{
	int whole = u->codec == CODEC_GZIP   ? gzip_unpack_ended(u->gzip)
		    : u->codec == CODEC_ZSTD ? zstandard_unpack_ended(u->zstandard)
					     : 1;

	return whole ? 0 : err_set(err, ERR_DATA, "ends too early");
}
