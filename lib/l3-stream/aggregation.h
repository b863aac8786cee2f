/* aggregation.h - layer 3: what to read from each record and what to print for a group, out of the
 * lists on a command line: FIELD[=NAME],...
 *
 * FIELD is a path as scan_new takes it. A backslash before a comma or an equals sign makes it part
 * of the field or the name.
 */
#ifndef TUBERIA_AGGREGATION_H
#define TUBERIA_AGGREGATION_H

#include "l0-base/err.h"
#include "l2-line/group.h"
#include "l2-line/scan.h"

enum aggregation_field { AGGREGATION_OP, AGGREGATION_TIME, AGGREGATION_BY };

struct aggregation {
	/* What is read: "@op", the time, the by-fields from AGGREGATION_BY on, then the amounts. */
	const char *fields[SCAN_FIELDS_MAX];
	size_t field_count;
	size_t amount_field[GROUP_MEASURES_MAX]; /* where amount i is among them */
	size_t amount_count;
	struct group_shape shape; /* what is printed */

	char *texts[2 * SCAN_FIELDS_MAX]; /* the names, owned */
	size_t text_count;
};

/* In this order: the time, all by-lists, the lists of sums, of minima and of maxima. NAME may be
 * left out of by-lists: it is then the last part of FIELD's path; and of the time, where it is
 * "fecha_hora". Each returns 0, or -1 with ERR_USAGE or ERR_TEMP. */
int aggregation_time(struct aggregation *a, const char *item, struct err *err);
int aggregation_by(struct aggregation *a, const char *list, struct err *err);
int aggregation_measure(struct aggregation *a, enum measure_kind kind, const char *list,
			struct err *err);

/* Last, after shape.id and shape.count were set: something must be asked for, and no two keys of
 * the output may be the same. */
int aggregation_check(const struct aggregation *a, struct err *err);

void aggregation_free(struct aggregation *a);

#endif
