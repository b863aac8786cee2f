/* json.h - layer 2: JSON documents as trees, by cJSON, with numbers kept as text.
 *
 * For what is small and rare: control records, manifests, requests and replies of services. cJSON
 * used bare turns numbers into doubles, accepts trailing text and "01", and finds keys regardless
 * of case; this module does not.
 */
#ifndef TUBERIA_JSON_H
#define TUBERIA_JSON_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct json; /* a value; owned by its document's root */

/* Parse one JSON value (RFC 8259; nothing but white space around it). The root is the caller's, to
 * be freed with json_free. Returns NULL with ERR_DATA (err.byte set) or ERR_TEMP. Strings with
 * \u0000 are refused: cJSON would cut them. */
struct json *json_parse(struct slice text, struct err *err);
void json_free(struct json *root);

/* Look at a value. All return NULL, or -1, when it is not there or of another kind; NULL is allowed
 * as the value looked at, so that look-ups may be chained. Texts live as long as the document. */
struct json *json_get(const struct json *object, const char *key); /* exact key */
struct json *json_item(const struct json *value, size_t index);    /* item or member, by number */
size_t json_count(const struct json *value); /* items or members; 0 for a scalar */
const char *json_key(const struct json *member);
const char *json_string(const struct json *value);
const char *json_number(const struct json *value); /* its text as it stood */
int json_int64(const struct json *value, int64_t *number);
int json_bool(const struct json *value); /* 1, 0, or -1 */

/* Build. Each returns the new value, or NULL out of memory. `parent` NULL makes a root of it; in an
 * array, key is NULL. A key that is there is replaced, at its place. json_put_number's text must be
 * a JSON number; json_put_copy takes a deep copy. */
struct json *json_put_object(struct json *parent, const char *key);
struct json *json_put_array(struct json *parent, const char *key);
struct json *json_put_string_value(struct json *parent, const char *key, const char *text);
struct json *json_put_number(struct json *parent, const char *key, const char *number);
struct json *json_put_int64(struct json *parent, const char *key, int64_t number);
struct json *json_put_bool(struct json *parent, const char *key, int truth);
struct json *json_put_copy(struct json *parent, const char *key, const struct json *value);
void json_remove(struct json *object, const char *key);

/* Append the value as one line of JSON without spaces, numbers as they stood. Returns 0, or -1. */
int json_print(struct buf *out, const struct json *value);

#endif
