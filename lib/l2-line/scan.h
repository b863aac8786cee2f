/* scan.h - layer 2: the record scanner: named fields out of a line of JSON, without building a
 * tree.
 *
 * The whole line is checked (RFC 8259, UTF-8, no key twice in one object, at most SCAN_DEPTH_MAX
 * levels), whatever fields are asked for. No allocation per line once its buffers have grown.
 */
#ifndef TUBERIA_SCAN_H
#define TUBERIA_SCAN_H

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l2-line/field.h"

#define SCAN_DEPTH_MAX 1000
#define SCAN_FIELDS_MAX 64

struct scan;

/* fields: names of the fields wanted, at most SCAN_FIELDS_MAX, copied. A name is a path: "monto",
 * or "cliente.id" for a field of a nested object; "\\." is a dot in a name, "\\\\" a backslash.
 * Returns 0 with *out, or -1: ERR_USAGE (empty or repeated name, one inside another), ERR_TEMP. */
int scan_new(const char *const *fields, size_t count, struct scan **out, struct err *err);
void scan_free(struct scan *s);

/* Scan a line, which must be one JSON object (white space around it is allowed), and has
 * READER_PADDING readable bytes behind it. values[i] is set for fields[i]; its slices are valid
 * until the next call and as long as the line. Returns 0, or -1 with ERR_DATA and err.byte. */
int scan_line(struct scan *s, struct slice line, struct scan_value *values, struct err *err);

/* Scan the line that text begins with, if it is like lines before it: then its end, too, is found
 * on the way. text: what there is of the input, with READER_PADDING readable bytes behind it.
 * values: the same as in the call before, left as they were. Returns 1 with *line (its newline cut
 * off); 0 when it is another, or its newline is not there yet: scan_line is to say what it is; or
 * -1, also with *line, as scan_line. */
int scan_ahead(struct scan *s, struct slice text, struct slice *line, struct scan_value *values,
	       struct err *err);

/* After either: when the object has a single key, and that begins with '@', it is a control
 * record (tuberia(7)): returns 1 with the name behind the '@', escapes undone, and the raw JSON
 * value. */
int scan_control(const struct scan *s, struct slice *name, struct slice *value);

/* Check that text is one valid JSON value of any kind by the same rules. Returns 0, or -1. */
int scan_check(struct slice text, struct err *err);

#endif
