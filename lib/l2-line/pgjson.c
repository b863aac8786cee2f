#include "l2-line/pgjson.h"

#include <stdlib.h>

#include "l1-value/text.h"

/* Types nest by definition only; the server has no limit, people do. */
#define DEPTH_MAX 32
#define DIMENSIONS_MAX 6 /* MAXDIM of src/include/utils/array.h */

enum kind {
	UNKNOWN,
	STRING,
	BOOL,
	NUMBER, /* NaN and the infinities are strings */
	JSON,
	TIMESTAMP, /* with or without time zone */
	VECTOR,    /* int2vector, oidvector: "1 2 3" */
	ARRAY,
	COMPOSITE,
	HSTORE,
	DOMAIN
};

struct field {
	size_t key, key_len; /* in the type's keys: ,"name": */
	struct pgjson *type;
};

struct pgjson {
	uint32_t oid;
	enum kind kind;
	char delimiter;
	int depth;              /* levels of text inside its text; 0: not counted yet, or none */
	struct pgjson *element; /* of an array or vector; what a domain is made from */
	struct field *field;
	size_t field_count;
	struct buf keys;
};

struct pgjson_types {
	struct pgjson **type;
	size_t count, size;
};

/* src/include/catalog/pg_type.dat. Types not named here are looked up by the caller. */
static const struct {
	uint16_t oid;
	unsigned char kind;
} builtin[] = {
	{16, BOOL},
	{17, STRING} /* bytea */,
	{18, STRING} /* "char" */,
	{19, STRING},
	{20, NUMBER} /* int8 */,
	{21, NUMBER} /* int2 */,
	{23, NUMBER},
	{25, STRING} /* text */,
	{26, STRING} /* oid */,
	{114, JSON},
	{700, NUMBER} /* float4 */,
	{701, NUMBER} /* float8 */,
	{790, STRING},
	{1042, STRING} /* bpchar */,
	{1043, STRING} /* varchar */,
	{1082, STRING},
	{1083, STRING} /* time */,
	{1114, TIMESTAMP},
	{1184, TIMESTAMP} /* timestamptz */,
	{1186, STRING} /* interval */,
	{1266, STRING} /* timetz */,
	{1700, NUMBER} /* numeric */,
	{2950, STRING} /* uuid */,
	{3802, JSON} /* jsonb */,
};

#define INT2 21
#define INT2VECTOR 22
#define OID 26
#define OIDVECTOR 30

/* ---- the types ---- */

static void forget(struct pgjson *p)
{
	free(p->field);
	buf_free(&p->keys);
	*p = (struct pgjson){.oid = p->oid};
}

/* The entry of a type, added as UNKNOWN where it is new. */
static struct pgjson *entry(struct pgjson_types *t, uint32_t oid)
{
	struct pgjson *p;

	for (size_t i = 0; i < t->count; i++)
		if (t->type[i]->oid == oid)
			return t->type[i];
	if (t->count == t->size) {
		size_t size = t->size == 0 ? 64 : 2 * t->size;
		struct pgjson **grown = realloc(t->type, size * sizeof *grown);

		if (grown == NULL)
			return NULL;
		t->type = grown;
		t->size = size;
	}
	p = calloc(1, sizeof *p);
	if (p == NULL)
		return NULL;
	p->oid = oid;
	t->type[t->count++] = p;
	return p;
}

/* Define a type anew. Depths are counted again when they are next asked for. */
static struct pgjson *define(struct pgjson_types *t, uint32_t oid, enum kind kind, uint32_t element)
{
	struct pgjson *p = entry(t, oid), *inner = NULL;

	if (p == NULL || (element != 0 && (inner = entry(t, element)) == NULL))
		return NULL;
	for (size_t i = 0; i < t->count; i++)
		t->type[i]->depth = 0;
	forget(p);
	p->kind = kind;
	p->element = inner;
	return p;
}

struct pgjson_types *pgjson_types_new(void)
{
	struct pgjson_types *t = calloc(1, sizeof *t);
	int failed = t == NULL;

	for (size_t i = 0; !failed && i < sizeof builtin / sizeof builtin[0]; i++)
		failed = define(t, builtin[i].oid, (enum kind)builtin[i].kind, 0) == NULL;
	if (failed || define(t, INT2VECTOR, VECTOR, INT2) == NULL ||
	    define(t, OIDVECTOR, VECTOR, OID) == NULL) {
		pgjson_types_free(t);
		return NULL;
	}
	return t;
}

void pgjson_types_free(struct pgjson_types *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++) {
		forget(t->type[i]);
		free(t->type[i]);
	}
	free(t->type);
	free(t);
}

int pgjson_add_plain(struct pgjson_types *t, uint32_t oid)
{
	return define(t, oid, STRING, 0) == NULL ? -1 : 0;
}

int pgjson_add_domain(struct pgjson_types *t, uint32_t oid, uint32_t base)
{
	return define(t, oid, DOMAIN, base) == NULL ? -1 : 0;
}

int pgjson_add_array(struct pgjson_types *t, uint32_t oid, uint32_t element, char delimiter)
{
	struct pgjson *p = define(t, oid, ARRAY, element);

	if (p == NULL)
		return -1;
	p->delimiter = delimiter;
	return 0;
}

int pgjson_add_hstore(struct pgjson_types *t, uint32_t oid)
{
	return define(t, oid, HSTORE, 0) == NULL ? -1 : 0;
}

int pgjson_add_composite(struct pgjson_types *t, uint32_t oid)
{
	return define(t, oid, COMPOSITE, 0) == NULL ? -1 : 0;
}

int pgjson_add_field(struct pgjson_types *t, uint32_t oid, struct slice name, uint32_t type)
{
	struct pgjson *p = entry(t, oid), *inner = entry(t, type);
	struct field *grown;
	size_t before;

	if (p == NULL || inner == NULL)
		return -1;
	grown = realloc(p->field, (p->field_count + 1) * sizeof *grown);
	if (grown == NULL)
		return -1;
	p->field = grown;
	before = p->keys.len;
	if (p->field_count > 0)
		buf_byte(&p->keys, ',');
	json_put_string(&p->keys, name);
	buf_byte(&p->keys, ':');
	if (p->keys.failed)
		return -1;
	p->field[p->field_count++] = (struct field){before, p->keys.len - before, inner};
	return 0;
}

/* Levels of text inside text that a value may have; -1: too many. */
static int count_depth(struct pgjson *p, int above)
{
	int deepest = 0, depth;

	if (above > DEPTH_MAX)
		return -1;
	if (p->depth > 0 || (p->element == NULL && p->kind != COMPOSITE && p->kind != HSTORE))
		return p->depth;
	if (p->element != NULL)
		deepest = count_depth(p->element, above + 1);
	for (size_t i = 0; deepest >= 0 && i < p->field_count; i++) {
		depth = count_depth(p->field[i].type, above + 1);
		if (depth < 0 || depth > deepest)
			deepest = depth;
	}
	p->depth = deepest < 0 ? 0 : deepest + 1;
	return deepest < 0 ? -1 : p->depth;
}

const struct pgjson *pgjson_find(struct pgjson_types *t, uint32_t oid)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->type[i]->oid == oid && t->type[i]->kind != UNKNOWN)
			return count_depth(t->type[i], 0) < 0 ? NULL : t->type[i];
	return NULL;
}

/* ---- a value ---- */

/* Text being taken apart. Quoted pieces are undone into scratch, whose room was measured for all
 * levels before: it never moves. */
struct cursor {
	const char *at, *end;
	struct buf *out, *scratch;
	struct err *err;
};

static int put_value(const struct pgjson *type, struct slice text, struct cursor *above);

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *at, const char *end)
{
	while (at < end && is_digit(*at))
		at++;
	return at;
}

/* RFC 8259, section 6; as the server's IsValidJsonNumber(). */
static int is_number(struct slice text)
{
	const char *at = text.at, *end = at + text.len, *start;

	if (at < end && *at == '-')
		at++;
	start = at;
	at = skip_digits(at, end);
	if (at == start || (*start == '0' && at - start > 1))
		return 0;
	if (at < end && *at == '.') {
		start = ++at;
		at = skip_digits(at, end);
		if (at == start)
			return 0;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		start = at;
		at = skip_digits(at, end);
		if (at == start)
			return 0;
	}
	return at == end;
}

/* Newlines in valid JSON stand between tokens only. */
static int put_json(struct slice text, struct buf *out)
{
	char *to = buf_room(out, text.len), *nl;

	if (to == NULL)
		return -1;
	memcpy(to, text.at, text.len);
	out->len += text.len;
	for (char c = '\n'; c != 0; c = c == '\n' ? '\r' : 0)
		for (nl = to; (nl = memchr(nl, c, (size_t)(to + text.len - nl))) != NULL;)
			*nl = ' ';
	return 0;
}

/* "2010-12-01 08:26:00.5+00 BC" as "2010-12-01T08:26:00.5+00:00 BC": XSD form wants the minutes of
 * an offset. Returns 1 when the text is no time of that form ("infinity"). */
static int put_timestamp(struct slice text, struct buf *out)
{
	const char *space = memchr(text.at, ' ', text.len), *end = text.at + text.len, *sign;
	char *to;

	if (space == NULL || space + 3 > end || !is_digit(space[1]))
		return 1;
	for (const char *p = text.at; p < end; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f || *p == '"' ||
		    *p == '\\')
			return 1;
	to = buf_room(out, text.len + 5);
	if (to == NULL)
		return -1;
	*to++ = '"';
	memcpy(to, text.at, text.len);
	to[space - text.at] = 'T';
	for (sign = space + 1; sign < end && *sign != '+' && *sign != '-'; sign++)
		;
	if (end - sign >= 3 && (end - sign == 3 || sign[3] == ' ')) {
		size_t head = (size_t)(sign + 3 - text.at);

		memcpy(to + head, ":00", 3);
		memcpy(to + head + 3, sign + 3, text.len - head);
		to += 3;
	}
	to[text.len] = '"';
	out->len = (size_t)(to + text.len + 1 - out->at);
	return 0;
}

static int malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_DATA, "malformed %s", what);
}

/* A quoted piece, the cursor at its opening quote: undone, into scratch. A backslash takes the next
 * byte as it is; with `doubled`, two quotes are one. Returns 0, or -1 where it has no end. */
static int take_quoted(struct cursor *c, int doubled, struct slice *piece)
{
	char *to = c->scratch->at + c->scratch->len, *start = to;

	for (c->at++; c->at < c->end; c->at++) {
		if (*c->at == '\\' && c->at + 1 < c->end) {
			c->at++;
		} else if (*c->at == '"') {
			c->at++;
			if (!doubled || c->at == c->end || *c->at != '"') {
				*piece = (struct slice){start, (size_t)(to - start)};
				c->scratch->len += piece->len;
				return 0;
			}
		}
		*to++ = *c->at;
	}
	return -1;
}

static int take_char(struct cursor *c, char expected)
{
	if (c->at == c->end || *c->at != expected)
		return -1;
	c->at++;
	return 0;
}

/* "1 2 3" */
static int put_vector(const struct pgjson *type, struct cursor *c)
{
	const char *start;

	buf_byte(c->out, '[');
	while (c->at < c->end) {
		for (start = c->at; c->at < c->end && *c->at != ' '; c->at++)
			;
		if (put_value(type->element, (struct slice){start, (size_t)(c->at - start)}, c) !=
		    0)
			return -1;
		if (c->at < c->end)
			buf_byte(c->out, ',');
		c->at += c->at < c->end;
	}
	return buf_byte(c->out, ']');
}

/* One element of an array, which begins at the cursor. */
static int put_element(const struct pgjson *type, struct cursor *c)
{
	size_t before = c->scratch->len;
	struct slice piece = {c->at, 0};
	int result;

	if (*c->at == '"') {
		if (take_quoted(c, 0, &piece) != 0)
			return malformed(c->err, "array");
	} else {
		while (c->at < c->end && *c->at != type->delimiter && *c->at != '}')
			c->at++;
		piece.len = (size_t)(c->at - piece.at);
		if (piece.len == 0 || piece.at[0] == '{')
			return malformed(c->err, "array");
		if (slice_is(piece, "NULL"))
			return buf_puts(c->out, "null");
	}
	result = put_value(type->element, piece, c);
	c->scratch->len = before;
	return result;
}

/* "{1,NULL}", "{{1},{2}}", "[2:3]={1,2}", "{"a \"b\""}" */
static int put_array(const struct pgjson *type, struct cursor *c)
{
	int depth = 0, value_done = 0;

	if (c->at < c->end && *c->at == '[') {
		const char *equals = memchr(c->at, '=', (size_t)(c->end - c->at));

		if (equals == NULL)
			return malformed(c->err, "array");
		c->at = equals + 1; /* JSON has no lower bounds */
	}
	do {
		if (c->at == c->end)
			return malformed(c->err, "array");
		if (*c->at == '{' && !value_done && depth < DIMENSIONS_MAX) {
			buf_byte(c->out, '[');
			depth++;
			c->at++;
			if (c->at < c->end && *c->at == '}')
				value_done = 1;
		} else if (*c->at == '}' && value_done && depth > 0) {
			buf_byte(c->out, ']');
			depth--;
			c->at++;
		} else if (*c->at == type->delimiter && value_done) {
			buf_byte(c->out, ',');
			value_done = 0;
			c->at++;
		} else if (!value_done && depth > 0) {
			if (put_element(type, c) != 0)
				return -1;
			value_done = 1;
		} else {
			return malformed(c->err, "array");
		}
	} while (depth > 0);
	return c->at == c->end ? 0 : malformed(c->err, "array");
}

/* "(1,"a ""b""",)" */
static int put_composite(const struct pgjson *type, struct cursor *c)
{
	size_t before = c->scratch->len;

	if (take_char(c, '(') != 0)
		return malformed(c->err, "composite value");
	buf_byte(c->out, '{');
	for (size_t i = 0; i < type->field_count; i++) {
		const struct field *f = &type->field[i];
		struct slice piece;

		if (i > 0 && take_char(c, ',') != 0)
			return malformed(c->err, "composite value: fewer fields than its type has");
		buf_put(c->out, type->keys.at + f->key, f->key_len);
		piece = (struct slice){c->at, 0};
		if (c->at < c->end && *c->at == '"') {
			if (take_quoted(c, 1, &piece) != 0)
				return malformed(c->err, "composite value");
		} else {
			while (c->at < c->end && *c->at != ',' && *c->at != ')')
				c->at++;
			piece.len = (size_t)(c->at - piece.at);
			if (piece.len == 0) {
				buf_puts(c->out, "null");
				continue;
			}
		}
		if (put_value(f->type, piece, c) != 0)
			return -1;
		c->scratch->len = before;
	}
	if (take_char(c, ')') != 0 || c->at != c->end)
		return malformed(c->err, "composite value: more fields than its type has");
	return buf_byte(c->out, '}');
}

/* "a"=>"1", "b"=>NULL as hstore_to_json() has it: {"a": "1", "b": null} */
static int put_hstore(struct cursor *c)
{
	size_t before = c->scratch->len;
	struct slice piece;

	buf_byte(c->out, '{');
	for (int first = 1; c->at < c->end; first = 0) {
		if (!first && (take_char(c, ',') != 0 || take_char(c, ' ') != 0))
			return malformed(c->err, "hstore");
		if (c->at == c->end || *c->at != '"' || take_quoted(c, 0, &piece) != 0 ||
		    take_char(c, '=') != 0 || take_char(c, '>') != 0 || c->at == c->end)
			return malformed(c->err, "hstore");
		if (!first)
			buf_puts(c->out, ", ");
		json_put_string(c->out, piece);
		buf_puts(c->out, ": ");
		if (*c->at == '"') {
			if (take_quoted(c, 0, &piece) != 0)
				return malformed(c->err, "hstore");
			json_put_string(c->out, piece);
		} else if (c->end - c->at >= 4 && memcmp(c->at, "NULL", 4) == 0) {
			buf_puts(c->out, "null");
			c->at += 4;
		} else {
			return malformed(c->err, "hstore");
		}
		c->scratch->len = before;
	}
	return buf_byte(c->out, '}');
}

/* Failures to append show in out->failed, which pgjson_put looks at. */
static int put_value(const struct pgjson *type, struct slice text, struct cursor *above)
{
	struct cursor c = {text.at, text.at + text.len, above->out, above->scratch, above->err};

	while (type->kind == DOMAIN)
		type = type->element;
	switch (type->kind) {
	case NUMBER:
		if (is_number(text))
			return buf_slice(c.out, text);
		break;
	case BOOL:
		if (slice_is(text, "t"))
			return buf_puts(c.out, "true");
		if (slice_is(text, "f"))
			return buf_puts(c.out, "false");
		return malformed(c.err, "boolean");
	case JSON:
		if (text.len == 0)
			return malformed(c.err, "json");
		return put_json(text, c.out);
	case TIMESTAMP:
		if (put_timestamp(text, c.out) <= 0)
			return 0;
		break;
	case VECTOR:
		return put_vector(type, &c);
	case ARRAY:
		return put_array(type, &c);
	case COMPOSITE:
		return put_composite(type, &c);
	case HSTORE:
		return put_hstore(&c);
	case UNKNOWN:
	case STRING:
	case DOMAIN:
		break;
	}
	return json_put_string(c.out, text);
}

int pgjson_put(const struct pgjson *type, struct slice text, struct buf *out, struct buf *scratch,
	       struct err *err)
{
	struct cursor top = {.out = out, .scratch = scratch, .err = err};
	size_t before = out->len;
	int result;

	scratch->len = 0;
	if (type->depth > 0 && buf_room(scratch, (size_t)type->depth * text.len + 1) == NULL)
		return err_memory(err);
	result = put_value(type, text, &top);
	if (out->failed)
		result = err_memory(err);
	if (result != 0)
		out->len = before;
	return result;
}
