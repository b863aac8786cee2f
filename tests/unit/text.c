#include "l1-value/text.h"

#include <stdlib.h>

#include "check.h"
#include "edge.h"

static const char *json(struct buf *b, struct slice s)
{
	buf_clear(b);
	return json_put_string(b, s) == 0 ? buf_text(b) : "(failed)";
}

static void check_json(void)
{
	static const char *const cases[][2] = {
		{"", "\"\""},
		{"85123A", "\"85123A\""},
		{"say \"hi\"", "\"say \\\"hi\\\"\""},
		{"C:\\temp", "\"C:\\\\temp\""},
		{"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
		{"\x01\x0b\x1f", "\"\\u0001\\u000b\\u001f\""},
		{"\x7f", "\"\x7f\""}, /* DEL needs no escape, nor does '/' */
		{"</script>", "\"</script>\""},
		{"Mart\xc3\xadnez \xe2\x82\xac \xf0\x9f\x98\x80",
		 "\"Mart\xc3\xadnez \xe2\x82\xac \xf0\x9f\x98\x80\""},
		{"\xe2\x80\xa8", "\"\xe2\x80\xa8\""},
	};
	struct buf b = {0};
	int right = 1;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		CHECK(strcmp(json(&b, edge_end(slice_of(cases[i][0]))), cases[i][1]) == 0,
		      "JSON string %zu", i + 1);
	CHECK(strcmp(json(&b, (struct slice){"a\0b", 3}), "\"a\\u0000b\"") == 0,
	      "U+0000 is escaped");

	/* each byte that must be escaped, at each place of a text of each length up to 40 */
	for (size_t len = 1; len <= 40; len++) {
		for (size_t place = 0; place < len; place++) {
			for (int c = 1; c < 0x80; c++) {
				char text[64], expected[64];
				int n;

				memset(text, '~', len);
				text[place] = (char)c;
				n = snprintf(expected, sizeof expected, "\"%.*s", (int)place, text);
				if (c == '"' || c == '\\')
					n += snprintf(expected + n, 8, "\\%c", c);
				else if (c == '\b' || (c >= '\t' && c <= '\r' && c != '\v'))
					n += snprintf(expected + n, 8, "\\%c", "btn?fr"[c - '\b']);
				else if (c < 0x20)
					n += snprintf(expected + n, 8, "\\u%04x", (unsigned)c);
				else
					n += snprintf(expected + n, 8, "%c", c);
				snprintf(expected + n, sizeof expected - (size_t)n, "%.*s\"",
					 (int)(len - place - 1), text + place + 1);
				struct slice s = edge_end((struct slice){text, len});

				if (strcmp(json(&b, s), expected) != 0) {
					printf("# byte %02x at %zu of %zu\n", (unsigned)c, place,
					       len);
					right = 0;
				}
			}
		}
	}
	CHECK(right, "every ASCII character at every place");

	buf_clear(&b);
	buf_puts(&b, "{\"producto\":");
	json_put_string(&b, slice_of("x\ny"));
	CHECK(strcmp(buf_text(&b), "{\"producto\":\"x\\ny\"") == 0, "it is appended");
	buf_free(&b);
}

static void check_ids(void)
{
	static const char *const cases[][2] = {
		{"17850", "17850"},
		{"85123A", "85123A"},
		{"", ""},
		{"a#b", "a%23b"},
		{"100%", "100%25"},
		{"%23", "%2523"},
		{"*", "%2A"},
		{"a b/c", "a b/c"},
		{"line\nfeed\x1f\x7f", "line%0Afeed%1F%7F"},
		{"ma\xc3\xb1"
		 "ana",
		 "ma\xc3\xb1"
		 "ana"},
	};
	static const char *const forged[] = {
		"a#b", "*",    "%",    "%2",  "%2a", "%2x", "%%",  "%25%",  "a%4", "%41",   "%20",
		"%C3", "a\nb", "\x7f", "a%2", "%+1", "% 1", "%0x", "x%2\n", "%80", "17850#"};
	struct buf b = {0}, back = {0};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		buf_clear(&b);
		buf_clear(&back);
		CHECK(id_put_part(&b, slice_of(cases[i][0])) == 0 &&
			      strcmp(buf_text(&b), cases[i][1]) == 0 &&
			      id_get_part(&back, buf_view(&b)) == 0 &&
			      strcmp(buf_text(&back), cases[i][0]) == 0,
		      "part %zu of an id is %s, and comes back", i + 1, cases[i][1]);
	}
	for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
		buf_clear(&b);
		buf_puts(&b, "kept");
		CHECK(id_get_part(&b, edge_end(slice_of(forged[i]))) == -1 && !b.failed &&
			      strcmp(buf_text(&b), "kept") == 0,
		      "forged part %zu is refused, nothing appended", i + 1);
	}

	char all[256];
	int right = 1;

	for (int c = 0; c < 256; c++)
		all[c] = (char)c;
	buf_clear(&b);
	buf_clear(&back);
	right = id_put_part(&b, (struct slice){all, 256}) == 0 &&
		id_get_part(&back, buf_view(&b)) == 0 &&
		slice_equal(buf_view(&back), (struct slice){all, 256});
	CHECK(right, "all bytes come back");
	CHECK(memchr(b.at, '#', b.len) == NULL && memchr(b.at, '*', b.len) == NULL &&
		      memchr(b.at, '\n', b.len) == NULL,
	      "and no separator is among what was written");
	CHECK(id_put_part(&b, (struct slice){NULL, 0}) == 0 &&
		      id_get_part(&b, (struct slice){NULL, 0}) == 0,
	      "an empty part");
	buf_free(&b);
	buf_free(&back);
}

int main(void)
{
	check_json();
	check_ids();
	return check_done();
}
