/* Digests: the published vectors. */
#include "l0-base/hash.h"

#include "check.h"

static int is_hex(const unsigned char *digest, size_t n, const char *expected)
{
	char hex[2 * HASH_SHA256_BYTES + 1];

	hash_hex(digest, n, hex);
	return strcmp(hex, expected) == 0;
}

/* FIPS 180-2, B.1 and B.2; RFC 1321, A.5; RFC 4231, 4.2, 4.3 and 4.7. */
static void test_vectors(void)
{
	unsigned char d[HASH_SHA256_BYTES], key[131];

	hash_sha256(slice_of("abc"), d);
	CHECK(is_hex(d, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
	      "SHA-256 of abc");
	hash_sha256(slice_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), d);
	CHECK(is_hex(d, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
	      "SHA-256 of two blocks");
	hash_sha256((struct slice){NULL, 0}, d);
	CHECK(is_hex(d, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
	      "SHA-256 of nothing");
	hash_md5(slice_of("message digest"), d);
	CHECK(is_hex(d, 16, "f96b697d7cb7938d525a2f31aaf161d0"), "MD5");
	memset(key, 0x0b, 20);
	hash_hmac_sha256((struct slice){(char *)key, 20}, slice_of("Hi There"), d);
	CHECK(is_hex(d, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
	      "HMAC");
	hash_hmac_sha256(slice_of("Jefe"), slice_of("what do ya want for nothing?"), d);
	CHECK(is_hex(d, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
	      "HMAC with a short key");
	memset(key, 0xaa, sizeof key);
	hash_hmac_sha256((struct slice){(char *)key, sizeof key},
			 slice_of("Test Using Larger Than Block-Size Key - Hash Key First"), d);
	CHECK(is_hex(d, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
	      "HMAC with a long key");
	CHECK(hash_crc32(slice_of("123456789")) == 0xcbf43926, "CRC-32");
	CHECK(hash_crc32(slice_of("")) == 0, "CRC-32 of nothing");
}

static void test_pieces(void)
{
	unsigned char whole[32], pieces[32], prefix[32], expected[32];
	char text[1000];
	struct hash h, copy;

	memset(text, 'x', sizeof text);
	hash_sha256((struct slice){text, sizeof text}, whole);
	hash_sha256((struct slice){text, 300}, expected);
	hash_sha256_begin(&h);
	for (size_t at = 0; at < sizeof text; at += 100) {
		if (at == 300) {
			copy = h;
			hash_sha256_end(&copy, prefix);
		}
		hash_sha256_put(&h, (struct slice){text + at, 100});
	}
	hash_sha256_end(&h, pieces);
	CHECK(hash_equal(whole, pieces, 32), "pieces make the whole");
	CHECK(hash_equal(prefix, expected, 32), "and a copy a prefix");
	pieces[31] ^= 1;
	CHECK(!hash_equal(whole, pieces, 32), "another is not equal");
}

/* RFC 4648, section 10. */
static void test_base64(void)
{
	static const char *const of[][2] = {
		{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		buf_clear(&out);
		hash_base64(&out, (const unsigned char *)of[i][0], strlen(of[i][0]));
		CHECK(slice_is(buf_view(&out), of[i][1]), "base64 of \"%s\"", of[i][0]);
	}
	buf_free(&out);
}

static void test_secrets(void)
{
	static const char zeros[64];
	char *secret = secret_new(64);
	struct buf b = {0};

	CHECK(secret != NULL && memcmp(secret, zeros, 64) == 0, "a secret begins with zeros");
	strcpy(secret, "hidden");
	hash_cleanse(secret, 64);
	CHECK(memcmp(secret, zeros, 64) == 0, "cleansed, it is zeros again");
	secret_free(secret, 64);
	buf_puts(&b, "hidden");
	hash_cleanse_buf(&b);
	CHECK(b.at == NULL && b.len == 0, "a buf is freed too");
}

int main(void)
{
	test_vectors();
	test_pieces();
	test_base64();
	test_secrets();
	return check_done();
}
