/* pgcopy.h - layer 3: rows in the text format of COPY. Source: PostgreSQL manual, COPY, "Text
 * Format".
 */
#ifndef TUBERIA_PGCOPY_H
#define TUBERIA_PGCOPY_H

#include "l0-base/err.h"
#include "l2-line/pgoutput.h"

/* Take a row of `count` values apart. Their escapes are undone in place, and they point into the
 * row, behind which a byte must be. Returns 0, or -1 with ERR_DATA: it has more or fewer. */
int pgcopy_row(char *row, size_t len, struct pgoutput_value *value, size_t count, struct err *err);

#endif
