/* display.h - layer 1: text for a person's eyes: what a terminal can show, and how wide it is
 * there.
 *
 * Text that came from outside is shown with everything escaped that could move the cursor, change
 * colours or reorder what stands beside it: control bytes as \x0a, other code points that have no
 * width of their own (C1 controls, line separators) and the bidirectional controls as \u202e.
 */
#ifndef TUBERIA_DISPLAY_H
#define TUBERIA_DISPLAY_H

#include <stdint.h>

#include "l0-base/buf.h"

struct display {
	size_t width; /* columns of a line, at least 1 */
	int terminal; /* 1: it is a terminal */
	int utf8;     /* 1: takes UTF-8; otherwise nothing above ASCII is written */
	int color;    /* 1: takes colours (ECMA-48, 8.3.117 SGR) */
};

/* Find out about fd. width: COLUMNS of the environment, what the terminal says, or 80. utf8: the
 * locale's (calls setlocale(LC_CTYPE, ""), which wcwidth(3) asks too). color: a terminal, without
 * NO_COLOR (https://no-color.org) and not TERM=dumb. */
void display_detect(struct display *d, int fd);

/* Columns that display_put would use for text, were there room; what is above `most` is not looked
 * at: the answer is then anything above `most`. */
size_t display_width(const struct display *d, struct slice text, size_t most);

/* Append text, escaped, in at most `most` columns: longer text is cut and ends in an ellipsis.
 * Returns the columns used. Out of memory: out->failed. */
size_t display_put(struct buf *out, const struct display *d, struct slice text, size_t most);

/* Append count copies of one character, given as a string. */
void display_repeat(struct buf *out, const char *character, size_t count);

/* Append a length of time, 0 or more, in its one or two greatest units: "0.8 s", "42 s",
 * "5 min 3 s", "3 h 12 min", "12 d 4 h". What is below them is cut off. */
void display_duration(struct buf *out, int64_t micros);

/* Append the escape sequence for a style when the display takes colours, nothing otherwise. */
enum display_style {
	DISPLAY_PLAIN, /* ends all others */
	DISPLAY_BOLD,
	DISPLAY_DIM,
	DISPLAY_CYAN,
	DISPLAY_RED
};
void display_style(struct buf *out, const struct display *d, enum display_style style);

#endif
