/* XML of services: events, and what is refused. */
#include "l1-value/xmltext.h"

#include "check.h"

/* "<a" for an element, "a>" for its end, its text between bars; "!" for an error. */
static void events(struct slice document, struct buf *out)
{
	struct xmltext x = {0};
	struct err err;
	int event;

	buf_clear(out);
	xmltext_begin(&x, document);
	while ((event = xmltext_next(&x, &err)) > 0) {
		if (event == XMLTEXT_OPEN)
			buf_printf(out, "<%.*s ", SLICE_ARG(x.name));
		else if (event == XMLTEXT_CLOSE)
			buf_printf(out, "%.*s> ", SLICE_ARG(x.name));
		else
			buf_printf(out, "|%.*s| ", SLICE_ARG(x.text));
	}
	if (event < 0)
		buf_puts(out, "!");
	xmltext_free(&x);
}

static const char *const documents[][2] = {
	{"<a/>", "<a a> "},
	{"<a><b>x</b><c/></a>", "<a <b |x| b> <c c> a> "},
	{"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<a x='>' y=\"/>\">t</a>\n", "<a |t| a> "},
	{"<a>&lt;&amp;&gt;&quot;&apos;&#233;&#xE9;&#x1F600;</a>",
	 "<a |<&>\"'\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80| a> "},
	{"<a>1<!-- <b> -->2</a>", "<a |1| |2| a> "},
	{"<a><![CDATA[<b>&amp;]]></a>", "<a |<b>&amp;| a> "},
	{"<a  ></a >", "<a a> "},
	{"<ns:a xmlns:ns=\"x\"/>", "<ns:a ns:a> "},
	{"", "!"},
	{"x", "!"},
	{"<a>", "<a !"},
	{"<a></b>", "<a !"},
	{"<a/><b/>", "<a a> !"},
	{"<a>&b;</a>", "<a !"},
	{"<a>&#0;</a>", "<a !"},
	{"<a>&#xD800;</a>", "<a !"},
	{"<a>&#99999999999;</a>", "<a !"},
	{"<a>&lt", "<a !"},
	{"<!DOCTYPE a [<!ENTITY b \"c\">]><a/>", "!"},
	{"<a b=\"", "!"},
	{"<a", "!"},
	{"<a><!-- ", "<a !"},
};

static void test_find(void)
{
	static const char document[] = "<E><Code>outer</Code><Error><Code>A&amp;B</Code><M/>"
				       "</Error><Error><Code>second</Code></Error></E>";
	static const struct {
		const char *path, *text;
		int found;
	} of[] = {{"E/Code", "outer", 1},   {"E/Error/Code", "A&B", 1}, {"*/Error/Code", "A&B", 1},
		  {"*/*/Code", "A&B", 1},   {"E/Error/M", "", 1},       {"Error/Code", "", 0},
		  {"E/Error/Code/X", "", 0}};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		buf_clear(&out);
		CHECK(xmltext_find(slice_of(document), of[i].path, &out) == of[i].found &&
			      slice_is(buf_view(&out), of[i].text),
		      "find %s", of[i].path);
	}
	buf_clear(&out);
	CHECK(xmltext_find(slice_of("<a><b>"), "a/c", &out) == -1, "no XML is no answer");
	buf_free(&out);
}

static void test_depth(void)
{
	struct buf deep = {0}, out = {0};

	for (int i = 0; i < XMLTEXT_DEPTH_MAX; i++)
		buf_puts(&deep, "<a>");
	for (int i = 0; i < XMLTEXT_DEPTH_MAX; i++)
		buf_puts(&deep, "</a>");
	events(buf_view(&deep), &out);
	CHECK(out.at[out.len - 1] != '!', "as many levels as there may be");
	buf_clear(&deep);
	for (int i = 0; i <= XMLTEXT_DEPTH_MAX; i++)
		buf_puts(&deep, "<a>");
	events(buf_view(&deep), &out);
	CHECK(out.at[out.len - 1] == '!', "one more is refused");
	buf_free(&deep);
	buf_free(&out);
}

int main(void)
{
	struct buf out = {0};

	for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
		events(slice_of(documents[i][0]), &out);
		CHECK(slice_is(buf_view(&out), documents[i][1]), "document %zu: %s", i,
		      documents[i][1]);
	}
	buf_free(&out);
	test_find();
	test_depth();
	return check_done();
}
