/* probe-text.c - no test, but a window for one: each line of input is a text's bytes in
 * hexadecimal, each line of output what json_put_string makes of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "l1-value/text.h"

int main(void)
{
	struct buf out = {0};
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		size_t n = (size_t)(len - (line[len - 1] == '\n')) / 2;
		unsigned value;

		for (size_t i = 0; i < n; i++) {
			if (sscanf(line + 2 * i, "%2x", &value) != 1)
				return 2;
			line[i] = (char)value;
		}
		buf_clear(&out);
		if (json_put_string(&out, (struct slice){line, n}) != 0)
			return 1;
		for (size_t i = 0; i < out.len; i++)
			printf("%02x", (unsigned char)out.at[i]);
		putchar('\n');
	}
	free(line);
	buf_free(&out);
	return ferror(stdin) || fclose(stdout) != 0;
}
