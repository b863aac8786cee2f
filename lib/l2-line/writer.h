/* writer.h - layer 2: bytes to a file descriptor, every one accounted for. */
#ifndef TUBERIA_WRITER_H
#define TUBERIA_WRITER_H

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct writer;

/* Write to fd, which stays the caller's. Returns NULL out of memory. The caller ignores SIGPIPE. */
struct writer *writer_new(int fd);

/* Frees only: what was not flushed is lost, so flush first and look at the answer. */
void writer_free(struct writer *w);

/* The place to put bytes: append to this buf, then call writer_room between records, which writes
 * in large blocks once enough has gathered. Returns 0, or -1 as writer_flush. */
struct buf *writer_buf(struct writer *w);
int writer_room(struct writer *w, struct err *err);

/* Write all that is held. Survives EINTR, short writes and a non-blocking descriptor (waits for
 * it). Returns 0, or -1: ERR_IO with closed_pipe set when the reader went away (EPIPE); ERR_TEMP
 * when the disk is full (ENOSPC, EDQUOT: room may come back); ERR_IO otherwise. After a failure the
 * writer takes nothing more and each call fails again: what was written is never written twice. */
int writer_flush(struct writer *w, struct err *err);

#endif
