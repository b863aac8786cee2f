#include "l1-value/layout.h"

#include <stdlib.h>

#include "check.h"
#include "l1-value/timestamp.h"

static struct err err;

static const char *refused(const char *text)
{
	struct layout *l;

	err.message[0] = '\0';
	if (layout_new(text, &l, &err) == 0) {
		layout_free(l);
		return "";
	}
	return err.status == ERR_USAGE ? err.message : "another status";
}

/* The path for these values and this local time, or what is wrong, behind "!FIELD ". */
static const char *path(const char *text, const struct slice *values, const char *time)
{
	static struct buf out;
	struct layout *l;
	struct zone *z = zone_new();
	struct timestamp t;
	int field;

	buf_clear(&out);
	if (layout_new(text, &l, &err) != 0 || timestamp_parse(z, slice_of(time), &t, &err) != 0)
		return err.message;
	if (layout_put_path(l, values, t.local, &out, &field, &err) != 0) {
		buf_clear(&out);
		buf_printf(&out, "!%d %s", field, err.message);
	}
	layout_free(l);
	zone_free(z);
	return buf_text(&out);
}

static const char *path_of(const char *value)
{
	struct slice values[] = {slice_of(value)};

	return path("{a}", values, "2024-03-21");
}

#define IS(call, expected)                                               \
	do {                                                             \
		const char *got = call;                                  \
		CHECK(strcmp(got, expected) == 0, "%s: %s", #call, got); \
	} while (0)

static void parsing(void)
{
	IS(refused(""), "empty");
	IS(refused("/a"), "a part of the path is empty");
	IS(refused("a//b"), "a part of the path is empty");
	IS(refused("a/"), "ends in \"/\"");
	IS(refused("a/../b"), "a part of the path begins with \".\": readers take it for hidden");
	IS(refused("_a"), "a part of the path begins with \"_\": readers take it for hidden");
	IS(refused("a{b"), "\"{\" without its \"}\"");
	IS(refused("a}b"), "\"}\" without its \"{\"");
	IS(refused("{}"), "{}: which field?");
	IS(refused("%q"), "%q: neither %Y %m %d %H %M %j %F nor %%");
	IS(refused("a%"), "%: neither %Y %m %d %H %M %j %F nor %%");
	IS(refused("a\nb"), "a control character");
	IS(refused("{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}{q}"), "more than 16 fields");
	IS(refused("{a}/{a.b}/x%%{{}}"), "");
}

static void times(void)
{
	IS(path("year=%Y/month=%m/day=%d", NULL, "2024-03-21T23:59:59"),
	   "year=2024/month=03/day=21");
	IS(path("%F/%j/%H-%M", NULL, "2024-12-31T07:08:09"), "2024-12-31/366/07-08");
	IS(path("%Y", NULL, "0001-01-01"), "0001");
	IS(path("%Y", NULL, "12024-01-01"), "!-2 a year without four digits");
	IS(path("%Y", NULL, "0044-03-15 00:00:00 BC"), "!-2 a year without four digits");
	IS(path("%d-%H", NULL, "1969-12-31T23:00:00"), "31-23");
	IS(path("x%%y{{z}}", NULL, "2024-03-21"), "x%y{z}");
}

static void values(void)
{
	struct slice two[] = {slice_of("b"), slice_of("a")}, nul[] = {{"a\0b", 3}};
	struct buf long_value = {0}, long_path = {0};

	IS(path("{x}/k={y}/{x}", two, "2024-03-21"), "b/k=a/b");
	IS(path_of("A-z_0.9~"), "A-z_0.9~");
	IS(path_of(".."), "%2E.");
	IS(path_of("."), "%2E");
	IS(path_of("_x"), "%5Fx");
	IS(path_of("../../etc"), "%2E.%2F..%2Fetc");
	IS(path_of("a=b/c"), "a%3Db%2Fc");
	IS(path_of("100% \"x\" + 'y'\\"), "100%25%20%22x%22%20%2B%20%27y%27%5C");
	IS(path_of("a\nb\x7f"), "a%0Ab%7F");
	IS(path_of("Ñandú 日"), "Ñandú%20日");
	IS(path_of(""), "!0 empty");
	IS(path("{a}", nul, "2024-03-21"), "a%00b");
	IS(path("k={a}", nul, "2024-03-21"), "k=a%00b");
	for (int i = 0; i < 255; i++)
		buf_byte(&long_value, 'x');
	IS(path_of(buf_text(&long_value)), buf_text(&long_value));
	buf_byte(&long_value, 'x');
	IS(path_of(buf_text(&long_value)),
	   "!-1 a part of the partition's path has more than 255 bytes");
	long_value.len -= 20;
	for (int i = 0; i < 3; i++)
		buf_puts(&long_path, "{a}/");
	buf_puts(&long_path, "x");
	two[0] = buf_view(&long_value);
	IS(path(buf_text(&long_path), two, "2024-03-21"),
	   "!-1 the partition's path has more than 700 bytes");
	buf_free(&long_value);
	buf_free(&long_path);
}

static void units(void)
{
	static const struct {
		const char *text;
		int64_t unit;
	} cases[] = {{"a", 0}, {"{a}", 0}, {"%Y", 86400}, {"%Y/%H", 3600}, {"%M/%F", 60}};
	struct layout *l;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		layout_new(cases[i].text, &l, &err);
		CHECK(layout_unit(l) == cases[i].unit, "the unit of %s", cases[i].text);
		layout_free(l);
	}
	layout_new("{a}/{b}/{a}", &l, &err);
	CHECK(layout_field_count(l) == 2 && strcmp(layout_field(l, 1), "b") == 0,
	      "each field once");
	layout_free(l);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	parsing();
	times();
	values();
	units();
	return check_done();
}
