#include "l2-line/keyring.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "l0-base/file.h"
#include "l0-base/hash.h"

static char path[64];
static struct err err;
static struct keyring *k;
static unsigned char digest[HASH_SHA256_BYTES];

/* A line for a key. rest: further members, with a comma in front. */
static void put_line(struct buf *out, const char *name, const char *key, const char *rest)
{
	char hex[2 * HASH_SHA256_BYTES + 1];
	unsigned char d[HASH_SHA256_BYTES];

	hash_sha256(slice_of(key), d);
	hash_hex(d, sizeof d, hex);
	buf_printf(out, "{\"name\":\"%s\",\"sha256\":\"%s\"%s}\n", name, hex, rest);
}

static void put_file(struct buf *bytes, unsigned mode)
{
	CHECK(file_replace(path, buf_view(bytes), mode, &err) == 0, "a file of keys");
	buf_clear(bytes);
}

static int find(const char *key, int64_t now)
{
	return keyring_find(k, slice_of(key), now, digest);
}

static void refused(const char *line, const char *part)
{
	struct buf bytes = {0};

	put_line(&bytes, "good", "k1", "");
	buf_puts(&bytes, line);
	buf_byte(&bytes, '\n');
	put_file(&bytes, 0600);
	CHECK(keyring_refresh(k, &err) == -1 && err.status == ERR_DATA &&
		      strstr(err.message, ":2: ") != NULL && strstr(err.message, part) != NULL &&
		      find("k1", 0) == -1,
	      "refused whole: %s", err.message);
	CHECK(keyring_refresh(k, &err) == -1, "and again");
	buf_free(&bytes);
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

int main(void)
{
	char directory[] = "/tmp/tuberia-keys-XXXXXX", command[64];
	struct buf bytes = {0};
	int who;

	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/keys", directory);
	k = keyring_new(path);
	CHECK(keyring_refresh(k, &err) == 0 && find("k1", 0) == -1, "no file, no keys");
	put_line(&bytes, "norte", "k1", "");
	put_line(&bytes, "sur", "k2",
		 ",\"productos\":[\"A\",\"B\\u00e1\\\"\"],\"created\":\"x\",\"expires\":null");
	put_line(&bytes, "este", "k3",
		 ",\"x\":{\"y\":[1,[2]]},\"expires\":\"1970-01-02T00:00:01Z\",\"productos\":[]");
	put_file(&bytes, 0640);
	CHECK(keyring_refresh(k, &err) == 0, "read");
	who = find("k1", 0);
	CHECK(who == 0 && slice_is(keyring_name(k, who), "norte") &&
		      keyring_products(k, who) == -1 && keyring_allows(k, who, slice_of("Z")),
	      "a key for everything");
	who = find("k2", 0);
	CHECK(who == 1 && keyring_products(k, who) == 2 &&
		      slice_is(keyring_product(k, who, 1), "B\xc3\xa1\"") &&
		      keyring_allows(k, who, slice_of("A")) &&
		      keyring_allows(k, who, slice_of("B\xc3\xa1\"")) &&
		      !keyring_allows(k, who, slice_of("a")) &&
		      !keyring_allows(k, who, slice_of("")) &&
		      !keyring_allows(k, who, slice_of("AB")),
	      "a key for two products");
	CHECK(find("k3", 86400) == 2 && find("k3", 86401) == -1, "it ends at its time");
	CHECK(!keyring_allows(k, 2, slice_of("A")) && keyring_products(k, 2) == 0,
	      "a key for nothing");
	CHECK(find("", 0) == -1 && find("K1", 0) == -1 && find("k1 ", 0) == -1, "no other keys");

	put_line(&bytes, "norte", "k9", "");
	put_file(&bytes, 0600);
	CHECK(find("k1", 0) == 0, "until it is read again");
	CHECK(keyring_refresh(k, &err) == 0 && find("k1", 0) == -1 && find("k9", 0) == 0,
	      "a file that was replaced is");
	CHECK(chmod(path, 0602) == 0 && keyring_refresh(k, &err) == -1 &&
		      err.status == ERR_CONFIG && find("k9", 0) == -1,
	      "a file that others may write: %s", err.message);
	CHECK(chmod(path, 0620) == 0 && keyring_refresh(k, &err) == -1, "or its group");
	CHECK(chmod(path, 0644) == 0 && keyring_refresh(k, &err) == 0 && find("k9", 0) == 0,
	      "mended");

	refused("hello", "");
	refused("[]", "not a JSON object");
	refused("{}", "no sha256");
	refused("{\"sha256\":\"" HEX64 "\"}", "no name");
	refused("{\"name\":\"x\",\"sha256\":\"abc\"}", "sha256: not 64");
	refused("{\"name\":\"x\",\"sha256\":\"" HEX64 "\",\"name\":\"x\"}", "");
	refused("{\"name\":1,\"sha256\":\"" HEX64 "\"}", "name: not a string");
	refused("{\"name\":\"x\",\"sha256\":\"" HEX64 "\",\"productos\":\"A\"}", "not an array");
	refused("{\"name\":\"x\",\"sha256\":\"" HEX64 "\",\"productos\":[1]}", "not a string");
	refused("{\"name\":\"x\",\"sha256\":\"" HEX64 "\",\"expires\":\"2024-02-30T00:00:00Z\"}",
		"expires: not a time");
	refused("{\"name\":\"x\",\"sha256\":\"" HEX64 "\",\"expires\":\"2024-02-20T24:00:00Z\"}",
		"expires: not a time");
	CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0 && keyring_refresh(k, &err) == -1 &&
		      err.status == ERR_CONFIG,
	      "a directory: %s", err.message);
	CHECK(rmdir(path) == 0 && keyring_refresh(k, &err) == 0, "gone again");
	keyring_free(k);
	k = keyring_new(NULL);
	CHECK(keyring_refresh(k, &err) == 0 && find("k1", 0) == -1, "without a file");
	keyring_free(k);
	buf_free(&bytes);
	snprintf(command, sizeof command, "rm -r '%s'", directory);
	return system(command) != 0 || check_done();
}
