#include "l2-line/kpl.h"

#include "l0-base/hash.h"

static const char magic[] = {'\xf3', '\x89', '\x9a', '\xc2'};

/* Kinds of fields on the wire; groups (3, 4) are not used. */
enum { VARINT = 0, EIGHT_BYTES = 1, BYTES = 2, FOUR_BYTES = 5 };
/* Of AggregatedRecord: records; of Record: data. */
enum { RECORDS = 3, DATA = 3 };

struct field {
	uint64_t number;
	unsigned kind;
	struct slice bytes; /* of BYTES */
};

/* Returns 0, or -1: it is longer than 64 bits or than what is left. */
static int get_varint(struct slice *from, uint64_t *n)
{
	*n = 0;
	for (unsigned shift = 0; shift < 64 && from->len > 0; shift += 7) {
		unsigned char byte = (unsigned char)*from->at++;

		from->len--;
		*n |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return 0;
	}
	return -1;
}

static int skip(struct slice *from, uint64_t n)
{
	if (n > from->len)
		return -1;
	from->at += n;
	from->len -= n;
	return 0;
}

/* Returns 0, or -1: it is no field. */
static int get_field(struct slice *from, struct field *f)
{
	uint64_t tag, n;

	if (get_varint(from, &tag) != 0)
		return -1;
	f->number = tag >> 3;
	f->kind = tag & 7;
	switch (f->kind) {
	case VARINT:
		return get_varint(from, &n);
	case EIGHT_BYTES:
		return skip(from, 8);
	case FOUR_BYTES:
		return skip(from, 4);
	case BYTES:
		if (get_varint(from, &n) != 0)
			return -1;
		f->bytes = (struct slice){from->at, n};
		return skip(from, n);
	default:
		return -1;
	}
}

/* The data of a Record. Returns 0, or -1: there is none. */
static int get_data(struct slice record, struct slice *data)
{
	struct field f;
	int found = 0;

	while (record.len > 0) {
		if (get_field(&record, &f) != 0)
			return -1;
		if (f.number == DATA && f.kind == BYTES) {
			*data = f.bytes;
			found = 1;
		}
	}
	return found ? 0 : -1;
}

/* Returns 1 with the next record's data, 0 at the end, -1 for a message that is none. */
static int next(struct slice *message, struct slice *data)
{
	struct field f;

	while (message->len > 0) {
		if (get_field(message, &f) != 0)
			return -1;
		if (f.number == RECORDS && f.kind == BYTES)
			return get_data(f.bytes, data) == 0 ? 1 : -1;
	}
	return 0;
}

int kpl_begin(struct slice data, struct kpl *k)
{
	unsigned char digest[HASH_MD5_BYTES];
	struct slice message, ignored;
	int more;

	if (data.len < sizeof magic + sizeof digest || memcmp(data.at, magic, sizeof magic) != 0)
		return 0;
	message = (struct slice){data.at + sizeof magic, data.len - sizeof magic - sizeof digest};
	hash_md5(message, digest);
	if (memcmp(message.at + message.len, digest, sizeof digest) != 0)
		return 0;
	k->rest = message;
	while ((more = next(&message, &ignored)) > 0)
		;
	return more == 0;
}

int kpl_next(struct kpl *k, struct slice *data)
{
	return next(&k->rest, data) > 0;
}
