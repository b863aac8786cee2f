#include "l4-service/pgpollfeed.h"

#include <poll.h>

#define MS INT64_C(1000000)
#define TICK (100 * MS)

void pgpollfeed_free(struct pgpollfeed *f)
{
	pgpoll_stop(&f->poll);
	pgrow_free(f->key);
	buf_free(&f->pos);
	pgkeys_free(&f->awaited);
}

static struct pgkeys_pos here(const struct pgpoll *p)
{
	return (struct pgkeys_pos){p->system, p->file, p->table->oid, p->table->name};
}

static int keys_of(const struct pgpoll *p, const char *position, struct pgkeys *k, struct err *err)
{
	const struct pgkeys_pos pos = here(p);

	return pgkeys_parse(slice_of(position), &pos, k, err);
}

static int put_barrier(struct pgpollfeed *f, struct err *err)
{
	const struct pgkeys_pos pos = here(&f->poll);
	int snapshot = f->snapshot;

	buf_clear(&f->pos);
	if (pgkeys_put(&f->pos, &pos, &f->poll.keys) != 0)
		return err_memory(err);
	f->snapshot = 0;
	return feed_barrier(f->feed, buf_text(&f->pos), snapshot, err);
}

/* ---- start ---- */

static int read_key(struct pgpollfeed *f, const char *column, struct err *err)
{
	if (pgrow_new(column, &f->key, err) != 0)
		return err_prefix(err, "--poll");
	f->poll.key = pgrow_wanted(f->key, 0);
	if (pgrow_wanted(f->key, 1) != NULL)
		return err_set(err, ERR_USAGE, "--poll: one column");
	return 0;
}

int pgpollfeed_begin(struct pgpollfeed *f, struct pgsetup *s, const char *column,
		     struct pgjson_types *types, const struct barrier *resume, struct err *err)
{
	struct pgpoll *p = &f->poll;
	struct pgconn *c = s->c;

	if (read_key(f, column, err) != 0 || pgpoll_check(c, &s->table, p->key, err) != 0 ||
	    pgsetup_columns(s, err) != 0 ||
	    pgtable_load_types(c, s->column, s->column_count, types, err) != 0 ||
	    pgrow_compile(s->row, s->column, s->column_count, types, err) != 0)
		return -1;
	p->target = &s->target;
	p->table = &s->table;
	p->column = s->column;
	p->count = s->column_count;
	p->system = s->server.system;
	p->sql_ascii = s->server.sql_ascii;
	p->keys.top = PGKEYS_NONE;
	f->row = s->row;
	s->c = NULL;
	if (pgpoll_start(p, c, err) != 0)
		return -1;
	if (resume == NULL)
		return 0;
	if (keys_of(p, resume->resume != NULL ? resume->resume : resume->pos, &p->keys, err) != 0)
		return -1;
	return feed_resume(f->feed, resume, err);
}

/* ---- events ---- */

/* While a barrier is awaited this is a repetition: what was not given up to it is not given now. */
static int take_row(struct pgpollfeed *f, struct err *err)
{
	struct pgpoll *p = &f->poll;

	if (f->awaiting && !pgkeys_has(&f->awaited, p->at))
		return 0;
	if (pgrow_put(f->row, &p->row, NULL, '+', feed_buf(f->feed), err) != 0)
		return err_prefix(err, "row with \"%s\" %lld", p->key, (long long)p->at);
	feed_count(f->feed, 1);
	if (pgpoll_give(p, err) != 0)
		return -1;
	if (!f->awaiting && !f->snapshot && feed_open(f->feed) >= FEED_RECORDS_MAX)
		return put_barrier(f, err);
	return 0;
}

/* All that is there was read. */
static int end_round(struct pgpollfeed *f, struct err *err)
{
	f->next = feed_now() + f->every * 1000;
	if (f->awaiting) {
		if (pgkeys_copy(&f->poll.keys, &f->awaited) != 0)
			return err_memory(err);
		f->awaiting = 0;
		f->next = 0;
		return feed_reach(f->feed, err);
	}
	f->done = f->once;
	if (f->snapshot || feed_open(f->feed) > 0 || feed_barriers(f->feed) == 0 ||
	    (feed_due(f->feed, feed_now()) && feed_waiting(f->feed) == 0))
		return put_barrier(f, err);
	return 0;
}

static int take_event(struct pgpollfeed *f, int event, struct err *err)
{
	switch (event) {
	case PGPOLL_ROW:
		return take_row(f, err);
	case PGPOLL_CAUGHT_UP:
		return end_round(f, err);
	case PGPOLL_HELD:
		f->next = feed_now() + (f->every * 1000 < TICK ? f->every * 1000 : TICK);
		return 0;
	case PGPOLL_LOST:
		f->say("connection lost: %s; trying again", f->poll.trouble.message);
		return 0;
	case PGPOLL_RECONNECTED:
		f->say("connected again");
		return 0;
	}
	return 0;
}

/* ---- the loop ---- */

static int look_at_awaited(struct pgpollfeed *f, struct err *err)
{
	const char *text = feed_awaited(f->feed);

	if (text == NULL || f->awaiting)
		return 0;
	pgkeys_free(&f->awaited);
	if (keys_of(&f->poll, text, &f->awaited, err) != 0)
		return -1;
	f->awaiting = 1;
	return 0;
}

/* Between rows: what is to be done now and then. */
static int housekeep(struct pgpollfeed *f, struct err *err)
{
	if (feed_push(f->feed, err) != 0)
		return -1;
	if (!f->awaiting && !f->snapshot && feed_open(f->feed) > 0 && feed_due(f->feed, feed_now()))
		return put_barrier(f, err);
	return 0;
}

/* Wait for rows, for room in the output, for the time of the next round, or for a signal. */
static int rest(struct pgpollfeed *f, struct err *err)
{
	const struct pgpoll *p = &f->poll;
	int full = feed_full(f->feed), fd = full ? -1 : pgpoll_fd(p);
	int64_t until = INT64_MAX;

	if (f->next > feed_now()) {
		fd = -1;
		until = f->next;
	} else if (!full && fd < 0) {
		until = p->retry_at;
	}
	return feed_wait(f->feed, fd, POLLIN, until, p->target->allowed, err);
}

static int follow(struct pgpollfeed *f, struct err *err)
{
	const volatile sig_atomic_t *stop = f->poll.target->stop;
	unsigned busy = 0;

	while (!f->done && !*stop) {
		int event = PGPOLL_NONE;

		if (look_at_awaited(f, err) != 0)
			return -1;
		if (!feed_full(f->feed) && f->next <= feed_now()) {
			event = pgpoll_next(&f->poll, err);
			if (event < 0 || take_event(f, event, err) != 0)
				return -1;
		}
		if (event == PGPOLL_ROW && ++busy < 1024 && !feed_wants_push(f->feed))
			continue;
		busy = 0;
		if (housekeep(f, err) != 0)
			return -1;
		if (event == PGPOLL_NONE && rest(f, err) != 0)
			return -1;
		/* Signals come in waits only. */
		if (event == PGPOLL_ROW &&
		    feed_wait(f->feed, -1, 0, 0, f->poll.target->allowed, err) != 0)
			return -1;
	}
	return 0;
}

/* Nothing more comes; what has come is whole, and can be resumed behind. */
static int close_epoch(struct pgpollfeed *f, struct err *err)
{
	if (f->awaiting || f->snapshot || feed_open(f->feed) == 0)
		return 0;
	return put_barrier(f, err);
}

int pgpollfeed_run(struct pgpollfeed *f, struct err *err)
{
	const struct pgconn_target *target = f->poll.target;
	struct err ignored;

	if (follow(f, err) != 0) {
		if (close_epoch(f, &ignored) == 0)
			feed_drain(f->feed, NULL, target->allowed, NULL, NULL, &ignored);
		return err->closed_pipe || !f->snapshot
			       ? -1
			       : err_prefix(err, "the snapshot is not complete");
	}
	if (f->snapshot)
		return err_set(err, ERR_TEMP, "the snapshot is not complete: stopped by a signal");
	if (close_epoch(f, err) != 0)
		return -1;
	/* Asked to stop, an endless run has finished on purpose; one that has a goal has not. */
	if ((f->done || !f->once) && !f->awaiting && feed_end(f->feed, err) != 0)
		return -1;
	if (feed_drain(f->feed, target->stop, target->allowed, NULL, NULL, err) != 0)
		return -1;
	return feed_close(f->feed, err);
}
