/* cloudwatch.h - layer 4: points into Amazon CloudWatch (PutMetricData), by a thread of its own:
 * whoever hands them over never waits. And the alarms and the dashboard for them.
 *
 * What cannot be sent is kept and merged by minute and series, in bounded memory, and tried again.
 * Source: CloudWatch API reference, PutMetricData; cw-put(1), CLOUDWATCH.
 */
#ifndef TUBERIA_CLOUDWATCH_H
#define TUBERIA_CLOUDWATCH_H

#include <stdint.h>

#include "l0-base/err.h"
#include "l2-line/point.h"

struct cloudwatch;

struct cloudwatch_options {
	const struct point_shape *shape; /* stays */
	/* Says what went wrong; called by the thread. */
	void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2)));
};

/* Signals are to be blocked already: the thread takes none. Returns 0 with *out, or -1 as aws_open.
 */
int cloudwatch_open(const struct cloudwatch_options *o, struct cloudwatch **out, struct err *err);

/* Hand a point over. Returns 0; or -1 when the service has refused us for good (ERR_DENIED,
 * ERR_CONFIG), or ERR_TEMP out of memory. */
int cloudwatch_add(struct cloudwatch *c, const struct point *p, struct err *err);

struct cloudwatch_counts {
	uint64_t points; /* handed over; each is in one of the others in the end */
	uint64_t sent;   /* accepted by the service */
	uint64_t merged; /* put together with one that was waiting */
	uint64_t
		outdated; /* more than two weeks ago or two hours ahead: not taken by the service */
	uint64_t refused; /* by the service, as they are */
	uint64_t lost;    /* too many were waiting, or the time was up at the end */
	uint64_t requests;
};

/* Send what waits, for `patience` microseconds at most, then end; frees c. Returns 0, or -1 with
 * *err when something was lost, or refused for good. NULL is allowed. */
int cloudwatch_close(struct cloudwatch *c, int64_t patience, struct cloudwatch_counts *counts,
		     struct err *err);

struct cloudwatch_alarm {
	const char *metric;
	int greatest; /* 1: of the greatest of a minute; 0: of the sum */
	const char *threshold;
	const char *sns; /* topic to be told, or NULL */
};

/* Create or update alarms named NAMESPACE-METRIC. Return 0, or -1. */
int cloudwatch_put_alarms(const char *namespace, const struct cloudwatch_alarm *alarms,
			  size_t count, struct err *err);

/* Create or update the dashboard named as the namespace, with a graph for each of them. */
int cloudwatch_put_dashboard(const char *namespace, const struct cloudwatch_alarm *alarms,
			     size_t count, struct err *err);

#endif
