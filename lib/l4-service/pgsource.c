#include "l4-service/pgsource.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "l3-stream/pgcatchup.h"

#define SECOND INT64_C(1000000000)
#define STATUS_EVERY (10 * SECOND)
#define BACKOFF_FIRST (SECOND / 10)
#define BACKOFF_LAST (5 * SECOND)
#define STOP_SECONDS 3
/* So much log is worth a pass: a hundred thousand rows of ours, if they all are. */
#define PASS_LEAST ((uint64_t)16 << 20)

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* ---- to the server ---- */

static void put64(char *to, uint64_t n)
{
	n = htobe64(n);
	memcpy(to, &n, sizeof n);
}

/* Standby status update. flushed 0 confirms nothing; a server that shuts down then waits only until
 * we have received everything, and not until the sink has stored it (walsender.c, WalSndDone). */
static int send_status(struct pgsource *s, uint64_t flushed, int ask, struct err *err)
{
	char message[34] = "r";
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	put64(message + 1, s->server_end > s->place.lsn ? s->server_end : s->place.lsn);
	put64(message + 9, flushed);
	put64(message + 17, flushed);
	put64(message + 25,
	      (uint64_t)(t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000 - PGOUTPUT_EPOCH));
	message[33] = (char)ask;
	s->status_sent = now();
	return pgconn_copy_send(s->c, message, sizeof message, err);
}

/* ---- connection ---- */

/* Follow the log, from the place on. */
static int replicate(struct pgsource *s, struct err *err)
{
	struct buf sql = {0}, names = {0};
	int result;

	s->begun = 0;
	s->after_root = 0;
	/* An identifier in a list, in a literal. */
	pgconn_put_name(s->c, &names, s->publication);
	buf_puts(&sql, "START_REPLICATION SLOT ");
	pgconn_put_name(s->c, &sql, s->slot);
	buf_printf(&sql, " LOGICAL " LSN_FORMAT " (proto_version '1', publication_names ",
		   LSN_ARG(s->place.lsn));
	pgconn_put_literal(s->c, &sql, buf_text(&names));
	buf_puts(&sql, ")");
	result = sql.failed || names.failed ? err_memory(err)
					    : pgconn_copy(s->c, buf_text(&sql), err);
	buf_free(&names);
	buf_free(&sql);
	if (result != 0)
		return -1;
	return send_status(s, s->confirmed, 1, err);
}

/* ---- passes ---- */

/* Look at the slot, from where the server would have to decode. A run that ended with a pass has
 * told what was stored, but the server finds a later place to begin from only where it reads the
 * slot's log: without that, run after run would decode all of it again, and none would ever be let
 * go. */
static int look_at_start(struct pgsource *s, struct pgslot *slot, struct err *err)
{
	struct err ignored;

	if (pgslot_look(s->c, s->slot, slot, err) != 1)
		return -1;
	if (s->passes > 0)
		return 0;
	pgslot_advance(s->c, s->slot, slot->confirmed, &ignored);
	return pgslot_look(s->c, s->slot, slot, err) == 1 ? 0 : -1;
}

/* Whether there is to be a pass however small it is. */
static int is_forced(const struct pgsource *s)
{
	return strcmp(s->catch_up, "always") == 0 && s->passes == 0;
}

/* Where passes should end; 0 where there should be none. They cost the decoding of all the log
 * since the slot's restart_lsn, and the stream that follows costs that again: against some eight
 * times as much for sending each row. */
static uint64_t pass_end(struct pgsource *s, const struct pgserver *server, struct err *err)
{
	uint64_t end = server->flushed, behind;
	struct pgslot slot;

	if (strcmp(s->catch_up, "never") == 0 || s->passes < 0 ||
	    pgconn_version(s->c) < PGCATCHUP_VERSION)
		return 0;
	if (s->until != 0 && s->until < end)
		end = s->until;
	if (end <= s->place.lsn)
		return 0;
	if (s->pass != NULL && pgcatchup_is_ahead(s->pass))
		return end;
	behind = end - s->place.lsn;
	if ((behind < PASS_LEAST && !is_forced(s)) || look_at_start(s, &slot, err) != 0)
		return 0;
	return is_forced(s) || slot.restart + 4 * behind >= s->place.lsn ? end : 0;
}

/* No more passes: why, if that is as one has failed. Everything else goes on as if there had been
 * none. */
static void leave_passes(struct pgsource *s, const struct err *why)
{
	if (why->status != ERR_NONE) {
		s->passes = -1;
		err_set(&s->news, why->status,
			"no passes over the log: %s; following it from " LSN_FORMAT, why->message,
			LSN_ARG(s->place.lsn));
	} else {
		err_set(&s->news, ERR_NONE, "caught up; following the log from " LSN_FORMAT,
			LSN_ARG(s->place.lsn));
	}
	s->event = PGSOURCE_FOLLOWING;
	pgcatchup_close(s->pass);
	s->pass = NULL;
}

static int begin_pass(struct pgsource *s, int sql_ascii, uint64_t end, struct err *err)
{
	/* The connection for what follows may be idle for longer than that. */
	if (s->pass == NULL && (pgconn_query(s->c, "SET idle_session_timeout = 0", err) < 0 ||
				(s->pass = pgcatchup_open(s->target, s->slot, s->publication,
							  s->table, sql_ascii, err)) == NULL))
		return -1;
	if (pgcatchup_begin(s->pass, s->place.lsn, end, is_forced(s) ? 0 : PASS_LEAST, err) != 0)
		return -1;
	s->begun = 0;
	s->after_root = 0;
	s->pass_over = 0;
	s->passes++;
	s->event = PGSOURCE_PASS;
	err_set(&s->news, ERR_NONE, "catching up by a pass, from " LSN_FORMAT " to " LSN_FORMAT,
		LSN_ARG(s->place.lsn), LSN_ARG(pgcatchup_end(s->pass)));
	return 0;
}

/* Begin a pass, or else follow the log. */
static int go_on(struct pgsource *s, const struct pgserver *server, struct err *err)
{
	uint64_t end;
	struct err why = {0};

	s->goal = server->flushed;
	end = pass_end(s, server, &why);
	if (end != 0 && begin_pass(s, server->sql_ascii, end, &why) == 0)
		return 0;
	if (end != 0 || s->pass != NULL)
		leave_passes(s, &why);
	return replicate(s, err);
}

int pgsource_start(struct pgsource *s, struct pgconn *c, const struct pgserver *server,
		   struct err *err)
{
	s->c = c;
	s->caught_up = 0;
	s->server_end = 0;
	s->status_every = STATUS_EVERY;
	if (server->sender_timeout > 0 && server->sender_timeout * 1000000 / 3 < STATUS_EVERY)
		s->status_every = server->sender_timeout * 1000000 / 3;
	return pgslot_lock(c, s->slot, s->target, err) == 0 ? go_on(s, server, err) : -1;
}

/* The connection is gone: remember why, and when to try again. */
static int lose(struct pgsource *s, const struct err *why)
{
	int first = s->lost_at == 0;
	int64_t t = now();

	pgcatchup_close(s->pass);
	s->pass = NULL;
	pgconn_close(s->c);
	s->c = NULL;
	s->begun = 0;
	s->caught_up = 0;
	s->relation_due = s->row_waits = s->event = 0;
	err_set(&s->news, why->status, "connection lost: %s; trying again", why->message);
	if (first) {
		s->lost_at = t;
		s->backoff = BACKOFF_FIRST;
	}
	/* Full jitter, but not below half: many readers of one server shall not come back at once.
	 */
	s->retry_at = t + s->backoff / 2 + random() % (s->backoff / 2);
	s->backoff = s->backoff * 2 < BACKOFF_LAST ? s->backoff * 2 : BACKOFF_LAST;
	return first ? PGSOURCE_LOST : PGSOURCE_NONE;
}

/* Whether another attempt may help. Being refused at once after a crash of the server is normal:
 * our old backend may still hold the slot. */
static int may_retry(const struct err *err)
{
	return err->status == ERR_UNAVAILABLE || err->status == ERR_TEMP;
}

static int connect_again(struct pgsource *s, struct err *err)
{
	struct pgconn *c = pgconn_open(s->target, 1, err);
	struct pgserver server;
	struct pgslot slot;
	int found;

	if (c == NULL)
		return -1;
	s->c = c;
	if (pgserver_look(c, &server, err) != 0)
		return -1;
	if (server.system != s->system)
		return err_set(err, ERR_CONFIG,
			       "another server answers now (system identifier %llu, not %llu)",
			       (unsigned long long)server.system, (unsigned long long)s->system);
	found = pgslot_look(c, s->slot, &slot, err);
	if (found == 0)
		return err_set(err, ERR_CONFIG,
			       "slot %s has vanished; changes behind " LSN_FORMAT
			       " may be lost; rebuild: --drop, then --create --snapshot",
			       s->slot, LSN_ARG(s->place.lsn));
	if (found < 0 || pgslot_check(&slot, s->slot, s->place, &server, err) != 0)
		return -1;
	if (server.sql_ascii) {
		if (pgconn_query(c, "SET client_encoding = SQL_ASCII", err) < 0)
			return -1;
	}
	return pgsource_start(s, c, &server, err);
}

static int try_again(struct pgsource *s, struct err *err)
{
	struct err why;

	if (now() < s->retry_at)
		return PGSOURCE_NONE;
	if (connect_again(s, &why) == 0) {
		s->lost_at = 0;
		return PGSOURCE_RECONNECTED;
	}
	if (!may_retry(&why)) {
		*err = why;
		return -1;
	}
	if (now() - s->lost_at >= s->wait * 1000) {
		*err = why;
		err->status = ERR_TEMP;
		return err_prefix(err, "no connection again in %lld s",
				  (long long)(s->wait / 1000000));
	}
	return lose(s, &why);
}

/* ---- messages ---- */

static int gap(struct err *err, struct pgplace place)
{
	return err_set(err, ERR_CONFIG,
		       "row %llu of the transaction at " LSN_FORMAT
		       " was sent, but the server does not have it: changes are lost; "
		       "rebuild: --drop, then --create --snapshot",
		       (unsigned long long)place.rows, LSN_ARG(place.lsn));
}

static int give_change(struct pgsource *s)
{
	s->row_waits = 0;
	s->place = (struct pgplace){s->begun, s->rows};
	return PGSOURCE_CHANGE;
}

/* A change of the table: count it, and give it unless it was given before. If it is the first one
 * that has the columns told last, they go before it. */
static int take_change(struct pgsource *s, struct err *err)
{
	s->rows++;
	if (s->rows <= s->skip)
		return PGSOURCE_NONE;
	if (!s->relation_due)
		return give_change(s);
	if (pgoutput_decode(&s->columns_decoder, buf_view(&s->relation), &s->columns, err) != 0)
		return -1;
	s->relation_due = 0;
	s->row_waits = 1;
	return PGSOURCE_RELATION;
}

/* The columns of a table or of one of its partitions. Not given before there is a row: a part of a
 * transaction may have changed them, and been rolled back. */
static int take_relation(struct pgsource *s, struct slice bytes, int after_root, struct err *err)
{
	if (s->message.relation == s->table) {
		s->after_root = s->partitioned;
		s->relation_due = 1;
		buf_clear(&s->relation);
		return buf_slice(&s->relation, bytes) == 0 ? PGSOURCE_NONE : err_memory(err);
	}
	/* Behind the root's relation comes that of the partition whose row follows. */
	if (after_root && s->message.identity != 'f')
		s->loose_partition = 1;
	return PGSOURCE_NONE;
}

/* Returns an event, PGSOURCE_NONE where the message is none, or -1. */
static int take_message(struct pgsource *s, struct slice bytes, struct err *err)
{
	const struct pgoutput_message *m = &s->message;
	int after_root = s->after_root;

	if (pgoutput_decode(&s->decoder, bytes, &s->message, err) != 0)
		return -1;
	s->after_root = m->kind == PGOUTPUT_TYPE && after_root;
	switch (m->kind) {
	case PGOUTPUT_BEGIN:
		if (s->place.rows > 0 && m->lsn > s->place.lsn)
			return gap(err, s->place);
		s->begun = m->lsn;
		s->rows = 0;
		s->skip = m->lsn == s->place.lsn ? s->place.rows : 0;
		return PGSOURCE_BEGIN;
	case PGOUTPUT_COMMIT:
		if (s->rows < s->skip)
			return gap(err, s->place);
		s->begun = 0;
		s->place = (struct pgplace){m->end_lsn, 0};
		return PGSOURCE_COMMIT;
	case PGOUTPUT_RELATION:
		return take_relation(s, bytes, after_root, err);
	case PGOUTPUT_INSERT:
	case PGOUTPUT_UPDATE:
	case PGOUTPUT_DELETE:
		return m->relation == s->table ? take_change(s, err) : PGSOURCE_NONE;
	case PGOUTPUT_TRUNCATE:
		return pgoutput_truncates(m, s->table) ? take_change(s, err) : PGSOURCE_NONE;
	case PGOUTPUT_STREAM_START:
	case PGOUTPUT_STREAM_STOP:
	case PGOUTPUT_STREAM_COMMIT:
	case PGOUTPUT_STREAM_ABORT:
		return err_set(err, ERR_DATA,
			       "the server streams a transaction in progress, unasked");
	default:
		return PGSOURCE_NONE;
	}
}

/* Primary keepalive: how far the server has read. Between transactions that is a place of ours. */
static int take_keepalive(struct pgsource *s, const char *bytes, struct err *err)
{
	uint64_t end = pgoutput_get64(bytes + 1);

	s->server_end = end;
	if (bytes[17] != 0 && send_status(s, 0, 0, err) != 0)
		return -1;
	if (s->begun != 0)
		return PGSOURCE_NONE;
	if (s->place.rows > 0 && end > s->place.lsn)
		return gap(err, s->place);
	if (end >= s->goal)
		s->caught_up = 1;
	/* Before that, its clock says nothing of what it has not read yet. */
	if (s->caught_up)
		s->server_time = (int64_t)pgoutput_get64(bytes + 9) + PGOUTPUT_EPOCH;
	if (end > s->place.lsn)
		s->place = (struct pgplace){end, 0};
	return PGSOURCE_IDLE;
}

/* One piece of the copy. */
static int take_piece(struct pgsource *s, char *bytes, size_t len, struct err *err)
{
	if (len >= 25 && bytes[0] == 'w') /* XLogData: start, end, time, message */
		return take_message(s, (struct slice){bytes + 25, len - 25}, err);
	if (len >= 18 && bytes[0] == 'k')
		return take_keepalive(s, bytes, err);
	return err_set(err, ERR_DATA, "replication stream: a message of an unknown kind");
}

/* A pass is over, all up to its end is given. That what is stored for good is told to the server
 * here, as the stream does all the time: or else it would keep the log for as long as there are
 * passes. Then the next one, or the stream. */
static int next_pass(struct pgsource *s, struct err *err)
{
	struct pgserver server;
	struct err ignored;

	if (s->confirmed > s->told) {
		pgslot_advance(s->c, s->slot, s->confirmed, &ignored);
		s->told = s->confirmed;
	}
	if (pgserver_look(s->c, &server, err) != 0)
		return -1;
	s->pass_over = 0;
	return go_on(s, &server, err);
}

/* A pass has come to its end. */
static int end_pass(struct pgsource *s, struct err *err)
{
	uint64_t end = pgcatchup_end(s->pass);

	if (s->place.rows > 0 && end > s->place.lsn)
		return gap(err, s->place);
	s->pass_over = 1;
	if (end > s->place.lsn)
		s->place = (struct pgplace){end, 0};
	return PGSOURCE_IDLE;
}

/* What can be had again, is. */
static int fail(struct pgsource *s, const struct err *why, struct err *err)
{
	if (*s->target->stop)
		return PGSOURCE_NONE;
	if (may_retry(why))
		return lose(s, why);
	*err = *why;
	return err_prefix(err, "behind " LSN_FORMAT, LSN_ARG(s->place.lsn));
}

static int next_of_pass(struct pgsource *s, struct err *err)
{
	struct slice message;
	struct err why;
	int got, event;

	if (s->pass_over) {
		if (next_pass(s, &why) != 0)
			return fail(s, &why, err);
		return PGSOURCE_NONE;
	}
	do {
		got = pgcatchup_next(s->pass, &message, &why);
		if (got == 0)
			return PGSOURCE_NONE;
		if (got == 2)
			return end_pass(s, err);
		if (got < 0) {
			leave_passes(s, &why);
			return replicate(s, &why) == 0 ? PGSOURCE_NONE : fail(s, &why, err);
		}
		event = take_message(s, message, err);
	} while (event == PGSOURCE_NONE);
	return event;
}

static int next_of_stream(struct pgsource *s, struct err *err)
{
	int event, got;
	struct err why;
	char *bytes;
	size_t len;

	do {
		got = pgconn_copy_next(s->c, &bytes, &len, &why);
		if (got == 0)
			return PGSOURCE_NONE;
		if (got == 2)
			err_set(&why, ERR_UNAVAILABLE, "the server ended the stream");
		if (got != 1) {
			if (why.status == ERR_UNAVAILABLE)
				return lose(s, &why);
			*err = why;
			return err_prefix(err, "behind " LSN_FORMAT, LSN_ARG(s->place.lsn));
		}
		event = take_piece(s, bytes, len, &why);
		if (event < 0 && why.status == ERR_UNAVAILABLE)
			return lose(s, &why);
		if (event < 0)
			*err = why;
	} while (event == PGSOURCE_NONE);
	return event;
}

int pgsource_next(struct pgsource *s, struct err *err)
{
	int event = s->event;

	if (s->row_waits)
		return give_change(s);
	s->event = PGSOURCE_NONE;
	if (event != PGSOURCE_NONE)
		return event;
	if (s->c == NULL)
		return try_again(s, err);
	return s->pass != NULL ? next_of_pass(s, err) : next_of_stream(s, err);
}

/* ---- the rest ---- */

void pgsource_tick(struct pgsource *s)
{
	struct err ignored;

	if (s->c != NULL && s->pass == NULL && now() - s->status_sent >= s->status_every)
		send_status(s, s->confirmed, 1, &ignored);
}

void pgsource_confirm(struct pgsource *s, uint64_t lsn)
{
	struct err ignored;

	if (lsn <= s->confirmed || lsn > s->place.lsn)
		return;
	s->confirmed = lsn;
	if (s->c != NULL && s->pass == NULL)
		send_status(s, s->confirmed, 0, &ignored);
}

int pgsource_poll(struct pgsource *s, short *events, int64_t *until)
{
	int64_t at = s->c == NULL ? s->retry_at : s->status_sent + s->status_every;

	if (s->event != PGSOURCE_NONE || s->pass_over)
		at = 0;
	else if (s->pass != NULL)
		at = *until;
	if (at < *until)
		*until = at;
	*events = s->c == NULL ? 0 : s->pass != NULL ? POLLIN : pgconn_events(s->c);
	return s->c == NULL ? -1 : s->pass != NULL ? pgcatchup_fd(s->pass) : pgconn_fd(s->c);
}

int pgsource_streams(const struct pgsource *s)
{
	return s->c != NULL && s->pass == NULL;
}

void pgsource_stop(struct pgsource *s)
{
	struct err ignored;
	int following = s->pass == NULL;

	pgcatchup_close(s->pass);
	s->pass = NULL;
	/* What was confirmed during a pass is told as always: in a stream. */
	if (s->c != NULL && !following && s->confirmed > s->told) {
		pgconn_hurry(s->c, STOP_SECONDS);
		following = replicate(s, &ignored) == 0;
	}
	if (s->c != NULL && following)
		pgconn_copy_end(s->c, STOP_SECONDS);
	pgconn_close(s->c);
	s->c = NULL;
	pgoutput_free(&s->decoder);
	pgoutput_free(&s->columns_decoder);
	buf_free(&s->relation);
}
