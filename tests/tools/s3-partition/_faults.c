/* A library to be preloaded: at the FAULT_AT-th call that changes a file, or makes it durable, the
 * process dies as by kill -9 (FAULT=kill), or the call fails (FAULT=28: with that errno). The
 * number of calls is written to FAULT_COUNT at the end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int calls;

/* 1: this call is to fail. */
static int fault(void)
{
	const char *at = getenv("FAULT_AT"), *what = getenv("FAULT");

	__atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
	if (at == NULL || what == NULL || calls != atoi(at))
		return 0;
	if (strcmp(what, "kill") == 0)
		kill(getpid(), SIGKILL);
	errno = atoi(what);
	return 1;
}

__attribute__((destructor)) static void count(void)
{
	const char *path = getenv("FAULT_COUNT");
	FILE *f = path == NULL ? NULL : fopen(path, "w");

	if (f != NULL) {
		fprintf(f, "%d\n", calls);
		fclose(f);
	}
}

#define WRAP(type, name, parameters, arguments)                                       \
	type name parameters                                                          \
	{                                                                             \
		type(*real) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
		return fault() ? -1 : real arguments;                                 \
	}

WRAP(int, linkat, (int a, const char *b, int c, const char *d, int e), (a, b, c, d, e))
WRAP(int, renameat, (int a, const char *b, int c, const char *d), (a, b, c, d))
WRAP(int, unlinkat, (int a, const char *b, int c), (a, b, c))
WRAP(int, mkdirat, (int a, const char *b, mode_t c), (a, b, c))
WRAP(int, mkdir, (const char *a, mode_t b), (a, b))
WRAP(int, fsync, (int a), (a))
WRAP(int, syncfs, (int a), (a))
WRAP(ssize_t, pwrite, (int a, const void *b, size_t c, off_t d), (a, b, c, d))

/* What reads can fail, but not for want of room. */
ssize_t pread(int fd, void *bytes, size_t n, off_t at)
{
	ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread");

	if (fault() && errno != ENOSPC)
		return -1;
	return real(fd, bytes, n, at);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
	ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");

	return fd > 2 && fault() ? -1 : real(fd, bytes, n);
}
