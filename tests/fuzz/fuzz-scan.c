/* The record scanner against cJSON, against itself without SSE2, and in practice (with shapes
 * learned from the lines before) against itself fresh.
 *
 * cJSON 1.7.15 is laxer than RFC 8259, and that in these ways alone:
 * - it stops behind the value, whatever follows (here the whole text must be used up);
 * - it skips a byte order mark, and takes every byte up to 0x20 for white space;
 * - a number is what strtod(3) makes of up to 63 of the characters "0123456789+-eE.": "01", "1."
 *   and "-.5" pass, and a longer number, valid as it is, is cut;
 * - control bytes in strings, invalid UTF-8 and a key twice pass; a string is cut at \u0000;
 * - \u with something else than four hexadecimal digits is taken for \u0000.
 * So: what the scanner accepts, cJSON must accept, but for long numbers, and see the same values;
 * what it refuses and cJSON accepts must have been refused for one of these reasons. */
#include "scan-portable.h"

#include <cjson/cJSON.h>

#define FIELDS 5
static const char *const fields[FIELDS] = {"a", "monto", "b.c", "b.d.e", "x\\.y"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

/* Does the text hold a number longer than cJSON reads? */
static int has_long_number(struct slice text)
{
	size_t run = 0;

	for (size_t i = 0; i < text.len; i++) {
		run = text.at[i] != '\0' && strchr("0123456789+-eE.", text.at[i]) ? run + 1 : 0;
		if (run > 63)
			return 1;
	}
	return 0;
}

/* cJSON's tree when it takes the whole text, or NULL. */
static cJSON *whole_tree(struct slice text)
{
	const char *end = NULL;
	cJSON *tree = cJSON_ParseWithLengthOpts(text.at, text.len, &end, 0);

	while (tree != NULL && end < text.at + text.len && (unsigned char)*end <= ' ')
		end++;
	if (tree != NULL && end < text.at + text.len) {
		cJSON_Delete(tree);
		tree = NULL;
	}
	return tree;
}

static int starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* The text was refused for this, and cJSON accepts it. */
static int known_laxity(struct slice text, const struct err *err)
{
	const char *m = err->message;

	if (starts_with(m, "duplicate key ") || strcmp(m, "invalid UTF-8") == 0 ||
	    strcmp(m, "control byte in a string") == 0 || strcmp(m, "not a JSON number") == 0)
		return 1;
	if (strcmp(m, "bad escape in a string") == 0)
		return text.at[err->byte - 2] != '\\';
	if (err->byte == text.len + 1) /* "1." */
		return text.len > 0 && text.at[text.len - 1] == '.';
	if (err->byte == 1 && text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
		return 1;
	return (unsigned char)text.at[err->byte - 1] < ' ';
}

static void check_value(const struct scan_value *v, const cJSON *item)
{
	switch (v->kind) {
	case SCAN_ABSENT:
		demand(item == NULL);
		break;
	case SCAN_NULL:
		demand(cJSON_IsNull(item));
		break;
	case SCAN_FALSE:
		demand(cJSON_IsFalse(item));
		break;
	case SCAN_TRUE:
		demand(cJSON_IsTrue(item));
		break;
	case SCAN_NUMBER: {
		char text[64];

		demand(cJSON_IsNumber(item) && v->raw.len < sizeof text);
		memcpy(text, v->raw.at, v->raw.len);
		text[v->raw.len] = '\0';
		demand(strtod(text, NULL) == item->valuedouble);
		break;
	}
	case SCAN_STRING: {
		size_t len = strlen(cJSON_GetStringValue(item));

		demand(len == v->text.len ||
		       (len < v->text.len && v->text.at[len] == '\0')); /* cut at \u0000 */
		demand(memcmp(v->text.at, item->valuestring, len) == 0);
		break;
	}
	case SCAN_OBJECT:
		demand(cJSON_IsObject(item));
		break;
	case SCAN_ARRAY:
		demand(cJSON_IsArray(item));
		break;
	}
}

static const cJSON *member(const cJSON *object, const char *key)
{
	return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

/* A key that is cut at \u0000 may look like one of the fields. */
static int keys_are_whole(struct slice line)
{
	return memmem(line.at, line.len, "\\u0000", 6) == NULL;
}

/* Do two scanners say the same of a line? The second result is given. */
static void check_same(int result, const struct err *err, const struct scan_value *values,
		       int other, const struct err *other_err, const struct scan_value *others)
{
	demand(result == other);
	if (result != 0) {
		demand(err->status == other_err->status && err->byte == other_err->byte &&
		       strcmp(err->message, other_err->message) == 0);
		return;
	}
	for (size_t i = 0; i < FIELDS; i++) {
		demand(values[i].kind == others[i].kind && values[i].byte == others[i].byte &&
		       values[i].raw.at == others[i].raw.at &&
		       values[i].raw.len == others[i].raw.len &&
		       slice_equal(values[i].text, others[i].text));
	}
}

static void check_line(struct scan *practised, struct scan *portable, struct slice line)
{
	struct scan_value values[FIELDS], others[FIELDS];
	struct err err = {0}, other = {0};
	struct slice name, value, other_name, other_value;
	struct scan *fresh;
	int result, control;

	demand(scan_new(fields, FIELDS, &fresh, &err) == 0);
	result = scan_line(fresh, line, values, &err);
	control = scan_control(fresh, &name, &value);
	demand(result == 0 || err.status == ERR_DATA);
	for (int i = 0; i < 2; i++) { /* the second time, its shape may have been learned */
		int again = scan_line(practised, line, others, &other);

		check_same(result, &err, values, again, &other, others);
		if (result == 0) {
			demand(scan_control(practised, &other_name, &other_value) == control);
			demand(!control ||
			       (slice_equal(name, other_name) && slice_equal(value, other_value)));
		}
		again = portable_scan_line(portable, line, others, &other);
		check_same(result, &err, values, again, &other, others);
	}
	if (result == 0 && !has_long_number(line)) {
		cJSON *tree = whole_tree(line);
		const cJSON *b = member(tree, "b");

		demand(cJSON_IsObject(tree));
		if (keys_are_whole(line)) {
			check_value(&values[0], member(tree, "a"));
			check_value(&values[1], member(tree, "monto"));
			check_value(&values[2], member(b, "c"));
			check_value(&values[3], member(member(b, "d"), "e"));
			check_value(&values[4], member(tree, "x.y"));
			if (control)
				demand(cJSON_GetArraySize(tree) == 1 &&
				       tree->child->string[0] == '@' &&
				       slice_is(name, tree->child->string + 1) &&
				       scan_check(value, &err) == 0);
		}
		cJSON_Delete(tree);
	}
	scan_free(fresh);
}

/* Two scanners that read one line after another, of which more stands behind each, and their
 * values. */
struct pair {
	struct scan *scan, *portable;
	struct scan_value values[FIELDS], others[FIELDS];
};

/* A line whose end they find themselves must be the one before the first newline. */
static void check_ahead(struct pair *p, struct slice text)
{
	struct scan_value values[FIELDS];
	struct err err = {0}, other = {0};
	struct slice line, other_line;
	struct scan *fresh;
	const char *newline = memchr(text.at, '\n', text.len);
	size_t len = newline == NULL ? text.len : (size_t)(newline - text.at);
	int found = scan_ahead(p->scan, text, &line, p->values, &err);

	demand(portable_scan_ahead(p->portable, text, &other_line, p->others, &other) == found);
	if (found == 0) { /* perhaps they learn its shape */
		scan_line(p->scan, (struct slice){text.at, len}, p->values, &err);
		portable_scan_line(p->portable, (struct slice){text.at, len}, p->others, &other);
		return;
	}
	demand(found == 1 && newline != NULL && line.at == text.at && line.len == len &&
	       other_line.len == len);
	check_same(0, &err, p->values, 0, &other, p->others);
	demand(scan_new(fields, FIELDS, &fresh, &err) == 0);
	check_same(0, &err, p->values, scan_line(fresh, line, values, &other), &other, values);
	scan_free(fresh);
}

static void check_text(struct slice text)
{
	struct err err = {0}, other = {0};
	int result = scan_check(text, &err);
	cJSON *tree = whole_tree(text);

	demand(portable_scan_check(text, &other) == result);
	if (result != 0)
		demand(err.byte == other.byte && strcmp(err.message, other.message) == 0);
	if (result == 0)
		demand(tree != NULL || has_long_number(text));
	else if (tree != NULL)
		demand(known_laxity(text, &err));
	cJSON_Delete(tree);
}

/* The whole as one text, then line by line, which have to be of other shapes to learn anything. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scan *practised, *portable;
	struct pair reading;
	struct err err;
	size_t at = 0;
	char *copy;

	check_text((struct slice){(const char *)data, size});
	demand(scan_new(fields, FIELDS, &practised, &err) == 0);
	demand(portable_scan_new(fields, FIELDS, &portable, &err) == 0);
	demand(scan_new(fields, FIELDS, &reading.scan, &err) == 0);
	demand(portable_scan_new(fields, FIELDS, &reading.portable, &err) == 0);
	while (at < size) {
		const uint8_t *newline = memchr(data + at, '\n', size - at);
		size_t len = newline == NULL ? size - at : (size_t)(newline - (data + at));

		/* A copy of its own, so that reading beyond the padding is seen. */
		copy = malloc(len + 64);
		demand(copy != NULL);
		memcpy(copy, data + at, len);
		memset(copy + len, (int)("\"0}\\"[size % 4]), 64);
		check_line(practised, portable, (struct slice){copy, len});
		free(copy);
		copy = malloc(size - at + 64);
		demand(copy != NULL);
		memcpy(copy, data + at, size - at);
		memset(copy + size - at, '\n', 64);
		check_ahead(&reading, (struct slice){copy, size - at});
		free(copy);
		at += len + 1;
	}
	scan_free(practised);
	portable_scan_free(portable);
	scan_free(reading.scan);
	portable_scan_free(reading.portable);
	return 0;
}
