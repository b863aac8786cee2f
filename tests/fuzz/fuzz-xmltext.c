/* Input: any bytes. Elements close as they were opened, every event lies within the document or its
 * own buffer, and looking for a path ends.
 */
#include <stdint.h>
#include <stdlib.h>

#include "l1-value/xmltext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1); /* of its own, so that a byte too far is seen */
	struct slice document = {copy, size};
	struct xmltext x = {0};
	struct buf found = {0};
	struct slice open[XMLTEXT_DEPTH_MAX];
	struct err err = {0};
	unsigned depth = 0;
	int event;

	if (copy == NULL)
		return 0;
	copy = realloc(copy, size == 0 ? 1 : size);
	if (size > 0)
		memcpy(copy, data, size);
	document.at = copy;
	xmltext_begin(&x, document);
	while ((event = xmltext_next(&x, &err)) > 0) {
		if (event == XMLTEXT_OPEN) {
			demand(depth < XMLTEXT_DEPTH_MAX && x.name.len > 0);
			open[depth++] = x.name;
		} else if (event == XMLTEXT_CLOSE) {
			demand(depth > 0 && slice_equal(open[--depth], x.name));
		} else {
			demand(depth > 0);
		}
		demand(x.depth == depth);
	}
	demand(event == XMLTEXT_END ? depth == 0 : err.status == ERR_DATA && err.byte >= 1);
	xmltext_find(document, "*/Error/Code", &found);
	xmltext_free(&x);
	buf_free(&found);
	free(copy);
	return 0;
}
