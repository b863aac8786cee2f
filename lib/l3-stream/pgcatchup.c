#include "l3-stream/pgcatchup.h"

#include <inttypes.h>
#include <stdlib.h>

#include "l1-value/pgpos.h"
#include "l2-line/pgheld.h"
#include "l2-line/pgoutput.h"

#define MB ((uint64_t)1 << 20)
#define PASS_MOST (1024 * MB)   /* of log */
#define PASS_UNSURE (64 * MB)   /* while a little log may make a large result */
#define RESULT_MOST (1024 * MB) /* in the server's temporary file */
#define ROW_BYTES 48            /* what it takes there besides the message */
#define HELD_MEMORY (4 * MB)
/* Two at once: of the log, what may be read by both; the memory for it, if it is one transaction.
 */
#define REPEATED_MOST (128 * MB)
#define REPEATED_MEMORY 4
/* A message of our own, before a RELATION that is held: when it came. */
#define NOTE '#'

/* A connection, and what it reads. */
struct pass {
	struct pgconn *c;
	const char *publication;
	uint32_t table;
	char *slot; /* the copy */
	uint64_t confirmed, restart;
	struct buf sql;

	/* a pass */
	uint64_t from, end;
	int running;
	uint64_t result; /* bytes, as the server keeps it */
	int headed;      /* the header of the copy is there */
	struct pgoutput decoder;

	/* transactions in progress */
	struct pgheld *held;
	uint32_t streaming; /* between STREAM_START and STREAM_STOP: its xid; or 0 */
	int giving;         /* held messages of the one that `commit` is about */
	struct pgoutput_message commit;
	char made[26]; /* a BEGIN or COMMIT made here */

	/* Columns of the table as a transaction in progress has them are no others' before its
	 * commit. The last RELATION outside of them, and when it came; and when the last one came
	 * of the transaction that is given. */
	struct buf relation, given_relation;
	uint64_t came, relation_came, given_came;
	int restoring;
};

struct pgcatchup {
	const struct pgconn_target *target;
	const char *slot, *publication;
	uint32_t table;
	int sql_ascii;
	uint64_t most;      /* bytes of log in a pass */
	int sure;           /* that these make no large result */
	uint64_t repeated;  /* bytes of log at most that two of them may read */
	struct pass *pass;  /* whose messages are given */
	struct pass *ahead; /* the next one, which the server decodes meanwhile; or NULL */
};

/* ---- open ---- */

static int query(struct pass *p, struct err *err)
{
	int rows = p->sql.failed ? err_memory(err) : pgconn_query(p->c, buf_text(&p->sql), err);

	buf_clear(&p->sql);
	return rows;
}

/* Where our copy stands. Behind a pass, confirmed is the end of the record that its end lay in, of
 * which all has been given: a little further on. */
static int look_slot(struct pass *p, struct err *err)
{
	int rows;

	buf_puts(&p->sql, "SELECT confirmed_flush_lsn, restart_lsn "
			  "FROM pg_catalog.pg_replication_slots WHERE "
			  "slot_name = ");
	pgconn_put_literal(p->c, &p->sql, p->slot);
	rows = query(p, err);
	if (rows < 0)
		return -1;
	if (rows != 1 || lsn_parse(slice_of(pgconn_value(p->c, 0, 0)), &p->confirmed) != 0 ||
	    lsn_parse(slice_of(pgconn_value(p->c, 0, 1)), &p->restart) != 0)
		return err_set(err, ERR_TEMP, "the copy of the slot, %s, is gone", p->slot);
	return 0;
}

/* A slot that goes with its session, in whatever way that ends. */
static int copy_slot(struct pass *p, const char *slot, struct err *err)
{
	buf_puts(&p->sql, "SELECT slot_name FROM pg_catalog.pg_copy_logical_replication_slot(");
	pgconn_put_literal(p->c, &p->sql, slot);
	buf_puts(&p->sql, ", 'tuberia_pass_' || pg_catalog.pg_backend_pid(), true)");
	if (query(p, err) != 1)
		return -1;
	p->slot = strdup(pgconn_value(p->c, 0, 0));
	if (p->slot == NULL)
		return err_memory(err);
	return look_slot(p, err);
}

/* A processor's caches hold 8 MB: with 64 MB, what servers have by default, large transactions take
 * a tenth to a third longer. What is beyond that comes before its commit. */
static const char set_memory[] =
	"SELECT pg_catalog.set_config(name, least(8192, setting::integer)::text, false)"
	" FROM pg_catalog.pg_settings WHERE name = 'logical_decoding_work_mem'";

static int prepare(struct pass *p, int sql_ascii, struct err *err)
{
	struct err ignored;

	if (sql_ascii && pgconn_query(p->c, "SET client_encoding = SQL_ASCII", err) < 0)
		return -1;
	/* If we are killed, the server shall notice while it decodes. Not every system can. */
	pgconn_query(p->c, "SET client_connection_check_interval = '1s'", &ignored);
	return pgconn_query(p->c, set_memory, err) < 0 ? -1 : 0;
}

static void close_pass(struct pass *p)
{
	if (p == NULL)
		return;
	if (p->running)
		pgconn_cancel(p->c);
	pgconn_close(p->c);
	pgheld_free(p->held);
	pgoutput_free(&p->decoder);
	buf_free(&p->sql);
	buf_free(&p->relation);
	buf_free(&p->given_relation);
	free(p->slot);
	free(p);
}

static struct pass *open_pass(const struct pgcatchup *all, struct err *err)
{
	struct pass *p = calloc(1, sizeof *p);

	if (p == NULL) {
		err_memory(err);
		return NULL;
	}
	p->publication = all->publication;
	p->table = all->table;
	p->c = pgconn_open(all->target, 0, err);
	if (p->c != NULL && prepare(p, all->sql_ascii, err) == 0 &&
	    copy_slot(p, all->slot, err) == 0)
		return p;
	close_pass(p);
	return NULL;
}

/* Values that are compressed, which only rows of two kilobytes or more have, come out of a little
 * log as a large result. Without a lock, so as the table was when it was last looked at. */
static int choose_window(struct pgcatchup *all, struct err *err)
{
	struct pass *p = all->pass;

	buf_printf(&p->sql,
		   "WITH RECURSIVE t AS (SELECT %" PRIu32
		   "::pg_catalog.oid AS oid UNION SELECT inhrelid FROM pg_catalog.pg_inherits "
		   "JOIN t ON inhparent = t.oid) "
		   "SELECT coalesce(sum(v.relpages), 0) > 0 OR "
		   "coalesce(sum(c.relpages) * 8192 > 1000 * sum(c.reltuples), false), "
		   "pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers')) "
		   "FROM t JOIN pg_catalog.pg_class c USING (oid) "
		   "LEFT JOIN pg_catalog.pg_class v ON v.oid = c.reltoastrelid",
		   p->table);
	if (query(p, err) != 1)
		return -1;
	all->sure = pgconn_value(p->c, 0, 0)[0] != 't';
	all->most = all->sure ? PASS_MOST : PASS_UNSURE;
	all->repeated = strtoull(pgconn_value(p->c, 0, 1), NULL, 10) / REPEATED_MEMORY;
	if (all->repeated > REPEATED_MOST)
		all->repeated = REPEATED_MOST;
	return 0;
}

struct pgcatchup *pgcatchup_open(const struct pgconn_target *target, const char *slot,
				 const char *publication, uint32_t table, int sql_ascii,
				 struct err *err)
{
	struct pgcatchup *p = calloc(1, sizeof *p);

	if (p == NULL) {
		err_memory(err);
		return NULL;
	}
	*p = (struct pgcatchup){.target = target,
				.slot = slot,
				.publication = publication,
				.table = table,
				.sql_ascii = sql_ascii};
	p->pass = open_pass(p, err);
	if (p->pass != NULL && choose_window(p, err) == 0)
		return p;
	pgcatchup_close(p);
	return NULL;
}

void pgcatchup_close(struct pgcatchup *p)
{
	if (p == NULL)
		return;
	close_pass(p->pass);
	close_pass(p->ahead);
	free(p);
}

/* ---- a pass ---- */

/* The copy begins where the slot does, which may be before what is wanted. Moving it is quick: the
 * log is read, but its rows are not. */
static int advance(struct pass *p, uint64_t to, struct err *err)
{
	if (to <= p->confirmed)
		return 0;
	buf_puts(&p->sql, "SELECT pg_catalog.pg_replication_slot_advance(");
	pgconn_put_literal(p->c, &p->sql, p->slot);
	buf_printf(&p->sql, ", '" LSN_FORMAT "')", LSN_ARG(to));
	if (query(p, err) < 0)
		return -1;
	p->confirmed = to;
	return 0;
}

static int begin(struct pass *p, uint64_t from, uint64_t upto, struct err *err)
{
	struct buf names = {0};

	if ((p->end != 0 && look_slot(p, err) != 0) || advance(p, from, err) != 0)
		return -1;
	pgheld_free(p->held); /* what has not ended by then comes again */
	p->held = pgheld_new(HELD_MEMORY);
	if (p->held == NULL)
		return err_memory(err);
	p->from = from;
	p->end = upto;
	p->result = 0;
	p->headed = p->giving = p->restoring = 0;
	p->streaming = 0;
	p->came = p->relation_came = p->given_came = 0;

	/* An identifier in a list, in a literal. */
	pgconn_put_name(p->c, &names, p->publication);
	buf_puts(&p->sql, "COPY (SELECT data FROM pg_catalog.pg_logical_slot_get_binary_changes(");
	pgconn_put_literal(p->c, &p->sql, p->slot);
	buf_printf(&p->sql,
		   ", '" LSN_FORMAT "', NULL, 'proto_version', '2', 'streaming', 'on', "
		   "'publication_names', ",
		   LSN_ARG(p->end));
	pgconn_put_literal(p->c, &p->sql, buf_text(&names));
	buf_puts(&p->sql, ")) TO STDOUT (FORMAT binary)");
	p->sql.failed |= names.failed;
	buf_free(&names);
	if (p->sql.failed)
		return err_memory(err);
	if (pgconn_copy_begin(p->c, buf_text(&p->sql), err) != 0)
		return -1;
	buf_clear(&p->sql);
	p->running = 1;
	return 0;
}

/* ---- passes ---- */

/* What a pass has shown: how much result a stretch of log makes. */
static void learn_window(struct pgcatchup *p)
{
	uint64_t megabytes = p->pass->result / MB + 1;

	if (p->pass->end == 0)
		return;
	p->most = (p->pass->end - p->pass->from) / megabytes * (RESULT_MOST / MB);
	if (p->most > PASS_MOST)
		p->most = PASS_MOST;
	if (p->most < MB)
		p->most = MB;
	p->sure = 1;
}

static void close_ahead(struct pgcatchup *p)
{
	close_pass(p->ahead);
	p->ahead = NULL;
}

/* A second copy, if it can be had. It reads from restart_lsn to its part what the first one prints:
 * a fifth of the work, if a large transaction there is not written to a file, as none of it can
 * come out before its part. For that it has as much memory as the server has shared_buffers. */
static void open_ahead(struct pgcatchup *p)
{
	struct err ignored;

	p->ahead = open_pass(p, &ignored);
	if (p->ahead == NULL)
		return;
	buf_printf(&p->ahead->sql, "SET logical_decoding_work_mem = '%" PRIu64 "MB'",
		   p->repeated / MB * REPEATED_MEMORY);
	if (query(p->ahead, &ignored) < 0)
		close_ahead(p);
}

/* Decoding takes one processor of the server, and nothing comes before it has ended. So a stretch
 * of a moderate size is decoded in two parts at once: all of it is there sooner, and the first part
 * sooner still. */
static int begin_parts(struct pgcatchup *p, uint64_t from, uint64_t end, uint64_t least,
		       struct err *err)
{
	uint64_t cut = end - (end - from) / 5 * 2; /* the second has more to read */
	struct err ignored;

	if (p->sure && cut < end && end - cut >= least && cut - p->pass->restart <= p->repeated)
		open_ahead(p);
	if (begin(p->pass, from, p->ahead == NULL ? end : cut, err) != 0)
		return -1;
	if (p->ahead != NULL && begin(p->ahead, cut, end, &ignored) != 0)
		close_ahead(p); /* a pass of its own */
	return 0;
}

int pgcatchup_begin(struct pgcatchup *p, uint64_t from, uint64_t upto, uint64_t least,
		    struct err *err)
{
	learn_window(p);
	if (p->ahead == NULL)
		return begin_parts(p, from, upto - from > p->most ? from + p->most : upto, least,
				   err);
	close_pass(p->pass);
	p->pass = p->ahead;
	p->ahead = NULL;
	return 0;
}

int pgcatchup_is_ahead(const struct pgcatchup *p)
{
	return p->ahead != NULL;
}

uint64_t pgcatchup_end(const struct pgcatchup *p)
{
	return p->pass->end;
}

int pgcatchup_fd(const struct pgcatchup *p)
{
	return pgconn_fd(p->pass->c);
}

/* ---- transactions in progress ---- */

static void put64(char *to, uint64_t n)
{
	n = htobe64(n);
	memcpy(to, &n, sizeof n);
}

/* The BEGIN that a transaction has when it comes whole, made from its commit. */
static struct slice make_begin(struct pass *p)
{
	uint32_t xid = htobe32(p->commit.xid);

	p->made[0] = PGOUTPUT_BEGIN;
	put64(p->made + 1, p->commit.lsn);
	put64(p->made + 9, (uint64_t)(p->commit.time - PGOUTPUT_EPOCH));
	memcpy(p->made + 17, &xid, sizeof xid);
	return (struct slice){p->made, 21};
}

static struct slice make_commit(struct pass *p)
{
	p->made[0] = PGOUTPUT_COMMIT;
	p->made[1] = 0;
	put64(p->made + 2, p->commit.lsn);
	put64(p->made + 10, p->commit.end_lsn);
	put64(p->made + 18, (uint64_t)(p->commit.time - PGOUTPUT_EPOCH));
	return (struct slice){p->made, 26};
}

static int is_relation(const struct pass *p, struct slice m)
{
	return m.len >= 5 && m.at[0] == PGOUTPUT_RELATION && pgoutput_get32(m.at + 1) == p->table;
}

/* Whether a message is of a row of another table. */
static int is_foreign(const struct pass *p, struct slice m)
{
	return m.len >= 5 &&
	       (m.at[0] == PGOUTPUT_INSERT || m.at[0] == PGOUTPUT_UPDATE ||
		m.at[0] == PGOUTPUT_DELETE) &&
	       pgoutput_get32(m.at + 1) != p->table;
}

static int hold(struct pass *p, char *bytes, size_t len, struct err *err)
{
	struct slice m;
	uint32_t subxid;

	if (pgoutput_take_xid(&bytes, &len, &subxid, err) != 0)
		return -1;
	m = (struct slice){bytes, len};
	if (is_foreign(p, m))
		return 0;
	if (is_relation(p, m)) {
		char note[9] = {NOTE};

		put64(note + 1, ++p->came);
		if (pgheld_add(p->held, p->streaming, subxid, (struct slice){note, sizeof note},
			       err) != 0)
			return -1;
	}
	return pgheld_add(p->held, p->streaming, subxid, m, err);
}

static int keep(struct buf *kept, struct slice message, struct err *err)
{
	buf_clear(kept);
	return buf_slice(kept, message) == 0 ? 0 : err_memory(err);
}

/* The next message of the transaction that has committed. Returns 1, or -1. */
static int give(struct pass *p, struct slice *message, struct err *err)
{
	int aborted, got;

	while ((got = pgheld_next(p->held, message, &aborted, err)) == 1) {
		if (message->at[0] == NOTE)
			p->given_came = pgoutput_get64(message->at + 1);
		else if (is_relation(p, *message) && keep(&p->given_relation, *message, err) != 0)
			return -1;
		/* Columns are told to a transaction once; that may have been to a part of it that
		 * was rolled back, and they hold for the rest. */
		if (message->at[0] != NOTE && (!aborted || message->at[0] == PGOUTPUT_RELATION))
			return 1;
	}
	if (got < 0)
		return -1;
	p->giving = 0;
	p->restoring = 1;
	*message = make_commit(p);
	return 1;
}

/* Behind a transaction that was held: the columns in force are those that came last. Returns 1 when
 * they have to be told again, else 0. */
static int restore_relation(struct pass *p, struct slice *message)
{
	struct buf swap = p->relation;
	uint64_t given = p->given_came;

	p->restoring = 0;
	p->given_came = 0;
	if (given > p->relation_came) {
		p->relation = p->given_relation;
		p->given_relation = swap;
		p->relation_came = given;
		return 0;
	}
	*message = buf_view(&p->relation);
	return given != 0;
}

/* ---- messages ---- */

/* One piece of the copy: a row of one column, `bytea`; the first has the copy's header before it.
 * Returns 1; 0 for the trailer; -1. Source: COPY, "Binary Format". */
static int unpack(struct pass *p, char **bytes, size_t *len, struct err *err)
{
	static const char signature[11] = "PGCOPY\n\377\r\n";
	char *at = *bytes, *end = at + *len;

	if (!p->headed) {
		uint32_t more;

		if (*len < 19 || memcmp(at, signature, sizeof signature) != 0)
			return err_set(err, ERR_DATA, "copy: not in binary format");
		more = pgoutput_get32(at + 15);
		at += 19;
		if (more > (size_t)(end - at))
			return err_set(err, ERR_DATA, "copy: cut off in its header");
		at += more;
		p->headed = 1;
		if (at == end) /* the trailer has a piece of its own */
			return 0;
	}
	if (end - at == 2 && at[0] == '\377' && at[1] == '\377')
		return 0;
	if (end - at < 6 || at[0] != 0 || at[1] != 1 ||
	    pgoutput_get32(at + 2) != (size_t)(end - at - 6))
		return err_set(err, ERR_DATA, "copy: not a row of one column");
	*bytes = at + 6;
	*len = (size_t)(end - at - 6);
	p->result += *len + ROW_BYTES;
	return 1;
}

static int take_control(struct pass *p, struct slice *message, struct err *err)
{
	struct pgoutput_message m;

	if (pgoutput_decode(&p->decoder, *message, &m, err) != 0)
		return -1;
	switch (m.kind) {
	case PGOUTPUT_STREAM_START:
		p->streaming = m.xid;
		return 0;
	case PGOUTPUT_STREAM_STOP:
		p->streaming = 0;
		return 0;
	case PGOUTPUT_STREAM_ABORT:
		return pgheld_abort(p->held, m.xid, m.subxid, err);
	default: /* STREAM_COMMIT */
		p->commit = m;
		p->giving = 1;
		pgheld_commit(p->held, m.xid);
		*message = make_begin(p);
		return 1;
	}
}

/* Returns 1 when it is one to be given, 0, or -1. */
static int take(struct pass *p, char *bytes, size_t len, struct slice *message, struct err *err)
{
	*message = (struct slice){bytes, len};
	switch (len == 0 ? 0 : bytes[0]) {
	case PGOUTPUT_STREAM_START:
	case PGOUTPUT_STREAM_STOP:
	case PGOUTPUT_STREAM_COMMIT:
	case PGOUTPUT_STREAM_ABORT:
		return take_control(p, message, err);
	case PGOUTPUT_ORIGIN: /* has no xid, and says nothing to us */
		return 0;
	}
	if (p->streaming != 0)
		return hold(p, bytes, len, err);
	if (is_relation(p, *message)) {
		p->relation_came = ++p->came;
		if (keep(&p->relation, *message, err) != 0)
			return -1;
	}
	return 1;
}

int pgcatchup_next(struct pgcatchup *all, struct slice *message, struct err *err)
{
	struct pass *p = all->pass;
	int got;
	char *bytes;
	size_t len;

	for (;;) {
		if (p->giving)
			return give(p, message, err);
		if (p->restoring && restore_relation(p, message))
			return 1;
		got = pgconn_copy_next(p->c, &bytes, &len, err);
		if (got == 2)
			p->running = 0;
		if (got != 1)
			return got;
		got = unpack(p, &bytes, &len, err);
		if (got == 1)
			got = take(p, bytes, len, message, err);
		if (got != 0)
			return got;
	}
}
