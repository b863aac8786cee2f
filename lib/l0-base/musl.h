/* musl.h - layer 0, of a static program that is linked with musl: what it needs beside that.
 *
 * The objects were compiled with glibc's headers, SQLite's and OpenSSL's by Debian; musl keeps to
 * the same binary interface where it has the same function. With ld's --wrap (see the Makefile)
 * what is called NAME elsewhere is __wrap_NAME, a function of this module, and __real_NAME is
 * musl's. Nobody calls these by their names here, but for the unit test; no other program contains
 * them. */
#ifndef TUBERIA_MUSL_H
#define TUBERIA_MUSL_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define WRAP(name) __asm__("__wrap_" #name)
#define REAL(name) __asm__("__real_" #name)

/* Memory, of one thread.
 *
 * A CGI process lives for one answer, and musl's malloc takes memory from the kernel in many small
 * steps, and gives it back: a fifth of such a life, and much of a FastCGI process's time. So small
 * pieces come out of a block of 256 KiB that the program begins with, as long as it lasts; given
 * back, they wait in a list for the next one of their size. All others are musl's. As malloc(3). */
void *musl_malloc(size_t n) WRAP(malloc);
void *musl_calloc(size_t n, size_t of) WRAP(calloc);
void *musl_realloc(void *at, size_t n) WRAP(realloc);
void musl_free(void *at) WRAP(free);
void *musl_real_malloc(size_t n) REAL(malloc);
void *musl_real_calloc(size_t n, size_t of) REAL(calloc);
void *musl_real_realloc(void *at, size_t n) REAL(realloc);
void musl_real_free(void *at) REAL(free);

/* Names that musl does not have, or no more: of _FORTIFY_SOURCE, large files, C23. */
void *musl_memcpy_chk(void *to, const void *from, size_t n, size_t room) WRAP(__memcpy_chk);
void *musl_memmove_chk(void *to, const void *from, size_t n, size_t room) WRAP(__memmove_chk);
void *musl_memset_chk(void *to, int byte, size_t n, size_t room) WRAP(__memset_chk);
int musl_open64(const char *path, int flags, ...) WRAP(open64);
int musl_fcntl64(int fd, int command, ...) WRAP(fcntl64);
int musl_stat64(const char *path, struct stat *st) WRAP(stat64);
int musl_lstat64(const char *path, struct stat *st) WRAP(lstat64);
int musl_fstat64(int fd, struct stat *st) WRAP(fstat64);
int musl_ftruncate64(int fd, off_t size) WRAP(ftruncate64);
off_t musl_lseek64(int fd, off_t at, int from) WRAP(lseek64);
ssize_t musl_pread64(int fd, void *to, size_t n, off_t at) WRAP(pread64);
ssize_t musl_pwrite64(int fd, const void *from, size_t n, off_t at) WRAP(pwrite64);
void *musl_mmap64(void *at, size_t n, int protection, int flags, int fd, off_t from) WRAP(mmap64);
long musl_strtol(const char *text, char **end, int base) WRAP(__isoc23_strtol);
unsigned long musl_strtoul(const char *text, char **end, int base) WRAP(__isoc23_strtoul);
long long musl_strtoll(const char *text, char **end, int base) WRAP(__isoc23_strtoll);
unsigned long long musl_strtoull(const char *text, char **end, int base) WRAP(__isoc23_strtoull);

#endif
