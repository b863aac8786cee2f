/* kinesisput.h - layer 4: lines into a Kinesis stream (PutRecords), in order for each key, each at
 * least once, labelled so that a reader sees it once (l2-line/seen.h).
 *
 * Lines wait in a window of 1,000. A request takes the first that waits of each key, 500 at most;
 * only what it left undone is sent again, and no line goes out before all that are 1,000 before it
 * are stored.
 */
#ifndef TUBERIA_KINESISPUT_H
#define TUBERIA_KINESISPUT_H

#include <signal.h>
#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct kinesisput;

struct kinesisput_options {
	const char *stream;
	int join;                /* lines of one key that wait go together in one record */
	const sigset_t *allowed; /* as for aws_open */
	const volatile sig_atomic_t *stop;
};

/* Returns 0 with *out, or -1 as aws_open. */
int kinesisput_open(const struct kinesisput_options *o, struct kinesisput **out, struct err *err);
void kinesisput_close(struct kinesisput *k); /* NULL is allowed; what waits is forgotten */

int kinesisput_create(struct kinesisput *k, int64_t shards, struct err *err);

/* Labels go on with this generation behind this ordinal. name: "NAME.GENERATION". */
void kinesisput_label(struct kinesisput *k, const char *name, uint64_t ordinal);
uint64_t kinesisput_ordinal(const struct kinesisput *k); /* of the last line put */

/* Put a line; waits while the window is full. Returns 0; or -1: ERR_DATA (no object that can carry
 * a label, larger than a record may be), ERR_TEMP (throttled for too long), or as aws_run. */
int kinesisput_line(struct kinesisput *k, struct slice key, struct slice line, struct err *err);

/* Until all of it is stored. Returns 0, or -1 as kinesisput_line. */
int kinesisput_flush(struct kinesisput *k, struct err *err);

struct kinesisput_counts {
	uint64_t stored, again, requests; /* lines; records that were sent again */
};
struct kinesisput_counts kinesisput_counts(const struct kinesisput *k);

#endif
