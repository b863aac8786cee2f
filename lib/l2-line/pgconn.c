#include "l2-line/pgconn.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define CONNECT_SECONDS 30

struct pgconn {
	PGconn *pq;
	PGresult *result; /* of the last query */
	char *piece;      /* of the copy, libpq's */
	const struct pgconn_target *target;
	int64_t deadline; /* nanoseconds on the monotonic clock; 0: none, then target->stop counts
			   */
	int starting;     /* the answer to pgconn_copy_begin is not there yet */
	char sqlstate[6];
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- failures ---- */

static const struct {
	const char *prefix;
	enum err_status status;
} statuses[] = {
	{"08", ERR_UNAVAILABLE},  {"57P04", ERR_CONFIG}, /* database dropped */
	{"57P", ERR_UNAVAILABLE}, /* shutting down, starting up, terminated by an administrator */
	{"28", ERR_DENIED},       {"42501", ERR_DENIED},
	{"22", ERR_DATA},         {"25006", ERR_TEMP}, /* read only: a standby, for now */
	{"40", ERR_TEMP},         {"53", ERR_TEMP},    /* out of resources, too many connections */
	{"55006", ERR_TEMP},                           /* object in use */
	{"55P03", ERR_TEMP},                           /* lock not available */
	{"57014", ERR_TEMP},                           /* cancelled */
	{"58", ERR_TEMP},                              /* input or output failed there */
	{"", ERR_CONFIG},
};

static enum err_status status_of(const char *sqlstate)
{
	size_t i = 0;

	while (strncmp(sqlstate, statuses[i].prefix, strlen(statuses[i].prefix)) != 0)
		i++;
	return statuses[i].status;
}

/* One line out of libpq's, which may have several. */
static void put_line(struct buf *out, const char *text)
{
	for (size_t blank = 0; *text != '\0'; text++) {
		if (*text == '\n' || *text == '\t' || *text == ' ') {
			blank |= *text == '\n' ? 2 : 1;
			continue;
		}
		if (blank != 0 && out->len > 0)
			buf_puts(out, (blank & 2) != 0 ? "; " : " ");
		buf_byte(out, *text);
		blank = 0;
	}
}

/* The connection failed, or was lost, and there is no result to ask. */
static int fail_connection(struct pgconn *c, struct err *err)
{
	struct buf text = {0};

	c->sqlstate[0] = '\0';
	put_line(&text, PQerrorMessage(c->pq));
	err_set(err, ERR_UNAVAILABLE, "%s",
		text.len == 0 ? "the connection was lost" : buf_text(&text));
	buf_free(&text);
	return -1;
}

/* Whether it is the server's certificate that is wrong, as OpenSSL and libpq say it: nothing that
 * comes right by itself. */
static int is_distrusted(const char *message)
{
	return strstr(message, "certificate verify failed") != NULL ||
	       strstr(message, "does not match host name") != NULL;
}

/* As fail_connection, for an attempt to connect: the server may have said why. libpq has the
 * SQLSTATE for us only in its verbose text: "FATAL:  28P01: password …\nLOCATION:  …". */
static int fail_connecting(struct pgconn *c, struct err *err)
{
	const char *message = PQerrorMessage(c->pq), *at = message, *state = NULL, *end;
	struct buf plain = {0}, line = {0};

	c->sqlstate[0] = '\0';
	while ((at = strstr(at, ":  ")) != NULL) {
		at += 3;
		if (strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && at[5] == ':') {
			state = at;
			break;
		}
	}
	if (state == NULL) {
		fail_connection(c, err);
		if (PQconnectionNeedsPassword(c->pq) || is_distrusted(message))
			err->status = ERR_DENIED;
		return -1;
	}
	memcpy(c->sqlstate, state, 5);
	c->sqlstate[5] = '\0';
	end = strstr(state, "\nLOCATION:  ");
	buf_put(&plain, message, (size_t)(state - message));
	buf_put(&plain, state + 7, end == NULL ? strlen(state + 7) : (size_t)(end - (state + 7)));
	put_line(&line, buf_text(&plain));
	err_set(err, status_of(c->sqlstate), "%s", buf_text(&line));
	buf_free(&plain);
	buf_free(&line);
	return -1;
}

/* The server answered by an error. */
static int fail_result(struct pgconn *c, const PGresult *result, struct err *err)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	struct buf text = {0};

	if (state == NULL || primary == NULL)
		return fail_connection(c, err);
	memcpy(c->sqlstate, state, 5);
	c->sqlstate[5] = '\0';
	put_line(&text, primary);
	if (detail != NULL) {
		buf_puts(&text, ": ");
		put_line(&text, detail);
	}
	err_set(err, status_of(state), "server: %s", buf_text(&text));
	buf_free(&text);
	return -1;
}

/* ---- waits ---- */

/* Wait until the socket is ready. Returns 0, or -1 with *err: stopped, or out of time. */
static int wait_socket(struct pgconn *c, short events, int64_t deadline, struct err *err)
{
	static const volatile sig_atomic_t never;
	const volatile sig_atomic_t *stop = c->deadline == 0 ? c->target->stop : &never;
	int ready;

	if (c->deadline != 0 && (deadline == 0 || c->deadline < deadline))
		deadline = c->deadline;
	for (;;) {
		struct pollfd fd = {PQsocket(c->pq), events, 0};
		int64_t left = deadline == 0 ? 0 : deadline - now();
		struct timespec timeout = {left / 1000000000, left % 1000000000};

		if (*stop)
			return err_set(err, ERR_TEMP, "stopped by a signal");
		if (deadline != 0 && left <= 0)
			return err_set(err, ERR_UNAVAILABLE, "no answer from the server in time");
		ready = ppoll(&fd, 1, deadline == 0 ? NULL : &timeout, c->target->allowed);
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return err_sys(err, ERR_IO, errno, "poll");
	}
}

static int flush(struct pgconn *c, struct err *err)
{
	int more;

	while ((more = PQflush(c->pq)) == 1) {
		if (wait_socket(c, POLLIN | POLLOUT, 0, err) != 0)
			return -1;
		if (PQconsumeInput(c->pq) == 0)
			return fail_connection(c, err);
	}
	return more < 0 ? fail_connection(c, err) : 0;
}

/* Ask the server to leave a statement that nobody waits for any more: a slot's creation may wait
 * for somebody's transaction for hours. */
void pgconn_cancel(struct pgconn *c)
{
	PGcancel *cancel = PQgetCancel(c->pq);
	char ignored[256];

	if (cancel != NULL)
		PQcancel(cancel, ignored, sizeof ignored);
	PQfreeCancel(cancel);
}

/* The next result, NULL when there is none any more. Returns 0, or -1 with *err. */
static int next_result(struct pgconn *c, PGresult **result, struct err *err)
{
	while (PQisBusy(c->pq)) {
		if (wait_socket(c, POLLIN, 0, err) != 0) {
			pgconn_cancel(c);
			return -1;
		}
		if (PQconsumeInput(c->pq) == 0)
			return fail_connection(c, err);
	}
	*result = PQgetResult(c->pq);
	return 0;
}

/* ---- connect ---- */

int pgconn_check(const char *conninfo, struct err *err)
{
	PQconninfoOption *options, *o;
	char *message = NULL;
	int found = 0;

	/* As libpq does (src/interfaces/libpq/fe-connect.c, recognized_connection_string). */
	if (strncmp(conninfo, "postgresql://", 13) != 0 &&
	    strncmp(conninfo, "postgres://", 11) != 0 && strchr(conninfo, '=') == NULL)
		return 0;
	options = PQconninfoParse(conninfo, &message);
	if (options == NULL) {
		struct buf text = {0};

		put_line(&text, message == NULL ? "out of memory" : message);
		err_set(err, ERR_USAGE, "connection string: %s", buf_text(&text));
		buf_free(&text);
		PQfreemem(message);
		return -1;
	}
	for (o = options; o->keyword != NULL; o++)
		found |= (strcmp(o->keyword, "password") == 0 ||
			  strcmp(o->keyword, "sslpassword") == 0) &&
			 o->val != NULL;
	PQconninfoFree(options);
	if (found)
		return err_set(err, ERR_USAGE,
			       "a password in the command line can be read by everybody: "
			       "use ~/.pgpass, PGPASSFILE, PGSERVICE or PGPASSWORD");
	return 0;
}

static int64_t connect_deadline(const struct pgconn *c)
{
	PQconninfoOption *options = PQconninfo(c->pq);
	int64_t seconds = 0;

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, "connect_timeout") == 0 && o->val != NULL)
			seconds = strtol(o->val, NULL, 10);
	PQconninfoFree(options);
	if (seconds <= 0)
		seconds = CONNECT_SECONDS;
	return now() + (seconds < 2 ? 2 : seconds) * 1000000000;
}

static void ignore_notice(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

static int connect_now(struct pgconn *c, int replication, struct err *err)
{
	/* What stands before dbname is a default that the user's own conninfo overrides. A peer
	 * that vanished is noticed within a minute. */
	const char *const keys[] = {"fallback_application_name",
				    "keepalives_idle",
				    "keepalives_interval",
				    "keepalives_count",
				    "tcp_user_timeout",
				    "dbname",
				    "client_encoding",
				    replication ? "replication" : NULL,
				    NULL};
	const char *const values[] = {c->target->application, "30",   "10",       "3", "60000",
				      c->target->conninfo,    "UTF8", "database", NULL};
	int64_t deadline;
	short events = POLLOUT;

	c->pq = PQconnectStartParams(keys, values, 1);
	if (c->pq == NULL)
		return err_memory(err);
	PQsetErrorVerbosity(c->pq, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(c->pq, ignore_notice, NULL);
	deadline = connect_deadline(c);
	while (PQstatus(c->pq) != CONNECTION_BAD) {
		if (wait_socket(c, events, deadline, err) != 0)
			return err_prefix(err, "connecting");
		switch (PQconnectPoll(c->pq)) {
		case PGRES_POLLING_READING:
			events = POLLIN;
			break;
		case PGRES_POLLING_OK:
			PQsetErrorVerbosity(c->pq, PQERRORS_DEFAULT);
			return PQsetnonblocking(c->pq, 1) == 0 ? 0 : fail_connection(c, err);
		default: /* failed: the status says so */
			events = POLLOUT;
		}
	}
	return fail_connecting(c, err);
}

struct pgconn *pgconn_open(const struct pgconn_target *target, int replication, struct err *err)
{
	struct pgconn *c = calloc(1, sizeof *c);

	if (c == NULL) {
		err_memory(err);
		return NULL;
	}
	c->target = target;
	/* By SET and not by startup options: `options` may come from PGOPTIONS, the conninfo or a
	 * service file, and would be replaced as a whole. */
	if (connect_now(c, replication, err) == 0 &&
	    pgconn_query(c,
			 "SET datestyle = ISO; SET intervalstyle = postgres; "
			 "SET extra_float_digits = 3; SET bytea_output = hex; "
			 "SET xmloption = content; SET row_security = off; "
			 "SET statement_timeout = 0; SET lock_timeout = 0; "
			 "SET idle_in_transaction_session_timeout = 0",
			 err) >= 0)
		return c;
	pgconn_close(c);
	return NULL;
}

void pgconn_close(struct pgconn *c)
{
	if (c == NULL)
		return;
	PQfreemem(c->piece);
	PQclear(c->result);
	PQfinish(c->pq);
	free(c);
}

void pgconn_hurry(struct pgconn *c, unsigned seconds)
{
	c->deadline = now() + (int64_t)seconds * 1000000000;
}

int pgconn_version(const struct pgconn *c)
{
	return PQserverVersion(c->pq);
}

const char *pgconn_setting(const struct pgconn *c, const char *key)
{
	const char *value = PQparameterStatus(c->pq, key);

	return value == NULL ? "" : value;
}

/* ---- statements ---- */

/* Send a statement, and get the first result of its last statement. */
static int run(struct pgconn *c, const char *sql, struct err *err)
{
	PGresult *result;

	PQclear(c->result);
	c->result = NULL;
	c->sqlstate[0] = '\0';
	if (PQsendQuery(c->pq, sql) == 0)
		return fail_connection(c, err);
	if (flush(c, err) != 0)
		return -1;
	for (;;) {
		if (next_result(c, &result, err) != 0)
			return -1;
		if (result == NULL)
			return 0;
		PQclear(c->result);
		c->result = result;
		switch (PQresultStatus(result)) {
		case PGRES_COPY_OUT:
		case PGRES_COPY_BOTH:
			return 0;
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
		case PGRES_EMPTY_QUERY:
			break;
		default:
			fail_result(c, result, err);
			/* Until the server is ready for the next one. */
			while (PQstatus(c->pq) == CONNECTION_OK) {
				struct err ignored;

				if (next_result(c, &result, &ignored) != 0 || result == NULL)
					break;
				PQclear(result);
			}
			return -1;
		}
	}
}

int pgconn_query(struct pgconn *c, const char *sql, struct err *err)
{
	if (run(c, sql, err) != 0)
		return -1;
	return c->result == NULL ? 0 : PQntuples(c->result);
}

const char *pgconn_value(const struct pgconn *c, int row, int column)
{
	return PQgetvalue(c->result, row, column);
}

int pgconn_is_null(const struct pgconn *c, int row, int column)
{
	return PQgetisnull(c->result, row, column);
}

const char *pgconn_sqlstate(const struct pgconn *c)
{
	return c->sqlstate;
}

static int put_escaped(struct pgconn *c, struct buf *out, char *escaped, struct err *err)
{
	int result = escaped == NULL ? fail_connection(c, err) : buf_puts(out, escaped);

	PQfreemem(escaped);
	if (result != 0)
		out->failed = 1;
	return result;
}

int pgconn_put_literal(struct pgconn *c, struct buf *out, const char *text)
{
	struct err ignored;

	return put_escaped(c, out, PQescapeLiteral(c->pq, text, strlen(text)), &ignored);
}

int pgconn_put_name(struct pgconn *c, struct buf *out, const char *name)
{
	struct err ignored;

	return put_escaped(c, out, PQescapeIdentifier(c->pq, name, strlen(name)), &ignored);
}

/* ---- copies ---- */

int pgconn_copy(struct pgconn *c, const char *sql, struct err *err)
{
	if (run(c, sql, err) != 0)
		return -1;
	switch (PQresultStatus(c->result)) {
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		return 0;
	default:
		return err_set(err, ERR_CONFIG, "the server does not copy: %.100s", sql);
	}
}

int pgconn_copy_begin(struct pgconn *c, const char *sql, struct err *err)
{
	PQclear(c->result);
	c->result = NULL;
	c->sqlstate[0] = '\0';
	if (PQsendQuery(c->pq, sql) == 0)
		return fail_connection(c, err);
	c->starting = 1;
	return flush(c, err);
}

/* The answer to pgconn_copy_begin. Returns 1 when the copy has begun, 0 when it is not known yet,
 * or -1. */
static int started(struct pgconn *c, struct err *err)
{
	PGresult *result;
	int answer = 1;

	if (PQconsumeInput(c->pq) == 0 && PQisBusy(c->pq))
		return fail_connection(c, err);
	if (PQisBusy(c->pq))
		return 0;
	result = PQgetResult(c->pq);
	if (PQresultStatus(result) != PGRES_COPY_OUT) /* NULL: a fatal error */
		answer = result == NULL ? fail_connection(c, err) : fail_result(c, result, err);
	PQclear(result);
	c->starting = 0;
	return answer;
}

/* The copy has ended: by its end, by an error, or with the connection. */
static int finish_copy(struct pgconn *c, struct err *err)
{
	PGresult *result;
	ExecStatusType status;
	int answer = 2;

	do {
		if (next_result(c, &result, err) != 0)
			return -1;
		status = PQresultStatus(result); /* of NULL: a fatal error */
		if (result != NULL && status == PGRES_FATAL_ERROR)
			answer = fail_result(c, result, err);
		PQclear(result);
		/* COPY_IN: the server has ended its half of a replication stream. */
	} while (result != NULL && status != PGRES_COPY_IN);
	return answer;
}

int pgconn_copy_next(struct pgconn *c, char **bytes, size_t *len, struct err *err)
{
	int n;

	if (c->starting && (n = started(c, err)) != 1)
		return n;
	PQfreemem(c->piece);
	c->piece = NULL;
	n = PQgetCopyData(c->pq, &c->piece, 1);
	if (n == 0) {
		if (PQconsumeInput(c->pq) == 0) {
			/* The server may have said why before it went away. */
			n = PQgetCopyData(c->pq, &c->piece, 1);
			if (n <= 0)
				return n == -1 ? finish_copy(c, err) : fail_connection(c, err);
		} else {
			n = PQgetCopyData(c->pq, &c->piece, 1);
		}
	}
	if (n > 0) {
		*bytes = c->piece;
		*len = (size_t)n;
		return 1;
	}
	if (n == 0)
		return 0;
	return n == -1 ? finish_copy(c, err) : fail_connection(c, err);
}

int pgconn_copy_send(struct pgconn *c, const char *bytes, size_t len, struct err *err)
{
	if (PQputCopyData(c->pq, bytes, (int)len) < 0 || PQflush(c->pq) < 0)
		return fail_connection(c, err);
	return 0;
}

void pgconn_copy_end(struct pgconn *c, unsigned seconds)
{
	struct err ignored;
	char *bytes;
	size_t len;
	int result;

	pgconn_hurry(c, seconds);
	if (PQputCopyEnd(c->pq, NULL) < 0 || flush(c, &ignored) != 0)
		return;
	do {
		result = pgconn_copy_next(c, &bytes, &len, &ignored);
		if (result == 0 && wait_socket(c, POLLIN, 0, &ignored) != 0)
			return;
	} while (result == 0 || (result == 1 && now() < c->deadline));
}

int pgconn_fd(const struct pgconn *c)
{
	return PQsocket(c->pq);
}

short pgconn_events(struct pgconn *c)
{
	return PQflush(c->pq) == 1 ? POLLIN | POLLOUT : POLLIN;
}
