/* template.h - layer 2: a text made of a record's fields: "{cliente_id}#{producto}".
 *
 * {FIELD} is the field's value, encoded as a part of an id is (id_put_part), so that no value can
 * pass for a '#' of the template; {{ and }} are braces. Without any brace the text is a list,
 * "cliente_id,producto", short for the same; "\\," is a comma in a name. One field alone, in either
 * form, is its value as it is.
 */
#ifndef TUBERIA_TEMPLATE_H
#define TUBERIA_TEMPLATE_H

#include "l0-base/buf.h"
#include "l0-base/err.h"

#define TEMPLATE_FIELDS_MAX 16

struct template;

/* Returns 0 with *out, or -1: ERR_USAGE (no field, a brace without the other), ERR_TEMP. */
int template_new(const char *text, struct template **out, struct err *err);
void template_free(struct template *t); /* NULL is allowed */

/* The fields that it names, each once, as paths for scan_new. */
size_t template_field_count(const struct template *t);
const char *template_field(const struct template *t, size_t i);

/* Append the text for these values, by template_field. Returns 0, or -1 out of memory. */
int template_put(const struct template *t, const struct slice *values, struct buf *out);

#endif
