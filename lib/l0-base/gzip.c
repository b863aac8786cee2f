#include "l0-base/gzip.h"

#include <stdlib.h>
#include <zlib.h>

/* Window of 32 KiB; raw deflate for blocks, whose head and tail are ours. */
enum { RAW_DEFLATE = -15, GZIP_ONLY = 15 + 16, MEMORY_LEVEL = 8 };

struct gzip_packer {
	z_stream z;
};

struct gzip_packer *gzip_packer_new(int level)
{
	struct gzip_packer *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	if (deflateInit2(&p->z, level, Z_DEFLATED, RAW_DEFLATE, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
	    Z_OK) {
		free(p);
		return NULL;
	}
	return p;
}

void gzip_packer_free(struct gzip_packer *p)
{
	if (p == NULL)
		return;
	deflateEnd(&p->z);
	free(p);
}

int gzip_put_head(struct buf *out)
{
	/* RFC 1952, 2.3: magic, deflate, no flags, no time, no extra flags, unknown system. */
	static const unsigned char head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};

	return buf_put(out, head, sizeof head);
}

int gzip_put_block(struct gzip_packer *p, struct slice block, struct buf *out, uint32_t *crc,
		   struct err *err)
{
	/* With the empty stored block that brings it to a byte's edge (RFC 1951, 3.2.4). */
	size_t most = deflateBound(&p->z, block.len) + 16;
	char *to = buf_room(out, most);

	if (to == NULL || deflateReset(&p->z) != Z_OK)
		return err_memory(err);
	p->z.next_in = (Bytef *)(uintptr_t)block.at;
	p->z.avail_in = (uInt)block.len;
	p->z.next_out = (Bytef *)to;
	p->z.avail_out = (uInt)most;
	if (deflate(&p->z, Z_SYNC_FLUSH) != Z_OK || p->z.avail_in != 0 || p->z.avail_out == 0)
		return err_memory(err);
	out->len += most - p->z.avail_out;
	*crc = (uint32_t)crc32_z(0, (const Bytef *)block.at, block.len);
	return 0;
}

static int put_le32(struct buf *out, uint32_t n)
{
	unsigned char bytes[4] = {(unsigned char)n, (unsigned char)(n >> 8),
				  (unsigned char)(n >> 16), (unsigned char)(n >> 24)};

	return buf_put(out, bytes, sizeof bytes);
}

int gzip_put_tail(struct buf *out, uint32_t crc, uint64_t length)
{
	/* A last, empty block with fixed codes (RFC 1951, 3.2.6). */
	buf_put(out, "\003", 2);
	put_le32(out, crc);
	return put_le32(out, (uint32_t)length) != 0 || out->failed ? -1 : 0;
}

uint32_t gzip_join_crc(uint32_t first, uint32_t second, uint64_t second_length)
{
	return (uint32_t)crc32_combine(first, second, (z_off_t)second_length);
}

/* ---- unpacking ---- */

struct gzip_unpacker {
	z_stream z;
	int pending; /* the last output was full: more may be held */
	int ended;   /* at the end of a member */
};

struct gzip_unpacker *gzip_unpacker_new(void)
{
	struct gzip_unpacker *u = calloc(1, sizeof *u);

	if (u == NULL)
		return NULL;
	if (inflateInit2(&u->z, GZIP_ONLY) != Z_OK) {
		free(u);
		return NULL;
	}
	return u;
}

void gzip_unpacker_free(struct gzip_unpacker *u)
{
	if (u == NULL)
		return;
	inflateEnd(&u->z);
	free(u);
}

int gzip_unpack(struct gzip_unpacker *u, struct slice *in, struct buf *out, size_t most,
		struct err *err)
{
	size_t before = out->len;

	while (in->len > 0 || u->pending) {
		size_t room = (size_t)64 << 10;
		char *to = buf_room(out, room);
		uInt piece = in->len > 1 << 30 ? 1 << 30 : (uInt)in->len;
		int result;

		if (out->len - before >= most)
			return 1;
		if (to == NULL)
			return err_memory(err);
		if (u->ended && inflateReset(&u->z) != Z_OK)
			return err_memory(err);
		u->ended = 0;
		u->z.next_in = (Bytef *)(uintptr_t)in->at;
		u->z.avail_in = piece;
		u->z.next_out = (Bytef *)to;
		u->z.avail_out = (uInt)room;
		result = inflate(&u->z, Z_NO_FLUSH);
		if (result == Z_MEM_ERROR)
			return err_memory(err);
		if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
			return err_set(err, ERR_DATA, "not gzip, or damaged (%s)",
				       u->z.msg != NULL ? u->z.msg : "zlib");
		in->at += piece - u->z.avail_in;
		in->len -= piece - u->z.avail_in;
		out->len += room - u->z.avail_out;
		u->ended = result == Z_STREAM_END;
		u->pending = !u->ended && u->z.avail_out == 0;
	}
	return 0;
}

int gzip_unpack_ended(const struct gzip_unpacker *u)
{
	return u->ended;
}
