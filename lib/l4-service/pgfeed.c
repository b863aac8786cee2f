#include "l4-service/pgfeed.h"

#include <inttypes.h>

#include "l1-value/timestamp.h"

/* Commits come in the order of the log, not of their clocks: the goal of a time is behind an idle
 * table once the server's clock is past it by so much (microseconds). */
#define CLOCK_SLACK INT64_C(2000000)

void pgfeed_free(struct pgfeed *f)
{
	buf_free(&f->pos);
}

int pgfeed_until(struct pgfeed *f, const char *goal, struct err *err)
{
	struct timestamp time;
	struct zone *zone;
	int result;

	f->until_time = INT64_MAX;
	if (goal == NULL || lsn_parse(slice_of(goal), &f->until_lsn) == 0)
		return 0;
	zone = zone_new();
	if (zone == NULL)
		return err_memory(err);
	result = timestamp_parse(zone, slice_of(goal), &time, err);
	zone_free(zone);
	if (result != 0) {
		err->status = ERR_USAGE;
		return err_prefix(err, "neither now, nor an LSN, nor a time");
	}
	f->until_time = time.utc * 1000000 + time.nanos / 1000;
	return 0;
}

/* ---- positions and barriers ---- */

int pgfeed_barrier(struct pgfeed *f, struct pgplace place, int snapshot, struct err *err)
{
	struct pgpos pos = {f->system, place, f->table->oid, slice_of(f->table->name)};

	buf_clear(&f->pos);
	if (pgpos_put(&f->pos, &pos) != 0)
		return err_memory(err);
	f->closed = place;
	return feed_barrier(f->feed, buf_text(&f->pos), snapshot, err);
}

int pgfeed_place(const struct pgfeed *f, const char *position, struct pgplace *place,
		 struct err *err)
{
	return pgpos_place(slice_of(position), f->system, f->table->oid, f->table->name, place,
			   err);
}

/* Everything before `at` is given: print the barriers that are awaited up to there. */
static int approach(struct pgfeed *f, struct pgplace at, struct err *err)
{
	const char *text;
	int order;

	while ((text = feed_awaited(f->feed)) != NULL) {
		if (!f->awaiting && pgfeed_place(f, text, &f->awaited, err) != 0)
			return -1;
		f->awaiting = 1;
		order = pgplace_compare(at, f->awaited);
		if (order < 0)
			return 0;
		if (order > 0 && f->awaited.rows > 0)
			return err_set(err, ERR_CONFIG,
				       "the server no longer has the transaction at " LSN_FORMAT
				       " as it was: row %" PRIu64 " of it is missing; rebuild",
				       LSN_ARG(f->awaited.lsn), f->awaited.rows);
		f->closed = f->awaited;
		f->awaiting = 0;
		if (feed_reach(f->feed, err) != 0)
			return -1;
	}
	return 0;
}

/* While a barrier is awaited there is no goal yet: the sink may have begun to apply that epoch. */
static void compare_goal(struct pgfeed *f, uint64_t lsn, int64_t time)
{
	if (feed_awaited(f->feed) == NULL &&
	    ((f->until_lsn != 0 && lsn >= f->until_lsn) || time > f->until_time))
		f->done = 1;
}

/* ---- columns ---- */

int pgfeed_types(struct pgfeed *f, const struct pgoutput_column *column, size_t count,
		 struct pgconn *c, struct err *err)
{
	int known = 1, result;

	for (size_t i = 0; i < count && known; i++)
		known = pgjson_find(f->types, column[i].type) != NULL;
	if (known)
		return 0;
	if (c != NULL)
		return pgtable_load_types(c, column, count, f->types, err);
	/* While it replicates, a connection answers nothing else. */
	c = pgconn_open(f->target, 0, err);
	if (c == NULL)
		return -1;
	result = pgtable_load_types(c, column, count, f->types, err);
	pgconn_close(c);
	return result;
}

/* It comes at the start of a stream, and whenever it may have changed, in mid-transaction too. */
int pgfeed_relation(struct pgfeed *f, const struct pgoutput_message *m, struct err *err)
{
	const struct pgtable *t = f->table;

	if (pgfeed_types(f, m->column, m->column_count, NULL, err) != 0 ||
	    pgrow_compile(f->row, m->column, m->column_count, f->types, err) != 0)
		return err_prefix(err, "%s", t->name);
	f->guard_count = 0;
	for (size_t i = 0; i < m->column_count; i++)
		for (size_t k = 0; k < t->column_count && f->guard_count < PGFEED_GUARDS; k++)
			if (t->column[k].not_null && !t->column[k].primary &&
			    slice_is(m->column[i].name, t->column[k].name))
				f->guard[f->guard_count++] = i;
	return 0;
}

/* The old row of a partition without REPLICA IDENTITY FULL comes with nulls in all but its key,
 * under the name of the whole table. A column that cannot be null gives it away; where there is
 * none, no old row can be trusted. */
static int is_whole(const struct pgfeed *f, const struct pgoutput_tuple *old)
{
	for (size_t i = 0; i < f->guard_count; i++)
		if (f->guard[i] >= old->count || old->value[f->guard[i]].kind == PGOUTPUT_NULL)
			return 0;
	return f->guard_count > 0;
}

/* ---- changes ---- */

int pgfeed_begin(struct pgfeed *f, const struct pgoutput_message *m, struct err *err)
{
	if (approach(f, (struct pgplace){m->lsn, 0}, err) != 0)
		return -1;
	compare_goal(f, m->lsn, m->time);
	return 0;
}

/* The table is empty now: close what came before, and put an empty epoch that replaces everything.
 * While a barrier is awaited this is a repetition, in which no other may stand. */
static int put_truncate(struct pgfeed *f, struct pgplace before, struct pgplace at, struct err *err)
{
	f->truncates++;
	if (feed_awaited(f->feed) != NULL)
		return 0;
	if (feed_open(f->feed) > 0 && pgfeed_barrier(f, before, 0, err) != 0)
		return -1;
	return pgfeed_barrier(f, at, 1, err);
}

static int put_change(struct pgfeed *f, const struct pgoutput_message *m, int loose,
		      struct err *err)
{
	unsigned records;

	if (loose && m->old != 0 && m->kind != PGOUTPUT_INSERT && !is_whole(f, &m->old_row))
		return pgrow_no_old(err);
	if (pgrow_change(f->row, m, feed_buf(f->feed), &records, err) != 0)
		return -1;
	feed_count(f->feed, records);
	f->inserts += m->kind == PGOUTPUT_INSERT;
	f->updates += m->kind == PGOUTPUT_UPDATE;
	f->deletes += m->kind == PGOUTPUT_DELETE;
	return 0;
}

int pgfeed_change(struct pgfeed *f, const struct pgoutput_message *m, struct pgplace before,
		  struct pgplace at, int loose, struct err *err)
{
	int result = 0;

	if (f->inserts_only && m->kind != PGOUTPUT_INSERT)
		f->passed++;
	else if (m->kind == PGOUTPUT_TRUNCATE)
		result = put_truncate(f, before, at, err);
	else
		result = put_change(f, m, loose, err);
	if (result != 0)
		return err_prefix(err, "%s, change %" PRIu64 " of the transaction at " LSN_FORMAT,
				  f->table->name, at.rows, LSN_ARG(at.lsn));
	if (feed_awaited(f->feed) != NULL) {
		if (approach(f, at, err) != 0)
			return -1;
		compare_goal(f, at.lsn, 0);
	} else if (feed_open(f->feed) >= FEED_RECORDS_MAX) {
		return pgfeed_barrier(f, at, 0, err);
	}
	return 0;
}

int pgfeed_reached(struct pgfeed *f, struct pgplace at, int64_t server_time, struct err *err)
{
	if (approach(f, at, err) != 0)
		return -1;
	compare_goal(f, at.lsn, server_time - CLOCK_SLACK);
	return 0;
}
