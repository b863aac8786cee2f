/* pg-tail - follow a PostgreSQL table: its rows, then its changes, as records. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "l1-value/pgpos.h"
#include "l1-value/timestamp.h"
#include "l3-stream/tool.h"
#include "l4-service/pgfeed.h"
#include "l4-service/pgpollfeed.h"
#include "l4-service/pgsetup.h"
#include "l4-service/pgsnapfeed.h"
#include "l4-service/pgsource.h"

#define MS INT64_C(1000000) /* times are nanoseconds of the monotonic clock */
#define SECOND (1000 * MS)
#define TICK (100 * MS)
/* When changes come from the server one by one, faster than RUSH, to be woken for each of them
 * costs more than what is done with it: NAP lets some gather. */
#define RUSH (MS / 10)
#define NAP (3 * MS / 10)
/* So long the end of a run waits for the sink, which commits behind its last barrier. */
#define ACK_WAIT (10 * SECOND)

static struct {
	const char *table, *columns, *slot, *publication, *conninfo;
	const char *resume, *until, *ack_file, *invalid, *poll, *catch_up;
	int64_t barrier_every, wait, look_every;
	int create, drop, snapshot, follow, once, inserts_only, verbose;
} given = {.barrier_every = 1000000,
	   .wait = -1,
	   .look_every = 60000000,
	   .invalid = "stop",
	   .catch_up = "auto"};

static const struct opt options[] = {
	{OPT_HEADING, 0, NULL, NULL, NULL, "What to follow:", NULL, NULL, 0, 0},
	{OPT_STRING, 't', "table", "TABLE", &given.table,
	 "[schema.]table, quoted as in SQL where need be", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "columns", "NAME,...", &given.columns,
	 "only these, in this order (all, in the table's)", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "inserts-only", NULL, &given.inserts_only,
	 "pass over UPDATE, DELETE and TRUNCATE", NULL, NULL, 0, 0},
	{OPT_STRING, 'd', "dbname", "CONNINFO", &given.conninfo,
	 "database, connection string or URI (PG* variables)", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "slot", "NAME", &given.slot, "replication slot (tuberia_TABLE)", NULL, NULL,
	 0, 0},
	{OPT_STRING, 0, "publication", "NAME", &given.publication, "publication (tuberia_TABLE)",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "create", NULL, &given.create,
	 "make publication and slot, where they are missing", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "drop", NULL, &given.drop, "drop slot and publication", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "poll", "COLUMN", &given.poll,
	 "without replication: query for new rows by a key that grows", NULL, NULL, 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Where to begin:", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "snapshot", NULL, &given.snapshot,
	 "with the rows that are there (needs --create)", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "resume", "BARRIER", &given.resume,
	 "behind this barrier of an earlier run, a line of JSON", NULL, NULL, 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Where to end:", NULL, NULL, 0, 0},
	{OPT_FLAG, 'f', "follow", NULL, &given.follow, "never; what --create alone does not do",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "once", NULL, &given.once, "behind what is committed now", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "until", "now|LSN|TIME", &given.until,
	 "before the first commit that is later", NULL, NULL, 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Exactly-once:", NULL, NULL, 0, 0},
	{OPT_DURATION, 0, "barrier-every", "DURATION", &given.barrier_every,
	 "time between barriers (1s)", NULL, NULL, 10000, INT64_C(3600000000)},
	{OPT_STRING, 0, "ack-file", "FILE", &given.ack_file,
	 "where the sink says which barrier it has committed", NULL, NULL, 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Trouble and messages:", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "catch-up", NULL, &given.catch_up, "read a backlog in large passes (auto)",
	 NULL, "auto|always|never", 0, 0},
	{OPT_DURATION, 0, "wait", "DURATION", &given.wait,
	 "try so long for a connection (5m for a lost one; at the start: 0s)", NULL, NULL, 0, 0},
	{OPT_DURATION, 0, "look-every", "DURATION", &given.look_every,
	 "how often to look whether the table is still published (1m)", NULL, NULL, 100000,
	 INT64_C(86400000000)},
	{OPT_STRING, 0, "invalid-utf8", NULL, &given.invalid,
	 "what to do with it in an SQL_ASCII database (stop)", NULL, "stop|replace", 0, 0},
	{OPT_FLAG, 'v', "verbose", NULL, &given.verbose,
	 "say what happens, and at the end how much", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0}};

static const struct opt_command command = {
	.name = "pg-tail",
	.purpose = "follow a PostgreSQL table: its changes as records, as they are committed",
	.usage = "-t TABLE [--create [--snapshot] | --resume BARRIER] [options]\n"
		 "-t TABLE --poll COLUMN [--snapshot | --resume BARRIER] [options]\n"
		 "-t TABLE --create | --drop",
	.see_also = "See pg-tail(1), tuberia(7).",
	.options = options,
};

struct tail {
	struct pgsetup setup;
	struct pgsource source;
	struct pgfeed changes;
	struct pgjson_types *types;
	struct pgrow *row;
	struct feed *feed;
	struct barrier resume; /* --resume; or zero */
	int begun;             /* all is set up: what there is to give is being given */
	int64_t acknowledged;  /* epoch */
	int64_t looked_at;     /* when the table was last seen to be published: monotonic, */
	int64_t looked_utc;    /* and seconds since 1970 */
	int64_t rested;        /* when it last had nothing to do, */
	int64_t events;        /* and what has come since */
};

/* Signals come in waits only: give them a chance where there is none. */
static void look_for_signals(void)
{
	const struct timespec none = {0, 0};

	ppoll(NULL, 0, &none, tool_wait_mask());
}

/* ---- changes ---- */

static int take_event(struct tail *t, int event, struct pgplace before, struct err *err)
{
	struct pgsource *s = &t->source;

	switch (event) {
	case PGSOURCE_RELATION:
		return pgfeed_relation(&t->changes, &s->columns, err);
	case PGSOURCE_BEGIN:
		return pgfeed_begin(&t->changes, &s->message, err);
	case PGSOURCE_CHANGE:
		return pgfeed_change(&t->changes, &s->message, before, s->place, s->loose_partition,
				     err);
	case PGSOURCE_COMMIT:
		return pgfeed_reached(&t->changes, s->place, 0, err);
	case PGSOURCE_IDLE:
		return pgfeed_reached(&t->changes, s->place, s->server_time, err);
	case PGSOURCE_RECONNECTED:
		tool_say("connected again, going on behind " LSN_FORMAT, LSN_ARG(s->place.lsn));
		return 0;
	default: /* news, if anything */
		if (event >= PGSOURCE_LOST && (given.verbose || event == PGSOURCE_LOST))
			tool_say("%s", s->news.message);
		return 0;
	}
}

/* ---- the loop ---- */

static void take_acknowledgement(struct tail *t, int at_once)
{
	struct pgplace place;
	struct err ignored;
	const char *pos;
	int64_t epoch;

	/* A file left over from another run, server or table means nothing. */
	if (!feed_acknowledged(t->feed, at_once, &epoch, &pos) ||
	    pgfeed_place(&t->changes, pos, &place, &ignored) != 0 || epoch > feed_epoch(t->feed) ||
	    pgplace_compare(place, t->changes.closed) > 0)
		return;
	t->acknowledged = epoch;
	pgsource_confirm(&t->source, place.lsn);
}

/* A barrier by the clock. An idle one not while the reader is behind: they would pile up; nor while
 * the server may be behind, or in mid-transaction: time has not come so far. */
static int tick_barrier(struct tail *t, struct err *err)
{
	const struct pgsource *s = &t->source;

	if (!feed_due(t->feed, feed_now()))
		return 0;
	if (feed_open(t->feed) == 0 &&
	    (feed_waiting(t->feed) > 0 || s->begun != 0 || !s->caught_up))
		return 0;
	return pgfeed_barrier(&t->changes, s->place, 0, err);
}

static void note_published(struct tail *t)
{
	int32_t nanos;

	t->looked_at = feed_now();
	timestamp_now(&t->looked_utc, &nanos);
}

/* A table that nothing comes of: is it still published? Not while the server is away. */
static int look_again(struct tail *t, int64_t every, struct err *err)
{
	if (t->source.c == NULL || feed_now() < t->looked_at + every * 1000)
		return 0;
	if (pgsetup_look_again(&t->setup, t->looked_utc, err) != 0)
		return -1;
	note_published(t);
	return 0;
}

static int housekeep(struct tail *t, struct err *err)
{
	if (feed_push(t->feed, err) != 0)
		return -1;
	pgsource_tick(&t->source);
	take_acknowledgement(t, 0);
	if (tick_barrier(t, err) != 0)
		return -1;
	if (tool_progress_wanted())
		tool_progress("at " LSN_FORMAT ", %" PRIu64 " records",
			      LSN_ARG(t->source.place.lsn), feed_records(t->feed));
	return 0;
}

/* Let changes gather, if they rush in. Those of a pass come in large pieces anyway. */
static void nap(struct tail *t)
{
	const struct timespec pause = {0, NAP};
	int64_t now = feed_now();

	if (now - t->rested < t->events * RUSH && pgsource_streams(&t->source))
		ppoll(NULL, 0, &pause, tool_wait_mask());
	t->rested = now;
	t->events = 0;
}

/* Nothing to read, or no room for it. */
static int rest(struct tail *t, struct err *err)
{
	int64_t until = INT64_MAX, due = feed_due_at(t->feed);
	short events;
	int fd = pgsource_poll(&t->source, &events, &until);

	if (feed_push(t->feed, err) != 0)
		return -1;
	nap(t);
	if (feed_full(t->feed)) {
		events &= (short)~POLLIN;
		until = feed_now() + TICK;
	} else if (due < until && (feed_open(t->feed) > 0 ||
				   (t->source.caught_up && feed_waiting(t->feed) == 0))) {
		until = due;
	}
	if (given.ack_file != NULL && until > feed_now() + TICK)
		until = feed_now() + TICK;
	return feed_wait(t->feed, fd, events, until, tool_wait_mask(), err);
}

static void tick(void *source)
{
	pgsource_tick(source);
}

/* Write out what is left, answering the server meanwhile. */
static int drain(struct tail *t, int hurry, struct err *err)
{
	return feed_drain(t->feed, hurry ? NULL : &tool_stop, tool_wait_mask(), tick, &t->source,
			  err);
}

/* Nothing good comes any more; what came before it is whole, and may be committed. */
static int give_up(struct tail *t, struct pgplace good)
{
	struct err ignored;

	if (feed_awaited(t->feed) != NULL || feed_open(t->feed) == 0 ||
	    pgfeed_barrier(&t->changes, good, 0, &ignored) == 0)
		drain(t, 1, &ignored);
	return -1;
}

/* Give changes until the goal is reached, or a signal. */
static int follow(struct tail *t, struct err *err)
{
	unsigned busy = 0;

	while (!t->changes.done && !tool_stop) {
		struct pgplace before = t->source.place;
		int event = feed_full(t->feed) ? PGSOURCE_NONE : pgsource_next(&t->source, err);

		if (event < 0 || take_event(t, event, before, err) != 0)
			return give_up(t, before);
		t->events += event != PGSOURCE_NONE;
		if (event == PGSOURCE_NONE) {
			busy = 0;
			if (look_again(t, given.look_every, err) != 0)
				return give_up(t, before);
			if (housekeep(t, err) != 0 || rest(t, err) != 0)
				return -1;
		} else if (++busy >= 1024 || feed_wants_push(t->feed)) {
			busy = 0;
			if (housekeep(t, err) != 0)
				return -1;
			look_for_signals();
		}
	}
	return look_again(t, 0, err) == 0 ? 0 : give_up(t, t->source.place);
}

/* The goal was reached, or we were told to stop: last barrier, "@end", and what the sink says. */
static int finish(struct tail *t, struct err *err)
{
	int bounded = given.once || given.until != NULL, repeating = feed_awaited(t->feed) != NULL;
	int64_t until;

	if (!repeating &&
	    (feed_open(t->feed) > 0 || feed_barriers(t->feed) == 0 ||
	     pgplace_compare(t->changes.closed, t->source.place) != 0) &&
	    pgfeed_barrier(&t->changes, t->source.place, 0, err) != 0)
		return -1;
	/* Asked to stop, an endless run has finished on purpose; one that has a goal has not. In
	 * mid-repetition nothing is closed. */
	if ((t->changes.done || !bounded) && !repeating && feed_end(t->feed, err) != 0)
		return -1;
	if (drain(t, 0, err) != 0)
		return -1;
	if (feed_close(t->feed, err) != 0)
		return -1;
	if (given.ack_file == NULL || repeating)
		return 0;
	until = feed_now() + ACK_WAIT;
	for (;;) {
		const struct timespec pause = {0, 20 * MS};

		take_acknowledgement(t, 1);
		if (t->acknowledged >= feed_epoch(t->feed) || feed_now() > until)
			return 0;
		pgsource_tick(&t->source);
		ppoll(NULL, 0, &pause, tool_wait_mask());
	}
}

/* ---- start ---- */

static int64_t reconnect_for(void)
{
	return given.wait < 0 ? INT64_C(300000000) : given.wait;
}

static int read_until(struct tail *t, struct err *err)
{
	if (given.until != NULL && strcmp(given.until, "now") == 0)
		given.once = 1; /* once the server has said what is now */
	if (pgfeed_until(&t->changes, given.once ? NULL : given.until, err) != 0)
		return err_prefix(err, "--until");
	return 0;
}

static int read_options(struct tail *t, size_t operands, struct err *err)
{
	struct pgsetup *s = &t->setup;

	if (operands > 0)
		return err_set(err, ERR_USAGE, "no operands are taken; the table is given by -t");
	if (given.table == NULL)
		return err_set(err, ERR_USAGE, "which table? (-t)");
	if (given.snapshot && given.resume != NULL)
		return err_set(err, ERR_USAGE,
			       "--snapshot begins anew, --resume goes on: not both");
	if (given.poll != NULL &&
	    (given.create || given.drop || given.slot != NULL || given.publication != NULL ||
	     (given.until != NULL && strcmp(given.until, "now") != 0)))
		return err_set(err, ERR_USAGE,
			       "--poll has no slot, no publication, and no places in the log: not "
			       "with --create, --drop, --slot, --publication, --until LSN or TIME");
	if (given.snapshot && !given.create && given.poll == NULL)
		return err_set(err, ERR_USAGE,
			       "--snapshot needs --create: the snapshot is that of a new slot");
	if (given.once && given.until != NULL)
		return err_set(err, ERR_USAGE, "--once and --until: not both");
	if (given.drop && given.resume != NULL)
		return err_set(err, ERR_USAGE, "--drop and --resume: not both");
	if (given.conninfo != NULL && pgconn_check(given.conninfo, err) != 0)
		return -1;
	if (given.resume != NULL &&
	    barrier_parse_line(slice_of(given.resume), &t->resume, err) != 0) {
		err->status = ERR_USAGE;
		return err_prefix(err, "--resume");
	}
	if (read_until(t, err) != 0 || pgrow_new(given.columns, &t->row, err) != 0)
		return -1;
	s->target = (struct pgconn_target){given.conninfo, "pg-tail", &tool_stop, tool_wait_mask()};
	s->table_name = given.table;
	s->slot = given.slot;
	s->publication = given.publication;
	s->inserts_only = given.inserts_only;
	s->polling = given.poll != NULL;
	s->row = t->row;
	t->types = pgjson_types_new();
	t->feed = feed_new(1, given.barrier_every, given.ack_file);
	return t->types == NULL || t->feed == NULL ? err_memory(err) : 0;
}

static int drop(struct tail *t, struct err *err)
{
	struct pgsetup *s = &t->setup;
	int slot, publication;

	if (pgsetup_drop(s, &slot, &publication, err) != 0)
		return -1;
	tool_say(slot ? "slot %s dropped" : "slot %s: there is none", s->slot);
	tool_say(publication ? "publication %s dropped" : "publication %s: there is none",
		 s->publication);
	return 0;
}

/* Make what is missing; but a slot comes with its snapshot, and where a checkpoint is it must
 * exist. */
static int create(struct tail *t, struct err *err)
{
	struct pgsetup *s = &t->setup;
	int slot = -1, publication = 0, wanted = !given.snapshot && given.resume == NULL;
	uint64_t start = 0;
	int result = pgsetup_create(s, &publication, wanted ? &slot : NULL, &start, err);

	if (publication)
		tool_say("publication %s made", s->publication);
	if (result == 0 && wanted)
		tool_say(slot ? "slot %s made, at " LSN_FORMAT : "slot %s is there, at " LSN_FORMAT,
			 s->slot, LSN_ARG(start));
	return result;
}

/* Where a stream without a snapshot begins. */
static int begin_at_slot(struct tail *t, struct err *err)
{
	const struct barrier *b = &t->resume;

	if (given.resume != NULL &&
	    pgfeed_place(&t->changes, b->resume != NULL ? b->resume : b->pos, &t->source.place,
			 err) != 0)
		return -1;
	if (pgsetup_begin(&t->setup, given.resume != NULL, &t->source.place, err) != 0)
		return -1;
	if (given.resume != NULL)
		return feed_resume(t->feed, b, err);
	if (given.verbose)
		tool_say("beginning where slot %s stands, at " LSN_FORMAT, t->setup.slot,
			 LSN_ARG(t->source.place.lsn));
	return 0;
}

static int begin(struct tail *t, struct err *err)
{
	struct pgsetup *s = &t->setup;
	struct pgsource *source = &t->source;

	if ((given.snapshot ? pgsnapfeed_run(&t->changes, s, &source->place, given.verbose, err)
			    : begin_at_slot(t, err)) != 0)
		return -1;
	if (!given.snapshot &&
	    pgfeed_types(&t->changes, s->column, s->column_count, s->c, err) != 0)
		return -1;
	if (given.once && pgserver_look(s->c, &s->server, err) != 0)
		return -1;
	if (given.once)
		t->changes.until_lsn = s->server.written;
	source->target = &s->target;
	source->slot = s->slot;
	source->publication = s->publication;
	source->table = s->table.oid;
	source->partitioned = s->table.partitioned;
	source->system = s->server.system;
	source->until = t->changes.until_lsn;
	source->catch_up = given.catch_up;
	source->wait = reconnect_for();
	note_published(t);
	if (pgsource_start(source, s->c, &s->server, err) != 0) {
		s->c = NULL;
		return -1;
	}
	s->c = NULL;
	/* The sink has committed what we resume behind. */
	if (given.resume != NULL)
		pgsource_confirm(source, source->place.lsn);
	return pgfeed_reached(&t->changes, source->place, 0, err);
}

static void say_counts(const struct tail *t)
{
	const struct pgfeed *c = &t->changes;

	tool_say("changes %" PRIu64 " = inserts %" PRIu64 " + updates %" PRIu64
		 " + deletes %" PRIu64 " + truncates %" PRIu64 " + passed over %" PRIu64
		 "; records %" PRIu64 ", barriers %" PRIu64 ", up to " LSN_FORMAT,
		 c->inserts + c->updates + c->deletes + c->truncates + c->passed, c->inserts,
		 c->updates, c->deletes, c->truncates, c->passed, feed_records(t->feed),
		 feed_barriers(t->feed), LSN_ARG(t->source.place.lsn));
}

static int poll_table(struct tail *t, struct err *err)
{
	struct pgpollfeed f = {.poll = {.wait = reconnect_for()},
			       .feed = t->feed,
			       .every = given.barrier_every,
			       .once = given.once,
			       .snapshot = given.snapshot,
			       .say = tool_say};
	int result = pgpollfeed_begin(&f, &t->setup, given.poll, t->types,
				      given.resume == NULL ? NULL : &t->resume, err);

	t->begun = result == 0;
	if (t->begun)
		result = pgpollfeed_run(&f, err);
	if (result == 0 && given.verbose)
		tool_say("records %" PRIu64 ", barriers %" PRIu64, feed_records(t->feed),
			 feed_barriers(t->feed));
	pgpollfeed_free(&f);
	return result;
}

static int is_creation_only(void)
{
	return given.create && !given.snapshot && !given.follow && !given.once &&
	       given.until == NULL && given.resume == NULL && given.ack_file == NULL;
}

static int run(struct tail *t, struct err *err)
{
	if (pgsetup_open(&t->setup, given.wait < 0 ? 0 : given.wait, err) != 0)
		return -1;
	t->changes.feed = t->feed;
	t->changes.row = t->row;
	t->changes.types = t->types;
	t->changes.table = &t->setup.table;
	t->changes.target = &t->setup.target;
	t->changes.system = t->setup.server.system;
	t->changes.inserts_only = given.inserts_only;
	pgrow_text(t->row, !t->setup.server.sql_ascii              ? PGROW_TRUST
			   : strcmp(given.invalid, "replace") == 0 ? PGROW_REPLACE
								   : PGROW_CHECK);
	if (given.poll != NULL)
		return poll_table(t, err);
	if (given.drop) {
		if (drop(t, err) != 0)
			return -1;
		if (!given.create)
			return 0;
	}
	if (given.create) {
		if (create(t, err) != 0)
			return -1;
		if (is_creation_only())
			return 0;
	} else if (pgsetup_check(&t->setup, err) != 0) {
		return -1;
	}
	if (begin(t, err) != 0)
		return -1;
	t->begun = 1;
	if (follow(t, err) != 0 || finish(t, err) != 0)
		return -1;
	if (given.verbose)
		say_counts(t);
	return 0;
}

/* Told to stop while it was connecting, an endless run has finished on purpose too. A goal, a
 * snapshot, and --create or --drop for their own sake have not been reached. */
static int is_stopped_early(const struct tail *t, const struct err *err)
{
	return tool_stop && !t->begun && !given.once && given.until == NULL && !given.snapshot &&
	       !given.drop && !is_creation_only() &&
	       (err->status == ERR_TEMP || err->status == ERR_UNAVAILABLE);
}

static int end_early(struct tail *t, struct err *err)
{
	if (given.resume != NULL && feed_barriers(t->feed) == 0 &&
	    feed_resume(t->feed, &t->resume, err) != 0)
		return -1;
	if (feed_awaited(t->feed) == NULL && feed_end(t->feed, err) != 0)
		return -1;
	return drain(t, 0, err) == 0 ? feed_close(t->feed, err) : -1;
}

int main(int argc, char **argv)
{
	struct tail t = {0};
	struct err err;
	char **operands;
	size_t count;
	int status = tool_begin(&command, argc, argv, &operands, &count);

	if (status >= 0)
		return status;
	status = 0;
	if (read_options(&t, count, &err) != 0 ||
	    (run(&t, &err) != 0 && (!is_stopped_early(&t, &err) || end_early(&t, &err) != 0)))
		status = tool_fail(&err);
	pgsource_stop(&t.source);
	pgsetup_close(&t.setup);
	feed_free(t.feed);
	pgrow_free(t.row);
	pgjson_types_free(t.types);
	barrier_free(&t.resume);
	pgfeed_free(&t.changes);
	opt_free(&command);
	return status;
}
