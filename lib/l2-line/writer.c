#include "l2-line/writer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* Enough that the cost of a write(2) no longer shows, and what a pipe holds by default. */
#define BLOCK ((size_t)64 << 10)

struct writer {
	int fd;
	struct buf buf;
	struct err failure; /* the first one; its status is ERR_NONE while there was none */
};

struct writer *writer_new(int fd)
{
	struct writer *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->fd = fd;
	/* So that the first records do not grow it step by step: a block, and a record behind it.
	 */
	if (buf_room(&w->buf, 2 * BLOCK) == NULL) {
		free(w);
		return NULL;
	}
	return w;
}

void writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	buf_free(&w->buf);
	free(w);
}

struct buf *writer_buf(struct writer *w)
{
	return &w->buf;
}

/* The failure stays: bytes of unknown fate lie behind it, so nothing may follow them. */
static int fail(struct writer *w, int errnum, struct err *err)
{
	switch (errnum) {
	case EPIPE:
		err_sys(err, ERR_IO, errnum, "cannot write");
		err->closed_pipe = 1;
		break;
	case ENOSPC:
	case EDQUOT:
		err_sys(err, ERR_TEMP, errnum, "cannot write");
		break;
	default:
		err_sys(err, ERR_IO, errnum, "cannot write");
	}
	w->failure = *err;
	buf_clear(&w->buf);
	return -1;
}

/* Returns 0 when fd may take bytes, or an errno value. */
static int wait_for_room(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	while (poll(&p, 1, -1) < 0) {
		if (errno != EINTR && errno != EAGAIN)
			return errno;
	}
	return 0;
}

int writer_flush(struct writer *w, struct err *err)
{
	const char *at = w->buf.at;
	size_t left = w->buf.len;

	if (w->failure.status != ERR_NONE) {
		buf_clear(&w->buf);
		*err = w->failure;
		return -1;
	}
	if (w->buf.failed) {
		/* A record with a piece missing may be in it: better none of it. */
		err_memory(err);
		w->failure = *err;
		buf_clear(&w->buf);
		return -1;
	}
	while (left > 0) {
		ssize_t n = write(w->fd, at, left);

		if (n >= 0) {
			at += n;
			left -= (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			int errnum = wait_for_room(w->fd);

			if (errnum != 0)
				return fail(w, errnum, err);
		} else if (errno != EINTR) {
			return fail(w, errno, err);
		}
	}
	buf_clear(&w->buf);
	return 0;
}

int writer_room(struct writer *w, struct err *err)
{
	if (w->buf.len < BLOCK && !w->buf.failed && w->failure.status == ERR_NONE)
		return 0;
	return writer_flush(w, err);
}
