/* Input: any bytes. A JSON string keeps every character and lets nothing through that would end it;
 * parts of an id come back, and have one encoding only.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "l0-base/utf8.h"
#include "l1-value/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

/* Undo the escapes, the simplest way there is. */
static void unescape(struct slice json, struct buf *out)
{
	demand(json.len >= 2 && json.at[0] == '"' && json.at[json.len - 1] == '"');
	for (size_t i = 1; i < json.len - 1; i++) {
		unsigned char c = (unsigned char)json.at[i];
		const char *known;
		unsigned value;

		demand(c >= 0x20 && c != '"');
		if (c == '\\') {
			demand(++i < json.len - 1);
			if (json.at[i] == 'u') {
				demand(i + 4 < json.len - 1);
				demand(sscanf(json.at + i + 1, "%4x", &value) == 1 && value < 0x20);
				i += 4;
				c = (unsigned char)value;
			} else {
				known = strchr("\"\\bfnrt", json.at[i]);
				demand(known != NULL);
				c = (unsigned char)"\"\\\b\f\n\r\t"[known - "\"\\bfnrt"];
			}
		}
		buf_byte(out, (char)c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf json, back;
	struct slice all = {(const char *)data, size}, text = all;

	text.len = utf8_valid(all);
	demand(text.len <= size && utf8_valid(text) == text.len);
	buf_clear(&json);
	buf_clear(&back);
	demand(json_put_string(&json, text) == 0);
	unescape(buf_view(&json), &back);
	demand(slice_equal(buf_view(&back), text));
	demand(utf8_valid(buf_view(&json)) == json.len);

	buf_clear(&json);
	buf_clear(&back);
	demand(id_put_part(&json, all) == 0 && memchr(json.at, '#', json.len) == NULL);
	demand(id_get_part(&back, buf_view(&json)) == 0 && slice_equal(buf_view(&back), all));

	buf_clear(&back);
	if (id_get_part(&back, all) == 0) {
		buf_clear(&json);
		demand(id_put_part(&json, buf_view(&back)) == 0);
		demand(slice_equal(buf_view(&json), all));
	}
	return 0;
}
