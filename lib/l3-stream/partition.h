/* partition.h - layer 3: records into partitions, packed into objects, in bounded memory; nothing
 * is seen by anybody before all of them are there.
 *
 * Memory holds less than a block (PARTITION_BLOCK) of records for each partition. When that comes
 * to more than the limit, all of it goes to the temporary file, and comes back block by block:
 * blocks, and with them the bytes of the objects, are the same however small the limit is.
 */
#ifndef TUBERIA_PARTITION_H
#define TUBERIA_PARTITION_H

#include <stdint.h>

#include "l0-base/err.h"
#include "l1-value/codec.h"
#include "l1-value/layout.h"
#include "l2-line/tally.h"

/* Bytes of records compressed at once; a longer line is a block of its own. */
enum { PARTITION_BLOCK = 128 << 10 };

struct partition_options {
	const struct layout *layout; /* stays the caller's, as does all else */
	enum codec codec;
	int level;
	size_t sum_count;
	uint64_t roll; /* an object ends when it has so many bytes of records; 0: never */
	size_t memory; /* bytes of records held; what else is held is about 1 KB a partition, and a
			* few blocks a thread */
	size_t most;   /* partitions */
	unsigned threads;
	const char *temporary; /* directory */
};

struct pack_object;

struct partition_object {
	struct tally tally;
	uint64_t length; /* of its records, bytes */
	struct pack_object *packed;
};

struct partition {
	const char *path;
	struct partition_object *objects; /* none in a partition that was only touched */
	size_t object_count;
};

struct partitions;

/* Returns 0 with *out, or -1 with ERR_CREATE, ERR_TEMP. */
int partitions_new(const struct partition_options *o, struct partitions **out, struct err *err);
void partitions_free(struct partitions *p); /* NULL is allowed */

struct partition_record {
	struct slice line;
	const struct slice *values; /* of the layout's fields */
	const struct timestamp *at; /* or NULL: it has none; the layout must need none then */
	struct slice at_text;
	const struct decimal *amounts;
};

/* What a bad record is bad of. */
enum partition_fault { PARTITION_WHOLE, PARTITION_FIELD, PARTITION_TIME, PARTITION_SUM };
struct partition_blame {
	enum partition_fault fault;
	size_t number; /* of the field or the sum */
};

/* Put a record where it belongs. Returns 0, or -1: ERR_DATA for a bad record, which leaves no
 * trace, with *blame; anything else ends the run. */
int partitions_add(struct partitions *p, const struct partition_record *r,
		   struct partition_blame *blame, struct err *err);

/* There is this partition, though perhaps no record for it. Returns as partitions_add. */
int partitions_touch(struct partitions *p, const struct slice *values, int64_t local,
		     struct partition_blame *blame, struct err *err);

/* No more records: pack what is left. Then the partitions are in order of their paths (bytes).
 * Returns 0, or -1. */
int partitions_close(struct partitions *p, struct err *err);
size_t partitions_count(const struct partitions *p);
const struct partition *partitions_at(const struct partitions *p, size_t i);

/* Of an object, after partitions_close. */
uint64_t partition_object_size(const struct partition_object *o);
const char *partition_object_sha256(const struct partition_object *o); /* lower-case hex */
/* As pack_read. */
int partition_object_read(const struct partitions *p, const struct partition_object *o,
			  uint64_t offset, char *to, size_t len, struct err *err);

/* For last words: the most bytes of records that were held, how many bytes went aside, and how
 * often. */
struct partition_memory {
	uint64_t most, spilled, times;
};
struct partition_memory partitions_memory(const struct partitions *p);

#endif
