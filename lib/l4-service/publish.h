/* publish.h - layer 4: packed partitions to a destination, each whole or not at all.
 *
 * For all partitions, one step after the other, each durable before the next begins:
 *   1. what is there is looked at; where it will change, _SUCCESS goes
 *   2. the new objects, under names that have a digest of their content: none takes the place of
 *      another one
 *   3. the manifest: from here on a reader that goes by it sees the new state, until then the old
 *   4. what is stale goes
 *   5. _SUCCESS
 * So where there is _SUCCESS, the objects of the partition are those of its manifest; and the
 * objects that its manifest names are there at any moment. Doing it all again repairs what broke
 * off.
 */
#ifndef TUBERIA_PUBLISH_H
#define TUBERIA_PUBLISH_H

#include "l0-base/err.h"
#include "l1-value/codec.h"
#include "l1-value/timestamp.h"
#include "l3-stream/partition.h"
#include "l4-service/dest.h"

struct manifest;

enum publish_mode {
	PUBLISH_REPLACE, /* a partition holds the new objects, and no other */
	PUBLISH_APPEND,  /* and others, but for those of an earlier run of the same name */
	PUBLISH_FAIL     /* it is an error when a partition is there */
};

/* Whether names of objects may begin so. Returns 0, or -1 with ERR_USAGE. */
int publish_check_name(const char *name, struct err *err);

struct publish_options {
	enum publish_mode mode;
	const char *name; /* how the names of objects begin */
	enum codec codec;
	const char *time; /* names of fields; NULL without one */
	const char *const *sums;
	size_t sum_count;
	struct zone *zone;
	/* Called for each partition, in their order, when all are published. */
	int (*published)(void *context, const struct manifest *m, struct err *err);
	void *context;
};

/* Returns 0, or -1: ERR_CREATE (it is there, with PUBLISH_FAIL), ERR_DATA (a manifest that append
 * cannot add to; a sum that does not fit), and what the destination says. */
int publish(struct dest *d, const struct partitions *p, const struct publish_options *o,
	    struct err *err);

/* 1: an object of this name is data: not hidden, as readers of Hive partitions see it. */
int publish_is_data(struct slice name);

#endif
