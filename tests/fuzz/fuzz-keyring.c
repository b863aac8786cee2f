/* Input: a file of keys. It is read whole or refused whole; what was read can be asked.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l0-base/file.h"
#include "l0-base/hash.h"
#include "l2-line/keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[] = "/dev/shm/tuberia-fuzz-keys-XXXXXX";
	static int fd = -1;
	unsigned char digest[HASH_SHA256_BYTES];
	struct keyring *k = keyring_new(path);
	struct err err;

	if (fd < 0) {
		fd = mkstemp(path);
		demand(fd >= 0 && fchmod(fd, 0600) == 0);
		unlink(path);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		keyring_free(k);
		k = keyring_new(path);
	}
	demand(pwrite(fd, data, size, 0) == (ssize_t)size && ftruncate(fd, (off_t)size) == 0);
	demand(k != NULL);
	if (keyring_refresh(k, &err) != 0)
		demand(err.status == ERR_DATA && err.message[0] != '\0');
	/* The seeds have the digest of "k". */
	int who = keyring_find(k, slice_of("k"), 0, digest);

	if (who >= 0) {
		int count = keyring_products(k, who);

		demand(keyring_name(k, who).len > 0);
		for (int i = 0; i < count; i++)
			demand(keyring_allows(k, who, keyring_product(k, who, i)));
	}
	keyring_free(k);
	return 0;
}
