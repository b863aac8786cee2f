#include "l2-line/scan.h"

#include <stdlib.h>

#include "l1-value/jsontext.h"
#include "l2-line/shape.h"

/* The wanted fields as a tree: "cliente.id" and "cliente.nombre" are two children of "cliente",
 * itself a child of the root, node 0. Nodes are few; children of one are a linked list. */
struct node {
	struct slice name;
	size_t child, next; /* 0: none */
	int field;          /* its number; -1: an inner node */
};

/* Lines of a stream have few shapes: inserted rows, and the two kinds of an updated one's. A line
 * that has none of them is read in full, and may teach us its own. */
#define SHAPES 4

struct learned {
	struct shape *shape;
	int absent[SCAN_FIELDS_MAX], absent_count;
};

struct scan {
	struct jsontext *text;
	char *names; /* holds the nodes' names */
	struct node *node;
	size_t node_count;
	size_t *path; /* the nodes of the objects we are inside of */
	size_t field_count;

	struct learned learned[SHAPES];
	unsigned next_learned; /* the one to be replaced next */
	unsigned unlearned;    /* lines that had to be read in full since we last learned */
	unsigned matched;      /* lines that had a known shape since then */
	/* That of the line before, if by scan_ahead: then the values of its absent fields are set.
	 */
	const struct learned *ahead;

	/* The scalars of the line that is read in full: more of them cannot be learned. */
	struct scalar scalar[SHAPE_SCALARS_MAX];
	size_t scalar_count;

	int control;
	struct slice control_name, control_value;
};

/* The child of a node by its name, or 0. */
static size_t child_of(const struct scan *s, size_t parent, struct slice name)
{
	size_t n = s->node[parent].child;

	while (n != 0 && !slice_equal(s->node[n].name, name))
		n = s->node[n].next;
	return n;
}

static size_t add_child(struct scan *s, size_t parent, struct slice name)
{
	size_t n = s->node_count++, *link = &s->node[parent].child;

	s->node[n] = (struct node){.name = name, .field = -1};
	while (*link != 0)
		link = &s->node[*link].next;
	*link = n;
	return n;
}

/* Add the path of field number i; `to` is where its names may be written, and moves on. */
static int add_field(struct scan *s, const char *path, int i, char **to, struct err *err)
{
	size_t n = 0;
	const char *p = path;

	do {
		struct slice name = {*to, 0};
		size_t child;

		for (; *p != '\0' && *p != '.'; p++) {
			if (*p == '\\' && (p[1] == '.' || p[1] == '\\'))
				p++;
			*(*to)++ = *p;
		}
		name.len = (size_t)(*to - name.at);
		if (name.len == 0)
			return err_set(err, ERR_USAGE, "field \"%s\": empty name", path);
		child = child_of(s, n, name);
		if (child != 0 && s->node[child].field >= 0)
			return err_set(err, ERR_USAGE, "field \"%s\" twice, or inside another",
				       path);
		n = child != 0 ? child : add_child(s, n, name);
	} while (*p++ == '.');
	if (s->node[n].child != 0)
		return err_set(err, ERR_USAGE, "field \"%s\" has another inside", path);
	s->node[n].field = i;
	return 0;
}

int scan_new(const char *const *fields, size_t count, struct scan **out, struct err *err)
{
	struct scan *s = calloc(1, sizeof *s);
	size_t length = 0, nodes = 1;
	char *to;

	*out = NULL;
	if (s == NULL)
		return err_memory(err);
	if (count > SCAN_FIELDS_MAX) {
		err_set(err, ERR_USAGE, "more than %d fields", SCAN_FIELDS_MAX);
		goto fail;
	}
	for (size_t i = 0; i < count; i++) {
		length += strlen(fields[i]);
		nodes++;
		for (const char *p = fields[i]; *p != '\0'; p++)
			nodes += *p == '.';
	}
	s->text = jsontext_new();
	s->names = malloc(length + 1);
	s->node = calloc(nodes, sizeof *s->node);
	s->path = calloc(nodes, sizeof *s->path);
	if (s->text == NULL || s->names == NULL || s->node == NULL || s->path == NULL) {
		err_memory(err);
		goto fail;
	}
	s->node[0].field = -1;
	s->node_count = 1;
	s->field_count = count;
	to = s->names;
	for (size_t i = 0; i < count; i++) {
		if (add_field(s, fields[i], (int)i, &to, err) != 0)
			goto fail;
	}
	*out = s;
	return 0;
fail:
	scan_free(s);
	return -1;
}

void scan_free(struct scan *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < SHAPES; i++)
		shape_free(s->learned[i].shape);
	jsontext_free(s->text);
	free(s->names);
	free(s->node);
	free(s->path);
	free(s);
}

/* The value that begins with the event just read; an object's or array's length is set when it
 * closes. */
static int set_value(struct scan *s, struct scan_value *v, int event, struct err *err)
{
	const struct jsontext *t = s->text;

	v->kind = (enum scan_kind)event;
	v->byte = (size_t)(t->raw.at - t->start) + 1;
	v->raw = v->text = t->raw;
	if (event != JSONTEXT_STRING)
		return 0;
	if (t->escaped)
		return jsontext_undo(s->text, v->raw, &v->text, err);
	v->text.at++;
	v->text.len -= 2;
	return 0;
}

/* The strings of some fields have escapes. */
static int undo_escapes(struct scan *s, struct slice line, struct scan_value *values,
			uint64_t escaped, struct err *err)
{
	jsontext_begin(s->text, line);
	for (; escaped != 0; escaped &= escaped - 1) {
		struct scan_value *v = &values[__builtin_ctzll(escaped)];

		if (jsontext_undo(s->text, v->raw, &v->text, err) != 0)
			return -1;
	}
	return 0;
}

_Static_assert(SCAN_FIELDS_MAX <= 64, "a bit for each");

/* The shape of the line that text begins with, its length and values set, but for those of absent
 * fields and for escapes; or NULL when it has none that we know. What shapes before it have set,
 * this one sets too: so far they are the same. */
static inline const struct learned *find_shape(struct scan *s, struct slice text, size_t *len,
					       struct scan_value *values, uint64_t *escaped)
{
	for (size_t i = 0; i < SHAPES && s->learned[i].shape != NULL; i++) {
		*len = shape_match(s->learned[i].shape, text, values, escaped);
		if (*len != 0) {
			s->matched++;
			return &s->learned[i];
		}
	}
	return NULL;
}

static void set_absent(const struct learned *l, struct scan_value *values)
{
	for (int i = 0; i < l->absent_count; i++)
		values[l->absent[i]] = (struct scan_value){0};
}

/* Is it worth the time to learn the shape of this line? Where shapes never come again, it is not.
 * What has a newline inside is no line of a stream, and scan_ahead would take less for one. */
static int worth_learning(const struct scan *s, struct slice line)
{
	return (s->learned[SHAPES - 1].shape == NULL || s->matched > SHAPES ||
		s->unlearned > 64 * SHAPES) &&
	       memchr(line.at, '\n', line.len) == NULL;
}

static void learn(struct scan *s, struct slice line, const struct scan_value *values)
{
	struct learned *l = &s->learned[s->next_learned];
	struct shape *shape = shape_new(line, s->scalar, s->scalar_count);

	if (shape == NULL)
		return;
	shape_free(l->shape);
	l->shape = shape;
	l->absent_count = 0;
	for (size_t i = 0; i < s->field_count; i++)
		if (values[i].kind == SCAN_ABSENT)
			l->absent[l->absent_count++] = (int)i;
	s->next_learned = (s->next_learned + 1) % SHAPES;
	s->matched = s->unlearned = 0;
}

static void add_scalar(struct scan *s, int field)
{
	const struct slice raw = s->text->raw;

	if (s->scalar_count < SHAPE_SCALARS_MAX)
		s->scalar[s->scalar_count] = (struct scalar){raw.at, raw.at + raw.len, field};
	if (s->scalar_count <= SHAPE_SCALARS_MAX)
		s->scalar_count++;
}

/* Scan the line that s->text has begun. Returns 0, or -1; s->scalar_count is SHAPE_SCALARS_MAX + 1
 * when the line has no shape to learn.
 */
static int scan_full(struct scan *s, struct scan_value *values, struct err *err)
{
	struct jsontext *t = s->text;
	struct scan_value *open = NULL;     /* a wanted object or array that is not closed yet */
	unsigned open_depth = 0, level = 0; /* level: of path's last; its keys are at level + 1 */
	size_t wanted = 0;                  /* node of the key just read, 0 for none */
	size_t keys = 0;                    /* of the line's object */
	int event;

	for (size_t i = 0; i < s->field_count; i++)
		values[i] = (struct scan_value){0};
	s->scalar_count = 0;
	event = jsontext_next(t, err);
	if (event < 0)
		return -1;
	if (event != JSONTEXT_OBJECT)
		return err_at(err, (size_t)(t->raw.at - t->start) + 1, "not a JSON object");
	while ((event = jsontext_next(t, err)) != JSONTEXT_END) {
		int field = -1;

		switch (event) {
		case -1:
			return -1;
		case JSONTEXT_KEY:
			if (t->depth != level + 1)
				break;
			wanted = child_of(s, s->path[level], t->key);
			if (level == 0 && ++keys == 1 && t->key.len > 0 && t->key.at[0] == '@') {
				s->control = 1;
				s->control_name = (struct slice){t->key.at + 1, t->key.len - 1};
				s->control_value.at = NULL;
			}
			break;
		case JSONTEXT_OBJECT_END:
		case JSONTEXT_ARRAY_END:
			if (open != NULL && t->depth == open_depth) {
				open->raw.len = (size_t)(t->raw.at + 1 - open->raw.at);
				open->text = open->raw;
				open = NULL;
			}
			if (t->depth == level && level > 0)
				level--;
			break;
		default:
			if (s->control && s->control_value.at == NULL)
				s->control_value.at = t->raw.at;
			if (wanted != 0 && s->node[wanted].field >= 0) {
				field = s->node[wanted].field;
				if (set_value(s, &values[field], event, err) != 0)
					return -1;
			}
			if (event != JSONTEXT_OBJECT && event != JSONTEXT_ARRAY) {
				add_scalar(s, field);
			} else if (field >= 0) {
				open = &values[field];
				open_depth = t->depth - 1;
				s->scalar_count = SHAPE_SCALARS_MAX + 1;
			} else if (event == JSONTEXT_OBJECT && wanted != 0) {
				s->path[++level] = wanted;
			}
			wanted = 0;
		}
		/* A control record's value ends where the last event before the '}' does. */
		if (s->control && t->depth == 1 && keys == 1 && event != JSONTEXT_KEY)
			s->control_value.len =
				(size_t)(t->raw.at + t->raw.len - s->control_value.at);
	}
	s->control = s->control && keys == 1;
	return 0;
}

int scan_line(struct scan *s, struct slice line, struct scan_value *values, struct err *err)
{
	uint64_t escaped;
	size_t len;
	const struct learned *l = find_shape(s, line, &len, values, &escaped);

	s->control = 0;
	s->ahead = NULL;
	/* Less than all of it is no line, if it has several. */
	if (l != NULL && len == line.len) {
		set_absent(l, values);
		return escaped == 0 ? 0 : undo_escapes(s, line, values, escaped, err);
	}
	jsontext_begin(s->text, line);
	if (scan_full(s, values, err) != 0)
		return -1;
	s->unlearned++;
	if (!s->control && worth_learning(s, line))
		learn(s, line, values);
	return 0;
}

int scan_ahead(struct scan *s, struct slice text, struct slice *line, struct scan_value *values,
	       struct err *err)
{
	uint64_t escaped;
	const struct learned *l = find_shape(s, text, &line->len, values, &escaped);

	if (l == NULL || line->len == text.len) {
		s->ahead = NULL; /* some values were set */
		return 0;
	}
	line->at = text.at;
	s->control = 0;
	if (l != s->ahead)
		set_absent(l, values);
	s->ahead = l;
	return escaped != 0 && undo_escapes(s, *line, values, escaped, err) != 0 ? -1 : 1;
}

int scan_control(const struct scan *s, struct slice *name, struct slice *value)
{
	if (!s->control)
		return 0;
	*name = s->control_name;
	*value = s->control_value;
	return 1;
}

int scan_check(struct slice text, struct err *err)
{
	struct jsontext *t = jsontext_new();
	struct buf padded = {0};
	int event = -1;

	if (t == NULL || buf_room(&padded, text.len + JSONTEXT_PADDING) == NULL) {
		err_memory(err);
	} else {
		buf_slice(&padded, text);
		memset(padded.at + padded.len, 0, JSONTEXT_PADDING);
		jsontext_begin(t, buf_view(&padded));
		do
			event = jsontext_next(t, err);
		while (event > 0);
	}
	buf_free(&padded);
	jsontext_free(t);
	return event < 0 ? -1 : 0;
}
