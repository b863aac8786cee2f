/* outlet.h - layer 2: bytes to a file descriptor, without ever waiting for its reader.
 *
 * For tools that must go on answering a server while their output is blocked. (Filters use
 * writer.h, which waits.)
 */
#ifndef TUBERIA_OUTLET_H
#define TUBERIA_OUTLET_H

#include <sys/types.h>

#include "l0-base/err.h"

struct outlet;

/* Write to fd, which stays the caller's, and whose flags stay as they are: it may be shared with
 * other processes. Returns NULL out of memory. The caller ignores SIGPIPE. */
struct outlet *outlet_new(int fd);
void outlet_free(struct outlet *o);

/* Write what goes without waiting. Returns how many bytes that was, 0 to n, or -1: ERR_IO with
 * closed_pipe set when the reader went away (EPIPE); ERR_TEMP when the disk is full; ERR_IO. */
ssize_t outlet_write(struct outlet *o, const char *bytes, size_t n, struct err *err);

/* The descriptor to wait on for POLLOUT. */
int outlet_fd(const struct outlet *o);

#endif
