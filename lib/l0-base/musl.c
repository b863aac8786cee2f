#include "l0-base/musl.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- memory ---- */

enum { ARENA = 256 << 10, UNIT = 16, PIECE_MOST = 8 << 10 };

struct piece {
	_Alignas(UNIT) size_t size; /* of the bytes behind this */
	union {
		struct piece *next; /* in its list */
		_Alignas(UNIT) char bytes[UNIT];
	};
};

static _Alignas(4096) char arena[ARENA];
static size_t arena_used;
static struct piece *given_back[PIECE_MOST / UNIT + 1]; /* by size */

static int is_in_arena(const void *at)
{
	return (uintptr_t)at - (uintptr_t)arena < ARENA;
}

static struct piece *piece_of(void *at)
{
	return (struct piece *)((char *)at - offsetof(struct piece, bytes));
}

void *musl_malloc(size_t n)
{
	size_t size = n < UNIT ? UNIT : (n + UNIT - 1) / UNIT * UNIT;
	size_t whole = offsetof(struct piece, bytes) + size;
	struct piece *p;

	if (n > PIECE_MOST)
		return musl_real_malloc(n);
	p = given_back[size / UNIT];
	if (p != NULL) {
		given_back[size / UNIT] = p->next;
		return p->bytes;
	}
	if (whole > ARENA - arena_used)
		return musl_real_malloc(n);
	p = (struct piece *)(void *)(arena + arena_used);
	arena_used += whole;
	p->size = size;
	return p->bytes;
}

void *musl_calloc(size_t n, size_t of)
{
	size_t bytes;
	void *at;

	if (__builtin_mul_overflow(n, of, &bytes) || bytes > PIECE_MOST)
		return musl_real_calloc(n, of);
	at = musl_malloc(bytes);
	return at == NULL ? NULL : memset(at, 0, bytes);
}

void *musl_realloc(void *at, size_t n)
{
	size_t size;
	void *moved;

	if (at == NULL)
		return musl_malloc(n);
	if (!is_in_arena(at))
		return musl_real_realloc(at, n);
	size = piece_of(at)->size;
	if (n <= size)
		return at;
	moved = musl_malloc(n);
	if (moved != NULL) {
		memcpy(moved, at, size);
		musl_free(at);
	}
	return moved;
}

void musl_free(void *at)
{
	struct piece *p;

	if (!is_in_arena(at)) {
		musl_real_free(at);
		return;
	}
	p = piece_of(at);
	p->next = given_back[p->size / UNIT];
	given_back[p->size / UNIT] = p;
}

/* ---- names ---- */

_Static_assert(sizeof(off_t) == 8, "files are large anyway");

void *musl_memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
	if (n > room)
		__builtin_trap();
	return memcpy(to, from, n);
}

void *musl_memmove_chk(void *to, const void *from, size_t n, size_t room)
{
	if (n > room)
		__builtin_trap();
	return memmove(to, from, n);
}

void *musl_memset_chk(void *to, int byte, size_t n, size_t room)
{
	if (n > room)
		__builtin_trap();
	return memset(to, byte, n);
}

int musl_open64(const char *path, int flags, ...)
{
	unsigned mode = 0;
	va_list more;

	if ((flags & O_CREAT) != 0) {
		va_start(more, flags);
		mode = va_arg(more, unsigned);
		va_end(more);
	}
	return open(path, flags, mode);
}

int musl_fcntl64(int fd, int command, ...)
{
	void *argument; /* an int comes as one, too */
	va_list more;

	va_start(more, command);
	argument = va_arg(more, void *);
	va_end(more);
	return fcntl(fd, command, argument);
}

int musl_stat64(const char *path, struct stat *st)
{
	return stat(path, st);
}

int musl_lstat64(const char *path, struct stat *st)
{
	return lstat(path, st);
}

int musl_fstat64(int fd, struct stat *st)
{
	return fstat(fd, st);
}

int musl_ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

off_t musl_lseek64(int fd, off_t at, int from)
{
	return lseek(fd, at, from);
}

ssize_t musl_pread64(int fd, void *to, size_t n, off_t at)
{
	return pread(fd, to, n, at);
}

ssize_t musl_pwrite64(int fd, const void *from, size_t n, off_t at)
{
	return pwrite(fd, from, n, at);
}

void *musl_mmap64(void *at, size_t n, int protection, int flags, int fd, off_t from)
{
	return mmap(at, n, protection, flags, fd, from);
}

/* These read "0b1" too, where the base is 0 or 2: nobody here asks for that. */
long plain_strtol(const char *text, char **end, int base) __asm__("strtol");
unsigned long plain_strtoul(const char *text, char **end, int base) __asm__("strtoul");
long long plain_strtoll(const char *text, char **end, int base) __asm__("strtoll");
unsigned long long plain_strtoull(const char *text, char **end, int base) __asm__("strtoull");

long musl_strtol(const char *text, char **end, int base)
{
	return plain_strtol(text, end, base);
}

unsigned long musl_strtoul(const char *text, char **end, int base)
{
	return plain_strtoul(text, end, base);
}

long long musl_strtoll(const char *text, char **end, int base)
{
	return plain_strtoll(text, end, base);
}

unsigned long long musl_strtoull(const char *text, char **end, int base)
{
	return plain_strtoull(text, end, base);
}
