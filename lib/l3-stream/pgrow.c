#include "l3-stream/pgrow.h"

#include <stdlib.h>

#include "l1-value/text.h"

struct column {
	size_t source;             /* index in the row */
	size_t key, key_len;       /* in keys: "name":  */
	const struct pgjson *type; /* NULL: a string */
	int is_key;
};

struct pgrow {
	struct buf names; /* those asked for, each with a NUL byte behind it */
	size_t *name;     /* where each begins */
	size_t name_count;
	struct column *column;
	size_t column_count;
	size_t width; /* columns of the relation */
	struct buf keys;
	struct buf scratch, replaced;
	enum pgrow_text text;
};

/* ---- the choice of columns ---- */

static int add_name(struct pgrow *r, struct slice name, struct err *err)
{
	size_t *grown;

	if (name.len == 0)
		return err_set(err, ERR_USAGE, "columns: an empty name");
	for (size_t i = 0; i < r->name_count; i++)
		if (slice_is(name, r->names.at + r->name[i]))
			return err_set(err, ERR_USAGE, "columns: %.*s: named twice",
				       SLICE_ARG(name));
	grown = realloc(r->name, (r->name_count + 1) * sizeof *grown);
	if (grown == NULL)
		return err_memory(err);
	r->name = grown;
	r->name[r->name_count] = r->names.len;
	if (buf_slice(&r->names, name) != 0 || buf_byte(&r->names, '\0') != 0)
		return err_memory(err);
	r->name_count++;
	return 0;
}

/* One name at *at, undone into `name`; *at moves behind it. */
static int take_name(const char **at, struct buf *name, struct err *err)
{
	const char *p = *at;

	buf_clear(name);
	p += strspn(p, " ");
	if (*p == '"') {
		for (p++; *p != '"' || p[1] == '"'; p++) {
			if (*p == '\0')
				return err_set(err, ERR_USAGE, "columns: a quote without an end");
			p += *p == '"';
			buf_byte(name, *p);
		}
		p++;
	} else {
		/* SQL folds names that are not quoted; beyond ASCII it does not. */
		for (; *p != '\0' && *p != ',' && *p != ' ' && *p != '"'; p++)
			buf_byte(name, *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p);
	}
	p += strspn(p, " ");
	if (*p != ',' && *p != '\0')
		return err_set(err, ERR_USAGE, "columns: a comma is missing: %.100s", p);
	*at = p;
	return name->failed ? err_memory(err) : 0;
}

int pgrow_new(const char *columns, struct pgrow **out, struct err *err)
{
	struct pgrow *r = calloc(1, sizeof *r);
	struct buf name = {0};
	int result = 0;

	if (r == NULL)
		return err_memory(err);
	for (const char *at = columns; at != NULL && result == 0; at++) {
		result = take_name(&at, &name, err);
		if (result == 0)
			result = add_name(r, buf_view(&name), err);
		if (*at == '\0')
			break;
	}
	buf_free(&name);
	if (result != 0)
		pgrow_free(r);
	else
		*out = r;
	return result;
}

void pgrow_free(struct pgrow *r)
{
	if (r == NULL)
		return;
	buf_free(&r->names);
	buf_free(&r->keys);
	buf_free(&r->scratch);
	buf_free(&r->replaced);
	free(r->name);
	free(r->column);
	free(r);
}

void pgrow_text(struct pgrow *r, enum pgrow_text treatment)
{
	r->text = treatment;
}

const char *pgrow_wanted(const struct pgrow *r, size_t i)
{
	return i < r->name_count ? r->names.at + r->name[i] : NULL;
}

/* ---- a relation ---- */

static int add_column(struct pgrow *r, const struct pgoutput_column *from, size_t source,
		      struct pgjson_types *types, struct err *err)
{
	struct column *c = &r->column[r->column_count];

	if (from->name.len > 0 && from->name.at[0] == '@')
		return err_set(err, ERR_CONFIG,
			       "column \"%.*s\": records keep names that begin with @ for control; "
			       "leave it out by --columns",
			       SLICE_ARG(from->name));
	c->source = source;
	c->type = pgjson_find(types, from->type);
	c->is_key = from->key;
	c->key = r->keys.len;
	json_put_string(&r->keys, from->name);
	buf_byte(&r->keys, ':');
	c->key_len = r->keys.len - c->key;
	if (r->keys.failed)
		return err_memory(err);
	r->column_count++;
	return 0;
}

int pgrow_compile(struct pgrow *r, const struct pgoutput_column *column, size_t count,
		  struct pgjson_types *types, struct err *err)
{
	size_t wanted = r->name_count == 0 ? count : r->name_count;

	free(r->column);
	r->column_count = 0;
	buf_clear(&r->keys);
	r->width = count;
	r->column = calloc(wanted + 1, sizeof *r->column);
	if (r->column == NULL)
		return err_memory(err);
	for (size_t i = 0; i < wanted; i++) {
		size_t source = i;

		if (r->name_count > 0) {
			const char *name = pgrow_wanted(r, i);

			for (source = 0; source < count; source++)
				if (slice_is(column[source].name, name))
					break;
			if (source == count)
				return err_set(err, ERR_CONFIG,
					       "the table has no column \"%s\" here", name);
		}
		if (add_column(r, &column[source], source, types, err) != 0)
			return -1;
	}
	if (r->column_count == 0)
		return err_set(err, ERR_CONFIG, "the table has no columns");
	return 0;
}

int pgrow_no_old(struct err *err)
{
	return err_set(
		err, ERR_CONFIG,
		"the old row is not in the log: ALTER TABLE … REPLICA IDENTITY FULL (of each "
		"partition too), and rebuild; or --inserts-only");
}

int pgrow_has_old(const struct pgrow *r)
{
	for (size_t i = 0; i < r->column_count; i++)
		if (!r->column[i].is_key)
			return 0;
	return 1;
}

/* ---- a row ---- */

/* Text that the server does not vouch for. */
static int checked(struct pgrow *r, struct slice *text, struct err *err)
{
	struct slice rest = *text;
	size_t good = utf8_valid(rest);

	if (good == rest.len)
		return 0;
	if (r->text == PGROW_CHECK)
		return err_set(err, ERR_DATA, "byte %zu of the value is not UTF-8", good + 1);
	buf_clear(&r->replaced);
	for (;;) {
		buf_put(&r->replaced, rest.at, good);
		if (good == rest.len)
			break;
		buf_puts(&r->replaced, "\xef\xbf\xbd");
		rest = (struct slice){rest.at + good + 1, rest.len - good - 1};
		good = utf8_valid(rest);
	}
	if (r->replaced.failed)
		return err_memory(err);
	*text = buf_view(&r->replaced);
	return 0;
}

static int put_value(struct pgrow *r, const struct column *c, const struct pgoutput_value *v,
		     struct buf *out, struct err *err)
{
	struct slice text = v->text;

	if (v->kind == PGOUTPUT_NULL)
		return buf_put(out, "null", 4) == 0 ? 0 : err_memory(err);
	if (v->kind == PGOUTPUT_UNCHANGED)
		return err_set(
			err, ERR_CONFIG,
			"a large value that the UPDATE left unchanged is not in the log: ALTER "
			"TABLE … REPLICA IDENTITY FULL, or leave the column out by --columns");
	if (r->text != PGROW_TRUST && checked(r, &text, err) != 0)
		return -1;
	if (c->type != NULL)
		return pgjson_put(c->type, text, out, &r->scratch, err);
	return json_put_string(out, text) == 0 ? 0 : err_memory(err);
}

int pgrow_put(struct pgrow *r, const struct pgoutput_tuple *row, const struct pgoutput_tuple *other,
	      char sign, struct buf *out, struct err *err)
{
	static const char retraction[] = "{\"@op\":\"-\",";
	size_t before = out->len;

	if (row->count != r->width || (other != NULL && other->count != r->width))
		return err_set(err, ERR_DATA, "a row of %zu columns; the relation has %zu",
			       row->count, r->width);
	buf_put(out, retraction, sign == '-' ? sizeof retraction - 1 : 1);
	for (size_t i = 0; i < r->column_count; i++) {
		const struct column *c = &r->column[i];
		const struct pgoutput_value *v = &row->value[c->source];

		if (i > 0)
			buf_byte(out, ',');
		buf_put(out, r->keys.at + c->key, c->key_len);
		if (v->kind == PGOUTPUT_UNCHANGED && other != NULL)
			v = &other->value[c->source];
		if (put_value(r, c, v, out, err) != 0) {
			out->len = before;
			return err_prefix(err, "column %.*s", (int)c->key_len - 1,
					  r->keys.at + c->key);
		}
	}
	buf_put(out, "}\n", 2);
	if (out->failed) {
		out->len = before;
		return err_memory(err);
	}
	return 0;
}

int pgrow_change(struct pgrow *r, const struct pgoutput_message *m, struct buf *out,
		 unsigned *records, struct err *err)
{
	size_t before = out->len;
	int has_new = m->kind != PGOUTPUT_DELETE, has_old = m->kind != PGOUTPUT_INSERT;
	/* An UPDATE comes without an old row when no column of the identity has changed. If all
	 * that are wanted are in the identity, they are as they were. */
	const struct pgoutput_tuple *old_row = m->old == 0 ? &m->new_row : &m->old_row;

	*records = (unsigned)(has_new + has_old);
	if (has_old && !pgrow_has_old(r))
		return pgrow_no_old(err);
	if (has_old && pgrow_put(r, old_row, NULL, '-', out, err) != 0)
		return -1;
	if (has_new &&
	    pgrow_put(r, &m->new_row, m->old == 0 ? NULL : &m->old_row, '+', out, err) != 0) {
		out->len = before;
		return -1;
	}
	return 0;
}
