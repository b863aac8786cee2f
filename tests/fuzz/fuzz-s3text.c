/* Input: any bytes, as a list of S3. Every text of a page that is read lies within its own memory,
 * no entry is without a key, and what is no list leaves none.
 */
#include <stdint.h>
#include <stdlib.h>

#include "l2-line/s3text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

static void within(const struct s3text_page *page, struct slice s)
{
	demand(s.len == 0 ||
	       (s.at >= page->text.at && s.at + s.len <= page->text.at + page->text.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size == 0 ? 1 : size); /* of its own, so that a byte too far is seen */
	struct s3text_page page = {0};
	struct err err = {0};

	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	for (int i = 0; i < 2; i++) { /* used again */
		if (s3text_page_read(&page, (struct slice){copy, size}, &err) != 0) {
			demand(page.count == 0 && err.status == ERR_DATA);
			continue;
		}
		for (size_t k = 0; k < page.count; k++) {
			demand(page.entries[k].key.len > 0);
			within(&page, page.entries[k].key);
			within(&page, page.entries[k].upload);
		}
		within(&page, page.token);
		within(&page, page.key_marker);
		within(&page, page.upload_marker);
		demand(!page.more || page.token.len > 0 || page.key_marker.len > 0);
	}
	s3text_page_free(&page);
	free(copy);
	return 0;
}
