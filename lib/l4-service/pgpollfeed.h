/* pgpollfeed.h - layer 4: from the rows that polling gives to records and barriers, until the goal
 * is reached or we are told to stop.
 */
#ifndef TUBERIA_PGPOLLFEED_H
#define TUBERIA_PGPOLLFEED_H

#include "l0-base/err.h"
#include "l3-stream/feed.h"
#include "l3-stream/pgrow.h"
#include "l4-service/pgpoll.h"
#include "l4-service/pgsetup.h"

struct pgpollfeed {
	/* set by the caller */
	struct pgpoll poll; /* wait alone */
	struct feed *feed;
	int64_t every; /* microseconds from one round to the next */
	int once;      /* one round, to its end */
	int snapshot;  /* the first round is one epoch, which replaces everything */
	void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2)));

	/* the module's own */
	struct pgrow *row;
	struct pgrow *key; /* for its name */
	struct buf pos;
	struct pgkeys awaited; /* keys of the barrier that is awaited, once that was read */
	int awaiting, done;
	int64_t next; /* when the next round begins */
};

/* Start reading the table of the set-up, whose connection becomes ours, by this column (its name as
 * SQL has it), from the first row on; or behind a barrier. Returns 0, or -1: ERR_CONFIG when that
 * cannot be done, or the position is not of this table. pgpollfeed_free in any case. */
int pgpollfeed_begin(struct pgpollfeed *f, struct pgsetup *s, const char *column,
		     struct pgjson_types *types, const struct barrier *resume, struct err *err);
void pgpollfeed_free(struct pgpollfeed *f);

/* Give records until the goal is reached, or the set-up's target says stop, and close the output.
 * Returns 0, or -1; the records up to the last barrier can be resumed behind then, too. */
int pgpollfeed_run(struct pgpollfeed *f, struct err *err);

#endif
