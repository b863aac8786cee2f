/* alarm.h - layer 3: a threshold over windows, for each key: raised once a window, resolved by the
 * first window that keeps to it. Source: alert-when(1).
 *
 * No clock is read: time is that of the records, carried on by the caller while there are none.
 */
#ifndef TUBERIA_ALARM_H
#define TUBERIA_ALARM_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l1-value/decimal.h"

struct alarm_rule {
	int below; /* 0: a value above the threshold raises it; 1: one below */
	struct decimal threshold;
	int add;         /* values are parts of a window's sum, not the sum itself */
	int64_t size;    /* seconds that a window lasts */
	size_t max_keys; /* held at once */
};

enum alarm_fate {
	ALARM_QUIET,    /* nothing to tell: within the threshold, or told already */
	ALARM_RAISED,   /* the window's value has passed the threshold for the first time */
	ALARM_RESOLVED, /* the key's last raised window was followed by one that keeps to it */
	ALARM_LATE      /* with add: its window is too long ago to be added up */
};

/* Whether a value by itself breaks the rule. */
int alarm_breaks(const struct alarm_rule *rule, const struct decimal *value);

struct alarms;

struct alarms *alarms_new(const struct alarm_rule *rule); /* NULL out of memory */
void alarms_free(struct alarms *a);                       /* NULL is allowed */

/* Look at a value of a key in the window that ends at `end` (seconds). *value becomes the window's
 * sum, with `add`. Returns an enum alarm_fate; or -1: ERR_DATA (a sum of more than 38 digits),
 * ERR_CONFIG (more than max_keys keys that matter), ERR_TEMP; nothing has changed then. */
int alarms_look(struct alarms *a, struct slice key, int64_t end, struct decimal *value,
		struct err *err);

/* It is `now` (seconds), as far as the stream knows; never goes back. Call alarms_next after it
 * until that returns 0. */
void alarms_time(struct alarms *a, int64_t now);

/* A key whose alarm is resolved since a whole window has passed without breaking the rule. Returns
 * 1 with its key, the end of the window that was raised, and the value of the one behind it (*known
 * 0: nothing came); 0 when there is no more; -1 out of memory. */
int alarms_next(struct alarms *a, struct slice *key, int64_t *end, struct decimal *value,
		int *known, struct err *err);

size_t alarms_held(const struct alarms *a); /* keys in memory */

#endif
