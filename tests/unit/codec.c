#include "l1-value/codec.h"

#include <stdlib.h>

#include "check.h"

static struct err err;

static struct buf text_of(size_t lines)
{
	struct buf b = {0};

	for (size_t i = 0; i < lines; i++)
		buf_printf(&b, "{\"n\":%zu,\"m\":%zu}\n", i, i * 7919 % 1009);
	return b;
}

/* The text in blocks of this size, as an object. */
static struct buf packed(enum codec codec, struct slice text, size_t block)
{
	struct codec_packer *p = codec_packer_new(codec, codec_level(codec));
	struct buf out = {0};
	uint32_t check = 0, of_block;

	codec_put_head(codec, &out);
	for (size_t at = 0; at < text.len; at += block) {
		size_t len = text.len - at < block ? text.len - at : block;

		if (codec_put_block(p, (struct slice){text.at + at, len}, &out, &of_block, &err) !=
		    0)
			printf("# %s\n", err.message);
		check = codec_join(codec, check, of_block, len);
	}
	codec_put_tail(codec, check, text.len, &out);
	codec_packer_free(p);
	return out;
}

/* Unpack in pieces; returns 0, or -1 with err. */
static int unpack(enum codec codec, struct slice bytes, size_t piece, size_t most, struct buf *out)
{
	struct codec_unpacker *u = codec_unpacker_new(codec);
	int result = 0;

	buf_clear(out);
	for (size_t at = 0; result == 0 && at < bytes.len; at += piece) {
		struct slice in = {bytes.at + at, bytes.len - at < piece ? bytes.len - at : piece};

		do
			result = codec_unpack(u, &in, out, most, &err);
		while (result == 1);
	}
	if (result == 0)
		result = codec_unpack_end(u, &err);
	codec_unpacker_free(u);
	return result;
}

static void round_trips(enum codec codec, const char *name)
{
	struct buf text = text_of(30000), out = {0},
		   object = packed(codec, buf_view(&text), 100000);
	struct buf twice = {0};
	struct slice cut = {object.at, object.len - 1};

	CHECK(unpack(codec, buf_view(&object), 1 << 20, 1 << 20, &out) == 0 &&
		      slice_equal(buf_view(&out), buf_view(&text)),
	      "%s: comes back", name);
	CHECK(unpack(codec, buf_view(&object), 7, 1, &out) == 0 &&
		      slice_equal(buf_view(&out), buf_view(&text)),
	      "%s: in pieces of 7 bytes", name);
	buf_slice(&twice, buf_view(&object));
	buf_slice(&twice, buf_view(&object));
	CHECK(unpack(codec, buf_view(&twice), 1 << 20, 1 << 20, &out) == 0 &&
		      out.len == 2 * text.len,
	      "%s: two in a row are one", name);
	if (codec != CODEC_NONE) {
		CHECK(object.len < text.len / 3, "%s: is smaller", name);
		CHECK(unpack(codec, cut, 1 << 20, 1 << 20, &out) != 0 && err.status == ERR_DATA,
		      "%s: an end cut off is found (%s)", name, err.message);
		object.at[object.len / 2] ^= 4;
		CHECK(unpack(codec, buf_view(&object), 1 << 20, 1 << 20, &out) != 0 &&
			      err.status == ERR_DATA,
		      "%s: a bit turned round is found (%s)", name, err.message);
		CHECK(unpack(codec, slice_of("what is this?"), 100, 100, &out) != 0 &&
			      err.status == ERR_DATA,
		      "%s: other bytes are refused (%s)", name, err.message);
	}
	buf_free(&object);
	object = packed(codec, (struct slice){NULL, 0}, 1);
	CHECK(codec == CODEC_ZSTD ||
		      (unpack(codec, buf_view(&object), 100, 100, &out) == 0 && out.len == 0),
	      "%s: of nothing", name);
	buf_free(&text);
	buf_free(&out);
	buf_free(&twice);
	buf_free(&object);
}

int main(void)
{
	enum codec codec;

	round_trips(CODEC_GZIP, "gzip");
	round_trips(CODEC_ZSTD, "zstd");
	round_trips(CODEC_NONE, "none");
	CHECK(codec_named("zstd", &codec) == 0 && codec == CODEC_ZSTD &&
		      codec_named("x", &codec) != 0,
	      "by name");
	CHECK(codec_of_object(slice_of("a.json.gz")) == CODEC_GZIP &&
		      codec_of_object(slice_of("a.json.zst")) == CODEC_ZSTD &&
		      codec_of_object(slice_of("a.json")) == CODEC_NONE,
	      "by the name of an object");
	return check_done();
}
