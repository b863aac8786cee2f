#include "l2-line/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l1-value/jsontext.h"

/* A struct json is a cJSON. The tree is built here from the events of jsontext, not by cJSON_Parse,
 * which would turn numbers into doubles, let "01" and trailing text pass, and cut strings at
 * \u0000. A number is a cJSON_Raw, whose text cJSON prints as it stands. cJSON walks trees by
 * recursion: jsontext's limit of levels, which is cJSON's own, bounds that. */

static cJSON *tree(const struct json *value)
{
	return (cJSON *)(uintptr_t)value;
}

static struct json *json_of(cJSON *item)
{
	return (struct json *)item;
}

void json_free(struct json *root)
{
	cJSON_Delete(tree(root));
}

/* Parse */

struct building {
	struct jsontext *text;
	struct buf key, string; /* terminated copies, for cJSON */
	cJSON *root, *open[JSONTEXT_DEPTH_MAX];
};

/* A terminated copy of s in b. \u0000 would end it early. */
static const char *terminated(struct building *g, struct buf *b, struct slice s, struct err *err)
{
	if (s.len > 0 && memchr(s.at, '\0', s.len) != NULL) {
		err_at(err, (size_t)(g->text->raw.at - g->text->start) + 1, "\\u0000 in a string");
		return NULL;
	}
	buf_clear(b);
	if (buf_slice(b, s) != 0 || buf_byte(b, '\0') != 0) {
		err_memory(err);
		return NULL;
	}
	return b->at;
}

/* The item for an event that begins a value; NULL with *err. */
static cJSON *item_of(struct building *g, int event, struct err *err)
{
	struct slice text = g->text->raw;
	const char *copy;
	cJSON *item;

	switch (event) {
	case JSONTEXT_NULL:
		item = cJSON_CreateNull();
		break;
	case JSONTEXT_FALSE:
	case JSONTEXT_TRUE:
		item = cJSON_CreateBool(event == JSONTEXT_TRUE);
		break;
	case JSONTEXT_OBJECT:
		item = cJSON_CreateObject();
		break;
	case JSONTEXT_ARRAY:
		item = cJSON_CreateArray();
		break;
	case JSONTEXT_NUMBER:
		copy = terminated(g, &g->string, text, err);
		if (copy == NULL)
			return NULL;
		item = cJSON_CreateRaw(copy);
		break;
	default:
		text = (struct slice){text.at + 1, text.len - 2};
		if (g->text->escaped && jsontext_undo(g->text, g->text->raw, &text, err) != 0)
			return NULL;
		copy = terminated(g, &g->string, text, err);
		if (copy == NULL)
			return NULL;
		item = cJSON_CreateString(copy);
	}
	if (item == NULL)
		err_memory(err);
	return item;
}

/* Put item behind what is in parent, which owns it then. Returns 0, or -1: item is freed. */
static int append(cJSON *parent, const char *key, cJSON *item, struct err *err)
{
	if (cJSON_IsObject(parent) ? cJSON_AddItemToObject(parent, key, item)
				   : cJSON_AddItemToArray(parent, item))
		return 0;
	cJSON_Delete(item);
	return err_memory(err);
}

/* Take the events up to the end. Returns 0 or -1; g->root is the caller's either way. */
static int build(struct building *g, struct err *err)
{
	struct jsontext *t = g->text;
	size_t depth = 0;
	int event;

	while ((event = jsontext_next(t, err)) != JSONTEXT_END) {
		cJSON *item;

		switch (event) {
		case -1:
			return -1;
		case JSONTEXT_KEY:
			if (terminated(g, &g->key, t->key, err) == NULL)
				return -1;
			continue;
		case JSONTEXT_OBJECT_END:
		case JSONTEXT_ARRAY_END:
			depth--;
			continue;
		default:
			break;
		}
		item = item_of(g, event, err);
		if (item == NULL)
			return -1;
		if (g->root == NULL)
			g->root = item;
		else if (append(g->open[depth - 1], g->key.at, item, err) != 0)
			return -1;
		if (event == JSONTEXT_OBJECT || event == JSONTEXT_ARRAY)
			g->open[depth++] = item;
	}
	return 0;
}

struct json *json_parse(struct slice text, struct err *err)
{
	struct building *g = calloc(1, sizeof *g);
	struct buf padded = {0};
	struct json *root = NULL;

	if (g == NULL) {
		err_memory(err);
		return NULL;
	}
	g->text = jsontext_new();
	if (g->text == NULL || buf_room(&padded, text.len + JSONTEXT_PADDING) == NULL) {
		err_memory(err);
		goto out;
	}
	buf_slice(&padded, text);
	memset(padded.at + padded.len, 0, JSONTEXT_PADDING);
	jsontext_begin(g->text, buf_view(&padded));
	if (build(g, err) == 0)
		root = json_of(g->root);
	else
		cJSON_Delete(g->root);
out:
	buf_free(&padded);
	buf_free(&g->key);
	buf_free(&g->string);
	jsontext_free(g->text);
	free(g);
	return root;
}

/* Look */

struct json *json_get(const struct json *object, const char *key)
{
	if (!cJSON_IsObject(tree(object)))
		return NULL;
	return json_of(cJSON_GetObjectItemCaseSensitive(tree(object), key));
}

struct json *json_item(const struct json *value, size_t index)
{
	if (index > INT32_MAX)
		return NULL;
	return json_of(cJSON_GetArrayItem(tree(value), (int)index));
}

size_t json_count(const struct json *value)
{
	int count = cJSON_GetArraySize(tree(value));

	return count < 0 ? 0 : (size_t)count;
}

const char *json_key(const struct json *member)
{
	return member == NULL ? NULL : tree(member)->string;
}

const char *json_string(const struct json *value)
{
	return cJSON_IsString(tree(value)) ? tree(value)->valuestring : NULL;
}

const char *json_number(const struct json *value)
{
	return cJSON_IsRaw(tree(value)) ? tree(value)->valuestring : NULL;
}

int json_int64(const struct json *value, int64_t *number)
{
	const char *text = json_number(value);
	char *end;
	long long n;

	if (text == NULL)
		return -1;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return -1;
	*number = n;
	return 0;
}

int json_bool(const struct json *value)
{
	if (!cJSON_IsBool(tree(value)))
		return -1;
	return cJSON_IsTrue(tree(value));
}

/* Build */

/* Put item, NULL when there was no memory for it, into parent. */
static struct json *put(struct json *parent, const char *key, cJSON *item)
{
	cJSON *container = tree(parent);
	int done;

	if (item == NULL || container == NULL)
		return json_of(item);
	if (cJSON_IsArray(container))
		done = cJSON_AddItemToArray(container, item);
	else if (cJSON_GetObjectItemCaseSensitive(container, key) != NULL)
		done = cJSON_ReplaceItemInObjectCaseSensitive(container, key, item);
	else
		done = cJSON_AddItemToObject(container, key, item);
	if (!done) {
		cJSON_Delete(item);
		return NULL;
	}
	return json_of(item);
}

struct json *json_put_object(struct json *parent, const char *key)
{
	return put(parent, key, cJSON_CreateObject());
}

struct json *json_put_array(struct json *parent, const char *key)
{
	return put(parent, key, cJSON_CreateArray());
}

struct json *json_put_string_value(struct json *parent, const char *key, const char *text)
{
	return put(parent, key, cJSON_CreateString(text));
}

struct json *json_put_number(struct json *parent, const char *key, const char *number)
{
	return put(parent, key, cJSON_CreateRaw(number));
}

struct json *json_put_int64(struct json *parent, const char *key, int64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, number);
	return json_put_number(parent, key, text);
}

struct json *json_put_bool(struct json *parent, const char *key, int truth)
{
	return put(parent, key, cJSON_CreateBool(truth));
}

struct json *json_put_copy(struct json *parent, const char *key, const struct json *value)
{
	return put(parent, key, cJSON_Duplicate(tree(value), 1));
}

void json_remove(struct json *object, const char *key)
{
	cJSON_DeleteItemFromObjectCaseSensitive(tree(object), key);
}

int json_print(struct buf *out, const struct json *value)
{
	char *text = cJSON_PrintUnformatted(tree(value));
	int result;

	if (text == NULL) {
		out->failed = 1;
		return -1;
	}
	result = buf_puts(out, text);
	cJSON_free(text);
	return result;
}
