#include "l2-line/template.h"

#include "check.h"

static struct err err;

static const char *refused(const char *text)
{
	struct template *t;

	err.message[0] = '\0';
	if (template_new(text, &t, &err) == 0) {
		template_free(t);
		return "";
	}
	return err.status == ERR_USAGE ? err.message : "another status";
}

/* "FIELD|FIELD|: TEXT" for these values. */
static const char *made(const char *text, const char *first, const char *second)
{
	static struct buf out;
	struct slice values[TEMPLATE_FIELDS_MAX] = {slice_of(first), slice_of(second)};
	struct template *t;

	buf_clear(&out);
	if (template_new(text, &t, &err) != 0)
		return err.message;
	for (size_t i = 0; i < template_field_count(t); i++)
		buf_printf(&out, "%s|", template_field(t, i));
	buf_puts(&out, ": ");
	CHECK(template_put(t, values, &out) == 0, "%s", text);
	template_free(t);
	return buf_text(&out);
}

#define IS(call, expected)                                               \
	do {                                                             \
		const char *got = call;                                  \
		CHECK(strcmp(got, expected) == 0, "%s: %s", #call, got); \
	} while (0)

static void parsing(void)
{
	IS(refused(""), "which field? a name is empty");
	IS(refused("a,"), "which field? a name is empty");
	IS(refused(",a"), "which field? a name is empty");
	IS(refused("{}"), "which field? a name is empty");
	IS(refused("x{{y}}"), "names no field");
	IS(refused("{a"), "\"{\" without its \"}\"");
	IS(refused("a}"), "\"}\" without its \"{\"");
	IS(refused("{a}}"), "\"}\" without its \"{\"");
	IS(refused("{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}"), "");
	IS(refused("{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}{q}"), "more than 16 fields");
}

static void lists(void)
{
	IS(made("a", "1#2%*", ""), "a|: 1#2%*");
	IS(made("a", "", ""), "a|: ");
	IS(made("a,g.p", "1#2", "x"), "a|g.p|: 1%232#x");
	IS(made("a,a", "1", ""), "a|: 1#1");
	IS(made("a\\,b,c", "1", "2"), "a,b|c|: 1#2");
	IS(made("g\\.p", "1", "2"), "g\\.p|: 1");
}

static void templates(void)
{
	IS(made("{a}", "1#2%*", ""), "a|: 1#2%*");
	IS(made("{cliente_id}#{producto}", "17850", "85#123%A*"),
	   "cliente_id|producto|: 17850#85%23123%25A%2A");
	IS(made("{b}-{a}-{b}", "1", "2"), "b|a|: 1-2-1");
	IS(made("v1/{a}", "1#2", ""), "a|: v1/1%232");
	IS(made("{a}{b}", "1", "2"), "a|b|: 12");
	IS(made("{{{a}}}, {b c}", "1", "2"), "a|b c|: {1}, 2");
	IS(made("{a,b}", "1", ""), "a,b|: 1");
}

int main(void)
{
	parsing();
	lists();
	templates();
	return check_done();
}
