#include "l2-line/awsfile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "l0-base/file.h"
#include "l0-base/hash.h"

/* All point into the text. A section by itself has no key. */
struct entry {
	const char *section, *key, *sub, *value;
};

struct awsfile {
	struct buf text, names; /* names: "profile NAME" and its like, one behind the other */
	struct entry *entries;
	size_t count, size;
};

void awsfile_free(struct awsfile *f)
{
	if (f == NULL)
		return;
	hash_cleanse_buf(&f->text);
	buf_free(&f->names);
	free(f->entries);
	free(f);
}

static int add(struct awsfile *f, struct entry e, struct err *err)
{
	if (f->count == f->size) {
		size_t size = f->size == 0 ? 32 : 2 * f->size;
		struct entry *larger = realloc(f->entries, size * sizeof *larger);

		if (larger == NULL)
			return err_memory(err);
		f->entries = larger;
		f->size = size;
	}
	f->entries[f->count++] = e;
	return 0;
}

/* Cut white space off both ends, in place. */
static char *trimmed(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	n = strlen(text);
	while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL)
		text[--n] = '\0';
	return text;
}

/* "profile  NAME" as we call it; NULL out of memory. */
static const char *section_name(struct awsfile *f, char *inside, enum awsfile_kind kind)
{
	static const char *const kinds[] = {"profile", "services", "sso-session"};
	const char *type = "profile", *name = inside;
	size_t at = f->names.len;

	/* In config, what is neither [default] nor has a kind in front is no profile. */
	if (kind == AWSFILE_CONFIG && strcmp(inside, "default") != 0) {
		type = "";
		for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
			size_t n = strlen(kinds[i]);

			if (strncmp(inside, kinds[i], n) != 0 || strchr(" \t", inside[n]) == NULL ||
			    inside[n] == '\0')
				continue;
			type = kinds[i];
			inside = trimmed(inside + n);
			n = strlen(inside);
			if (n >= 2 && (inside[0] == '"' || inside[0] == '\'') &&
			    inside[n - 1] == inside[0]) {
				inside[n - 1] = '\0';
				inside++;
			}
			name = inside;
			break;
		}
	}
	buf_printf(&f->names, "%s %s", type, name);
	return buf_byte(&f->names, '\0') != 0 || f->names.failed ? NULL : f->names.at + at;
}

struct parsing {
	struct awsfile *f;
	const char *path, *section, *parent; /* parent: a key without value */
	enum awsfile_kind kind;
	unsigned line;
};

static int bad(const struct parsing *p, const char *what, struct err *err)
{
	return err_set(err, ERR_CONFIG, "%s:%u: %s", p->path, p->line, what);
}

static int parse_section(struct parsing *p, char *line, struct err *err)
{
	char *close = strrchr(line, ']');

	if (close == NULL)
		return bad(p, "no \"]\" behind a section's name", err);
	*close = '\0';
	p->parent = NULL;
	p->section = section_name(p->f, trimmed(line + 1), p->kind);
	if (p->section == NULL)
		return err_memory(err);
	return add(p->f, (struct entry){.section = p->section}, err);
}

static int parse_line(struct parsing *p, char *line, struct err *err)
{
	int indented = line[0] == ' ' || line[0] == '\t';
	char *key = trimmed(line), *equal;
	struct entry e = {.section = p->section};

	if (key[0] == '\0' || key[0] == '#' || key[0] == ';')
		return 0;
	if (key[0] == '[')
		return parse_section(p, key, err);
	if (p->section == NULL)
		return bad(p, "a setting before the first [section]", err);
	equal = strchr(key, '=');
	if (equal == NULL)
		return bad(p, "neither [section] nor key = value", err);
	*equal = '\0';
	key = trimmed(key);
	e.value = trimmed(equal + 1);
	if (indented && p->parent != NULL) {
		e.key = p->parent;
		e.sub = key;
	} else {
		e.key = key;
		p->parent = e.value[0] == '\0' ? key : NULL;
	}
	return add(p->f, e, err);
}

/* Names must not move as they grow, so there is room for all of them: "[a]" becomes "profile a". */
static int parse(struct awsfile *f, const char *path, enum awsfile_kind kind, struct err *err)
{
	struct parsing p = {.f = f, .path = path, .kind = kind};
	char *at = f->text.at, *end = at + f->text.len - 1;

	if (memchr(at, '\0', (size_t)(end - at)) != NULL)
		return err_set(err, ERR_CONFIG, "%s: a NUL byte", path);
	if (buf_room(&f->names, 8 * f->text.len) == NULL)
		return err_memory(err);
	while (at < end) {
		char *next = memchr(at, '\n', (size_t)(end - at));

		if (next == NULL)
			next = end;
		*next = '\0';
		p.line++;
		if (parse_line(&p, at, err) != 0)
			return -1;
		at = next + 1;
	}
	return 0;
}

static struct awsfile *parse_or_free(struct awsfile *f, const char *path, enum awsfile_kind kind,
				     struct err *err)
{
	if (buf_byte(&f->text, '\0') != 0) {
		err_memory(err);
	} else if (parse(f, path, kind, err) == 0) {
		return f;
	}
	awsfile_free(f);
	return NULL;
}

struct awsfile *awsfile_parse(const char *text, const char *path, enum awsfile_kind kind,
			      struct err *err)
{
	struct awsfile *f = calloc(1, sizeof *f);

	if (f == NULL || buf_puts(&f->text, text) != 0) {
		free(f);
		err_memory(err);
		return NULL;
	}
	return parse_or_free(f, path, kind, err);
}

struct awsfile *awsfile_read(const char *path, enum awsfile_kind kind, struct err *err)
{
	enum { LARGEST = 1 << 20, USUAL = 1 << 16 };
	struct awsfile *f = calloc(1, sizeof *f);

	/* Room from the start, so that nothing of it stays behind where the text grew. */
	if (f == NULL || buf_room(&f->text, USUAL) == NULL) {
		free(f);
		err_memory(err);
		return NULL;
	}
	if (file_read(path, LARGEST, &f->text, err) < 0) {
		if (err->status == ERR_DATA)
			err->status = ERR_CONFIG;
		awsfile_free(f);
		return NULL;
	}
	return parse_or_free(f, path, kind, err);
}

int awsfile_has(const struct awsfile *f, const char *section)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->entries[i].section, section) == 0)
			return 1;
	return 0;
}

const char *awsfile_get(const struct awsfile *f, const char *section, const char *key,
			const char *sub)
{
	for (size_t i = f->count; i-- > 0;) {
		const struct entry *e = &f->entries[i];

		if (e->key == NULL || strcmp(e->section, section) != 0 ||
		    strcasecmp(e->key, key) != 0 || (e->sub == NULL) != (sub == NULL) ||
		    (sub != NULL && strcasecmp(e->sub, sub) != 0))
			continue;
		return e->value[0] == '\0' ? NULL : e->value;
	}
	return NULL;
}
