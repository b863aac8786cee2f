#include "l2-line/kpl.h"

#include "check.h"
#include "l0-base/hash.h"

/* Of the documentation of ExKpl, another implementation: one record, "data". */
static const char one[] = "\xf3\x89\x9a\xc2\x0a\x0dpartition_key\x1a\x08\x08\x00\x1a\x04"
			  "data\xd0\x36\x99\xda\x5a\x22\x2f\xa3\x21\x08\xad\x1b\xd9\x55\xa1\x4e";

/* A message with its magic number and its checksum. */
static struct slice packed(struct slice message)
{
	static struct buf out;
	unsigned char digest[HASH_MD5_BYTES];

	buf_clear(&out);
	buf_put(&out, "\xf3\x89\x9a\xc2", 4);
	buf_slice(&out, message);
	hash_md5(message, digest);
	buf_put(&out, (const char *)digest, sizeof digest);
	return buf_view(&out);
}

/* "data|data|", or "none". */
static const char *records(struct slice data)
{
	static struct buf out;
	struct slice record;
	struct kpl k;

	buf_clear(&out);
	if (!kpl_begin(data, &k))
		return "none";
	while (kpl_next(&k, &record)) {
		buf_slice(&out, record);
		buf_byte(&out, '|');
	}
	return buf_text(&out);
}

#define MESSAGE(text) packed((struct slice){text, sizeof(text) - 1})
#define IS(data, expected)                                               \
	do {                                                             \
		const char *got = records(data);                         \
		CHECK(strcmp(got, expected) == 0, "%s: %s", #data, got); \
	} while (0)

int main(void)
{
	struct slice whole = {one, sizeof one - 1};
	int taken = 0;

	IS(whole, "data|");
	for (size_t n = 0; n < whole.len; n++)
		taken += strcmp(records((struct slice){one, n}), "none") != 0;
	CHECK(taken == 0, "nothing less is one");
	IS(MESSAGE(""), "");
	IS(MESSAGE("\x0a\x01k\x0a\x01l\x1a\x05\x08\x01\x1a\x01"
		   "a\x1a\x04\x08\x00\x1a\x00\x1a\x07\x08\x00\x10\x00\x1a\x01"
		   "b"),
	   "a||b|");
	/* Tags, and fields of kinds to come, are passed over; of data that comes twice, the last
	 * counts. */
	IS(MESSAGE("\x1a\x0d\x22\x03\x0a\x01t\x1a\x01"
		   "a\x1a\x01"
		   "b\x28\x01\x35"
		   "1234\x39"
		   "12345678"),
	   "b|");
	IS(MESSAGE("\x1a\x0b\x22\x03\x0a\x01t\x1a\x01"
		   "a\x1a\x01"
		   "b\x28\x81\x01\x35"
		   "1234\x39"
		   "12345678"),
	   "b|");
	IS(MESSAGE("\x1a\x02\x08\x00"), "none"); /* without data */
	IS(MESSAGE("\x1a\x05\x08\x00"), "none"); /* cut short */
	IS(MESSAGE("\x1b"), "none");             /* a group */
	IS(MESSAGE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "none");
	IS(MESSAGE("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "none");
	return check_done();
}
