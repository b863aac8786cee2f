#include "l3-stream/partition.h"

#include <stdlib.h>

#include "check.h"
#include "l0-base/hash.h"

enum { RECORDS = 60000 };

static struct err err;
static struct zone *zone;
static struct layout *layout;

static struct partition_options options(void)
{
	return (struct partition_options){.layout = layout,
					  .codec = CODEC_GZIP,
					  .level = 6,
					  .sum_count = 1,
					  .memory = (size_t)64 << 20,
					  .most = 100000,
					  .threads = 2,
					  .temporary = "/tmp"};
}

static int add(struct partitions *p, const char *value, const char *time, const char *amount,
	       const char *line, struct partition_blame *blame)
{
	struct slice values[] = {slice_of(value)};
	struct decimal d;
	struct timestamp at;
	struct partition_record r = {.line = slice_of(line),
				     .values = values,
				     .at = &at,
				     .at_text = slice_of(time),
				     .amounts = &d};

	if (timestamp_parse(zone, slice_of(time), &at, &err) != 0 ||
	    decimal_parse(slice_of(amount), &d, &err) != 0)
		return -1;
	return partitions_add(p, &r, blame, &err);
}

/* Some thousand records over 90 partitions; in one of them a line of 300 kB. */
static struct partitions *filled(const struct partition_options *o)
{
	struct partitions *p;
	struct partition_blame blame;
	struct buf line = {0};
	char value[8], time[32];

	if (partitions_new(o, &p, &err) != 0)
		return NULL;
	for (int i = 0; i < RECORDS; i++) {
		snprintf(value, sizeof value, "p%d", i * 7919 % 30);
		snprintf(time, sizeof time, "2024-03-%02dT10:%02d:%02d", 1 + i / 30 % 3,
			 i / 60 % 60, i % 60);
		buf_clear(&line);
		buf_printf(&line, "{\"n\":%d,\"r\":%d}", i, rand() % 100000);
		for (int k = 0; i == 777 && k < 300000; k++)
			buf_byte(&line, 'x');
		if (add(p, value, time, "0.25", buf_text(&line), &blame) != 0)
			return NULL;
	}
	buf_free(&line);
	return partitions_close(p, &err) == 0 ? p : NULL;
}

/* All names and digests, one after the other. */
static struct buf digests(const struct partitions *p)
{
	struct buf out = {0};

	for (size_t i = 0; p != NULL && i < partitions_count(p); i++) {
		const struct partition *part = partitions_at(p, i);

		for (size_t k = 0; k < part->object_count; k++)
			buf_printf(&out, "%s %s\n", part->path,
				   partition_object_sha256(&part->objects[k]));
	}
	return out;
}

static void check_content(const struct partitions *p)
{
	uint64_t rows = 0;
	int digests_right = 1, sums_right = 1;

	for (size_t i = 0; i < partitions_count(p); i++) {
		const struct partition_object *o = partitions_at(p, i)->objects;
		uint64_t size = partition_object_size(o);
		char *bytes = malloc(size), hex[65];
		unsigned char digest[HASH_SHA256_BYTES];
		struct decimal quarter = {25, 2}, sum = {0, 2};

		rows += o->tally.rows;
		for (uint64_t k = 0; k < o->tally.rows; k++)
			decimal_add(&sum, &quarter, &err);
		sums_right = sums_right && decimal_compare(&sum, &o->tally.sums[0]) == 0;
		partition_object_read(p, o, 0, bytes, size, &err);
		hash_sha256((struct slice){bytes, size}, digest);
		hash_hex(digest, sizeof digest, hex);
		digests_right = digests_right && strcmp(hex, partition_object_sha256(o)) == 0;
		free(bytes);
	}
	CHECK(rows == RECORDS, "every record is in one partition");
	CHECK(sums_right, "with its sums");
	CHECK(digests_right, "digests are those of what is read");
}

static void same_bytes(void)
{
	struct partition_options o = options();
	struct partitions *p;
	struct buf expected, got;

	srand(1);
	p = filled(&o);
	CHECK(p != NULL && partitions_count(p) == 90, "90 partitions");
	CHECK(strcmp(partitions_at(p, 0)->path, "p0/03-01") == 0 &&
		      strcmp(partitions_at(p, 89)->path, "p9/03-03") == 0,
	      "in order of their paths");
	check_content(p);
	CHECK(partitions_memory(p).times == 0, "nothing was put aside");
	expected = digests(p);
	partitions_free(p);

	srand(1);
	o.threads = 7;
	o.memory = 100000;
	p = filled(&o);
	CHECK(p != NULL && partitions_memory(p).times > 10,
	      "with little memory, records are put aside");
	got = digests(p);
	CHECK(got.len > 0 && slice_equal(buf_view(&got), buf_view(&expected)),
	      "with other threads and less memory: the same bytes");
	partitions_free(p);
	buf_free(&got);

	srand(2);
	p = filled(&o);
	got = digests(p);
	CHECK(!slice_equal(buf_view(&got), buf_view(&expected)), "of other records: other bytes");
	partitions_free(p);
	buf_free(&got);
	buf_free(&expected);
}

static void rolling(void)
{
	struct partition_options o = options();
	struct partitions *p;
	const struct partition *part;
	uint64_t rows = 0;
	int small = 1;

	o.roll = 200000;
	o.codec = CODEC_NONE;
	o.level = 0;
	layout_free(layout);
	layout_new("one", &layout, &err);
	o.layout = layout;
	p = filled(&o);
	part = partitions_at(p, 0);
	CHECK(partitions_count(p) == 1 && part->object_count > 5, "%zu objects",
	      part->object_count);
	for (size_t i = 0; i < part->object_count; i++) {
		rows += part->objects[i].tally.rows;
		small = small && part->objects[i].length <= 200000 + 300000 + PARTITION_BLOCK &&
			part->objects[i].length == partition_object_size(&part->objects[i]);
	}
	CHECK(rows == RECORDS && small, "none much larger than asked for");
	partitions_free(p);
}

static void bad_records(void)
{
	struct partition_options o = options();
	struct partition_blame blame;
	struct partitions *p;
	struct slice touched[] = {slice_of("none")};

	layout_free(layout);
	layout_new("{a}/%Y", &layout, &err);
	o.layout = layout;
	o.most = 3;
	partitions_new(&o, &p, &err);
	CHECK(add(p, "", "2024-01-01", "1", "x", &blame) != 0 && err.status == ERR_DATA &&
		      blame.fault == PARTITION_FIELD,
	      "an empty value");
	CHECK(add(p, "a", "20240-01-01", "1", "x", &blame) != 0 && err.status == ERR_DATA &&
		      blame.fault == PARTITION_TIME,
	      "a time without its place");
	CHECK(add(p, "a", "2024-01-01", "99999999999999999999999999999999999999", "x", &blame) == 0,
	      "a large amount");
	CHECK(add(p, "a", "2024-01-01", "1", "x", &blame) != 0 && err.status == ERR_DATA &&
		      blame.fault == PARTITION_SUM,
	      "and one more than fits");
	CHECK(partitions_touch(p, touched, 0, &blame, &err) == 0, "a partition without records");
	CHECK(add(p, "b", "2024-01-01", "1", "x", &blame) == 0, "a third one");
	CHECK(add(p, "c", "2024-01-01", "1", "x", &blame) != 0 && err.status == ERR_CONFIG,
	      "a fourth one is too many (%s)", err.message);
	CHECK(partitions_close(p, &err) == 0 && partitions_count(p) == 3, "the rest is there");
	CHECK(partitions_at(p, 0)->objects[0].tally.rows == 1 &&
		      partitions_at(p, 2)->object_count == 0,
	      "without the bad records");
	partitions_free(p);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	zone = zone_new();
	layout_new("{a}/%m-%d", &layout, &err);
	same_bytes();
	rolling();
	bad_records();
	layout_free(layout);
	zone_free(zone);
	return check_done();
}
