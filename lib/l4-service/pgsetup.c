#include "l4-service/pgsetup.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "l1-value/timestamp.h"

#define SLOT_NAME_MAX 63 /* NAMEDATALEN - 1 */

static int derive_names(struct pgsetup *s, struct err *err)
{
	int in_public = strcmp(s->table.schema, "public") == 0;
	struct buf name = {0};

	buf_printf(&name, "tuberia_%s%s%s", in_public ? "" : s->table.schema, in_public ? "" : "_",
		   s->table.table);
	for (size_t i = 0; i < name.len; i++) {
		char *c = &name.at[i];

		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
		else if ((*c < 'a' || *c > 'z') && (*c < '0' || *c > '9'))
			*c = '_';
	}
	if (name.len > SLOT_NAME_MAX)
		name.len = SLOT_NAME_MAX;
	s->derived_slot = strdup(buf_text(&name));
	buf_free(&name);
	if (s->derived_slot == NULL)
		return err_memory(err);
	if (s->slot == NULL)
		s->slot = s->derived_slot;
	if (s->publication == NULL)
		s->publication = s->derived_slot;
	return 0;
}

static int open_now(struct pgsetup *s, struct err *err)
{
	s->c = pgconn_open(&s->target, !s->polling, err);
	if (s->c == NULL)
		return -1;
	if ((s->polling ? pgserver_look_at(s->c, &s->server, err)
			: pgserver_look(s->c, &s->server, err)) != 0 ||
	    pgtable_find(s->c, s->table_name, &s->table, err) != 0)
		return -1;
	/* The server cannot convert what has no encoding, and an error of it would come again with
	 * each attempt: better to take the bytes as they are, and to look at them here. */
	if (s->server.sql_ascii && pgconn_query(s->c, "SET client_encoding = SQL_ASCII", err) < 0)
		return -1;
	return derive_names(s, err);
}

int pgsetup_open(struct pgsetup *s, int64_t wait, struct err *err)
{
	const char *slot = s->slot, *publication = s->publication;
	const struct timespec pause = {0, 500000000};
	struct timespec t;
	int64_t now, until = -1;

	while (open_now(s, err) != 0) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
		if (until < 0)
			until = now + wait;
		if ((err->status != ERR_UNAVAILABLE && err->status != ERR_TEMP) ||
		    *s->target.stop || now >= until)
			return -1;
		pgsetup_close(s);
		s->slot = slot;
		s->publication = publication;
		ppoll(NULL, 0, &pause, s->target.allowed);
	}
	return 0;
}

void pgsetup_close(struct pgsetup *s)
{
	pgconn_close(s->c);
	s->c = NULL;
	pgtable_free(&s->table);
	free(s->column);
	s->column = NULL;
	free(s->derived_slot);
	s->derived_slot = NULL;
}

int pgsetup_columns(struct pgsetup *s, struct err *err)
{
	const struct pgtable *t = &s->table;
	const struct pgtable_column *c;
	const char *name;

	for (size_t i = 0; (name = pgrow_wanted(s->row, i)) != NULL; i++) {
		c = pgtable_column(t, name);
		if (c == NULL)
			return err_set(err, ERR_CONFIG, "%s has no column \"%s\"", t->sql, name);
		if (!c->published)
			return err_set(err, ERR_CONFIG,
				       "column \"%s\" of %s is not in the log (it is generated, or "
				       "left out by "
				       "the publication)",
				       name, t->sql);
	}
	free(s->column);
	s->column_count = 0;
	s->column = calloc(t->column_count + 1, sizeof *s->column);
	if (s->column == NULL)
		return err_memory(err);
	for (size_t i = 0; i < t->column_count; i++) {
		int wanted = pgrow_wanted(s->row, 0) == NULL;

		c = &t->column[i];
		for (size_t k = 0; (name = pgrow_wanted(s->row, k)) != NULL; k++)
			wanted |= strcmp(name, c->name) == 0;
		if (wanted && c->published)
			s->column[s->column_count++] = (struct pgoutput_column){
				.name = slice_of(c->name), .key = c->key, .type = c->type};
	}
	return 0;
}

static int check_identity(struct pgsetup *s, struct err *err)
{
	struct buf statements = {0};
	int loose = 0;

	for (size_t i = 0; i < s->column_count; i++)
		loose |= !s->column[i].key;
	if (!loose || s->inserts_only)
		return 0;
	if (pgtable_put_identity(s->c, &s->table, &statements, err) == 0)
		err_set(err, ERR_CONFIG,
			"an UPDATE or DELETE of %s does not say what the row was before: %s "
			"(or --inserts-only)",
			s->table.sql, buf_text(&statements));
	buf_free(&statements);
	return -1;
}

static int check_table(struct pgsetup *s, struct err *err)
{
	if (pgsetup_columns(s, err) != 0)
		return -1;
	return check_identity(s, err);
}

int pgsetup_check(struct pgsetup *s, struct err *err)
{
	int found = pgtable_publication(s->c, &s->table, s->publication, s->inserts_only, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(err, ERR_CONFIG, "publication %s does not exist (--create makes it)",
			       s->publication);
	return check_table(s, err);
}

int pgsetup_look_again(const struct pgsetup *s, int64_t since, struct err *err)
{
	struct err ignored;
	struct pgconn *c = pgconn_open(&s->target, 0, &ignored);
	struct buf at = {0};
	int found = 1;

	if (c != NULL)
		found = pgtable_still_published(c, &s->table, s->publication, s->inserts_only,
						&ignored);
	pgconn_close(c);
	if (found != 0)
		return 0;
	timestamp_put_utc(&at, since, 0);
	err_set(err, ERR_CONFIG,
		"%s is gone, or not published by %s any more: its changes since %s may be lost; "
		"rebuild: --drop, then --create --snapshot",
		s->table.sql, s->publication, buf_text(&at));
	buf_free(&at);
	return -1;
}

int pgsetup_slot(struct pgsetup *s, struct pgslot *slot, struct err *err)
{
	const struct timespec pause = {0, 100000000};
	int found;

	for (int i = 0; i < 10; i++) {
		found = pgslot_look(s->c, s->slot, slot, err);
		if (found <= 0 || !slot->active || *s->target.stop)
			break;
		ppoll(NULL, 0, &pause, s->target.allowed);
	}
	return found;
}

int pgsetup_drop(struct pgsetup *s, int *slot, int *publication, struct err *err)
{
	struct pgslot found;

	*slot = pgsetup_slot(s, &found, err);
	if (*slot < 0 || (*slot == 1 && pgslot_drop(s->c, s->slot, err) != 0))
		return -1;
	*publication = pgtable_unpublish(s->c, &s->table, s->publication, err);
	return *publication < 0 ? -1 : 0;
}

int pgsetup_create(struct pgsetup *s, int *publication, int *slot, uint64_t *start, struct err *err)
{
	struct pgslot old;
	int found = pgtable_publication(s->c, &s->table, s->publication, s->inserts_only, err);

	*publication = 0;
	if (found < 0)
		return -1;
	/* Once it is published, nobody can update a table without an identity: look first. */
	if (found == 0 &&
	    (check_table(s, err) != 0 ||
	     pgtable_publish(s->c, &s->table, s->publication, s->inserts_only, err) != 0))
		return -1;
	*publication = found == 0;
	if (pgsetup_check(s, err) != 0)
		return -1;
	if (slot == NULL)
		return 0;
	found = pgslot_look(s->c, s->slot, &old, err);
	if (found < 0)
		return -1;
	*slot = found == 0;
	*start = old.confirmed;
	return found == 1 ? 0 : pgslot_create(s->c, s->slot, start, NULL, err);
}

int pgsetup_begin(struct pgsetup *s, int resuming, struct pgplace *place, struct err *err)
{
	struct pgslot slot;
	int found = pgsetup_slot(s, &slot, err);

	if (found < 0)
		return -1;
	if (found == 0 && resuming)
		return err_set(err, ERR_CONFIG,
			       "slot %s does not exist: all changes from " LSN_FORMAT
			       " to " LSN_FORMAT
			       " and further are lost; rebuild: --create --snapshot",
			       s->slot, LSN_ARG(place->lsn), LSN_ARG(s->server.flushed));
	if (found == 0)
		return err_set(err, ERR_CONFIG, "slot %s does not exist (--create makes it)",
			       s->slot);
	if (!resuming)
		*place = (struct pgplace){slot.confirmed, 0};
	return pgslot_check(&slot, s->slot, *place, &s->server, err);
}
