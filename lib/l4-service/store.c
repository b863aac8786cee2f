#include "l4-service/store.h"

#include <inttypes.h>
#include <stdlib.h>

#include "l0-base/pool.h"
#include "l3-stream/control.h"
#include "l3-stream/epoch.h"
#include "l4-service/store_backend.h"

/* The write side of a URI's backend, and what stands behind its scheme; NULL with *err. */
static const struct store_writing *writing_of(const char *uri, const char **place, struct err *err)
{
	const struct store_backend *b = store_backend_of(uri, place, err);

	if (b != NULL && b->writing == NULL)
		err_set(err, ERR_CONFIG, "\"%s\": this program only reads", uri);
	return b == NULL ? NULL : b->writing;
}

/* ---- writing ---- */

static int set_committed(struct store *s, int64_t epoch, const char *pos, struct err *err)
{
	s->epoch = epoch;
	buf_clear(&s->pos);
	buf_puts(&s->pos, pos);
	/* With the NUL byte behind it, so that buf_text cannot fail later. */
	return buf_room(&s->pos, 1) == NULL || s->pos.failed ? err_memory(err) : 0;
}

static int read_committed(struct store *s, struct slice line, struct err *err)
{
	struct barrier b = {0};
	int failed;

	if (line.len == 0)
		return 0;
	if (barrier_parse_line(line, &b, err) != 0)
		return err_prefix(err, "the store's checkpoint \"%s\"", s->checkpoint);
	failed = set_committed(s, b.epoch, b.pos, err);
	barrier_free(&b);
	return failed;
}

int store_open(const char *uri, const char *checkpoint, struct store **out, struct err *err)
{
	const char *place;
	const struct store_writing *b = writing_of(uri, &place, err);
	struct buf line = {0};
	struct store *s = NULL;
	int failed;

	if (b == NULL || b->open(place, checkpoint, &s, &line, err) != 0) {
		buf_free(&line);
		return -1;
	}
	failed = 0;
	if (checkpoint != NULL) {
		s->checkpoint = strdup(checkpoint);
		if (s->checkpoint == NULL)
			failed = err_memory(err);
	}
	if (!failed)
		failed = read_committed(s, buf_view(&line), err);
	buf_free(&line);
	if (failed) {
		store_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	pool_free(s->settler); /* what it has begun comes to its end */
	epoch_free(s->settling);
	barrier_free(&s->settling_barrier);
	free(s->checkpoint);
	buf_free(&s->pos);
	buf_free(&s->held_line);
	epoch_free(s->held);
	s->writing->close(s);
}

static int is_committed(struct store *s, const struct barrier *b)
{
	return b->epoch == s->epoch && slice_is(buf_view(&s->pos), b->pos);
}

/* The stream must start where the store stands: anything else is a gap, or doubles. */
static int expects_first(struct store *s, const struct barrier *b, uint64_t gathered,
			 struct err *err)
{
	if (s->epoch == 0 && b->epoch != 1)
		return err_set(err, ERR_CONFIG,
			       "the stream begins at epoch %" PRId64 " (pos %s), but the store has "
			       "no checkpoint \"%s\" yet: start with a new snapshot",
			       b->epoch, b->pos, s->checkpoint);
	if (s->epoch == 0)
		return 1;
	if (!is_committed(s, b))
		return err_set(err, ERR_CONFIG,
			       "the stream begins at epoch %" PRId64
			       " (pos %s), but checkpoint \"%s\" of the store stands at epoch "
			       "%" PRId64 " (pos %s)",
			       b->epoch, b->pos, s->checkpoint, s->epoch, buf_text(&s->pos));
	return gathered > 0 ? store_expects_records(s, err) : 0;
}

int store_expects_records(struct store *s, struct err *err)
{
	if (s->checkpoint == NULL || s->begun || s->epoch == 0)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "the stream begins with records, but checkpoint \"%s\" of the store stands "
		       "at epoch %" PRId64 ": its barrier must come first (pg-tail --resume)",
		       s->checkpoint, s->epoch);
}

int store_expects(struct store *s, const struct barrier *b, uint64_t gathered, struct err *err)
{
	int verdict;

	if (s->checkpoint == NULL) {
		/* A resumed stream begins with a barrier of the run before, perhaps of a snapshot:
		 * its records were in that run, and are not to be replaced by nothing. */
		verdict = s->begun || gathered > 0 || s->partial;
		s->begun = 1;
		return verdict;
	}
	if (!s->begun) {
		verdict = expects_first(s, b, gathered, err);
		s->begun = verdict >= 0;
		return verdict;
	}
	if (is_committed(s, b)) {
		if (gathered == 0)
			return 0;
		return err_set(err, ERR_DATA,
			       "epoch %" PRId64 " comes again, with records: they are committed",
			       b->epoch);
	}
	if (b->epoch == s->epoch)
		return err_set(err, ERR_DATA,
			       "epoch %" PRId64 " comes again, with another position: %s, not %s",
			       b->epoch, b->pos, buf_text(&s->pos));
	if (b->epoch < s->epoch)
		return err_set(err, ERR_DATA, "epoch %" PRId64 " follows %" PRId64, b->epoch,
			       s->epoch);
	if (b->epoch != s->epoch + 1)
		return err_set(err, ERR_DATA,
			       "epoch %" PRId64 " follows %" PRId64 ": a barrier is missing",
			       b->epoch, s->epoch);
	return 1;
}

int store_stage(struct store *s, struct epoch *e, struct err *err)
{
	if (store_settle_end(s, err) != 0)
		return -1;
	s->staged = 1;
	return s->writing->stage(s, e, err);
}

int store_commit(struct store *s, struct epoch *e, const struct barrier *b, struct err *err)
{
	int replace = b != NULL && b->snapshot;

	if (store_settle_end(s, err) != 0)
		return -1;
	/* Part of the snapshot is in the store already. That is right if nothing else was. */
	if (replace && s->partial) {
		if (!s->was_empty)
			return err_set(err, ERR_CONFIG,
				       "a snapshot into a store that is not empty: part of it has "
				       "been added to what was there (--checkpoint prevents that)");
		replace = 0;
	}
	if (s->writing->commit(s, e, b, replace, err) != 0)
		return -1;
	s->staged = 0;
	s->partial = b == NULL;
	if (b != NULL)
		s->was_empty = 0;
	return b == NULL || s->checkpoint == NULL ? 0 : set_committed(s, b->epoch, b->pos, err);
}

/* ---- commits put off ---- */

int store_hold(struct store *s, struct epoch *e, const struct barrier *b, struct err *err)
{
	int taken;

	if (!s->writing->holds || s->checkpoint == NULL || b->snapshot || s->staged)
		return 0;
	if (s->held == NULL && (s->held = epoch_new()) == NULL)
		return err_memory(err);
	taken = epoch_follow(s->held, e, err);
	if (taken <= 0)
		return taken;
	buf_clear(&s->held_line);
	if (barrier_print(&s->held_line, b) != 0)
		return err_memory(err);
	return set_committed(s, b->epoch, b->pos, err) == 0 ? 1 : -1;
}

int store_holds(const struct store *s)
{
	return s->held_line.len > 0;
}

size_t store_held(const struct store *s)
{
	size_t held = s->held == NULL ? 0 : epoch_count(s->held);

	return s->is_settling ? held + s->settling_count : held;
}

int store_remark(const struct store *s, struct buf *line)
{
	return s->writing->remark == NULL ? 0 : s->writing->remark(s, line);
}

static int commit_settling(void *context, void *job, unsigned worker, struct err *err)
{
	struct store *s = context;

	(void)worker;
	return s->writing->commit(s, job, &s->settling_barrier, 0, err);
}

int store_settle_begin(struct store *s, struct err *err)
{
	struct epoch *free_one;

	if (store_settle_end(s, err) != 0)
		return -1;
	if (!store_holds(s))
		return 0;
	if (s->settler == NULL && (s->settler = pool_new(1, commit_settling, s)) == NULL)
		return err_memory(err);
	if (s->settling == NULL && (s->settling = epoch_new()) == NULL)
		return err_memory(err);
	if (barrier_parse_line(buf_view(&s->held_line), &s->settling_barrier, err) != 0)
		return -1;
	free_one = s->settling;
	s->settling = s->held;
	s->held = free_one;
	buf_clear(&s->held_line);
	s->settling_count = epoch_count(s->settling);
	s->is_settling = 1;
	return pool_put(s->settler, s->settling, err);
}

int store_settling(const struct store *s)
{
	return s->is_settling && !pool_idle(s->settler);
}

int store_settle_end(struct store *s, struct err *err)
{
	if (!s->is_settling)
		return 0;
	if (pool_wait(s->settler, err) != 0)
		return -1;
	s->is_settling = 0;
	barrier_free(&s->settling_barrier);
	s->partial = s->was_empty = 0;
	return 0;
}

int store_settle(struct store *s, struct err *err)
{
	return store_settle_begin(s, err) != 0 ? -1 : store_settle_end(s, err);
}

/* ---- looking after it ---- */

int store_show_checkpoint(const char *uri, const char *name, struct buf *line, struct err *err)
{
	const char *place;
	const struct store_writing *b = writing_of(uri, &place, err);

	return b == NULL ? -1 : b->show_checkpoint(place, name, line, err);
}

int store_drop_checkpoint(const char *uri, const char *name, struct err *err)
{
	const char *place;
	const struct store_writing *b = writing_of(uri, &place, err);

	return b == NULL ? -1 : b->drop_checkpoint(place, name, err);
}

int store_create(const char *uri, int64_t ttl_days, struct err *err)
{
	const char *place;
	const struct store_writing *b = writing_of(uri, &place, err);

	return b == NULL ? -1 : b->create(place, ttl_days, err);
}

int store_verify(const char *uri,
		 int (*report)(void *context, struct slice difference, struct err *err),
		 void *context, struct store_verified *counts, struct err *err)
{
	const char *place;
	const struct store_writing *b = writing_of(uri, &place, err);

	return b == NULL ? -1 : b->verify(place, report, context, counts, err);
}
