#include "l4-service/pgsnapfeed.h"

#include <inttypes.h>
#include <poll.h>

#include "l3-stream/tool.h"
#include "l4-service/pgsnapshot.h"

/* Rows between two looks at the clock and at signals, which come in waits only. */
enum { BUSY_MOST = 1024 };

/* What has been given goes out; how far we are is said. */
static int housekeep(struct feed *feed, const struct pgtable *table, int64_t began, struct err *err)
{
	const struct timespec none = {0, 0};
	uint64_t rows = feed_records(feed);

	ppoll(NULL, 0, &none, tool_wait_mask());
	if (feed_push(feed, err) != 0)
		return -1;
	if (tool_progress_wanted()) {
		int64_t ms = (feed_now() - began) / 1000000 + 1;

		tool_progress("snapshot: %" PRIu64 " of about %" PRId64 " rows, %" PRIu64 " rows/s",
			      rows, table->row_estimate, rows * 1000 / (uint64_t)ms);
	}
	return 0;
}

static int give(struct pgfeed *changes, const struct pgsetup *s, struct pgsnapshot *snapshot,
		struct err *err)
{
	struct feed *feed = changes->feed;
	int64_t began = feed_now();
	unsigned busy = 0;

	for (;;) {
		struct pgoutput_tuple row;
		int got = feed_full(feed) ? 0 : pgsnapshot_next(snapshot, &row, err);

		if (got < 0)
			return -1;
		if (got == 2)
			return 0;
		if (got == 1) {
			if (pgrow_put(changes->row, &row, NULL, '+', feed_buf(feed), err) != 0)
				return err_prefix(err, "row %" PRIu64 " of the snapshot",
						  feed_records(feed) + 1);
			feed_count(feed, 1);
			if (++busy < BUSY_MOST && !feed_wants_push(feed))
				continue;
		}
		busy = 0;
		if (housekeep(feed, &s->table, began, err) != 0)
			return -1;
		if (got == 0 && feed_wait(feed, feed_full(feed) ? -1 : pgsnapshot_fd(snapshot),
					  POLLIN, INT64_MAX, s->target.allowed, err) != 0)
			return -1;
		if (*s->target.stop)
			return err_set(err, ERR_TEMP, "stopped by a signal");
	}
}

int pgsnapfeed_run(struct pgfeed *changes, struct pgsetup *s, struct pgplace *place, int verbose,
		   struct err *err)
{
	struct pgsnapshot *snapshot;
	struct pgslot slot;
	struct err ignored;
	int result = pgsetup_slot(s, &slot, err);

	if (result < 0)
		return -1;
	if (result == 1)
		return err_set(
			err, ERR_CONFIG,
			"slot %s exists, and a snapshot is that of a new one: --drop it first "
			"(here or before), or --resume",
			s->slot);
	if (pgfeed_types(changes, s->column, s->column_count, s->c, err) != 0 ||
	    pgrow_compile(changes->row, s->column, s->column_count, changes->types, err) != 0)
		return -1;
	snapshot = pgsnapshot_open(&s->target, s->c, &s->table, s->column, s->column_count, s->slot,
				   s->server.sql_ascii, err);
	if (snapshot == NULL)
		return -1;
	*place = (struct pgplace){pgsnapshot_start(snapshot), 0};
	if (verbose)
		tool_say("snapshot of %s at " LSN_FORMAT, s->table.sql, LSN_ARG(place->lsn));
	result = give(changes, s, snapshot, err);
	pgsnapshot_close(snapshot);
	if (result == 0)
		return pgfeed_barrier(changes, *place, 1, err);
	/* Half a snapshot is nothing, and its slot would keep the server's log. */
	if (pgsnapshot_undo(s->c, s->slot, &ignored) != 0)
		tool_say("the slot of the unfinished snapshot is still there: %s", ignored.message);
	return err->closed_pipe ? -1 : err_prefix(err, "the snapshot is not complete");
}
