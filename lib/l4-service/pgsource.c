#include "l4-service/pgsource.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define STATUS_EVERY (10 * SECOND)
#define BACKOFF_FIRST (SECOND / 10)
#define BACKOFF_LAST (5 * SECOND)
#define STOP_SECONDS 3

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

int pgsource_start(struct pgsource *s, struct pgconn *c, const struct pgserver *server,
		   struct err *err)
{
	struct buf sql = {0}, names = {0};
	int result;

	s->c = c;
	s->begun = 0;
	s->caught_up = 0;
	s->after_root = 0;
	s->goal = server->flushed;
	s->server_end = 0;
	s->status_every = STATUS_EVERY;
	if (server->sender_timeout > 0 && server->sender_timeout * 1000000 / 3 < STATUS_EVERY)
		s->status_every = server->sender_timeout * 1000000 / 3;

	/* An identifier in a list, in a literal. */
	pgconn_put_name(c, &names, s->publication);
	buf_puts(&sql, "START_REPLICATION SLOT ");
	pgconn_put_name(c, &sql, s->slot);
	buf_printf(&sql, " LOGICAL " LSN_FORMAT " (proto_version '1', publication_names ",
		   LSN_ARG(s->place.lsn));
	pgconn_put_literal(c, &sql, buf_text(&names));
	buf_puts(&sql, ")");
	result = sql.failed || names.failed ? err_memory(err) : pgconn_copy(c, buf_text(&sql), err);
	buf_free(&names);
	buf_free(&sql);
	if (result != 0)
		return -1;
	return send_status(s, s->confirmed, 1, err);
}

/* The connection is gone: remember why, and when to try again. */
static int lose(struct pgsource *s, const struct err *why)
{
	int first = s->lost_at == 0;
	int64_t t = now();

	pgconn_close(s->c);
	s->c = NULL;
	s->begun = 0;
	s->caught_up = 0;
	s->trouble = *why;
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

/* A change of the table: count it, and give it unless it was given before. */
static int take_change(struct pgsource *s)
{
	s->rows++;
	if (s->rows <= s->skip)
		return PGSOURCE_NONE;
	s->place = (struct pgplace){s->begun, s->rows};
	return PGSOURCE_CHANGE;
}

/* Returns an event, PGSOURCE_NONE where the message is none, or -1. */
static int take_message(struct pgsource *s, struct err *err)
{
	const struct pgoutput_message *m = &s->message;
	int after_root = s->after_root;

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
		if (m->relation == s->table) {
			s->after_root = s->partitioned;
			return PGSOURCE_RELATION;
		}
		/* Behind the root's relation comes that of the partition whose row follows. */
		if (after_root && m->identity != 'f')
			s->loose_partition = 1;
		return PGSOURCE_NONE;
	case PGOUTPUT_INSERT:
	case PGOUTPUT_UPDATE:
	case PGOUTPUT_DELETE:
		return m->relation == s->table ? take_change(s) : PGSOURCE_NONE;
	case PGOUTPUT_TRUNCATE:
		return pgoutput_truncates(m, s->table) ? take_change(s) : PGSOURCE_NONE;
	default:
		return PGSOURCE_NONE;
	}
}

/* Primary keepalive: how far the server has read. Between transactions that is a place of ours. */
static int take_keepalive(struct pgsource *s, const char *bytes, struct err *err)
{
	uint64_t end = pgoutput_get64(bytes + 1);

	s->server_end = end;
	s->server_time = (int64_t)pgoutput_get64(bytes + 9) + PGOUTPUT_EPOCH;
	if (bytes[17] != 0 && send_status(s, 0, 0, err) != 0)
		return -1;
	if (s->begun != 0)
		return PGSOURCE_NONE;
	if (s->place.rows > 0 && end > s->place.lsn)
		return gap(err, s->place);
	if (end >= s->goal)
		s->caught_up = 1;
	if (end > s->place.lsn)
		s->place = (struct pgplace){end, 0};
	return PGSOURCE_IDLE;
}

/* One piece of the copy. */
static int take_piece(struct pgsource *s, char *bytes, size_t len, struct err *err)
{
	if (len >= 25 && bytes[0] == 'w') { /* XLogData: start, end, time, message */
		struct slice message = {bytes + 25, len - 25};

		if (pgoutput_decode(&s->decoder, message, &s->message, err) != 0)
			return -1;
		return take_message(s, err);
	}
	if (len >= 18 && bytes[0] == 'k')
		return take_keepalive(s, bytes, err);
	return err_set(err, ERR_DATA, "replication stream: a message of an unknown kind");
}

int pgsource_next(struct pgsource *s, struct err *err)
{
	int event, got;
	struct err why;
	char *bytes;
	size_t len;

	if (s->c == NULL)
		return try_again(s, err);
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

/* ---- the rest ---- */

void pgsource_tick(struct pgsource *s)
{
	struct err ignored;

	if (s->c != NULL && now() - s->status_sent >= s->status_every)
		send_status(s, s->confirmed, 1, &ignored);
}

void pgsource_confirm(struct pgsource *s, uint64_t lsn)
{
	struct err ignored;

	if (lsn <= s->confirmed || lsn > s->place.lsn)
		return;
	s->confirmed = lsn;
	if (s->c != NULL)
		send_status(s, s->confirmed, 0, &ignored);
}

int pgsource_poll(struct pgsource *s, short *events, int64_t *until)
{
	int64_t at = s->c == NULL ? s->retry_at : s->status_sent + s->status_every;

	if (at < *until)
		*until = at;
	*events = s->c == NULL ? 0 : pgconn_events(s->c);
	return s->c == NULL ? -1 : pgconn_fd(s->c);
}

void pgsource_stop(struct pgsource *s)
{
	if (s->c != NULL)
		pgconn_copy_end(s->c, STOP_SECONDS);
	pgconn_close(s->c);
	s->c = NULL;
	pgoutput_free(&s->decoder);
}
