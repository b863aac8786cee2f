/* group.h - layer 2: records gathered into groups: how many, exact sums, least and greatest
 * amounts; and the record that is printed for a group.
 *
 * A group's key is its by-values as canonical JSON text (a number as it came; a string as
 * json_put_string writes it; true, false), a comma between two, and so it is printed without a look
 * at it. In front of them may stand a few bytes that tell groups apart and are not printed.
 */
#ifndef TUBERIA_GROUP_H
#define TUBERIA_GROUP_H

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l1-value/decimal.h"

#define GROUP_BY_MAX 16
#define GROUP_MEASURES_MAX 40

enum measure_kind { MEASURE_SUM, MEASURE_MIN, MEASURE_MAX };

struct measure {
	enum measure_kind kind;
	size_t amount;    /* index into the record's amounts */
	const char *name; /* its key in the output */
};

/* What is computed and how it is printed:
 * {"id":"17850#85123A#2010-12-01","cliente_id":17850,"producto":"85123A","num_transacciones":3,
 *  "monto_total":45.90,"fecha_hora":"2010-12-01T08:26:00"}. The id comes only with `id` set, the
 * count only with a name for it. */
struct group_shape {
	const char *by[GROUP_BY_MAX]; /* keys in the output */
	size_t by_count;
	const char *count; /* or NULL */
	struct measure measures[GROUP_MEASURES_MAX];
	size_t measure_count;
	const char *time;
	int id;
	size_t prefix; /* bytes of a key in front of the by-values */
};

/* A shape made ready for printing; may be shared by many tables of groups, and outlives them. */
struct group_plan;

/* The names of *shape are copied. Returns NULL out of memory. */
struct group_plan *group_plan_new(const struct group_shape *shape);
void group_plan_free(struct group_plan *p);

struct groups;

struct groups *groups_new(const struct group_plan *p); /* NULL out of memory */
void groups_free(struct groups *g);                    /* NULL is allowed */
void groups_clear(struct groups *g);                   /* no groups left; memory is kept */

/* Add a record to its group, or take it back (retract 1): a record taken back lowers the count and
 * the sums, and leaves the least and the greatest amount alone, which cannot be undone. amounts[i]
 * is what measures with amount i look at. Returns 0, or -1 with ERR_DATA (a sum of more than 38
 * digits; the groups are unchanged) or ERR_TEMP. */
int groups_add(struct groups *g, struct slice key, int retract, const struct decimal *amounts,
	       struct err *err);

/* Many records at once are faster: where the table is far away in memory, it comes while others are
 * added. They are packed one behind another, which is a copy, and needs no groups yet. Only a
 * record that cannot fail can be packed: no amount of it has more than 64 bits or 6 decimals, and
 * its groups take at most GROUP_PACKED_MOST of them, and none behind the first groups_add. */
#define GROUP_PACKED_ALIGN 8
#define GROUP_PACKED_KEY_MAX 65535
#define GROUP_PACKED_MOST (((uint64_t)1 << 42) - 1)

/* 1: no amount is too large. */
int group_packable(const struct group_plan *p, const struct decimal *amounts);

/* Bytes that a packed record takes, a multiple of GROUP_PACKED_ALIGN; key_len: at most
 * GROUP_PACKED_KEY_MAX. */
size_t group_packed_size(const struct group_plan *p, size_t key_len);

/* Pack a record into so many bytes at `to`, aligned. */
void group_pack(const struct group_plan *p, void *to, struct slice key, int retract,
		const struct decimal *amounts);

/* Add `len` bytes of packed records, which are changed. Returns 0, or -1 out of memory. */
int groups_add_packed(struct groups *g, void *packed, size_t len, struct err *err);

size_t groups_count(const struct groups *g);
size_t groups_bytes(const struct groups *g); /* memory held */

/* The key of group i, 0 <= i < groups_count, in order of first appearance. */
struct slice groups_key(const struct groups *g, size_t i);

/* Append what stands at the end of each record of one window: the time's key with its value, a JSON
 * text, the brace and the newline. 16 bytes behind it can be read. Returns 0, or -1 out of memory.
 */
int group_plan_put_tail(const struct group_plan *p, struct slice time, struct buf *out);

/* Append group i as one record. day: the text behind the by-values in the id, with 16 readable
 * bytes behind it; tail: of group_plan_put_tail. Nothing is appended when everything in the group
 * has been taken back: the count and all sums are zero, and no least or greatest amount was asked
 * for. A least or greatest amount that no record has set is left out. Returns 1, 0 when nothing
 * was appended, or -1 out of memory. */
int groups_print(const struct groups *g, size_t i, struct slice day, struct slice tail,
		 struct buf *out);

#endif
