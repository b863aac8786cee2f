/* JSON documents: taken when the scanner takes the text and no string holds a \u0000; printed, they
 * are the same document, and stay so. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l2-line/json.h"
#include "l2-line/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

/* Every way to look at a value, all the way down. */
static size_t look(const struct json *value)
{
	size_t seen = 1, count = json_count(value);
	int64_t n;

	if (json_number(value) != NULL) {
		struct err err;

		demand(scan_check(slice_of(json_number(value)), &err) == 0);
		if (json_int64(value, &n) == 0) {
			char text[24];

			snprintf(text, sizeof text, "%" PRId64, n);
			demand(strcmp(text, json_number(value)) == 0 ||
			       strcmp(json_number(value), "-0") == 0);
		}
	}
	if (json_string(value) != NULL)
		demand(json_number(value) == NULL && json_bool(value) == -1 && count == 0);
	for (size_t i = 0; i < count && i < 50; i++) {
		const struct json *item = json_item(value, i);
		const char *key = json_key(item);

		demand(item != NULL);
		if (key != NULL && strlen(key) > 0)
			demand(json_get(value, key) == item);
		seen += look(item);
	}
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct err err, check;
	struct json *j = json_parse(text, &err), *again;
	struct buf once = {0}, twice = {0};
	int valid = scan_check(text, &check) == 0;

	if (j == NULL) {
		demand(err.status == ERR_DATA && err.byte >= 1 && err.byte <= size + 1);
		if (valid)
			demand(strcmp(err.message, "\\u0000 in a string") == 0);
		return 0;
	}
	demand(valid && look(j) > 0);
	demand(json_print(&once, j) == 0 && scan_check(buf_view(&once), &check) == 0);
	again = json_parse(buf_view(&once), &err);
	demand(again != NULL && json_print(&twice, again) == 0);
	demand(slice_equal(buf_view(&once), buf_view(&twice)));
	json_free(again);
	again = json_put_copy(NULL, NULL, j);
	buf_clear(&twice);
	demand(again != NULL && json_print(&twice, again) == 0);
	demand(slice_equal(buf_view(&once), buf_view(&twice)));
	json_free(again);
	json_free(j);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
