/* pgjson.h - layer 2: the text of a PostgreSQL value as the JSON that row_to_json() makes of it.
 *
 * What kind of JSON a type becomes is in the catalogue. The caller reads that once (pgtable.h) and
 * describes the types here; a value is then a switch over its type's kind. Pure: no server, no
 * allocation per value. Source: PostgreSQL, src/backend/utils/adt/json.c (json_categorize_type,
 * datum_to_json), arrayfuncs.c (array_out), rowtypes.c (record_out).
 *
 * The text must be what the output function gives under client_encoding UTF8, datestyle ISO and
 * bytea_output hex. The one difference to row_to_json(): line feeds between the tokens of a json
 * value become spaces, since a record is a line.
 */
#ifndef TUBERIA_PGJSON_H
#define TUBERIA_PGJSON_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct pgjson;       /* how one type is converted */
struct pgjson_types; /* the types that are known, by OID */

struct pgjson_types *pgjson_types_new(void); /* NULL out of memory */
void pgjson_types_free(struct pgjson_types *t);

/* The converter of a type; NULL when it is not known, or nested deeper than any type is. Scalar
 * types of the server's own are known from the start. Valid as long as t; its definition may be
 * replaced by a later pgjson_add_…, after which it has to be asked for again. */
const struct pgjson *pgjson_find(struct pgjson_types *t, uint32_t oid);

/* Describe a type. Those it refers to may be described later. Return 0, or -1 out of memory.
 * plain: prints as a string (enums, ranges, whatever is nothing of the below). */
int pgjson_add_plain(struct pgjson_types *t, uint32_t oid);
int pgjson_add_domain(struct pgjson_types *t, uint32_t oid, uint32_t base);
int pgjson_add_array(struct pgjson_types *t, uint32_t oid, uint32_t element, char delimiter);
int pgjson_add_hstore(struct pgjson_types *t, uint32_t oid);
int pgjson_add_composite(struct pgjson_types *t, uint32_t oid); /* without fields, at first */
int pgjson_add_field(struct pgjson_types *t, uint32_t oid, struct slice name, uint32_t type);

/* Append the value as JSON. text: UTF-8. scratch: memory for nested values, kept from call to call.
 * Returns 0, or -1: ERR_DATA when the text is not one of this type, *out is then as it was; or
 * ERR_TEMP. */
int pgjson_put(const struct pgjson *type, struct slice text, struct buf *out, struct buf *scratch,
	       struct err *err);

#endif
