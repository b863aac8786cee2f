/* hash.h - layer 0: digests (SHA-256, MD5, HMAC, CRC-32), and memory that holds secrets.
 *
 * The one user of OpenSSL, of which only the digests' objects are linked, statically: they cost a
 * tool no start-up, where libcrypto.so takes 0.7 ms to load and 3 ms more until its first digest.
 * Nothing here can fail but secret_new.
 */
#ifndef TUBERIA_HASH_H
#define TUBERIA_HASH_H

#include <stdint.h>

#include "l0-base/buf.h"

enum { HASH_SHA256_BYTES = 32, HASH_MD5_BYTES = 16 };

void hash_sha256(struct slice bytes, unsigned char digest[HASH_SHA256_BYTES]);
void hash_md5(struct slice bytes, unsigned char digest[HASH_MD5_BYTES]);

/* For a program that lives long, in its beginning: let digests use what the processor has for them.
 * Needed only where the link has --wrap=OPENSSL_cpuid_setup (Makefile, metrics-cgi); else it is so
 * from the start, and this does nothing. */
void hash_prepare(void);

/* Keyed (RFC 2104); a key of any length. */
void hash_hmac_sha256(struct slice key, struct slice bytes, unsigned char mac[HASH_SHA256_BYTES]);

/* Bytes that come piece by piece. Begin, put any number of times, end; may be copied in between,
 * for the digest of a prefix. */
struct hash {
	uint64_t state[32];
};
void hash_sha256_begin(struct hash *h);
void hash_sha256_put(struct hash *h, struct slice bytes);
void hash_sha256_end(struct hash *h, unsigned char digest[HASH_SHA256_BYTES]);
void hash_md5_begin(struct hash *h);
void hash_md5_put(struct hash *h, struct slice bytes);
void hash_md5_end(struct hash *h, unsigned char digest[HASH_MD5_BYTES]);

/* CRC-32 of zlib and Ethernet (what DynamoDB's x-amz-crc32 is). */
uint32_t hash_crc32(struct slice bytes);

/* Lower-case hexadecimal digits, 2 for each byte, and a NUL byte. */
void hash_hex(const unsigned char *bytes, size_t n, char *out);

/* Base64 (RFC 4648, section 4), appended. Returns 0, or -1 out of memory. */
int hash_base64(struct buf *out, const unsigned char *bytes, size_t n);

/* Equal, in a time that does not depend on where they differ. */
int hash_equal(const unsigned char *a, const unsigned char *b, size_t n);

/* ---- secrets ---- */

/* Overwrite with zeros, whatever the optimiser thinks of it. */
void hash_cleanse(void *bytes, size_t n);
void hash_cleanse_buf(struct buf *b); /* all its memory; then buf_free */

/* Memory of its own for what lives long, zeros at first: in no core dump and, where the system
 * permits, in no swap. Returns NULL out of memory. secret_free cleanses it; NULL is allowed. */
void *secret_new(size_t n);
void secret_free(void *secret, size_t n);

#endif
