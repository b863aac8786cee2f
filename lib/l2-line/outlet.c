#include "l2-line/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_SIZE (1 << 20)

enum way {
	PLAIN,       /* a regular file: never waits for a reader */
	NONBLOCKING, /* a pipe, opened once more for ourselves */
	SOCKET,
	CAREFUL /* a terminal, or what could not be opened again: small pieces, when there is room
		 */
};

struct outlet {
	int fd;
	int own; /* fd was opened by us */
	enum way way;
};

static void open_pipe(struct outlet *o)
{
	char path[64];
	int fd;

	/* A description of our own: O_NONBLOCK on the shared one would surprise those it is shared
	 * with. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", o->fd);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	o->fd = fd;
	o->own = 1;
	o->way = NONBLOCKING;
	/* Fewer turns between us and the reader, where the system allows it. */
	(void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
}

struct outlet *outlet_new(int fd)
{
	struct outlet *o = calloc(1, sizeof *o);
	struct stat st;

	if (o == NULL)
		return NULL;
	o->fd = fd;
	o->way = CAREFUL;
	if (fstat(fd, &st) != 0)
		return o;
	if (S_ISREG(st.st_mode))
		o->way = PLAIN;
	else if (S_ISSOCK(st.st_mode))
		o->way = SOCKET;
	else if (S_ISFIFO(st.st_mode))
		open_pipe(o);
	return o;
}

void outlet_free(struct outlet *o)
{
	if (o == NULL)
		return;
	if (o->own)
		close(o->fd);
	free(o);
}

int outlet_fd(const struct outlet *o)
{
	return o->fd;
}

static ssize_t write_some(const struct outlet *o, const char *bytes, size_t n)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};

	switch (o->way) {
	case SOCKET:
		return send(o->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	case CAREFUL:
		/* Writable means room for PIPE_BUF bytes at least (pipe(7)). */
		if (poll(&p, 1, 0) == 0) {
			errno = EAGAIN;
			return -1;
		}
		return write(o->fd, bytes, n < PIPE_BUF ? n : PIPE_BUF);
	default:
		return write(o->fd, bytes, n);
	}
}

ssize_t outlet_write(struct outlet *o, const char *bytes, size_t n, struct err *err)
{
	size_t done = 0;

	while (done < n) {
		ssize_t wrote = write_some(o, bytes + done, n - done);

		if (wrote >= 0) {
			done += (size_t)wrote;
			continue;
		}
		switch (errno) {
		case EINTR:
			continue;
		case EAGAIN:
			return (ssize_t)done;
		case EPIPE:
		case ECONNRESET:
			err_sys(err, ERR_IO, errno, "cannot write");
			err->closed_pipe = 1;
			return -1;
		case ENOSPC:
		case EDQUOT:
			return err_sys(err, ERR_TEMP, errno, "cannot write");
		default:
			return err_sys(err, ERR_IO, errno, "cannot write");
		}
	}
	return (ssize_t)done;
}
