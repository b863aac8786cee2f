#include "l0-base/zstandard.h"

#include <stdlib.h>
#include <zstd.h>

struct zstandard_packer {
	ZSTD_CCtx *context;
};

struct zstandard_packer *zstandard_packer_new(int level)
{
	struct zstandard_packer *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->context = ZSTD_createCCtx();
	if (p->context == NULL ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(p->context, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(p->context, ZSTD_c_checksumFlag, 1))) {
		zstandard_packer_free(p);
		return NULL;
	}
	return p;
}

void zstandard_packer_free(struct zstandard_packer *p)
{
	if (p == NULL)
		return;
	ZSTD_freeCCtx(p->context);
	free(p);
}

int zstandard_put_block(struct zstandard_packer *p, struct slice block, struct buf *out,
			struct err *err)
{
	size_t most = ZSTD_compressBound(block.len);
	char *to = buf_room(out, most);
	size_t n;

	if (to == NULL)
		return err_memory(err);
	n = ZSTD_compress2(p->context, to, most, block.at, block.len);
	if (ZSTD_isError(n))
		return err_memory(err);
	out->len += n;
	return 0;
}

struct zstandard_unpacker {
	ZSTD_DCtx *context;
	int pending; /* the last output was full: more may be held */
	int ended;   /* at the end of a frame */
};

struct zstandard_unpacker *zstandard_unpacker_new(void)
{
	struct zstandard_unpacker *u = calloc(1, sizeof *u);

	if (u == NULL)
		return NULL;
	u->context = ZSTD_createDCtx();
	if (u->context == NULL) {
		free(u);
		return NULL;
	}
	return u;
}

void zstandard_unpacker_free(struct zstandard_unpacker *u)
{
	if (u == NULL)
		return;
	ZSTD_freeDCtx(u->context);
	free(u);
}

int zstandard_unpack(struct zstandard_unpacker *u, struct slice *in, struct buf *out, size_t most,
		     struct err *err)
{
	size_t before = out->len;

	while (in->len > 0 || u->pending) {
		size_t room = ZSTD_DStreamOutSize();
		char *to = buf_room(out, room);
		ZSTD_inBuffer from = {in->at, in->len, 0};
		ZSTD_outBuffer into = {to, room, 0};
		size_t result;

		if (out->len - before >= most)
			return 1;
		if (to == NULL)
			return err_memory(err);
		result = ZSTD_decompressStream(u->context, &into, &from);
		if (ZSTD_isError(result))
			return err_set(err, ERR_DATA, "not Zstandard, or damaged (%s)",
				       ZSTD_getErrorName(result));
		in->at += from.pos;
		in->len -= from.pos;
		out->len += into.pos;
		u->ended = result == 0;
		u->pending = into.pos == room;
	}
	return 0;
}

int zstandard_unpack_ended(const struct zstandard_unpacker *u)
{
	return u->ended;
}
