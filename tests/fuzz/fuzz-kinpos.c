/* Input: a position of kinesis-tail, a line with a label, Base64, a message of the Kinesis Producer
 * Library. What is read prints as text that reads the same, and lies within the input.
 */
#include <stdint.h>
#include <stdlib.h>

#include "l0-base/hash.h"
#include "l1-value/base64.h"
#include "l2-line/kpl.h"
#include "l3-stream/kinpos.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

static void put(struct buf *out, const struct kinpos *pos)
{
	buf_clear(out);
	demand(kinpos_put_head(out, pos->stream) == 0);
	for (size_t i = 0; i < pos->count; i++)
		demand(kinpos_put_shard(out, &pos->shards[i]) == 0);
}

static void check_position(const char *text)
{
	struct buf first = {0}, second = {0};
	struct kinpos pos, again;
	struct err err = {0};

	if (kinpos_parse(text, &pos, &err) != 0) {
		demand(err.status == ERR_CONFIG && pos.count == 0);
		return;
	}
	put(&first, &pos);
	demand(kinpos_parse(buf_text(&first), &again, &err) == 0 && again.count == pos.count);
	put(&second, &again);
	demand(slice_equal(buf_view(&first), buf_view(&second)));
	kinpos_free(&pos);
	kinpos_free(&again);
	buf_free(&first);
	buf_free(&second);
}

static void check_label(struct slice text)
{
	struct slice parts[2], name;
	struct buf line = {0};
	char copy[SEEN_NAME_MAX + 1] = "";
	uint64_t ordinal;

	if (seen_cut_label(text, parts, &name, &ordinal)) {
		demand(name.len <= SEEN_NAME_MAX && parts[0].len + parts[1].len < text.len);
		memcpy(copy, name.at, name.len);
		/* The label may stand where no member is in front of it: then it cannot be put. */
		buf_slice(&line, parts[0]);
		buf_slice(&line, parts[1]);
		demand(!line.failed);
	}
	buf_free(&line);
}

static void check_base64(struct slice text)
{
	struct buf bytes = {0}, again = {0};

	if (base64_get(&bytes, text) == 0) {
		demand(hash_base64(&again, (const unsigned char *)bytes.at, bytes.len) == 0);
		demand(slice_equal(buf_view(&again), text));
	}
	buf_free(&bytes);
	buf_free(&again);
}

/* With the checksum that it ought to have: the fuzzer will not find one. */
static void check_packed(struct slice message)
{
	unsigned char digest[HASH_MD5_BYTES];
	struct buf data = {0};
	struct slice record;
	struct kpl k;
	size_t all = 0;

	hash_md5(message, digest);
	buf_put(&data, "\xf3\x89\x9a\xc2", 4);
	buf_slice(&data, message);
	buf_put(&data, (const char *)digest, sizeof digest);
	if (!data.failed && kpl_begin(buf_view(&data), &k))
		while (kpl_next(&k, &record))
			all += record.len;
	demand(all <= message.len);
	buf_free(&data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_position(text);
	check_label((struct slice){text, size});
	check_base64((struct slice){text, size});
	check_packed((struct slice){text, size});
	free(text);
	return 0;
}
