/* Input: any bytes. What is read as a manifest is printed, and read again, as the same bytes; and
 * as a layout, with any value: the path stays beneath the layout and has as many parts. */
#include <stdint.h>
#include <stdlib.h>

#include "l0-base/utf8.h"
#include "l1-value/layout.h"
#include "l3-stream/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

static void manifests(struct slice text)
{
	static struct zone *zone;
	static struct buf first, second;
	struct manifest m;
	struct err err;

	if (zone == NULL)
		zone = zone_new();
	if (manifest_parse(text, zone, &m, &err) != 0)
		return;
	buf_clear(&first);
	buf_clear(&second);
	demand(manifest_print(&m, &first, &err) == 0);
	for (size_t i = 0; i < m.count; i++)
		demand(strchr(m.objects[i].name, '/') == NULL && m.objects[i].name[0] != '.');
	manifest_free(&m);
	demand(manifest_parse(buf_view(&first), zone, &m, &err) == 0);
	demand(manifest_print(&m, &second, &err) == 0);
	manifest_free(&m);
	demand(slice_equal(buf_view(&first), buf_view(&second)));
}

static size_t slashes(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.at[i] == '/';
	return n;
}

/* The layout ends at the first newline; the rest is a value. */
static void layouts(struct slice text)
{
	const char *end = memchr(text.at, '\n', text.len);
	struct slice values[LAYOUT_FIELDS_MAX], value;
	struct buf path = {0};
	struct layout *l;
	struct err err;
	char *copy;
	int field;

	if (end == NULL)
		return;
	value = (struct slice){end + 1, (size_t)(text.at + text.len - end - 1)};
	copy = strndup(text.at, (size_t)(end - text.at));
	if (utf8_valid(value) == value.len && layout_new(copy, &l, &err) == 0) {
		for (size_t i = 0; i < LAYOUT_FIELDS_MAX; i++)
			values[i] = value;
		if (layout_put_path(l, values, 1700000000, &path, &field, &err) == 0) {
			/* A field's name in the layout may hold a slash, its value adds none. */
			demand(slashes(buf_view(&path)) <= slashes(slice_of(copy)));
			demand(path.at[0] != '/' && path.at[0] != '.' && path.at[0] != '_');
			demand(strstr(buf_text(&path), "/.") == NULL);
			demand(strstr(buf_text(&path), "//") == NULL);
		}
		layout_free(l);
	}
	free(copy);
	buf_free(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};

	if (size == 0)
		return 0;
	manifests(text);
	layouts(text);
	return 0;
}
