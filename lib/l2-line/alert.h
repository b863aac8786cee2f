/* alert.h - layer 2: an alert as a record of the pipe. Source: alert-when(1), OUTPUT. */
#ifndef TUBERIA_ALERT_H
#define TUBERIA_ALERT_H

#include "l0-base/buf.h"

struct alert {
	const char *name, *level;
	const char *value;     /* JSON text, or NULL: left out */
	const char *threshold; /* JSON text */
	/* Of which group: scalars as JSON texts, a comma between two, and their names. */
	struct slice key;
	const char *const *by;
	size_t by_count;
	struct slice when; /* JSON text of the time, or empty: left out */
	struct slice message;
};

/* Append it as one JSON object, without a newline; the group is said in words behind the message.
 * Returns 0, or -1 out of memory. */
int alert_print(struct buf *out, const struct alert *a);

#endif
