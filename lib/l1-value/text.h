/* text.h - layer 1: JSON strings, and the parts of a metric's id. */
#ifndef TUBERIA_TEXT_H
#define TUBERIA_TEXT_H

#include "l0-base/buf.h"
#include "l0-base/utf8.h"

/* Append s as a JSON string with its quotes: only what RFC 8259, section 7, demands is escaped, the
 * way PostgreSQL's escape_json() does it (\b \f \n \r \t \" \\, other control bytes as \u00XX).
 * s must be UTF-8. Returns 0, or -1 out of memory. */
int json_put_string(struct buf *out, struct slice s);

/* Append one part of an id: '#', '%', '*', and bytes below 0x20 or 0x7f become %XX (upper-case
 * hex), so that no product name can forge another's id. Returns 0, or -1 out of memory. */
int id_put_part(struct buf *out, struct slice part);

/* Undo id_put_part: append the part itself. Returns 0; -1 when it is not what id_put_part writes,
 * or out of memory (out->failed tells). */
int id_get_part(struct buf *out, struct slice encoded);

#endif
