/* table.h - layer 0: a hash table from byte strings to fixed-size values, kept in insertion order.
 *
 * Entries lie densely in the order of their first appearance, so that walking them is a loop over
 * an index and output is the same on every run. Keys are copied into memory of the table, which
 * goes all at once (table_clear, table_free): there is no removal of one entry.
 */
#ifndef TUBERIA_TABLE_H
#define TUBERIA_TABLE_H

#include <stdint.h>

#include "l0-base/buf.h"

struct table;

/* value_size: bytes a value takes, multiple of 16. Returns NULL out of memory. */
struct table *table_new(size_t value_size);
void table_free(struct table *t); /* NULL is allowed */

/* Forget all entries; keep the memory for the next phase. */
void table_clear(struct table *t);

/* Find key, or add it with a value of zero bytes; *fresh says which (1: added). The key may be any
 * bytes, at most 2^31. Returns the value (16-byte aligned, valid until the next table_at, clear or
 * free), or NULL out of memory, the table unchanged. */
void *table_at(struct table *t, struct slice key, int *fresh);

/* table_at in steps, for a key that is known some time before it is needed. In a table much larger
 * than the caches nearly all time goes by waiting for two places of memory: they can be fetched
 * while other work is done. First table_hash and table_fetch_slot; a while later, when the slot has
 * come, table_fetch_entry; at last table_at_hash, which is table_at. The two in the middle are
 * hints: nothing depends on them. */
uint32_t table_hash(struct slice key);
void table_fetch_slot(const struct table *t, uint32_t hash);
void table_fetch_entry(const struct table *t, uint32_t hash);
void *table_at_hash(struct table *t, struct slice key, uint32_t hash, int *fresh);

/* Find key. Returns its value, or NULL when it is not there. */
void *table_find(const struct table *t, struct slice key);

size_t table_count(const struct table *t);

/* Memory that the entries take, in bytes: what grows until table_clear, for limits. What the table
 * keeps for the next phase is not counted. */
size_t table_bytes(const struct table *t);

/* Entry i, 0 <= i < table_count, in order of first appearance. 16 bytes behind the key can be read.
 */
struct slice table_key(const struct table *t, size_t i);
void *table_value(const struct table *t, size_t i);

#endif
