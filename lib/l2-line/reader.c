#include "l2-line/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one read(2) may bring, and the size that a pipe is asked to have. */
#define BLOCK ((size_t)1 << 20)
/* A partial line is moved to the buffer's front when less room than this is left behind it. */
#define LEAST_READ ((size_t)64 << 10)

struct reader {
	int fd;
	int regular; /* a file: never to be waited for */
	int eof, stopped, unterminated;
	struct err failure; /* the first one; its status is ERR_NONE while there was none */

	/* buf[start .. end) is read and not given yet; [start .. seen) has no newline. size does
	 * not count READER_PADDING. */
	char *buf;
	size_t size, start, seen, end;
	uint64_t line_number;

	int (*on_wait)(void *context, struct err *err);
	void *context;
	const volatile sig_atomic_t *stop;
	const sigset_t *allowed;
};

struct reader *reader_new(int fd)
{
	struct reader *r = calloc(1, sizeof *r);
	struct stat st;

	if (r == NULL)
		return NULL;
	r->fd = fd;
	r->size = BLOCK;
	r->buf = calloc(
		1, r->size + READER_PADDING); /* the padding is read: never leave it undefined */
	if (r->buf == NULL) {
		free(r);
		return NULL;
	}
	if (fstat(fd, &st) == 0) {
		r->regular = S_ISREG(st.st_mode);
		if (S_ISFIFO(st.st_mode))
			fcntl(fd, F_SETPIPE_SZ, (int)BLOCK); /* a wish: it may be refused */
	}
	return r;
}

void reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	free(r->buf);
	free(r);
}

void reader_on_wait(struct reader *r, int (*on_wait)(void *context, struct err *err), void *context)
{
	r->on_wait = on_wait;
	r->context = context;
}

void reader_stop_when(struct reader *r, const volatile sig_atomic_t *stop, const sigset_t *allowed)
{
	r->stop = stop;
	r->allowed = allowed;
}

int reader_stopped(const struct reader *r)
{
	return r->stopped;
}

int reader_unterminated(const struct reader *r)
{
	return r->unterminated;
}

uint64_t reader_line_number(const struct reader *r)
{
	return r->line_number;
}

static int wants_stop(const struct reader *r)
{
	return r->stop != NULL && *r->stop != 0;
}

/* Let pending signals in. ppoll(2) does not deliver them while its descriptor is ready, so with
 * plentiful input none would ever come. */
static void take_signals(const struct reader *r)
{
	sigset_t before;

	if (r->allowed == NULL)
		return;
	if (pthread_sigmask(SIG_SETMASK, r->allowed, &before) == 0)
		pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Wait until there is input. `must` is set when a read has just said that there is none. Returns 1,
 * 0 when stopped, or -1. */
static int wait_for_input(struct reader *r, int must, struct err *err)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	const struct timespec now = {0, 0};
	int ready;

	take_signals(r);
	if (wants_stop(r))
		return 0;
	if (r->regular)
		return 1;
	if (!must && ppoll(&p, 1, &now, NULL) > 0)
		return 1;
	do {
		int ms = r->on_wait == NULL ? 0 : r->on_wait(r->context, err);
		struct timespec most = {ms / 1000, ms % 1000 * 1000000L};

		if (ms < 0)
			return -1;
		do {
			if (wants_stop(r))
				return 0;
			ready = ppoll(&p, 1, ms > 0 ? &most : NULL, r->allowed);
		} while (ready < 0 && (errno == EINTR || errno == EAGAIN));
	} while (ready == 0);
	return ready > 0 ? 1 : err_sys(err, ERR_IO, errno, "cannot wait for input");
}

/* Make room for the next read: at the buffer's end, by moving the partial line to the front, or by
 * a larger buffer when that line fills it. */
static int make_room(struct reader *r, struct err *err)
{
	size_t held = r->end - r->start;

	if (held == 0) {
		r->start = r->seen = r->end = 0;
		return 0;
	}
	if (r->size - r->end >= LEAST_READ)
		return 0;
	if (held > READER_LINE_MAX)
		return err_set(err, ERR_DATA, "line longer than %zu bytes", READER_LINE_MAX);
	if (r->size - held < LEAST_READ) {
		size_t size = 2 * r->size;
		char *buf = realloc(r->buf, size + READER_PADDING);

		if (buf == NULL)
			return err_memory(err);
		r->buf = buf;
		r->size = size;
		memset(buf + size, 0, READER_PADDING);
		if (size - r->end >= LEAST_READ)
			return 0;
	}
	memmove(r->buf, r->buf + r->start, held);
	r->seen -= r->start;
	r->start = 0;
	r->end = held;
	return 0;
}

/* Read more. Returns 1 when there is some, 0 at the end of the file or when stopped, or -1. */
static int fill(struct reader *r, struct err *err)
{
	int must = 0;

	if (make_room(r, err) != 0)
		return -1;
	for (;;) {
		int ready = wait_for_input(r, must, err);
		ssize_t n;

		if (ready <= 0) {
			r->stopped = ready == 0;
			return ready;
		}
		n = read(r->fd, r->buf + r->end, r->size - r->end);
		if (n > 0) {
			r->end += (size_t)n;
			return 1;
		}
		if (n == 0) {
			r->eof = 1;
			return 0;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			must = 1;
		else if (errno != EINTR)
			return err_sys(err, ERR_IO, errno, "cannot read");
	}
}

/* Give buf[start .. start+len), of which `taken` bytes are used up. */
static int give(struct reader *r, size_t len, size_t taken, struct slice *line, struct err *err)
{
	if (len > READER_LINE_MAX) {
		err_set(err, ERR_DATA, "line longer than %zu bytes", READER_LINE_MAX);
		r->failure = *err;
		return -1;
	}
	*line = (struct slice){r->buf + r->start, len};
	r->start += taken;
	r->seen = r->start;
	r->line_number++;
	return 1;
}

/* After a failure there is no whole line, but for one that is too long. */
struct slice reader_ahead(const struct reader *r)
{
	size_t len = r->stopped || wants_stop(r) ? 0 : r->end - r->start;

	return (struct slice){r->buf + r->start, len};
}

void reader_take(struct reader *r, size_t len)
{
	r->start += len + 1;
	r->seen = r->start;
	r->line_number++;
}

int reader_next(struct reader *r, struct slice *line, struct err *err)
{
	if (r->failure.status != ERR_NONE) {
		*err = r->failure;
		return -1;
	}
	if (wants_stop(r))
		r->stopped = 1;
	while (!r->stopped) {
		const char *newline =
			r->seen == r->end ? NULL : memchr(r->buf + r->seen, '\n', r->end - r->seen);
		size_t len;

		if (newline != NULL) {
			len = (size_t)(newline - (r->buf + r->start));
			return give(r, len, len + 1, line, err);
		}
		r->seen = r->end;
		if (r->eof) {
			len = r->end - r->start;
			if (len == 0)
				return 0;
			r->unterminated = 1;
			return give(r, len, len, line, err);
		}
		if (fill(r, err) < 0) {
			r->failure = *err;
			return -1;
		}
	}
	return 0;
}
