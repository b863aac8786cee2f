#include "l1-value/layout.h"

#include <stdlib.h>

#include "l1-value/timestamp.h"

enum { SECONDS_OF_DAY = 86400 };

enum piece_kind { PIECE_TEXT, PIECE_FIELD, PIECE_TIME };

struct piece {
	enum piece_kind kind;
	size_t at, len; /* PIECE_TEXT: of texts */
	size_t field;   /* PIECE_FIELD */
	char letter;    /* PIECE_TIME */
};

struct layout {
	struct piece *pieces;
	size_t count;
	struct buf texts;
	char *fields[LAYOUT_FIELDS_MAX];
	size_t field_count;
	int64_t unit;
};

void layout_free(struct layout *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->field_count; i++)
		free(l->fields[i]);
	buf_free(&l->texts);
	free(l->pieces);
	free(l);
}

/* ---- parsing ---- */

static int add_text(struct layout *l, char c)
{
	if (l->count == 0 || l->pieces[l->count - 1].kind != PIECE_TEXT)
		l->pieces[l->count++] = (struct piece){.kind = PIECE_TEXT, .at = l->texts.len};
	l->pieces[l->count - 1].len++;
	return buf_byte(&l->texts, c);
}

static int add_field(struct layout *l, struct slice name, struct err *err)
{
	size_t i = 0;

	if (name.len == 0)
		return err_set(err, ERR_USAGE, "{}: which field?");
	while (i < l->field_count && !slice_is(name, l->fields[i]))
		i++;
	if (i == LAYOUT_FIELDS_MAX)
		return err_set(err, ERR_USAGE, "more than %d fields", LAYOUT_FIELDS_MAX);
	if (i == l->field_count) {
		l->fields[i] = strndup(name.at, name.len);
		if (l->fields[i] == NULL)
			return err_memory(err);
		l->field_count++;
	}
	l->pieces[l->count++] = (struct piece){.kind = PIECE_FIELD, .field = i};
	return 0;
}

static int add_time(struct layout *l, char letter, struct err *err)
{
	int64_t unit = letter == 'H' ? 3600 : letter == 'M' ? 60 : SECONDS_OF_DAY;

	if (letter == '\0' || strchr("YmdHMjF", letter) == NULL)
		return err_set(err, ERR_USAGE,
			       "%%%.1s: neither %%Y %%m %%d %%H %%M %%j %%F nor %%%%", &letter);
	if (l->unit == 0 || unit < l->unit)
		l->unit = unit;
	l->pieces[l->count++] = (struct piece){.kind = PIECE_TIME, .letter = letter};
	return 0;
}

static int parse(struct layout *l, const char *text, struct err *err)
{
	int first = 1; /* of a part */

	if (text[0] == '\0')
		return err_set(err, ERR_USAGE, "empty");
	for (const char *p = text; *p != '\0'; p++) {
		const char *end;

		if (first && (*p == '.' || *p == '_' || *p == '/'))
			return err_set(err, ERR_USAGE,
				       *p == '/' ? "a part of the path is empty"
						 : "a part of the path begins with \"%c\": readers "
						   "take it for hidden",
				       *p);
		first = *p == '/';
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(err, ERR_USAGE, "a control character");
		if ((*p == '{' || *p == '}' || *p == '%') && p[1] == *p) {
			if (add_text(l, *p++) != 0)
				return err_memory(err);
		} else if (*p == '{') {
			end = strchr(p, '}');
			if (end == NULL)
				return err_set(err, ERR_USAGE, "\"{\" without its \"}\"");
			if (add_field(l, (struct slice){p + 1, (size_t)(end - p - 1)}, err) != 0)
				return -1;
			p = end;
		} else if (*p == '}') {
			return err_set(err, ERR_USAGE, "\"}\" without its \"{\"");
		} else if (*p == '%') {
			if (add_time(l, *++p, err) != 0)
				return -1;
		} else if (add_text(l, *p) != 0) {
			return err_memory(err);
		}
	}
	return first ? err_set(err, ERR_USAGE, "ends in \"/\"") : 0;
}

int layout_new(const char *text, struct layout **out, struct err *err)
{
	struct layout *l = calloc(1, sizeof *l);

	*out = NULL;
	if (l == NULL)
		return err_memory(err);
	l->pieces = calloc(strlen(text) + 1, sizeof *l->pieces);
	if (l->pieces == NULL)
		err_memory(err);
	else if (parse(l, text, err) == 0)
		*out = l;
	if (*out == NULL)
		layout_free(l);
	return *out == NULL ? -1 : 0;
}

size_t layout_field_count(const struct layout *l)
{
	return l->field_count;
}

const char *layout_field(const struct layout *l, size_t i)
{
	return l->fields[i];
}

int64_t layout_unit(const struct layout *l)
{
	return l->unit;
}

/* ---- paths ---- */

static int stands_as_it_is(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.' || c == '~';
}

/* first: it stands at the beginning of a part. */
static void put_value(struct buf *out, struct slice value, int first)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.at[i];

		if (stands_as_it_is((unsigned char)c) &&
		    !(first && i == 0 && (c == '.' || c == '_')))
			buf_byte(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

/* A calendar day in pieces, of the years 0001 to 9999. */
struct day {
	char text[sizeof "YYYY-MM-DD"];
	int64_t number, of_year;
};

static int day_of(int64_t local, struct day *d, struct err *err)
{
	char first[] = "YYYY-01-01";
	struct buf text = {0};
	int fits;

	d->number = date_of(local);
	if (date_put(&text, d->number) != 0)
		return err_memory(err);
	fits = text.len == sizeof d->text - 1;
	if (fits)
		memcpy(d->text, text.at, text.len);
	d->text[sizeof d->text - 1] = '\0';
	buf_free(&text);
	if (!fits)
		return err_set(err, ERR_DATA, "a year without four digits");
	memcpy(first, d->text, 4);
	if (date_parse(slice_of(first), &d->of_year, err) != 0)
		return -1;
	d->of_year = d->number - d->of_year + 1;
	return 0;
}

static void put_time(struct buf *out, char letter, const struct day *d, int64_t local)
{
	int second = (int)(local - d->number * SECONDS_OF_DAY);

	switch (letter) {
	case 'Y':
		buf_put(out, d->text, 4);
		break;
	case 'm':
		buf_put(out, d->text + 5, 2);
		break;
	case 'd':
		buf_put(out, d->text + 8, 2);
		break;
	case 'F':
		buf_puts(out, d->text);
		break;
	case 'H':
		buf_printf(out, "%02d", second / 3600);
		break;
	case 'M':
		buf_printf(out, "%02d", second / 60 % 60);
		break;
	default: /* j */
		buf_printf(out, "%03d", (int)d->of_year);
	}
}

static int check_lengths(struct slice path, struct err *err)
{
	size_t part = 0;

	if (path.len > LAYOUT_PATH_MAX)
		return err_set(err, ERR_DATA, "the partition's path has more than %d bytes",
			       LAYOUT_PATH_MAX);
	for (size_t i = 0; i < path.len; i++) {
		part = path.at[i] == '/' ? 0 : part + 1;
		if (part > LAYOUT_PART_MAX)
			return err_set(err, ERR_DATA,
				       "a part of the partition's path has more than %d bytes",
				       LAYOUT_PART_MAX);
	}
	return 0;
}

int layout_put_path(const struct layout *l, const struct slice *values, int64_t local,
		    struct buf *out, int *field, struct err *err)
{
	size_t start = out->len;
	struct day day = {0};

	*field = LAYOUT_TIME;
	if (l->unit > 0 && day_of(local, &day, err) != 0)
		return -1;
	*field = LAYOUT_WHOLE;
	for (size_t i = 0; i < l->count; i++) {
		const struct piece *p = &l->pieces[i];
		int first = out->len == start || out->at[out->len - 1] == '/';

		switch (p->kind) {
		case PIECE_TEXT:
			buf_put(out, l->texts.at + p->at, p->len);
			break;
		case PIECE_TIME:
			put_time(out, p->letter, &day, local);
			break;
		default:
			if (values[p->field].len == 0) {
				*field = (int)p->field;
				return err_set(err, ERR_DATA, "empty");
			}
			put_value(out, values[p->field], first);
		}
		/* A value of megabytes need not be encoded whole to be refused. */
		if (out->len - start > LAYOUT_PATH_MAX)
			break;
	}
	if (out->failed)
		return err_memory(err);
	return check_lengths((struct slice){out->at + start, out->len - start}, err);
}
