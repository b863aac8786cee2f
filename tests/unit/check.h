/* check.h - the few macros that unit tests need. Each prints TAP: a line "ok N - name" or "not ok
 * N". */
#ifndef TUBERIA_CHECK_H
#define TUBERIA_CHECK_H

#include <stdio.h>
#include <string.h>

static int check_count, check_failures;

/* One test: `truth` holds, or the line says where it does not. */
#define CHECK(truth, ...)                                                    \
	do {                                                                 \
		int check_ok = (truth) != 0;                                 \
		check_count++;                                               \
		check_failures += !check_ok;                                 \
		printf("%sok %d - ", check_ok ? "" : "not ", check_count);   \
		printf(__VA_ARGS__);                                         \
		printf("\n");                                                \
		if (!check_ok)                                               \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #truth); \
	} while (0)

/* Last line of main(): return check_done(); */
static inline int check_done(void)
{
	printf("1..%d\n", check_count);
	return check_failures != 0;
}

#endif
