/* manifest.h - layer 3: what a partition holds, as the file _manifest in it says.
 *
 * {"version":1,"partition":"proveedor_1/year=2024/month=03/day=21","time":"fecha","rows":3,
 *  "sums":{"monto":45.90},"least":"2024-03-21T08:26:00","greatest":"2024-03-21T17:01:00",
 *  "bytes":210,"objects":[{"name":"part-00000-0123456789abcdef.json.gz","rows":3,
 *  "sums":{"monto":45.90},"least":"…","greatest":"…","length":311,"bytes":210,"sha256":"…"}]}
 *
 * in one line. Whoever reads a partition by its manifest sees one state of it or another, whole.
 * No date and no name of a machine is in it: a rerun gives the same bytes.
 */
#ifndef TUBERIA_MANIFEST_H
#define TUBERIA_MANIFEST_H

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l2-line/tally.h"

#define MANIFEST_NAME "_manifest"
#define MANIFEST_DONE "_SUCCESS"

struct manifest_object {
	char *name;
	struct tally tally;
	uint64_t length, size; /* bytes of its records; of itself */
	char sha256[65];
};

struct manifest {
	char *partition, *time; /* time: the field, NULL without one */
	char *sums[TALLY_SUMS_MAX];
	size_t sum_count;
	struct manifest_object *objects;
	size_t count, room;
};

/* Of no objects; all is copied. Returns 0, or -1 with ERR_TEMP; to be freed in any case. */
int manifest_init(struct manifest *m, const char *partition, const char *time,
		  const char *const *sums, size_t sum_count, struct err *err);
void manifest_free(struct manifest *m); /* resets to {0} */

/* Add an object; all is copied. Returns 0, or -1 with ERR_TEMP. */
int manifest_add(struct manifest *m, const char *name, const struct tally *tally, uint64_t length,
		 uint64_t size, const char *sha256, struct err *err);

const struct manifest_object *manifest_find(const struct manifest *m, struct slice name);

/* All objects together; *total is freed by tally_free. Returns 0, or -1 with ERR_DATA (a sum of
 * more than 38 digits), ERR_TEMP. */
int manifest_total(const struct manifest *m, struct tally *total, uint64_t *size, struct err *err);

/* 1: the same time and sums. */
int manifest_alike(const struct manifest *a, const struct manifest *b);

/* Append it, with a newline. Returns 0, or -1 as manifest_total. */
int manifest_print(const struct manifest *m, struct buf *out, struct err *err);

/* Append what is said of a partition that was published, with a newline, and add to *bytes:
 * {"partition":"p=a","rows":3,"sums":{"monto":45.90},"objects":1,"bytes":210}
 * Returns 0, or -1 as manifest_total. */
int manifest_report(const struct manifest *m, struct buf *out, uint64_t *bytes, struct err *err);

/* Read one. Returns 0, or -1 with ERR_DATA: no manifest, of another version, or one whose totals
 * are not those of its objects; ERR_TEMP. */
int manifest_parse(struct slice text, struct zone *zone, struct manifest *m, struct err *err);

#endif
