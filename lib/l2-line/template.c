#include "l2-line/template.h"

#include <stdlib.h>

#include "l1-value/text.h"

/* A stretch of text, and behind it a field. */
struct piece {
	size_t at, len; /* of texts */
	int field;      /* NO_FIELD: none */
};

enum { NO_FIELD = -1 };

struct template
{
	struct piece *pieces;
	size_t count;
	struct buf texts;
	char *fields[TEMPLATE_FIELDS_MAX];
	size_t field_count;
};

void template_free(struct template *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->field_count; i++)
		free(t->fields[i]);
	buf_free(&t->texts);
	free(t->pieces);
	free(t);
}

static int add_field(struct template *t, struct slice name, struct err *err)
{
	size_t i = 0;

	if (name.len == 0)
		return err_set(err, ERR_USAGE, "which field? a name is empty");
	while (i < t->field_count && !slice_is(name, t->fields[i]))
		i++;
	if (i == TEMPLATE_FIELDS_MAX)
		return err_set(err, ERR_USAGE, "more than %d fields", TEMPLATE_FIELDS_MAX);
	if (i == t->field_count) {
		t->fields[i] = strndup(name.at, name.len);
		if (t->fields[i] == NULL)
			return err_memory(err);
		t->field_count++;
	}
	t->pieces[t->count++].field = (int)i;
	t->pieces[t->count] = (struct piece){.at = t->texts.len, .field = NO_FIELD};
	return 0;
}

static int add_text(struct template *t, char c, struct err *err)
{
	t->pieces[t->count].len++;
	return buf_byte(&t->texts, c) == 0 ? 0 : err_memory(err);
}

static int parse_braces(struct template *t, const char *p, struct err *err)
{
	for (; *p != '\0'; p++) {
		const char *end = strchr(p, '}');

		if ((*p == '{' || *p == '}') && p[1] == *p) {
			p++;
		} else if (*p == '{' && end != NULL) {
			if (add_field(t, (struct slice){p + 1, (size_t)(end - p - 1)}, err) != 0)
				return -1;
			p = end;
			continue;
		} else if (*p == '{' || *p == '}') {
			return err_set(err, ERR_USAGE, "\"%c\" without its \"%c\"", *p,
				       *p == '{' ? '}' : '{');
		}
		if (add_text(t, *p, err) != 0)
			return -1;
	}
	return 0;
}

static int parse_list(struct template *t, const char *p, struct buf *name, struct err *err)
{
	for (;; p++) {
		if (*p == '\\' && p[1] == ',') {
			buf_byte(name, *++p);
			continue;
		}
		if (*p != ',' && *p != '\0') {
			buf_byte(name, *p);
			continue;
		}
		if (name->failed)
			return err_memory(err);
		if (add_field(t, buf_view(name), err) != 0)
			return -1;
		if (*p == '\0')
			return 0;
		if (add_text(t, '#', err) != 0)
			return -1;
		buf_clear(name);
	}
}

static int parse(struct template *t, const char *text, struct err *err)
{
	struct buf name = {0};
	int result;

	t->pieces[0].field = NO_FIELD;
	if (strpbrk(text, "{}") != NULL)
		return parse_braces(t, text, err);
	result = parse_list(t, text, &name, err);
	buf_free(&name);
	return result;
}

int template_new(const char *text, struct template **out, struct err *err)
{
	struct template *t = calloc(1, sizeof *t);
	int failed;

	if (t == NULL)
		return err_memory(err);
	/* A piece begins behind each field: no more than bytes, and the first. */
	t->pieces = calloc(strlen(text) + 2, sizeof *t->pieces);
	failed = t->pieces == NULL ? err_memory(err) : parse(t, text, err);
	if (!failed && t->field_count == 0)
		failed = err_set(err, ERR_USAGE, "names no field");
	if (failed) {
		template_free(t);
		return -1;
	}
	*out = t;
	return 0;
}

size_t template_field_count(const struct template *t)
{
	return t->field_count;
}

const char *template_field(const struct template *t, size_t i)
{
	return t->fields[i];
}

int template_put(const struct template *t, const struct slice *values, struct buf *out)
{
	if (t->count == 1 && t->texts.len == 0)
		return buf_slice(out, values[0]);
	for (size_t i = 0; i <= t->count; i++) {
		const struct piece *p = &t->pieces[i];

		if (p->len > 0)
			buf_put(out, t->texts.at + p->at, p->len);
		if (p->field != NO_FIELD)
			id_put_part(out, values[p->field]);
	}
	return out->failed ? -1 : 0;
}
