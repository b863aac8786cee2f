/* edge.h - text at the very edge of what may be read: one byte further, and the test dies. */
#ifndef TUBERIA_EDGE_H
#define TUBERIA_EDGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "l0-base/buf.h"

enum { EDGE_SIZE = 4 * 4096 };

/* Readable memory between two pages that are not. */
static char *edge_memory(void)
{
	static char *memory;

	if (memory == NULL) {
		char *at = mmap(NULL, EDGE_SIZE + 2 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);

		if (at == MAP_FAILED ||
		    mprotect(at + 4096, EDGE_SIZE, PROT_READ | PROT_WRITE) != 0) {
			perror("mmap");
			exit(1);
		}
		memory = at + 4096;
	}
	return memory;
}

/* A copy that ends where readable memory ends, or one that begins where it begins; good until the
 * next call. */
static inline struct slice edge_end(struct slice s)
{
	char *at = edge_memory() + EDGE_SIZE - s.len;

	if (s.len > 0)
		memcpy(at, s.at, s.len);
	return (struct slice){at, s.len};
}

static inline struct slice edge_start(struct slice s)
{
	if (s.len > 0)
		memcpy(edge_memory(), s.at, s.len);
	return (struct slice){edge_memory(), s.len};
}

#endif
