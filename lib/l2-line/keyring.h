/* keyring.h - layer 2: the keys of the API: who is who, and what they may see.
 *
 * A file of JSON lines, one a key, made by api-key(1), which has its format. Of a key it has the
 * SHA-256 only. The file is read again when it has been replaced.
 */
#ifndef TUBERIA_KEYRING_H
#define TUBERIA_KEYRING_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

#define KEYRING_PRODUCTS_MOST 1000 /* that one key may name: each is a look-up of its own */

struct keyring;

/* path: copied; NULL: no keys at all. Nothing is read yet. Returns NULL out of memory. */
struct keyring *keyring_new(const char *path);
void keyring_free(struct keyring *k); /* NULL is allowed */

/* Read the file if it is not the one that was read last; no file is no keys. Returns 0, or -1, and
 * then there are no keys: ERR_CONFIG (others than its owner may write it), ERR_DATA (a line is
 * bad), ERR_DENIED, ERR_IO, ERR_TEMP. */
int keyring_refresh(struct keyring *k, struct err *err);

/* Who has this key? It is compared with all there are, in a time that does not depend on how far it
 * agrees. now: seconds since 1970. Returns a number for the functions below, valid until the next
 * refresh, or -1: nobody, or no longer. digest: of the key, 32 bytes. */
int keyring_find(const struct keyring *k, struct slice key, int64_t now, unsigned char *digest);

struct slice keyring_name(const struct keyring *k, int who);

/* The products that it is limited to; -1: it may see all. */
int keyring_products(const struct keyring *k, int who);
struct slice keyring_product(const struct keyring *k, int who, int i);

/* May it see this one? */
int keyring_allows(const struct keyring *k, int who, struct slice producto);

#endif
