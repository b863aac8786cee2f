/* layout.h - layer 1: where a record belongs: the paths of partitions, out of its fields and its
 * time.
 *
 * A layout is a path such as "proveedor_{proveedor}/year=%Y/month=%m/day=%d". {FIELD} is the
 * field's value, percent-encoded; {{, }} and %% are the characters themselves; of the time there
 * are %Y %m %d %H %M %j (day of the year) and %F (%Y-%m-%d), by the local clock.
 *
 * Whatever values a record has, its path has as many parts as its layout and stays beneath it: of
 * ASCII, only letters, digits, '-', '_', '.' and '~' stand as they are, and '.' and '_' not as a
 * part's first character, where readers of Hive partitions would take them for hidden. Other UTF-8
 * stays as it is, since Hive decodes %XX byte by byte, into Latin-1. Equal paths come from equal
 * values, unless a layout puts two fields side by side.
 */
#ifndef TUBERIA_LAYOUT_H
#define TUBERIA_LAYOUT_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

#define LAYOUT_FIELDS_MAX 16
/* The longest path, and the longest of its parts, in bytes: what file systems and S3 (a key has
 * 1024) take, with room for the names of objects behind it. */
enum { LAYOUT_PATH_MAX = 700, LAYOUT_PART_MAX = 255 };

/* Instead of a field's number. */
enum { LAYOUT_WHOLE = -1, LAYOUT_TIME = -2 };

struct layout;

/* Returns 0 with *out, or -1: ERR_USAGE (unknown %, a part that is empty, or begins with '.' or
 * '_'), ERR_TEMP. */
int layout_new(const char *text, struct layout **out, struct err *err);
void layout_free(struct layout *l); /* NULL is allowed */

/* The fields that it names, each once, as paths for scan_new. */
size_t layout_field_count(const struct layout *l);
const char *layout_field(const struct layout *l, size_t i);

/* Seconds within which the time makes no difference: 86400, 3600 or 60; 0 when it never does. */
int64_t layout_unit(const struct layout *l);

/* Append the path for these values, by layout_field, and a local time. Returns 0, or -1: ERR_DATA
 * (an empty value; too long; a year that has not four digits), with *field its number,
 * LAYOUT_TIME, or LAYOUT_WHOLE; ERR_TEMP. */
int layout_put_path(const struct layout *l, const struct slice *values, int64_t local,
		    struct buf *out, int *field, struct err *err);

#endif
