/* Input: any text. A file of AWS's settings is read or refused with a line's number, and what is
 * found in it is in it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "l2-line/awsfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	for (int kind = AWSFILE_CONFIG; kind <= AWSFILE_CREDENTIALS; kind++) {
		struct err err = {0};
		struct awsfile *f = awsfile_parse(text, "f", (enum awsfile_kind)kind, &err);
		const char *value;

		if (f == NULL) {
			if (err.status != ERR_CONFIG || err.message[0] != 'f')
				abort();
			continue;
		}
		value = awsfile_get(f, "profile default", "region", NULL);
		if (value != NULL && (!awsfile_has(f, "profile default") || *value == '\0' ||
				      strstr(text, value) == NULL))
			abort();
		awsfile_get(f, "services default", "s3", "endpoint_url");
		awsfile_free(f);
	}
	free(text);
	return 0;
}
