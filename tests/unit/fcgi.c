#include "l2-line/fcgi.h"

#include "check.h"

static struct buf stream, out;

static void put(unsigned type, unsigned id, const char *content, size_t length, unsigned padding)
{
	const char header[8] = {1,
				(char)type,
				(char)(id >> 8),
				(char)id,
				(char)(length >> 8),
				(char)length,
				(char)padding,
				0};

	buf_put(&stream, header, sizeof header);
	buf_put(&stream, content, length);
	for (unsigned i = 0; i < padding; i++)
		buf_byte(&stream, 'p');
}

#define BEGIN(id, role, flags) put(1, id, (char[]){0, role, flags, 0, 0, 0, 0, 0}, 8, 0)
#define PARAMS(id, text, padding) put(4, id, text, sizeof text - 1, padding)
#define STDIN(id, text) put(5, id, text, sizeof text - 1, 3)

/* Feed the stream in pieces of this size. Describes what happens: '.' a request with its first
 * parameter, '!' for bad. */
static void feed(size_t piece, struct buf *story)
{
	struct fcgi f = {0};
	struct slice rest = buf_view(&stream);

	buf_clear(&out);
	buf_clear(story);
	while (rest.len > 0) {
		struct slice some = {rest.at, piece < rest.len ? piece : rest.len};

		while (some.len > 0) {
			struct slice params, name, value;
			size_t used;
			enum fcgi_event event = fcgi_take(&f, some, &used, &out);

			some = (struct slice){some.at + used, some.len - used};
			rest = (struct slice){rest.at + used, rest.len - used};
			if (event == FCGI_BAD) {
				buf_byte(story, '!');
				fcgi_free(&f);
				return;
			}
			if (event == FCGI_MORE)
				continue;
			params = buf_view(&f.params);
			buf_printf(story, "%u", f.request);
			while (fcgi_param(&params, &name, &value) > 0)
				buf_printf(story, " %.*s=%.*s", SLICE_ARG(name), SLICE_ARG(value));
			buf_puts(story, f.keep ? "+." : ".");
			fcgi_put_answer(&f, slice_of("Status: 200 OK\r\n\r\nx"), &out);
		}
	}
	fcgi_free(&f);
}

/* The stream gives this story and so many bytes, whatever the pieces. */
static void check_story(const char *expected, size_t answered, const char *what)
{
	struct buf story = {0};
	size_t wrong = 0;

	for (size_t piece = 1; piece <= stream.len; piece++) {
		feed(piece, &story);
		if (!slice_is(buf_view(&story), expected) || out.len != answered) {
			if (wrong++ == 0)
				printf("# pieces of %zu: \"%s\", %zu bytes\n", piece,
				       buf_text(&story), out.len);
		}
	}
	CHECK(wrong == 0, "%s, in pieces of every size", what);
	buf_clear(&stream);
	buf_free(&story);
}

enum { ANSWER = 8 + 24 + 8 + 16, END = 16 };

static void requests(void)
{
	BEGIN(1, 1, 1);
	PARAMS(1, "\1\2a12\1\0b", 0);
	put(4, 1, "", 0, 0);
	STDIN(1, "");
	check_story("1 a=12 b=+.", ANSWER, "a request");

	for (int i = 0; i < 3; i++) {
		BEGIN(0x1234, 1, 0);
		PARAMS(0x1234, "\1", 5);
		PARAMS(0x1234, "\200", 0);
		PARAMS(0x1234, "\0\0\2a12", 255);
		put(4, 0x1234, "", 0, 7);
		STDIN(0x1234, "some of a body");
		STDIN(0x1234, "");
	}
	check_story("4660 a=12.4660 a=12.4660 a=12.", 3 * (ANSWER),
		    "three with a body, parameters in parts");

	BEGIN(1, 1, 1);
	PARAMS(1, "\1\1ab", 0);
	put(2, 1, "", 0, 0);
	BEGIN(1, 1, 1);
	PARAMS(1, "\1\1cd", 0);
	put(4, 1, "", 0, 0);
	STDIN(1, "");
	check_story("1 c=d+.", END + ANSWER, "one that is taken back, and another");

	BEGIN(1, 1, 1);
	BEGIN(2, 1, 1);
	PARAMS(2, "\1\1ab", 0);
	put(4, 2, "", 0, 0);
	STDIN(2, "");
	put(4, 1, "", 0, 0);
	STDIN(1, "");
	check_story("1+.", END + ANSWER, "a second one at once is refused");

	BEGIN(1, 2, 1);
	PARAMS(1, "\1\1ab", 0);
	put(4, 1, "", 0, 0);
	STDIN(1, "");
	check_story("", END, "another role is refused");

	put(9, 0, "\17\0FCGI_MPXS_CONNS\16\0FCGI_MAX_CONNS", 33, 0);
	put(77, 0, "what", 4, 0);
	put(8, 1, "data", 4, 0);
	check_story("", 8 + 24 + 16, "management records");

	STDIN(1, "stray");
	STDIN(1, "");
	put(4, 1, "\1\1ab", 4, 0);
	put(2, 1, "", 0, 0);
	check_story("", 0, "strays");
}

static void bad(void)
{
	static char large[65535];
	struct slice params, name, value;

	buf_puts(&stream, "GET / HTTP/1.1\r\n\r\n");
	check_story("!", 0, "HTTP");
	put(1, 1, "\0\1\0\0\0\0\0", 7, 0);
	check_story("!", 0, "a begin that is too short");
	put(1, 0, "\0\1\0\0\0\0\0\0", 8, 0);
	check_story("!", 0, "a request without a number");
	BEGIN(1, 1, 1);
	put(4, 1, large, sizeof large, 0);
	put(4, 1, large, sizeof large, 0);
	{
		struct buf story = {0};

		feed(1000, &story);
		CHECK(slice_is(buf_view(&story), "!"), "parameters without an end");
		buf_free(&story);
		buf_clear(&stream);
	}

#define MALFORMED(bytes) \
	(params = (struct slice){bytes, sizeof bytes - 1}, fcgi_param(&params, &name, &value) == -1)
	CHECK(MALFORMED("\1") && MALFORMED("\1\1a") && MALFORMED("\200\0\0") &&
		      MALFORMED("\1\377\377\377\377a") &&
		      MALFORMED("\377\377\377\377\377\377\377\377"),
	      "lengths that lie");
}

static void large_answer(void)
{
	struct fcgi f = {.request = 1};
	struct buf response = {0};
	size_t at = 0, content = 0;

	for (int i = 0; i < 200000; i++)
		buf_byte(&response, 'x');
	buf_clear(&out);
	fcgi_put_answer(&f, buf_view(&response), &out);
	while (at < out.len) {
		const unsigned char *h = (const unsigned char *)out.at + at;
		size_t length = (size_t)h[4] << 8 | h[5];

		content += h[1] == 6 ? length : 0;
		at += 8 + length + h[6];
	}
	CHECK(at == out.len && content == response.len && f.request == 0,
	      "an answer of many records");
	buf_free(&response);
}

int main(void)
{
	requests();
	bad();
	large_answer();
	buf_free(&stream);
	buf_free(&out);
	return check_done();
}
