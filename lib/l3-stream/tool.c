#include "l3-stream/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_EVERY_NS 200000000

volatile sig_atomic_t tool_stop;

static const char *tool_name = "tuberia";
static sigset_t wait_mask;
static int progress_shown; /* a progress line stands on the terminal */

static void on_stop(int signal_number)
{
	(void)signal_number;
	tool_stop = 1;
}

/* Catch SIGTERM and SIGINT, unless the parent had them ignored (nohup(1), a shell's background
 * job). No SA_RESTART: a wait must end. Blocked but for waits, so that none slips in between the
 * look at tool_stop and the wait. */
static void set_signals(void)
{
	static const int stops[] = {SIGTERM, SIGINT};
	struct sigaction act = {.sa_handler = on_stop}, old;
	sigset_t blocked;

	sigemptyset(&act.sa_mask);
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
		if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(stops[i], &act, NULL);
		sigaddset(&blocked, stops[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &wait_mask);
	/* The mask of the parent may have them blocked: a child of a child that waits in sigwait.
	 */
	for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
		sigdelset(&wait_mask, stops[i]);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
}

/* With a standard descriptor closed, the next file opened would get its number, and records or
 * messages would be written into it. Take the number by something on which every use fails (EBADF),
 * as on a closed one. */
static void hold_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

const sigset_t *tool_wait_mask(void)
{
	return &wait_mask;
}

/* stderr is the last resort: a failure to write there cannot be told anybody. */
static void write_stderr(const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(2, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		bytes += done;
		n -= (size_t)done;
	}
}

/* Copy text, control bytes escaped: C0, DEL, and C1 as UTF-8 (a terminal may obey U+009B as it does
 * "ESC ["). Stops before `room` bytes are used, never inside a character. Returns bytes used. */
static size_t escape(char *to, size_t room, const char *text)
{
	size_t used = 0;

	while (*text != '\0') {
		unsigned char c = (unsigned char)text[0], d = (unsigned char)text[1];
		size_t len = 1;

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && d >= 0x80 && d < 0xa0)) {
			if (used + 4 > room)
				break;
			used += (size_t)snprintf(to + used, 5, "\\x%02x", c);
			if (c == 0xc2) {
				if (used + 4 > room)
					break;
				used += (size_t)snprintf(to + used, 5, "\\x%02x", d);
				text++;
			}
			text++;
			continue;
		}
		while (len < 4 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len++;
		if (used + len > room)
			break;
		memcpy(to + used, text, len);
		used += len;
		text += len;
	}
	return used;
}

static const char wipe[] = "\r\033[K";

static void wipe_progress(void)
{
	if (progress_shown)
		write_stderr(wipe, sizeof wipe - 1);
	progress_shown = 0;
}

void tool_say(const char *format, ...)
{
	/* No longer than PIPE_BUF: one write(2) of it to a pipe is atomic (write(2), pipe(7)). */
	char line[PIPE_BUF + 1], text[PIPE_BUF];
	size_t used = 0;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (progress_shown) {
		memcpy(line, wipe, sizeof wipe - 1);
		used = sizeof wipe - 1;
		progress_shown = 0;
	}
	used += (size_t)snprintf(line + used, 256, "%.200s: ", tool_name);
	used += escape(line + used, PIPE_BUF - 1 - used, text);
	line[used++] = '\n';
	write_stderr(line, used);
}

int tool_fail(const struct err *err)
{
	if (!err->closed_pipe)
		tool_say("%s", err->message);
	return (int)err->status;
}

int tool_progress_wanted(void)
{
	static int wanted = -1;
	const char *term;

	if (wanted < 0) {
		term = getenv("TERM");
		wanted = isatty(2) && term != NULL && strcmp(term, "dumb") != 0;
	}
	return wanted;
}

void tool_progress(const char *format, ...)
{
	static struct timespec last;
	struct timespec now;
	struct winsize size;
	char text[512], line[sizeof text + sizeof wipe];
	size_t used = sizeof wipe - 1, room = sizeof text;
	va_list args;

	if (!tool_progress_wanted())
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (last.tv_sec != 0 &&
	    (now.tv_sec - last.tv_sec) * 1000000000L + (now.tv_nsec - last.tv_nsec) <
		    PROGRESS_EVERY_NS)
		return;
	last = now;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* A line that wraps could not be wiped. */
	if (ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && size.ws_col - 1u < room)
		room = size.ws_col - 1u;
	memcpy(line, wipe, sizeof wipe - 1);
	used += escape(line + used, room, text);
	write_stderr(line, used);
	progress_shown = 1;
}

/* Write the text of --help and its like. Returns the exit status. */
static int answer(const struct buf *text)
{
	struct writer *w = writer_new(1);
	struct err err;
	int status = 0;

	if (w == NULL) {
		err_memory(&err);
		return tool_fail(&err);
	}
	if (buf_slice(writer_buf(w), buf_view(text)) != 0) {
		err_memory(&err);
		status = tool_fail(&err);
	} else if (writer_flush(w, &err) != 0) {
		tool_fail(&err);
		status = ERR_IO; /* a full disk too: nobody retries --help */
	}
	writer_free(w);
	return status;
}

int tool_processors(void)
{
	cpu_set_t mine;
	int known = sched_getaffinity(0, sizeof mine, &mine) == 0;

	return known && CPU_COUNT(&mine) > 1 ? CPU_COUNT(&mine) : 1;
}

int tool_begin(const struct opt_command *c, int argc, char **argv, char ***operands, size_t *count)
{
	struct buf text = {0};
	struct err err;
	int status = -1;

	tool_name = c->name;
	hold_standard_descriptors();
	set_signals();
	atexit(wipe_progress);
	switch (opt_parse(c, argc, argv, operands, count, &text, &err)) {
	case 0:
		break;
	case 1:
		status = answer(&text);
		break;
	default:
		status = tool_fail(&err);
	}
	buf_free(&text);
	if (status != -1)
		opt_free(c);
	return status;
}
