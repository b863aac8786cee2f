#include "l1-value/xmltext.h"

#include <stdint.h>
#include <stdlib.h>

void xmltext_begin(struct xmltext *x, struct slice document)
{
	struct buf resolved = x->resolved;

	*x = (struct xmltext){.start = document.at,
			      .at = document.at,
			      .end = document.at + document.len,
			      .resolved = resolved};
}

void xmltext_free(struct xmltext *x)
{
	buf_free(&x->resolved);
	*x = (struct xmltext){0};
}

static int fail(const struct xmltext *x, const char *what, struct err *err)
{
	return err_at(err, (size_t)(x->at - x->start) + 1, "XML: %s", what);
}

static int begins(const struct xmltext *x, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(x->end - x->at) >= n && memcmp(x->at, text, n) == 0;
}

/* Go behind the next `text`. Returns where it begins, or NULL. */
static const char *skip_to(struct xmltext *x, const char *text)
{
	const char *found = NULL;

	if (x->at < x->end)
		found = memmem(x->at, (size_t)(x->end - x->at), text, strlen(text));
	if (found != NULL)
		x->at = found + strlen(text);
	return found;
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void put_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_byte(out, (char)c);
	} else if (c < 0x800) {
		buf_byte(out, (char)(0xc0 | c >> 6));
		buf_byte(out, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		buf_byte(out, (char)(0xe0 | c >> 12));
		buf_byte(out, (char)(0x80 | (c >> 6 & 63)));
		buf_byte(out, (char)(0x80 | (c & 63)));
	} else {
		buf_byte(out, (char)(0xf0 | c >> 18));
		buf_byte(out, (char)(0x80 | (c >> 12 & 63)));
		buf_byte(out, (char)(0x80 | (c >> 6 & 63)));
		buf_byte(out, (char)(0x80 | (c & 63)));
	}
}

/* The number of "&#233;" or "&#xe9;" (XML 1.0, 4.1), given what stands between "&#" and ";";
 * 0 when it is none. */
static uint32_t character(struct slice digits)
{
	unsigned base = 10;
	uint32_t c = 0;

	if (digits.len > 0 && digits.at[0] == 'x') {
		base = 16;
		digits = (struct slice){digits.at + 1, digits.len - 1};
	}
	if (digits.len == 0 || digits.len > 8)
		return 0;
	for (size_t i = 0; i < digits.len; i++) {
		char d = digits.at[i];
		unsigned n = d >= '0' && d <= '9'   ? (unsigned)(d - '0')
			     : d >= 'a' && d <= 'f' ? (unsigned)(d - 'a' + 10)
			     : d >= 'A' && d <= 'F' ? (unsigned)(d - 'A' + 10)
						    : 16;

		if (n >= base)
			return 0;
		c = c * base + n;
		if (c > 0x10ffff)
			return 0;
	}
	return c >= 0xd800 && c < 0xe000 ? 0 : c;
}

static int reference(struct xmltext *x, struct err *err)
{
	static const struct {
		const char *name;
		char is;
	} known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
	const char *begin = x->at + 1;
	const char *semicolon = memchr(begin, ';', (size_t)(x->end - begin));
	struct slice name;
	uint32_t c;

	if (semicolon == NULL)
		return fail(x, "a reference without end", err);
	name = (struct slice){begin, (size_t)(semicolon - begin)};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (slice_is(name, known[i].name)) {
			buf_byte(&x->resolved, known[i].is);
			x->at = semicolon + 1;
			return 0;
		}
	}
	c = name.len > 1 && name.at[0] == '#' ? character((struct slice){name.at + 1, name.len - 1})
					      : 0;
	if (c == 0)
		return fail(x, "an unknown reference", err);
	put_utf8(&x->resolved, c);
	x->at = semicolon + 1;
	return 0;
}

static int text(struct xmltext *x, struct err *err)
{
	buf_clear(&x->resolved);
	while (x->at < x->end && *x->at != '<') {
		if (*x->at != '&')
			buf_byte(&x->resolved, *x->at++);
		else if (reference(x, err) != 0)
			return -1;
	}
	if (x->resolved.failed)
		return err_memory(err);
	x->text = buf_view(&x->resolved);
	return XMLTEXT_TEXT;
}

static struct slice name_at(struct xmltext *x)
{
	const char *begin = x->at;

	while (x->at < x->end && !is_space(*x->at) && *x->at != '>' && *x->at != '/' &&
	       *x->at != '<' && *x->at != '=')
		x->at++;
	return (struct slice){begin, (size_t)(x->at - begin)};
}

static int close_element(struct xmltext *x, struct err *err)
{
	x->at += 2;
	x->name = name_at(x);
	while (x->at < x->end && is_space(*x->at))
		x->at++;
	if (x->at == x->end || *x->at != '>')
		return fail(x, "an end tag without end", err);
	if (x->depth == 0 || !slice_equal(x->name, x->open[x->depth - 1]))
		return fail(x, "an end tag of another element", err);
	x->at++;
	x->depth--;
	return XMLTEXT_CLOSE;
}

/* Attributes are passed over; a '>' may stand in their quotes. */
static int open_element(struct xmltext *x, struct err *err)
{
	x->at++;
	x->name = name_at(x);
	if (x->name.len == 0)
		return fail(x, "a tag without name", err);
	if (x->depth == 0 && x->seen)
		return fail(x, "a second root", err);
	if (x->depth == XMLTEXT_DEPTH_MAX)
		return fail(x, "too many levels", err);
	while (x->at < x->end && *x->at != '>' && *x->at != '<') {
		const char *quote = x->at++;

		if (*quote != '"' && *quote != '\'')
			continue;
		quote = memchr(x->at, *quote, (size_t)(x->end - x->at));
		if (quote == NULL)
			return fail(x, "an attribute without end", err);
		x->at = quote + 1;
	}
	if (x->at == x->end || *x->at == '<')
		return fail(x, "a tag without end", err);
	x->closing = x->at[-1] == '/';
	x->at++;
	x->seen = 1;
	x->open[x->depth++] = x->name;
	return XMLTEXT_OPEN;
}

/* What begins with "<?" or "<!": returns 1 when it was passed over, an event, or -1. */
static int other(struct xmltext *x, int *event, struct err *err)
{
	const char *begin, *end;

	if (begins(x, "<!--")) {
		x->at += 4;
		return skip_to(x, "-->") != NULL ? 1 : fail(x, "a comment without end", err);
	}
	if (begins(x, "<?"))
		return skip_to(x, "?>") != NULL ? 1 : fail(x, "an instruction without end", err);
	if (!begins(x, "<![CDATA[") || x->depth == 0)
		return fail(x, "a declaration of a document type", err);
	begin = x->at += 9;
	end = skip_to(x, "]]>");
	if (end == NULL)
		return fail(x, "a CDATA section without end", err);
	x->text = (struct slice){begin, (size_t)(end - begin)};
	*event = XMLTEXT_TEXT;
	return 0;
}

int xmltext_next(struct xmltext *x, struct err *err)
{
	int event = XMLTEXT_END;

	if (x->closing) { /* <name/> */
		x->closing = 0;
		x->name = x->open[--x->depth];
		return XMLTEXT_CLOSE;
	}
	while (x->at < x->end) {
		int skipped;

		if (*x->at != '<') {
			if (x->depth > 0)
				return text(x, err);
			/* A byte order mark is no text. */
			if (x->at == x->start && begins(x, "\xef\xbb\xbf"))
				x->at += 3;
			else if (is_space(*x->at))
				x->at++;
			else
				return fail(x, "text outside of the root", err);
			continue;
		}
		if (begins(x, "</"))
			return close_element(x, err);
		if (!begins(x, "<?") && !begins(x, "<!"))
			return open_element(x, err);
		skipped = other(x, &event, err);
		if (skipped <= 0)
			return skipped < 0 ? -1 : event;
	}
	if (x->depth > 0 || !x->seen)
		return fail(x, "the document ends too early", err);
	return XMLTEXT_END;
}

/* How many leading parts of the path the open elements are, all of them being so. */
static int on_path(const struct xmltext *x, const char *path)
{
	for (unsigned i = 0; i < x->depth; i++) {
		struct slice part = {path, strcspn(path, "/")};

		if (part.len == 0 || (!slice_is(part, "*") && !slice_equal(part, x->open[i])))
			return 0;
		path += part.len + (path[part.len] == '/');
	}
	return *path == '\0';
}

int xmltext_find(struct slice document, const char *path, struct buf *out)
{
	struct xmltext x = {0};
	struct err ignored;
	int event, found = 0;

	xmltext_begin(&x, document);
	while ((event = xmltext_next(&x, &ignored)) > 0) {
		if (event == XMLTEXT_OPEN && on_path(&x, path))
			found = 1;
		else if (event == XMLTEXT_TEXT && on_path(&x, path))
			buf_slice(out, x.text);
		else if (event == XMLTEXT_CLOSE && found)
			break; /* of the element itself, or of one within it */
	}
	xmltext_free(&x);
	return event < 0 || out->failed ? -1 : found;
}
