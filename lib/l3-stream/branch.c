#include "l3-stream/branch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "l0-base/shell.h"
#include "l3-stream/control.h"

#define PIPE_SIZE (1 << 20)
#define SECOND INT64_C(1000000000)
/* A command that dies is started again after a second; twice as long after each further time, but
 * for one that had worked for a minute. */
#define PAUSE_FIRST SECOND
#define PAUSE_MOST (60 * SECOND)
#define TELL_EVERY (60 * SECOND)

struct branch {
	struct branch_options o;
	/* Lines that wait: buf[start .. len). */
	struct buf waiting;
	size_t start;
	uint64_t lines;    /* of them, that one included which is partly written */
	int mid_line;      /* it is partly written */
	uint64_t gap;      /* data lines left out since the last line that was taken */
	int behind;        /* lines are left out until half of the buffer is free */
	int64_t now, told; /* when that was said last; 0: never */

	int pipe, pidfd; /* -1: none */
	pid_t child;
	int64_t started, next_start, pause; /* next_start: INT64_MAX for never */
	int closed;
	struct branch_counts counts;
};

struct branch *branch_new(const struct branch_options *o)
{
	struct branch *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	b->o = *o;
	b->pipe = b->pidfd = -1;
	b->pause = PAUSE_FIRST;
	return b;
}

static size_t held(const struct branch *b)
{
	return b->waiting.len - b->start;
}

/* ---- lines ---- */

static int begins(struct slice line, const char *text)
{
	size_t n = strlen(text);

	return line.len >= n && memcmp(line.at, text, n) == 0;
}

static int is_end(struct slice line)
{
	return begins(line, "{\"@end\"");
}

static int is_control(struct slice line)
{
	return begins(line, "{\"@barrier\"") || begins(line, "{\"@gap\"") || is_end(line);
}

/* Move what waits to the front, where that is not much work. */
static void tidy(struct branch *b)
{
	size_t n = held(b);

	if (n > b->start)
		return;
	if (n > 0)
		memcpy(b->waiting.at, b->waiting.at + b->start, n);
	b->waiting.len = n;
	b->start = 0;
}

static int put(struct branch *b, struct slice lines, uint64_t count)
{
	tidy(b);
	if (buf_slice(&b->waiting, lines) != 0) {
		b->waiting.failed = 0;
		return -1;
	}
	b->lines += count;
	return 0;
}

static void leave_out(struct branch *b, struct slice line)
{
	b->counts.lost++;
	b->gap += (uint64_t)!is_control(line);
	b->behind = 1;
	if (b->told != 0 && b->now - b->told < TELL_EVERY)
		return;
	b->told = b->now;
	b->o.say("branch %d does not keep up: lines are left out", b->o.number);
}

/* Say in the stream what is missing in it. */
static int put_gap(struct branch *b)
{
	size_t before;

	if (b->gap == 0)
		return 0;
	tidy(b);
	before = b->waiting.len;
	if (control_put_gap(&b->waiting, b->gap) != 0) {
		b->waiting.failed = 0;
		b->waiting.len = before;
		return -1;
	}
	b->gap = 0;
	b->lines++;
	b->counts.given--; /* it is none of those that were offered */
	return 0;
}

void branch_skip(struct branch *b)
{
	b->counts.lost++;
	b->gap++;
}

/* ---- the command ---- */

static void again_later(struct branch *b, int64_t now)
{
	b->next_start = now + b->pause;
	b->pause = 2 * b->pause < PAUSE_MOST ? 2 * b->pause : PAUSE_MOST;
}

static void start(struct branch *b, int64_t now)
{
	int ends[2], failed = 0;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		failed = errno;
	} else {
		failed = shell_start(b->o.command, ends[0], &b->child);
		close(ends[0]);
		if (failed)
			close(ends[1]);
	}
	if (failed) {
		b->o.say("branch %d cannot be started: %s", b->o.number, strerror(failed));
		again_later(b, now);
		return;
	}
	b->pipe = ends[1];
	fcntl(b->pipe, F_SETFL, O_NONBLOCK);
	fcntl(b->pipe, F_SETPIPE_SZ, PIPE_SIZE); /* a wish: it may be refused */
	b->pidfd = (int)syscall(SYS_pidfd_open, b->child, 0);
	b->started = now;
	b->next_start = INT64_MAX;
	b->counts.starts++;
}

static void close_pipe(struct branch *b)
{
	if (b->pipe >= 0)
		close(b->pipe);
	b->pipe = -1;
	if (b->closed && b->mid_line && held(b) == 0) {
		/* The last line of all lacked its end. */
		b->mid_line = 0;
		b->lines--;
		b->counts.given++;
	}
	if (!b->mid_line)
		return;
	/* The rest of a line whose begin is lost is lost too. */
	if (held(b) > 0) {
		const char *from = b->waiting.at + b->start, *newline = memchr(from, '\n', held(b));

		b->start = newline == NULL ? b->waiting.len : (size_t)(newline + 1 - b->waiting.at);
	}
	b->lines--;
	b->counts.lost++;
	b->gap++;
	b->mid_line = 0;
}

/* Whether another start would come to the same end: sysexits(3). */
static int is_final(int status)
{
	return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == ERR_USAGE ||
				     WEXITSTATUS(status) == ERR_CONFIG ||
				     WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127);
}

static void look_at_child(struct branch *b, int64_t now)
{
	int status;
	pid_t child = b->child;
	siginfo_t info = {0};

	if (child == 0 || waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	    info.si_pid != child)
		return;
	/* What is left of its group would be a second one beside the next. Until waitpid(2) the
	 * number is nobody else's. */
	if (!b->closed)
		kill(-child, SIGTERM);
	waitpid(child, &status, 0);
	b->child = 0;
	if (b->pidfd >= 0)
		close(b->pidfd);
	b->pidfd = -1;
	close_pipe(b);
	if (b->closed) {
		b->next_start = INT64_MAX;
		if (status != 0)
			b->o.say("branch %d ended with %s %d", b->o.number,
				 WIFSIGNALED(status) ? "signal" : "status",
				 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		return;
	}
	if (now - b->started >= PAUSE_MOST)
		b->pause = PAUSE_FIRST;
	if (is_final(status))
		b->closed = 1;
	else
		again_later(b, now);
	b->o.say("branch %d ended with %s %d; %s", b->o.number,
		 WIFSIGNALED(status) ? "signal" : "status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		 b->closed ? "it is not started again" : "it is started again");
	if (b->closed)
		b->next_start = INT64_MAX;
}

static void push(struct branch *b)
{
	while (held(b) > 0) {
		const char *from = b->waiting.at + b->start;
		ssize_t n = write(b->pipe, from, held(b));
		uint64_t ended = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE) {
			/* It reads no more. It may live on: it ends, or it is ended with us. */
			close_pipe(b);
			return;
		}
		if (n <= 0)
			return;
		for (ssize_t i = 0; i < n; i++)
			ended += from[i] == '\n';
		b->mid_line = from[n - 1] != '\n';
		b->start += (size_t)n;
		b->lines -= ended;
		b->counts.given += ended;
	}
	tidy(b);
	b->behind = 0;
}

/* *pushed: it was tried already, within these lines, to make room. */
static void offer_one(struct branch *b, struct slice line, int *pushed)
{
	if (!*pushed && b->pipe >= 0 && held(b) + line.len > b->o.buffer) {
		push(b);
		*pushed = held(b) > 0;
	}
	if (b->behind && held(b) <= b->o.buffer / 2)
		b->behind = 0;
	/* The end is said to all, as long as there is memory at all. */
	if ((!is_end(line) && (b->behind || held(b) + line.len > b->o.buffer)) || put_gap(b) != 0 ||
	    put(b, line, 1) != 0)
		leave_out(b, line);
}

void branch_offer(struct branch *b, struct slice lines, uint64_t count)
{
	int pushed = 0;

	if (!b->behind && b->gap == 0 && held(b) + lines.len <= b->o.buffer &&
	    put(b, lines, count) == 0)
		return;
	while (lines.len > 0) {
		const char *newline = memchr(lines.at, '\n', lines.len);
		size_t n = newline == NULL ? lines.len : (size_t)(newline + 1 - lines.at);

		offer_one(b, (struct slice){lines.at, n}, &pushed);
		lines.at += n;
		lines.len -= n;
	}
}

void branch_work(struct branch *b, int64_t now)
{
	b->now = now;
	look_at_child(b, now);
	if (b->child == 0 && now >= b->next_start && !b->closed)
		start(b, now);
	if (b->pipe >= 0)
		push(b);
	if (b->closed && b->pipe >= 0 && held(b) == 0)
		close_pipe(b);
}

size_t branch_poll(const struct branch *b, struct pollfd *p, int64_t *until)
{
	size_t n = 0;

	if (b->pidfd >= 0)
		p[n++] = (struct pollfd){.fd = b->pidfd, .events = POLLIN};
	if (b->pipe >= 0 && held(b) > 0)
		p[n++] = (struct pollfd){.fd = b->pipe, .events = POLLOUT};
	if (b->child == 0 && !b->closed && b->next_start < *until)
		*until = b->next_start;
	return n;
}

void branch_close(struct branch *b)
{
	b->closed = 1;
	if (held(b) == 0)
		close_pipe(b);
}

int branch_done(const struct branch *b)
{
	return b->closed && b->child == 0;
}

void branch_signal(const struct branch *b, int signal_number)
{
	if (b->child > 0)
		kill(-b->child, signal_number);
}

struct branch_counts branch_counts(const struct branch *b)
{
	struct branch_counts c = b->counts;

	c.lost += b->lines;
	return c;
}

void branch_free(struct branch *b)
{
	if (b == NULL)
		return;
	if (b->pipe >= 0)
		close(b->pipe);
	if (b->pidfd >= 0)
		close(b->pidfd);
	buf_free(&b->waiting);
	free(b);
}
