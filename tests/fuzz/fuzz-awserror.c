/* Input: the header x-amzn-errortype up to the first newline, then a reply. There is always a code,
 * both texts are terminated, and of the message there is one line.
 */
#include <stdint.h>
#include <stdlib.h>

#include "l2-line/awserror.h"
#include "l2-line/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
	struct slice type = {(const char *)data, end == NULL ? 0 : (size_t)(end - data)};
	struct buf reply = {0}, code = {0}, message = {0};
	enum awserror_kind kind;

	if (end != NULL)
		buf_put(&reply, end + 1, size - type.len - 1);
	else
		buf_put(&reply, data, size);
	if (buf_room(&reply, READER_PADDING) != NULL) {
		demand(awserror_read(buf_view(&reply), type, 418, &code, &message) == 0);
		demand(code.len > 0 && code.at[code.len - 1] == '\0');
		demand(message.len > 0 && message.at[message.len - 1] == '\0');
		demand(memchr(message.at, '\n', message.len) == NULL);
		kind = awserror_kind(code.at, 418);
		demand(awserror_status(kind) >= ERR_TEMP);
	}
	buf_free(&reply);
	buf_free(&code);
	buf_free(&message);
	return 0;
}
