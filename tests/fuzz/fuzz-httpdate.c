/* Input: any bytes. A date is the one that was written: printed again, it is the same text, but for
 * the name of the day, and a leap second.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "l1-value/httpdate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size == 0 ? 1 : size); /* of its own, so that a byte too far is seen */
	int64_t at = -7;
	struct tm tm;
	char text[64];
	time_t t;

	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	if (httpdate_parse((struct slice){copy, size}, &at) != 0) {
		if (at != -7)
			abort();
		free(copy);
		return 0;
	}
	t = (time_t)at;
	if (at < 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm) != size)
		abort();
	if (memcmp(copy + 23, "60", 2) != 0 && memcmp(copy + 3, text + 3, size - 3) != 0)
		abort();
	free(copy);
	return 0;
}
