/* probe-decimal.c - no test, but a window for one: what decimal.h makes of the numbers of others.
 *
 * Each line of input is "parse A", "add A B", "sub A B" or "compare A B"; each line of output the
 * result as text (-1, 0 or 1 for compare), or "-" where it is refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "l1-value/decimal.h"

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		char out[DECIMAL_TEXT_MAX], *verb = line, *first, *second;
		struct decimal a, b = {0};
		struct err err;
		int got, order;

		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		first = strchr(line, ' ');
		if (first == NULL)
			return 2;
		*first++ = '\0';
		second = strchr(first, ' ');
		if (second != NULL)
			*second++ = '\0';
		got = decimal_parse(slice_of(first), &a, &err);
		if (got == 0 && second != NULL)
			got = decimal_parse(slice_of(second), &b, &err);
		if (got == 0 && strcmp(verb, "compare") == 0) {
			order = decimal_compare(&a, &b);
			printf("%d\n", (order > 0) - (order < 0));
			continue;
		}
		if (got == 0 && strcmp(verb, "add") == 0)
			got = decimal_add(&a, &b, &err);
		else if (got == 0 && strcmp(verb, "sub") == 0)
			got = decimal_sub(&a, &b, &err);
		if (got == 0)
			decimal_print(&a, out);
		puts(got == 0 ? out : "-");
	}
	free(line);
	return ferror(stdin) || fclose(stdout) != 0;
}
