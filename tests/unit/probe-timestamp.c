/* probe-timestamp.c - no test, but a window for one: what timestamp.h makes of the texts of others.
 *
 * Each line of input is a timestamp; each line of output its fields, separated by tabs: seconds
 * since 1970 in UTC, local seconds, nanoseconds, and the text that timestamp_put_local prints; or
 * "-" and why it is refused. The zone is TZ.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l1-value/timestamp.h"

int main(void)
{
	struct zone *z = zone_new();
	struct buf out = {0};
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		struct timestamp t;
		struct err err;

		len -= line[len - 1] == '\n';
		buf_clear(&out);
		if (timestamp_parse(z, (struct slice){line, (size_t)len}, &t, &err) != 0) {
			printf("-\t%s\n", err.message);
			continue;
		}
		timestamp_put_local(z, &out, &t);
		printf("%" PRId64 "\t%" PRId64 "\t%" PRId32 "\t%s\n", t.utc, t.local, t.nanos,
		       buf_text(&out));
	}
	free(line);
	buf_free(&out);
	zone_free(z);
	return ferror(stdin) || fclose(stdout) != 0;
}
