/* err.h - layer 0: what went wrong, in words and as an exit status.
 *
 * Library functions never print and never exit. They return -1 and fill a struct err; the command
 * adds its name and the place in its input, prints one line, and exits with err.status.
 */
#ifndef TUBERIA_ERR_H
#define TUBERIA_ERR_H

#include <stddef.h>

/* Exit statuses, from sysexits(3); scripts and systemd decide on a retry by them. */
enum err_status {
	ERR_NONE = 0,
	ERR_USAGE = 64,       /* the command line is wrong */
	ERR_DATA = 65,        /* the input is wrong; err.byte may say where */
	ERR_UNAVAILABLE = 69, /* a server is not there */
	ERR_CREATE = 73,      /* an output cannot be created */
	ERR_IO = 74,          /* reading or writing failed */
	ERR_TEMP = 75,        /* the same call may succeed later */
	ERR_DENIED = 77,      /* not allowed */
	ERR_CONFIG = 78       /* the set-up is wrong; a retry will not help */
};

struct err {
	enum err_status status;
	int closed_pipe; /* 1: the reader of our output went away (EPIPE); worth no message */
	size_t byte;     /* 1-based byte of the line the message is about; 0: no particular one */
	char message[600];
};

/* Set *err. The message is cut at its buffer's end, and control bytes in it are shown as \xHH, so
 * that text from outside can be passed with %s. Always returns -1, so: return err_set(err, ...). */
int err_set(struct err *err, enum err_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set, with ERR_DATA and the 1-based byte of the line where the trouble is. */
int err_at(struct err *err, size_t byte, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set; ": " and the text of errno value errnum are added. */
int err_sys(struct err *err, enum err_status status, int errnum, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* As err_set with ERR_TEMP and "out of memory". */
int err_memory(struct err *err);

/* Put "prefix: " before the message that is there. Returns -1. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* clang-tidy looks at one file at a time, and follows paths on which these do not return -1.
 * (In err.c their names stand in parentheses: the functions, not the macros.) */
static inline int err_is_minus_one(int result)
{
	(void)result;
	return -1;
}
#define err_set(...) err_is_minus_one(err_set(__VA_ARGS__))
#define err_at(...) err_is_minus_one(err_at(__VA_ARGS__))
#define err_sys(...) err_is_minus_one(err_sys(__VA_ARGS__))
#define err_memory(...) err_is_minus_one(err_memory(__VA_ARGS__))
#define err_prefix(...) err_is_minus_one(err_prefix(__VA_ARGS__))
#endif

#endif
