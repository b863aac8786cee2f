/* The digests themselves, not their envelope (EVP), which first reads openssl.cnf and looks for
 * providers: 3 ms of a tool that answers in 3 ms. That they are discouraged in OpenSSL 3 is for
 * code that wants its algorithms replaceable; a signature of AWS is SHA-256 or nothing. */
#define OPENSSL_SUPPRESS_DEPRECATED 1

#include "l0-base/hash.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <sys/mman.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct hash), "room for the state of SHA-256");
_Static_assert(sizeof(MD5_CTX) <= sizeof(struct hash), "room for the state of MD5");

/* Before main(), libcrypto asks what the processor is, by instructions that are fast on hardware
 * and that a virtual machine stops at: 30 us, for a program that lives 900 and computes three
 * digests. With --wrap that goes to the first of these, and can be made up for by the second. */
void hash_skip_set_up(void) __asm__("__wrap_OPENSSL_cpuid_setup");
void hash_set_up(void) __asm__("__real_OPENSSL_cpuid_setup") __attribute__((weak));

void hash_skip_set_up(void)
{
}

void hash_prepare(void)
{
	if (hash_set_up != NULL)
		hash_set_up();
}

void hash_sha256_begin(struct hash *h)
{
	SHA256_Init((SHA256_CTX *)h);
}

void hash_sha256_put(struct hash *h, struct slice bytes)
{
	SHA256_Update((SHA256_CTX *)h, bytes.at, bytes.len);
}

void hash_sha256_end(struct hash *h, unsigned char digest[HASH_SHA256_BYTES])
{
	SHA256_Final(digest, (SHA256_CTX *)h);
}

void hash_sha256(struct slice bytes, unsigned char digest[HASH_SHA256_BYTES])
{
	struct hash h;

	hash_sha256_begin(&h);
	hash_sha256_put(&h, bytes);
	hash_sha256_end(&h, digest);
}

void hash_md5_begin(struct hash *h)
{
	MD5_Init((MD5_CTX *)h);
}

void hash_md5_put(struct hash *h, struct slice bytes)
{
	MD5_Update((MD5_CTX *)h, bytes.at, bytes.len);
}

void hash_md5_end(struct hash *h, unsigned char digest[HASH_MD5_BYTES])
{
	MD5_Final(digest, (MD5_CTX *)h);
}

void hash_md5(struct slice bytes, unsigned char digest[HASH_MD5_BYTES])
{
	struct hash h;

	hash_md5_begin(&h);
	hash_md5_put(&h, bytes);
	hash_md5_end(&h, digest);
}

/* RFC 2104, section 2. */
void hash_hmac_sha256(struct slice key, struct slice bytes, unsigned char mac[HASH_SHA256_BYTES])
{
	unsigned char padded[SHA256_CBLOCK] = {0};
	struct hash h;

	if (key.len > sizeof padded)
		hash_sha256(key, padded);
	else if (key.len > 0)
		memcpy(padded, key.at, key.len);
	for (size_t i = 0; i < sizeof padded; i++)
		padded[i] ^= 0x36;
	hash_sha256_begin(&h);
	hash_sha256_put(&h, (struct slice){(char *)padded, sizeof padded});
	hash_sha256_put(&h, bytes);
	hash_sha256_end(&h, mac);
	for (size_t i = 0; i < sizeof padded; i++)
		padded[i] ^= 0x36 ^ 0x5c;
	hash_sha256_begin(&h);
	hash_sha256_put(&h, (struct slice){(char *)padded, sizeof padded});
	hash_sha256_put(&h, (struct slice){(char *)mac, HASH_SHA256_BYTES});
	hash_sha256_end(&h, mac);
	hash_cleanse(padded, sizeof padded);
	hash_cleanse(&h, sizeof h);
}

/* Four bits at a time: a table of one cache line, and fast enough for replies of services. */
uint32_t hash_crc32(struct slice bytes)
{
	static const uint32_t of[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
					0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
					0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
					0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= (unsigned char)bytes.at[i];
		crc = (crc >> 4) ^ of[crc & 15];
		crc = (crc >> 4) ^ of[crc & 15];
	}
	return ~crc;
}

void hash_hex(const unsigned char *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

int hash_base64(struct buf *out, const unsigned char *bytes, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	char *to = buf_room(out, (n + 2) / 3 * 4);

	if (to == NULL)
		return -1;
	for (size_t i = 0; i < n; i += 3, to += 4) {
		size_t left = n - i;
		unsigned three = (unsigned)bytes[i] << 16;

		three |= left > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
		three |= left > 2 ? bytes[i + 2] : 0;
		to[0] = digits[three >> 18];
		to[1] = digits[three >> 12 & 63];
		to[2] = left > 1 ? digits[three >> 6 & 63] : '=';
		to[3] = left > 2 ? digits[three & 63] : '=';
	}
	out->len += (n + 2) / 3 * 4;
	return out->failed ? -1 : 0;
}

int hash_equal(const unsigned char *a, const unsigned char *b, size_t n)
{
	unsigned char differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

void hash_cleanse(void *bytes, size_t n)
{
	OPENSSL_cleanse(bytes, n);
}

void hash_cleanse_buf(struct buf *b)
{
	if (b->at != NULL)
		hash_cleanse(b->at, b->size);
	buf_free(b);
}

void *secret_new(size_t n)
{
	void *secret = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (secret == MAP_FAILED)
		return NULL;
	madvise(secret, n, MADV_DONTDUMP);
	mlock(secret, n);
	return secret;
}

void secret_free(void *secret, size_t n)
{
	if (secret == NULL)
		return;
	hash_cleanse(secret, n);
	munmap(secret, n);
}
