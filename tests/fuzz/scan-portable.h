/* scan-portable.h - the scanner once more, compiled without SSE2, under other names: so that one
 * program can hold both and compare them. */
#ifndef TUBERIA_SCAN_PORTABLE_H
#define TUBERIA_SCAN_PORTABLE_H

#define TUBERIA_PORTABLE

#define jsontext_new portable_jsontext_new
#define jsontext_free portable_jsontext_free
#define jsontext_begin portable_jsontext_begin
#define jsontext_next portable_jsontext_next
#define jsontext_undo portable_jsontext_undo
#define jsontext_string portable_jsontext_string
#define jsontext_number portable_jsontext_number
#define shape_new portable_shape_new
#define shape_free portable_shape_free
#define shape_match portable_shape_match
#define scan_new portable_scan_new
#define scan_free portable_scan_free
#define scan_line portable_scan_line
#define scan_ahead portable_scan_ahead
#define scan_control portable_scan_control
#define scan_check portable_scan_check

#include "l1-value/jsontext.c"
#include "l2-line/scan.c"
#include "l2-line/shape.c"

#undef scan_new
#undef scan_free
#undef scan_line
#undef scan_ahead
#undef scan_control
#undef scan_check

/* The ones of the library, whose header is used up by now. */
int scan_new(const char *const *fields, size_t count, struct scan **out, struct err *err);
void scan_free(struct scan *s);
int scan_line(struct scan *s, struct slice line, struct scan_value *values, struct err *err);
int scan_ahead(struct scan *s, struct slice text, struct slice *line, struct scan_value *values,
	       struct err *err);
int scan_control(const struct scan *s, struct slice *name, struct slice *value);
int scan_check(struct slice text, struct err *err);

#endif
