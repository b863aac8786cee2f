#include "l3-stream/report.h"

#include <stdint.h>
#include <stdlib.h>

#include "l1-value/decimal.h"
#include "l1-value/text.h"
#include "l2-line/bar.h"

/* Columns between two columns of the table. */
#define GAP 2
/* No bars below this width; text is not cut shorter than TEXT_LEAST for anything. */
#define BAR_LEAST 10
#define TEXT_LEAST 12

enum cell_kind { CELL_ABSENT, CELL_TEXT, CELL_NUMBER };

struct cell {
	enum cell_kind kind;
	size_t at, len; /* in bytes */
};

struct report {
	const struct report_column *columns;
	size_t count;
	struct buf bytes; /* what the cells hold, one behind the other */
	struct buf cells; /* struct cell each */
};

enum report_format report_format_of(const char *name)
{
	static const char *const names[] = {"table", "json", "ndjson", "csv", "tsv"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum report_format)i;
	return REPORT_NDJSON;
}

struct report *report_new(const struct report_column *columns, size_t count)
{
	struct report *r = calloc(1, sizeof *r);

	if (r != NULL) {
		r->columns = columns;
		r->count = count;
	}
	return r;
}

void report_free(struct report *r)
{
	if (r == NULL)
		return;
	buf_free(&r->bytes);
	buf_free(&r->cells);
	free(r);
}

static void put_cell(struct report *r, enum cell_kind kind, struct slice content)
{
	struct cell cell = {kind, r->bytes.len, content.len};

	buf_slice(&r->bytes, content);
	buf_put(&r->cells, &cell, sizeof cell);
}

void report_text(struct report *r, struct slice text)
{
	put_cell(r, CELL_TEXT, text);
}

void report_number(struct report *r, struct slice number)
{
	put_cell(r, CELL_NUMBER, number);
}

void report_absent(struct report *r)
{
	put_cell(r, CELL_ABSENT, (struct slice){NULL, 0});
}

size_t report_rows(const struct report *r)
{
	return r->count == 0 ? 0 : r->cells.len / sizeof(struct cell) / r->count;
}

static const struct cell *cell_at(const struct report *r, size_t row, size_t column)
{
	return (const struct cell *)(const void *)r->cells.at + row * r->count + column;
}

static struct slice content(const struct report *r, const struct cell *cell)
{
	if (cell->len == 0)
		return (struct slice){NULL, 0};
	return (struct slice){r->bytes.at + cell->at, cell->len};
}

/* Formats for programs. */

static void put_record(const struct report *r, size_t row, struct buf *out)
{
	char before = '{';

	for (size_t i = 0; i < r->count; i++) {
		const struct cell *cell = cell_at(r, row, i);

		if (cell->kind == CELL_ABSENT)
			continue;
		buf_byte(out, before);
		before = ',';
		json_put_string(out, slice_of(r->columns[i].name));
		buf_byte(out, ':');
		if (cell->kind == CELL_TEXT)
			json_put_string(out, content(r, cell));
		else
			buf_slice(out, content(r, cell));
	}
	buf_puts(out, before == '{' ? "{}" : "}");
}

static void print_json(const struct report *r, struct buf *out)
{
	size_t rows = report_rows(r);

	buf_byte(out, '[');
	for (size_t row = 0; row < rows; row++) {
		buf_puts(out, row == 0 ? "\n" : ",\n");
		put_record(r, row, out);
	}
	buf_puts(out, rows == 0 ? "]\n" : "\n]\n");
}

static void print_ndjson(const struct report *r, struct buf *out)
{
	for (size_t row = 0; row < report_rows(r); row++) {
		put_record(r, row, out);
		buf_byte(out, '\n');
	}
}

/* RFC 4180, 2.5 to 2.7. */
static void put_csv_field(struct buf *out, struct slice field)
{
	int quoted = field.len == 0;

	for (size_t i = 0; i < field.len && !quoted; i++)
		quoted = strchr(",\"\r\n", field.at[i]) != NULL; /* NUL is quoted too */
	if (!quoted) {
		buf_slice(out, field);
		return;
	}
	buf_byte(out, '"');
	for (size_t i = 0; i < field.len; i++) {
		if (field.at[i] == '"')
			buf_byte(out, '"');
		buf_byte(out, field.at[i]);
	}
	buf_byte(out, '"');
}

static void put_tsv_field(struct buf *out, struct slice field)
{
	for (size_t i = 0; i < field.len; i++) {
		switch (field.at[i]) {
		case '\t':
			buf_puts(out, "\\t");
			break;
		case '\n':
			buf_puts(out, "\\n");
			break;
		case '\r':
			buf_puts(out, "\\r");
			break;
		case '\0':
			buf_puts(out, "\\0");
			break;
		case '\\':
			buf_puts(out, "\\\\");
			break;
		default:
			buf_byte(out, field.at[i]);
		}
	}
}

static void print_separated(const struct report *r, char separator, const char *end,
			    void (*put_field)(struct buf *out, struct slice field), struct buf *out)
{
	for (size_t i = 0; i < r->count; i++) {
		if (i > 0)
			buf_byte(out, separator);
		put_field(out, slice_of(r->columns[i].name));
	}
	buf_puts(out, end);
	for (size_t row = 0; row < report_rows(r); row++) {
		for (size_t i = 0; i < r->count; i++) {
			const struct cell *cell = cell_at(r, row, i);

			if (i > 0)
				buf_byte(out, separator);
			if (cell->kind != CELL_ABSENT)
				put_field(out, content(r, cell));
		}
		buf_puts(out, end);
	}
}

/* The table. */

struct layout {
	size_t width;    /* of the column */
	size_t fraction; /* of its widest number behind the point, the point included */
	int numbers;     /* 1: holds numbers and no text: aligned to the right */
	int shown;
};

static size_t fraction_length(struct slice number)
{
	const char *point = number.len == 0 ? NULL : memchr(number.at, '.', number.len);

	return point == NULL ? 0 : (size_t)(number.at + number.len - point);
}

/* The column's natural width. One without any cell is not shown. */
static void measure(const struct report *r, const struct display *d, size_t column,
		    struct layout *l)
{
	size_t whole = 0, text = 0, absent = 0, name = strlen(r->columns[column].name);

	*l = (struct layout){.shown = r->columns[column].use != REPORT_RECORD_ONLY, .numbers = 1};
	for (size_t row = 0; row < report_rows(r) && l->shown; row++) {
		const struct cell *cell = cell_at(r, row, column);
		struct slice s = content(r, cell);

		if (cell->kind == CELL_NUMBER) {
			size_t fraction = fraction_length(s);

			l->fraction = fraction > l->fraction ? fraction : l->fraction;
			whole = s.len - fraction > whole ? s.len - fraction : whole;
		} else if (cell->kind == CELL_TEXT) {
			size_t width = display_width(d, s, d->width);

			l->numbers = 0;
			text = width > text ? width : text;
		} else {
			absent++;
		}
	}
	if (absent == report_rows(r))
		l->shown = 0;
	l->width = whole + l->fraction;
	l->width = text > l->width ? text : l->width;
	l->width = name > l->width ? name : l->width;
}

/* Narrow the columns of text, the widest first, until the row takes no more than `room`. */
static size_t fit(struct layout *l, size_t count, size_t width, size_t room)
{
	while (width > room) {
		size_t widest = count;

		for (size_t i = 0; i < count; i++)
			if (l[i].shown && !l[i].numbers && l[i].width > TEXT_LEAST &&
			    (widest == count || l[i].width > l[widest].width))
				widest = i;
		if (widest == count)
			break;
		l[widest].width--;
		width--;
	}
	return width;
}

static void put_line(struct buf *out, const struct display *d, enum display_style style,
		     struct slice text)
{
	display_style(out, d, style);
	display_put(out, d, text, d->width);
	display_style(out, d, DISPLAY_PLAIN);
	buf_byte(out, '\n');
}

static void put_header(const struct report *r, const struct display *d, const struct layout *l,
		       struct buf *out)
{
	size_t owed = 0; /* spaces before what comes next: none are left at a line's end */

	display_style(out, d, DISPLAY_BOLD);
	for (size_t i = 0; i < r->count; i++) {
		size_t name = strlen(r->columns[i].name);

		if (!l[i].shown)
			continue;
		display_repeat(out, " ", owed + (l[i].numbers ? l[i].width - name : 0));
		buf_puts(out, r->columns[i].name);
		owed = GAP + (l[i].numbers ? 0 : l[i].width - name);
	}
	display_style(out, d, DISPLAY_PLAIN);
	buf_byte(out, '\n');
	display_style(out, d, DISPLAY_DIM);
	owed = 0;
	for (size_t i = 0; i < r->count; i++) {
		if (!l[i].shown)
			continue;
		display_repeat(out, " ", owed);
		display_repeat(out, d->utf8 ? "─" : "-", l[i].width);
		owed = GAP;
	}
	display_style(out, d, DISPLAY_PLAIN);
	buf_byte(out, '\n');
}

/* Numbers stand with their points one below the other, whatever their scales. */
static void put_row(const struct report *r, const struct display *d, const struct layout *l,
		    size_t row, struct buf *out, size_t *owed)
{
	*owed = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct cell *cell = cell_at(r, row, i);
		struct slice s = content(r, cell);
		size_t used = 0;

		if (!l[i].shown)
			continue;
		if (cell->kind == CELL_NUMBER) {
			size_t behind = l[i].numbers ? l[i].fraction - fraction_length(s) : 0;

			used = l[i].numbers ? l[i].width - behind : s.len;
			display_repeat(out, " ", *owed + used - s.len);
			buf_slice(out, s);
			*owed = 0;
		} else if (cell->kind == CELL_TEXT) {
			display_repeat(out, " ", *owed);
			used = display_put(out, d, s, l[i].width);
			*owed = 0;
		}
		*owed += l[i].width - used + GAP;
	}
}

/* One row that is too wide for the display stands upright: a name and its value a line. */
static void put_upright(const struct report *r, const struct display *d, const struct layout *l,
			struct buf *out)
{
	size_t names = 0;

	for (size_t i = 0; i < r->count; i++)
		if (l[i].shown && strlen(r->columns[i].name) > names)
			names = strlen(r->columns[i].name);
	for (size_t i = 0; i < r->count; i++) {
		const struct cell *cell = cell_at(r, 0, i);
		size_t room =
			d->width > names + GAP + TEXT_LEAST ? d->width - names - GAP : TEXT_LEAST;

		if (!l[i].shown || cell->kind == CELL_ABSENT)
			continue;
		display_style(out, d, DISPLAY_BOLD);
		buf_puts(out, r->columns[i].name);
		display_style(out, d, DISPLAY_PLAIN);
		display_repeat(out, " ", names - strlen(r->columns[i].name) + GAP);
		if (cell->kind == CELL_NUMBER)
			buf_slice(out, content(r, cell));
		else
			display_put(out, d, content(r, cell), room);
		buf_byte(out, '\n');
	}
}

static int chart_range(const struct report *r, size_t column, struct bar_range *range,
		       struct err *err)
{
	struct decimal value;

	*range = (struct bar_range){0};
	for (size_t row = 0; row < report_rows(r); row++) {
		const struct cell *cell = cell_at(r, row, column);

		if (cell->kind != CELL_NUMBER)
			continue;
		if (decimal_parse(content(r, cell), &value, err) < 0)
			return err_prefix(err, "%s", r->columns[column].name);
		bar_range_add(range, &value);
	}
	return 0;
}

static void put_bar(const struct report *r, const struct display *d, size_t row, size_t column,
		    const struct bar_range *range, size_t width, size_t owed, struct buf *out)
{
	const struct cell *cell = cell_at(r, row, column);
	struct decimal value;
	struct err ignored; /* chart_range has parsed it once */

	if (cell->kind != CELL_NUMBER || decimal_parse(content(r, cell), &value, &ignored) < 0)
		return;
	if (decimal_is_zero(&value) && range->least.unscaled == 0)
		return;
	display_repeat(out, " ", owed);
	bar_put(out, d, range, &value, width);
}

/* Lay out all columns. Returns their width as a row. */
static size_t measure_all(const struct report *r, const struct display *d, struct layout *l)
{
	size_t width = 0;

	for (size_t i = 0; i < r->count; i++) {
		measure(r, d, i, &l[i]);
		if (l[i].shown)
			width += (width > 0 ? GAP : 0) + l[i].width;
	}
	return width;
}

/* As measure_all, to fit the display. Returns the width of the bars; 0: there is no room. */
static size_t lay_out(const struct report *r, const struct display *d, int bars, struct layout *l)
{
	size_t width = measure_all(r, d, l);

	if (bars && d->width > GAP + BAR_LEAST) {
		width = fit(l, r->count, width, d->width - GAP - BAR_LEAST);
		if (width + GAP + BAR_LEAST <= d->width)
			return d->width - width - GAP;
		width = measure_all(r, d, l);
	}
	fit(l, r->count, width, d->width);
	return 0;
}

static int print_table(const struct report *r, const struct display *d, struct slice title,
		       struct slice note, struct buf *out, struct err *err)
{
	struct layout *l = calloc(r->count, sizeof *l);
	size_t charted = 0, bar = 0, owed;
	struct bar_range range = {0};
	int result = -1;

	if (l == NULL)
		return err_memory(err);
	while (charted < r->count && r->columns[charted].use != REPORT_CHARTED)
		charted++;
	if (charted < r->count && chart_range(r, charted, &range, err) < 0)
		goto out;
	if (title.len > 0) {
		put_line(out, d, DISPLAY_BOLD, title);
		buf_byte(out, '\n');
	}
	if (report_rows(r) == 1 && measure_all(r, d, l) > d->width) {
		put_upright(r, d, l, out);
		goto note;
	}
	/* One bar has nothing to be compared with. */
	bar = lay_out(r, d, charted < r->count && report_rows(r) > 1, l);
	put_header(r, d, l, out);
	for (size_t row = 0; row < report_rows(r); row++) {
		put_row(r, d, l, row, out, &owed);
		if (bar > 0)
			put_bar(r, d, row, charted, &range, bar, owed, out);
		buf_byte(out, '\n');
	}
note:
	if (note.len > 0) {
		buf_byte(out, '\n');
		put_line(out, d, DISPLAY_DIM, note);
	}
	result = 0;
out:
	free(l);
	return result;
}

int report_print(const struct report *r, enum report_format format, const struct display *d,
		 struct slice title, struct slice note, struct buf *out, struct err *err)
{
	if (r->bytes.failed || r->cells.failed)
		return err_memory(err);
	switch (format) {
	case REPORT_TABLE:
		if (report_rows(r) > 0 && print_table(r, d, title, note, out, err) < 0)
			return -1;
		break;
	case REPORT_JSON:
		print_json(r, out);
		break;
	case REPORT_NDJSON:
		print_ndjson(r, out);
		break;
	case REPORT_CSV:
		print_separated(r, ',', "\r\n", put_csv_field, out);
		break;
	case REPORT_TSV:
		print_separated(r, '\t', "\n", put_tsv_field, out);
		break;
	}
	return out->failed ? err_memory(err) : 0;
}
