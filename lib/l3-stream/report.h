/* report.h - layer 3: the rows of an answer, printed for a person or for a program.
 *
 * Cells are text all the way: a number is printed as it was given, digit for digit, in every
 * format.
 */
#ifndef TUBERIA_REPORT_H
#define TUBERIA_REPORT_H

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l1-value/display.h"

enum report_format {
	REPORT_TABLE,  /* aligned columns for a display, with bars */
	REPORT_JSON,   /* one array, a record a line */
	REPORT_NDJSON, /* a record a line */
	REPORT_CSV,    /* RFC 4180, with a header; an empty text is "", an absent one nothing */
	REPORT_TSV /* header; \t, \n, \r, \0 and \\ for tab, newline, return, NUL and backslash */
};

#define REPORT_CHOICES "table|json|ndjson|csv|tsv" /* in the order of the enum */

enum report_use {
	REPORT_SHOWN = 0,
	REPORT_RECORD_ONLY, /* not a column of the table: its title says it */
	REPORT_CHARTED      /* numbers from which the table draws its bars; one column at most */
};

struct report_column {
	const char *name; /* ASCII */
	enum report_use use;
};

struct report;

/* name: one of REPORT_CHOICES. Returns its format; REPORT_NDJSON for any other. */
enum report_format report_format_of(const char *name);

/* columns: the caller's, must outlive the report. Returns NULL out of memory. */
struct report *report_new(const struct report_column *columns, size_t count);
void report_free(struct report *r); /* NULL is allowed */

/* The next cell, row by row from left to right; copied. report_number takes the text of a JSON
 * number; report_absent leaves the cell out (no member in JSON, an empty field otherwise). What
 * runs out of memory is reported by report_print. */
void report_text(struct report *r, struct slice text); /* UTF-8 */
void report_number(struct report *r, struct slice number);
void report_absent(struct report *r);

size_t report_rows(const struct report *r); /* whole rows so far */

/* Append all rows to *out. title, note: a line above the table and one below it, not printed when
 * empty and in other formats. d is looked at for the table only. A table without rows is nothing.
 * The table keeps to the display's width by cutting text, never a number (when even that is too
 * wide, so are its lines); a single row too wide for it stands upright, a name and a value a line.
 * Returns 0, or -1 with ERR_TEMP out of memory, ERR_DATA when a charted number is no decimal. */
int report_print(const struct report *r, enum report_format format, const struct display *d,
		 struct slice title, struct slice note, struct buf *out, struct err *err);

#endif
