#include "l3-stream/pgslot.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

static int query(struct pgconn *c, struct buf *sql, struct err *err)
{
	int rows = sql->failed ? err_memory(err) : pgconn_query(c, buf_text(sql), err);

	buf_free(sql);
	return rows;
}

static int is_sql_ascii(const struct pgconn *c)
{
	return strcmp(pgconn_setting(c, "server_encoding"), "SQL_ASCII") == 0;
}

int pgserver_look_at(struct pgconn *c, struct pgserver *s, struct err *err)
{
	if (pgconn_query(c, "SELECT system_identifier FROM pg_catalog.pg_control_system()", err) !=
	    1)
		return -1;
	*s = (struct pgserver){.system = strtoull(pgconn_value(c, 0, 0), NULL, 10),
			       .sql_ascii = is_sql_ascii(c)};
	return 0;
}

int pgserver_look(struct pgconn *c, struct pgserver *s, struct err *err)
{
	int rows = pgconn_query(c, "IDENTIFY_SYSTEM", err);

	if (rows < 0)
		return -1;
	if (rows != 1 || lsn_parse(slice_of(pgconn_value(c, 0, 2)), &s->flushed) != 0)
		return err_set(err, ERR_CONFIG, "the server does not say which one it is");
	s->system = strtoull(pgconn_value(c, 0, 0), NULL, 10);
	s->sql_ascii = is_sql_ascii(c);
	rows = pgconn_query(c,
			    "SELECT setting, CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL "
			    "ELSE pg_catalog.pg_current_wal_insert_lsn() END "
			    "FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'",
			    err);
	if (rows < 0)
		return -1;
	s->sender_timeout = rows == 1 ? strtoll(pgconn_value(c, 0, 0), NULL, 10) : 0;
	s->written = s->flushed;
	if (rows == 1)
		lsn_parse(slice_of(pgconn_value(c, 0, 1)), &s->written);
	/* An insert position just behind a page's header (24 bytes, 40 in a segment's first page)
	 * stands for the page's beginning, where the record before it ends. */
	if (s->written % 8192 == 24 || s->written % 8192 == 40)
		s->written -= s->written % 8192;
	return 0;
}

int pgslot_look(struct pgconn *c, const char *name, struct pgslot *slot, struct err *err)
{
	struct buf sql = {0};
	int rows;

	buf_puts(&sql,
		 "SELECT slot_type, coalesce(plugin, ''), "
		 "coalesce(database = pg_catalog.current_database(), false), "
		 "coalesce(database, ''), active, coalesce(active_pid, 0), "
		 "coalesce(confirmed_flush_lsn, '0/0'), coalesce(wal_status = 'lost', false), "
		 "coalesce(restart_lsn, '0/0') FROM pg_catalog.pg_replication_slots WHERE "
		 "slot_name = ");
	pgconn_put_literal(c, &sql, name);
	rows = query(c, &sql, err);
	if (rows <= 0)
		return rows;
	if (strcmp(pgconn_value(c, 0, 0), "logical") != 0)
		return err_set(err, ERR_CONFIG, "slot %s is of physical replication", name);
	if (pgconn_value(c, 0, 2)[0] != 't')
		return err_set(err, ERR_CONFIG, "slot %s belongs to another database: %s", name,
			       pgconn_value(c, 0, 3));
	if (strcmp(pgconn_value(c, 0, 1), "pgoutput") != 0)
		return err_set(err, ERR_CONFIG,
			       "slot %s has the output plugin %s; pgoutput is needed", name,
			       pgconn_value(c, 0, 1));
	slot->active = pgconn_value(c, 0, 4)[0] == 't';
	slot->active_pid = strtoll(pgconn_value(c, 0, 5), NULL, 10);
	if (lsn_parse(slice_of(pgconn_value(c, 0, 6)), &slot->confirmed) != 0)
		slot->confirmed = 0;
	slot->lost = pgconn_value(c, 0, 7)[0] == 't';
	if (lsn_parse(slice_of(pgconn_value(c, 0, 8)), &slot->restart) != 0)
		slot->restart = 0;
	return 1;
}

int pgslot_check(const struct pgslot *slot, const char *name, struct pgplace place,
		 const struct pgserver *server, struct err *err)
{
	static const char rebuild[] = "rebuild: --drop, then --create --snapshot";

	if (slot->lost)
		return err_set(err, ERR_CONFIG,
			       "slot %s is lost: the server has removed the log behind it "
			       "(max_slot_wal_keep_size), and with it all changes from " LSN_FORMAT
			       " to " LSN_FORMAT "; %s",
			       name, LSN_ARG(place.lsn), LSN_ARG(server->flushed), rebuild);
	if (slot->confirmed > place.lsn)
		return err_set(err, ERR_CONFIG,
			       "the position " LSN_FORMAT
			       " is older than slot %s, which begins at " LSN_FORMAT
			       ": the changes between them would be lost; %s",
			       LSN_ARG(place.lsn), name, LSN_ARG(slot->confirmed), rebuild);
	if (place.lsn > server->flushed && place.lsn > server->written)
		return err_set(err, ERR_CONFIG,
			       "the position " LSN_FORMAT
			       " is beyond the end of the server's log, " LSN_FORMAT
			       ": the server was set back to an earlier state; %s",
			       LSN_ARG(place.lsn), LSN_ARG(server->flushed), rebuild);
	if (slot->active)
		return err_set(err, ERR_TEMP, "slot %s is in use by process %lld of the server",
			       name, (long long)slot->active_pid);
	return 0;
}

int pgslot_lock(struct pgconn *c, const char *name, const struct pgconn_target *target,
		struct err *err)
{
	const struct timespec pause = {0, 100000000};
	struct buf sql = {0};
	uint32_t hash = 2166136261u; /* FNV-1a */
	int rows = -1, taken = 0;

	for (const char *at = name; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	/* "tube": others who lock by such numbers shall not meet us by chance. */
	if (buf_printf(&sql, "SELECT pg_catalog.pg_try_advisory_lock(1953849957, %d)",
		       (int32_t)hash) != 0)
		return err_memory(err);
	for (int i = 0; i < 10 && !taken; i++) {
		if (i > 0)
			ppoll(NULL, 0, &pause, target->allowed);
		rows = pgconn_query(c, buf_text(&sql), err);
		taken = rows != 1 || pgconn_value(c, 0, 0)[0] == 't' || *target->stop;
	}
	buf_free(&sql);
	if (rows < 0)
		return err->status == ERR_DENIED ? 0 : -1;
	return taken ? 0 : err_set(err, ERR_TEMP, "slot %s is in use by another pg-tail", name);
}

int pgslot_create(struct pgconn *c, const char *name, uint64_t *start, char **snapshot,
		  struct err *err)
{
	struct buf sql = {0};
	int rows;

	buf_puts(&sql, "CREATE_REPLICATION_SLOT ");
	pgconn_put_name(c, &sql, name);
	buf_puts(&sql, " LOGICAL pgoutput ");
	if (pgconn_version(c) >= 150000)
		buf_printf(&sql, "(SNAPSHOT '%s')", snapshot == NULL ? "nothing" : "export");
	else
		buf_puts(&sql, snapshot == NULL ? "NOEXPORT_SNAPSHOT" : "EXPORT_SNAPSHOT");
	rows = query(c, &sql, err);
	if (rows < 0)
		return err_prefix(err, "slot %s cannot be created", name);
	if (rows != 1 || lsn_parse(slice_of(pgconn_value(c, 0, 1)), start) != 0)
		return err_set(err, ERR_CONFIG, "slot %s: the server does not say where it begins",
			       name);
	if (snapshot != NULL && (*snapshot = strdup(pgconn_value(c, 0, 2))) == NULL)
		return err_memory(err);
	return 0;
}

int pgslot_advance(struct pgconn *c, const char *name, uint64_t to, struct err *err)
{
	struct buf sql = {0};

	buf_puts(&sql, "SELECT pg_catalog.pg_replication_slot_advance(");
	pgconn_put_literal(c, &sql, name);
	buf_printf(&sql, ", '" LSN_FORMAT "')", LSN_ARG(to));
	return query(c, &sql, err) < 0 ? -1 : 0;
}

int pgslot_drop(struct pgconn *c, const char *name, struct err *err)
{
	struct buf sql = {0};

	buf_puts(&sql, "SELECT pg_catalog.pg_drop_replication_slot(");
	pgconn_put_literal(c, &sql, name);
	buf_puts(&sql, ")");
	if (query(c, &sql, err) < 0)
		return err_prefix(err, "slot %s cannot be dropped", name);
	return 0;
}
