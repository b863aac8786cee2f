#include "l1-value/jsontext.h"

#include <stdlib.h>

#include "l0-base/keyset.h"
#include "l0-base/utf8.h"

/* What may come next. */
enum expect {
	VALUE,      /* a value */
	FIRST_ITEM, /* behind '[': a value or ']' */
	FIRST_KEY,  /* behind '{': a key or '}' */
	COLON,      /* behind a key */
	REST        /* behind a value: ',' or the end of its container, or of the text */
};

struct jsontext *jsontext_new(void)
{
	struct jsontext *j = calloc(1, sizeof *j);

	if (j == NULL)
		return NULL;
	j->keys = keyset_new();
	if (j->keys == NULL) {
		free(j);
		return NULL;
	}
	return j;
}

void jsontext_free(struct jsontext *j)
{
	if (j == NULL)
		return;
	keyset_free(j->keys);
	buf_free(&j->undone);
	free(j);
}

void jsontext_begin(struct jsontext *j, struct slice text)
{
	j->start = j->at = text.at;
	j->end = text.at + text.len;
	j->expect = VALUE;
	j->top = 0;
	j->depth = 0;
	keyset_reset(j->keys);
	buf_clear(&j->undone);
}

static int fail_at(const struct jsontext *j, const char *at, const char *message, struct err *err)
{
	if (at >= j->end)
		return err_at(err, (size_t)(j->end - j->start) + 1, "unexpected end of line");
	return err_at(err, (size_t)(at - j->start) + 1, "%s", message);
}

/* Strings */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The value of XXXX in \uXXXX, or -1; *at goes on behind it, or to the byte that is wrong. */
static int hex4(const char **at, const char *end)
{
	int value = 0;

	for (int i = 0; i < 4; i++, (*at)++) {
		int digit = *at < end ? hex_digit(**at) : -1;

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* The first byte that is wrong, and what is wrong with it. */
struct fault {
	const char *at, *why;
};

/* One escape, from its backslash on. Returns the place behind it, or NULL with *fault. */
static const char *check_escape(const char *at, const char *end, struct fault *fault)
{
	const char *begin = at++;
	int unit;

	*fault = (struct fault){at, "bad escape in a string"};
	if (at >= end)
		return NULL;
	switch (*at++) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return at;
	case 'u':
		break;
	default:
		return NULL;
	}
	unit = hex4(&at, end);
	fault->at = at;
	if (unit < 0)
		return NULL;
	if (unit < 0xd800 || unit > 0xdfff)
		return at;
	*fault = (struct fault){begin, "lone surrogate in a string"};
	if (unit >= 0xdc00)
		return NULL;
	if (at < end && *at == '\\')
		at++;
	if (at >= end) /* the other half may have been on its way */
		fault->at = end;
	if (at >= end || *at != 'u' || at[-1] != '\\')
		return NULL;
	at++;
	unit = hex4(&at, end);
	if (unit < 0)
		*fault = (struct fault){at, "bad escape in a string"};
	return unit >= 0xdc00 && unit <= 0xdfff ? at : NULL;
}

/* As jsontext_string; on NULL, with *fault. */
static const char *check_string(const char *at, const char *end, int *escaped, struct fault *fault)
{
	const char *begin = ++at;
	int high = 0;

	*escaped = 0;
	while (at != NULL) {
		at = jsontext_plain(at, end, !high);
		if (at >= end) {
			*fault = (struct fault){end, "unexpected end of line"};
			break;
		}
		if ((unsigned char)*at >= 0x80) {
			high = 1;
		} else if (*at == '\\') {
			*escaped = 1;
			at = check_escape(at, end, fault);
		} else {
			*fault = (struct fault){at, *at == '"' ? NULL : "control byte in a string"};
			break;
		}
	}
	/* UTF-8 is looked at last, but of two faults the first one counts. */
	if (high) {
		struct slice inside = {begin, (size_t)(fault->at - begin)};
		size_t valid = utf8_valid(inside);

		if (valid < inside.len)
			*fault = (struct fault){begin + valid, "invalid UTF-8"};
	}
	return fault->why == NULL ? fault->at + 1 : NULL;
}

const char *jsontext_string(const char *at, const char *end, int *escaped)
{
	struct fault ignored;

	return check_string(at, end, escaped, &ignored);
}

static char *put_utf8(char *to, unsigned long c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

int jsontext_undo(struct jsontext *j, struct slice raw, struct slice *text, struct err *err)
{
	const char *at = raw.at + 1, *end = raw.at + raw.len - 1;
	char *begin, *to;

	/* Undone, no string is longer than it was: one room for all strings of the text, so that
	 * none of them has to move for a later one. */
	if (j->undone.len == 0 &&
	    buf_room(&j->undone, (size_t)(j->end - j->start) + JSONTEXT_PADDING) == NULL)
		return err_memory(err);
	begin = to = j->undone.at + j->undone.len;
	while (at < end) {
		static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
		const char *backslash = memchr(at, '\\', (size_t)(end - at));
		size_t plain = (size_t)((backslash == NULL ? end : backslash) - at);
		const char *known;

		memcpy(to, at, plain);
		to += plain;
		at += plain;
		if (at == end)
			break;
		at += 2;
		if (at[-1] == 'u') {
			unsigned long c = (unsigned long)hex4(&at, end);

			if (c >= 0xd800 && c <= 0xdbff) {
				at += 2;
				c = 0x10000 + ((c - 0xd800) << 10) +
				    ((unsigned long)hex4(&at, end) - 0xdc00);
			}
			to = put_utf8(to, c);
		} else {
			known = strchr(from, at[-1]);
			*to++ = known == NULL ? at[-1] : into[known - from];
		}
	}
	*text = (struct slice){begin, (size_t)(to - begin)};
	j->undone.len += text->len;
	return 0;
}

/* Numbers */

static const char *digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* As jsontext_number; on NULL, *bad is the byte that is wrong. */
static const char *check_number(const char *at, const char *end, const char **bad)
{
	const char *from;

	if (at < end && *at == '-')
		at++;
	from = at;
	at = digits(at, end);
	*bad = at;
	if (at == from)
		return NULL;
	if (*from == '0' && at > from + 1) {
		*bad = from + 1;
		return NULL;
	}
	if (at < end && *at == '.') {
		from = ++at;
		*bad = at = digits(at, end);
		if (at == from)
			return NULL;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		from = at;
		*bad = at = digits(at, end);
		if (at == from)
			return NULL;
	}
	return at;
}

const char *jsontext_number(const char *at, const char *end)
{
	const char *bad;

	return check_number(at, end, &bad);
}

/* Events */

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

static int give(struct jsontext *j, int event, const char *at, const char *behind, int expect)
{
	j->raw = (struct slice){at, (size_t)(behind - at)};
	j->at = behind;
	j->expect = expect;
	return event;
}

static int open_container(struct jsontext *j, const char *at, int event, struct err *err)
{
	if (j->depth == JSONTEXT_DEPTH_MAX)
		return err_at(err, (size_t)(at - j->start) + 1, "nested deeper than %d levels",
			      JSONTEXT_DEPTH_MAX);
	if (j->depth == 0)
		j->top = event;
	if (event == JSONTEXT_OBJECT && keyset_open(j->keys) != 0)
		return err_memory(err);
	j->container[j->depth++] = (unsigned char)event;
	return give(j, event, at, at + 1, event == JSONTEXT_OBJECT ? FIRST_KEY : FIRST_ITEM);
}

static int close_container(struct jsontext *j, const char *at)
{
	int event = JSONTEXT_ARRAY_END;

	if (j->container[j->depth - 1] == JSONTEXT_OBJECT) {
		keyset_close(j->keys);
		event = JSONTEXT_OBJECT_END;
	}
	j->depth--;
	return give(j, event, at, at + 1, REST);
}

static int next_string(struct jsontext *j, const char *at, struct err *err)
{
	struct fault fault;
	const char *behind = check_string(at, j->end, &j->escaped, &fault);

	if (behind == NULL)
		return fail_at(j, fault.at, fault.why, err);
	return give(j, JSONTEXT_STRING, at, behind, REST);
}

static int duplicate_key(const struct jsontext *j, const char *at, struct err *err)
{
	struct slice name = j->key;
	const char *more = "";

	if (name.len > 100) {
		name.len = utf8_valid((struct slice){name.at, 100}); /* ends between characters */
		more = "...";
	}
	return err_at(err, (size_t)(at - j->start) + 1, "duplicate key \"%.*s%s\"", SLICE_ARG(name),
		      more);
}

static int next_key(struct jsontext *j, const char *at, struct err *err)
{
	int added;

	if (at >= j->end || *at != '"')
		return fail_at(j, at,
			       j->expect == FIRST_KEY ? "expected a key or '}'" : "expected a key",
			       err);
	if (next_string(j, at, err) < 0)
		return -1;
	j->key = (struct slice){at + 1, j->raw.len - 2};
	if (j->escaped && jsontext_undo(j, j->raw, &j->key, err) != 0)
		return -1;
	added = keyset_add(j->keys, j->key);
	if (added < 0)
		return err_memory(err);
	if (added == 0)
		return duplicate_key(j, at, err);
	j->expect = COLON;
	return JSONTEXT_KEY;
}

static int next_number(struct jsontext *j, const char *at, struct err *err)
{
	const char *bad = at, *behind = check_number(at, j->end, &bad);

	if (behind == NULL)
		return fail_at(j, bad, "not a JSON number", err);
	/* "0x10", "1_000", "1.2.3": say it is the number, not a comma, that is wrong. */
	if (behind < j->end &&
	    ((*behind >= '0' && *behind <= '9') || (*behind >= 'a' && *behind <= 'z') ||
	     (*behind >= 'A' && *behind <= 'Z') || memchr("._+-", *behind, 4) != NULL))
		return fail_at(j, behind, "not a JSON number", err);
	return give(j, JSONTEXT_NUMBER, at, behind, REST);
}

static int next_word(struct jsontext *j, const char *at, const char *word, int event,
		     struct err *err)
{
	char message[32] = "expected ";
	size_t i = 0;

	while (word[i] != '\0') {
		if (at + i >= j->end || at[i] != word[i]) {
			strcat(message, word);
			return fail_at(j, at + i, message, err);
		}
		i++;
	}
	return give(j, event, at, at + i, REST);
}

static int next_value(struct jsontext *j, const char *at, struct err *err)
{
	if (at >= j->end)
		return fail_at(j, at, "", err);
	switch (*at) {
	case '{':
		return open_container(j, at, JSONTEXT_OBJECT, err);
	case '[':
		return open_container(j, at, JSONTEXT_ARRAY, err);
	case '"':
		return next_string(j, at, err);
	case 't':
		return next_word(j, at, "true", JSONTEXT_TRUE, err);
	case 'f':
		return next_word(j, at, "false", JSONTEXT_FALSE, err);
	case 'n':
		return next_word(j, at, "null", JSONTEXT_NULL, err);
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return next_number(j, at, err);
	case '+':
	case '.':
	case 'I':
	case 'N': /* what others let pass: +1, .5, Infinity, NaN */
		return fail_at(j, at, "not a JSON number", err);
	default:
		return fail_at(j, at,
			       j->expect == FIRST_ITEM ? "expected a value or ']'"
						       : "expected a value",
			       err);
	}
}

int jsontext_next(struct jsontext *j, struct err *err)
{
	const char *at = skip_space(j->at, j->end);
	int object;

	if (j->expect == COLON) {
		if (at >= j->end || *at != ':')
			return fail_at(j, at, "expected ':'", err);
		j->expect = VALUE;
		at = skip_space(at + 1, j->end);
	}
	switch (j->expect) {
	case FIRST_ITEM:
		if (at < j->end && *at == ']')
			return close_container(j, at);
		return next_value(j, at, err);
	case FIRST_KEY:
		if (at < j->end && *at == '}')
			return close_container(j, at);
		return next_key(j, at, err);
	case VALUE:
		return next_value(j, at, err);
	default:
		break;
	}
	if (j->depth == 0) {
		if (at < j->end)
			return fail_at(j, at,
				       j->top == JSONTEXT_OBJECT ? "text behind the object"
								 : "text behind the value",
				       err);
		return JSONTEXT_END;
	}
	object = j->container[j->depth - 1] == JSONTEXT_OBJECT;
	if (at < j->end && *at == (object ? '}' : ']'))
		return close_container(j, at);
	if (at >= j->end || *at != ',')
		return fail_at(j, at, object ? "expected ',' or '}'" : "expected ',' or ']'", err);
	at = skip_space(at + 1, j->end);
	j->expect = VALUE;
	return object ? next_key(j, at, err) : next_value(j, at, err);
}
