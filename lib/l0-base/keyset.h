/* keyset.h - layer 0: have I met this key in this object? Sets of byte strings, one inside another.
 *
 * Made for the keys of nested JSON objects: the innermost set is the one in use; closing it brings
 * back the one around it. Keys are not copied. An object of 100,000 keys costs what it is long,
 * whatever its author chose them to be.
 */
#ifndef TUBERIA_KEYSET_H
#define TUBERIA_KEYSET_H

#include "l0-base/buf.h"

struct keyset;

struct keyset *keyset_new(void);     /* NULL out of memory */
void keyset_free(struct keyset *k);  /* NULL is allowed */
void keyset_reset(struct keyset *k); /* close all; memory is kept */
int keyset_open(struct keyset *k);   /* 0, or -1 out of memory */
void keyset_close(struct keyset *k); /* the innermost one */

/* Add a key, whose bytes must stay, to the innermost set. Returns 1, 0 when it is there already, or
 * -1 out of memory. */
int keyset_add(struct keyset *k, struct slice key);

#endif
