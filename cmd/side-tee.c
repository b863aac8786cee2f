/* side-tee - copy a stream, and give it to commands beside that may not hold it up. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "l2-line/outlet.h"
#include "l3-stream/branch.h"
#include "l3-stream/tool.h"

#define BRANCHES_MAX 16
/* What one read(2) may bring, and the longest line that branches are given. */
#define BLOCK ((size_t)1 << 20)
#define SECOND INT64_C(1000000000)

static struct {
	int64_t buffer, linger;
	int verbose;
} given = {.buffer = 8 << 20, .linger = 10000000};

static const struct opt options[] = {
	{OPT_INT, 0, "buffer", "BYTES", &given.buffer,
	 "what may wait for a command that does not keep up (8388608)", NULL, NULL, 65536, 1 << 30},
	{OPT_DURATION, 0, "linger", "DURATION", &given.linger,
	 "at the end, so long the commands may finish (10s)", NULL, NULL, 0, 3600000000},
	{OPT_FLAG, 'v', "verbose", NULL, &given.verbose, "say at the end what went where", NULL,
	 NULL, 0, 0},
	{OPT_FLAG, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0}};

static const struct opt_command command = {
	.name = "side-tee",
	.purpose = "copy a stream, and give it to commands beside that may not hold it up",
	.usage = "[options] COMMAND... < records",
	.see_also = "See side-tee(1), tuberia(7).",
	.options = options,
};

struct tee {
	struct outlet *out;
	/* buf[0 .. taken) is on its way to standard output, up to `written`; [taken .. len) is the
	 * begin of a line, and waits for the rest. */
	char *buf;
	size_t written, taken, len;
	int long_line; /* what stands before buf[0] is the begin of a line */
	int eof;
	struct branch *branches[BRANCHES_MAX];
	size_t count;
	uint64_t lines;
};

static int64_t now_nanos(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* ---- the stream ---- */

/* Offer what was taken to the branches: whole lines, but for the last one of the input, which may
 * lack its end. A line that does not fit into the buffer is not for them. */
static void offer(struct tee *t)
{
	struct slice lines = {t->buf, t->taken};
	uint64_t count = 0;

	if (t->long_line) {
		const char *newline = memchr(lines.at, '\n', lines.len);
		size_t rest = newline == NULL ? lines.len : (size_t)(newline + 1 - lines.at);

		t->long_line = newline == NULL;
		lines.at += rest;
		lines.len -= rest;
	}
	if (lines.len == 0)
		return;
	for (size_t i = 0; i < lines.len; i++)
		count += lines.at[i] == '\n';
	if (lines.at[lines.len - 1] != '\n')
		count++;
	t->lines += count;
	t->long_line = !t->eof && lines.at[lines.len - 1] != '\n';
	for (size_t i = 0; i < t->count; i++) {
		if (t->long_line)
			branch_skip(t->branches[i]);
		else
			branch_offer(t->branches[i], lines, count);
	}
}

/* Take whole lines: what follows may never come. */
static void take(struct tee *t)
{
	const char *last = t->len > 0 ? memrchr(t->buf, '\n', t->len) : NULL;

	if (last != NULL && !t->eof)
		t->taken = (size_t)(last + 1 - t->buf);
	else if (t->len == BLOCK || t->eof || (t->long_line && last == NULL))
		t->taken = t->len;
	if (t->taken > 0)
		offer(t);
}

static int fill(struct tee *t, struct err *err)
{
	ssize_t n = read(0, t->buf + t->len, BLOCK - t->len);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0)
		return err_sys(err, ERR_IO, errno, "cannot read");
	t->eof = n == 0;
	t->len += (size_t)n;
	take(t);
	return 0;
}

static int drain(struct tee *t, struct err *err)
{
	ssize_t n = outlet_write(t->out, t->buf + t->written, t->taken - t->written, err);

	if (n < 0)
		return -1;
	t->written += (size_t)n;
	if (t->written < t->taken)
		return 0;
	t->len -= t->taken;
	memmove(t->buf, t->buf + t->taken, t->len);
	t->written = t->taken = 0;
	return 0;
}

static void work(struct tee *t)
{
	int64_t now = now_nanos();

	for (size_t i = 0; i < t->count; i++)
		branch_work(t->branches[i], now);
}

/* Wait for any of what there is to wait for, until a time at the latest. Returns what there is for
 * the stream's own descriptor. */
static int wait_for(const struct tee *t, int fd, short events, int64_t until, struct err *err)
{
	struct pollfd p[1 + 2 * BRANCHES_MAX] = {{.fd = fd, .events = events}};
	size_t n = 1;
	int64_t left;
	struct timespec limit;

	for (size_t i = 0; i < t->count; i++)
		n += branch_poll(t->branches[i], p + n, &until);
	left = until == INT64_MAX ? 0 : until - now_nanos();
	if (left < 0)
		left = 0;
	limit = (struct timespec){left / SECOND, left % SECOND};
	if (ppoll(p, n, until == INT64_MAX ? NULL : &limit, tool_wait_mask()) < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return 0;
		return err_sys(err, ERR_IO, errno, "cannot wait");
	}
	return p[0].revents != 0;
}

/* Until the end of the input, or a signal; then what is taken is written all the same. */
static int copy(struct tee *t, struct err *err)
{
	for (;;) {
		int writing = t->taken > 0, ready;

		if (!writing && (t->eof || tool_stop))
			return 0;
		ready = wait_for(t, writing ? outlet_fd(t->out) : 0, writing ? POLLOUT : POLLIN,
				 INT64_MAX, err);
		if (ready < 0)
			return -1;
		if (ready && writing && drain(t, err) != 0)
			return -1;
		if (ready && !writing && fill(t, err) != 0)
			return -1;
		/* A signal that came while input was always there. */
		if (!writing && !tool_stop) {
			sigset_t before;

			sigprocmask(SIG_SETMASK, tool_wait_mask(), &before);
			sigprocmask(SIG_SETMASK, &before, NULL);
		}
		work(t);
	}
}

/* ---- the end ---- */

static int all_done(const struct tee *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (!branch_done(t->branches[i]))
			return 0;
	return 1;
}

static void wait_for_branches(struct tee *t, int64_t until)
{
	struct err ignored;

	while (!all_done(t) && now_nanos() < until) {
		if (wait_for(t, -1, 0, until, &ignored) < 0)
			return;
		work(t);
	}
}

/* The stream has ended for its readers already; let the commands see it out. */
static void finish_branches(struct tee *t)
{
	for (size_t i = 0; i < t->count; i++)
		branch_close(t->branches[i]);
	wait_for_branches(t, now_nanos() + given.linger * 1000);
	if (all_done(t))
		return;
	tool_say("commands that have not ended are ended");
	for (size_t i = 0; i < t->count; i++)
		branch_signal(t->branches[i], SIGTERM);
	wait_for_branches(t, now_nanos() + 2 * SECOND);
	for (size_t i = 0; i < t->count; i++)
		branch_signal(t->branches[i], SIGKILL);
	wait_for_branches(t, now_nanos() + SECOND);
}

static void last_words(const struct tee *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct branch_counts c = branch_counts(t->branches[i]);

		if (given.verbose)
			tool_say("branch %zu: in %" PRIu64 " = given %" PRIu64 " + lost %" PRIu64
				 "; starts %" PRIu64,
				 i + 1, t->lines, c.given, c.lost, c.starts);
		else if (c.lost > 0)
			tool_say("branch %zu: lines that it was not given: %" PRIu64, i + 1,
				 c.lost);
	}
}

static int set_up(struct tee *t, char **commands, size_t count, struct err *err)
{
	if (count == 0)
		return err_set(err, ERR_USAGE, "which command?");
	if (count > BRANCHES_MAX)
		return err_set(err, ERR_USAGE, "more than %d commands", BRANCHES_MAX);
	t->buf = malloc(BLOCK);
	t->out = outlet_new(1);
	if (t->buf == NULL || t->out == NULL)
		return err_memory(err);
	for (size_t i = 0; i < count; i++) {
		struct branch_options o = {.command = commands[i],
					   .number = (int)i + 1,
					   .buffer = (size_t)given.buffer,
					   .say = tool_say};

		t->branches[i] = branch_new(&o);
		if (t->branches[i] == NULL)
			return err_memory(err);
		t->count++;
	}
	return 0;
}

static void tear_down(struct tee *t)
{
	for (size_t i = 0; i < t->count; i++)
		branch_free(t->branches[i]);
	outlet_free(t->out);
	free(t->buf);
	opt_free(&command);
}

int main(int argc, char **argv)
{
	static struct tee t;
	struct err err = {0};
	char **operands;
	size_t count;
	int status = tool_begin(&command, argc, argv, &operands, &count);

	if (status != -1)
		return status;
	status = 0;
	if (set_up(&t, operands, count, &err) != 0) {
		status = tool_fail(&err);
	} else {
		work(&t);
		if (copy(&t, &err) != 0)
			status = tool_fail(&err);
		outlet_free(t.out);
		t.out = NULL;
		close(1);
		finish_branches(&t);
		last_words(&t);
	}
	tear_down(&t);
	return status;
}
