/* The writer: every byte arrives once and in order, or the failure is told. */
#include "l2-line/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t alarms;

/* The next alarm is set by the one before, and not without end: valgrind takes so long over a
 * signal that the program would never get on. */
static void alarm_in(suseconds_t microseconds)
{
	struct itimerval once = {.it_value.tv_usec = microseconds};

	setitimer(ITIMER_REAL, &once, NULL);
}

static void on_alarm(int signal_number)
{
	(void)signal_number;
	if (++alarms % 300 != 0)
		alarm_in(1000);
}

/* Signals without SA_RESTART, hundreds a second, while on. */
static void storm(int on)
{
	struct sigaction act = {.sa_handler = on ? on_alarm : SIG_IGN};

	sigaction(SIGALRM, &act, NULL);
	alarm_in(on ? 1000 : 0);
}

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 31 + i / 251);
}

/* The child's exit status; the alarms interrupt this too. */
static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A child that reads `in` slowly and exits 0 when it got just `total` bytes of the pattern. */
static pid_t slow_reader(int in, int other_end, size_t total)
{
	pid_t pid = fork();
	unsigned char bytes[5000];
	size_t got = 0;
	ssize_t n;

	if (pid != 0)
		return pid;
	close(other_end);
	while ((n = read(in, bytes, sizeof bytes)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (bytes[i] != pattern(got + (size_t)i))
				_exit(2);
		got += (size_t)n;
		poll(NULL, 0, 1);
	}
	_exit(got == total && n == 0 ? 0 : 1);
}

/* Write `total` bytes in records of many sizes to a slow reader. */
static int write_to_slow_reader(int nonblocking, size_t total)
{
	struct err err = {0};
	struct writer *w;
	int fds[2], result = 0;
	size_t put = 0, size = 1;
	pid_t pid;

	if (pipe(fds) != 0)
		return 0;
	pid = slow_reader(fds[0], fds[1], total);
	close(fds[0]);
	if (nonblocking)
		fcntl(fds[1], F_SETFL, O_NONBLOCK);
	w = writer_new(fds[1]);
	while (put < total && result == 0) {
		size_t n = size < total - put ? size : total - put;
		char *to = buf_room(writer_buf(w), n);

		for (size_t i = 0; i < n; i++)
			to[i] = (char)pattern(put + i);
		writer_buf(w)->len += n;
		put += n;
		size = size * 7 % 9973;
		result = writer_room(w, &err);
	}
	if (result == 0)
		result = writer_flush(w, &err);
	close(fds[1]);
	writer_free(w);
	return reap(pid) == 0 && result == 0;
}

static void test_whole(void)
{
	CHECK(write_to_slow_reader(0, 3000000), "a slow reader gets every byte once");
	CHECK(write_to_slow_reader(1, 3000000), "through a non-blocking descriptor too");
	storm(1);
	CHECK(write_to_slow_reader(0, 3000000), "while signals interrupt");
	CHECK(write_to_slow_reader(1, 3000000), "while signals interrupt the waits");
	storm(0);
	CHECK(alarms > 10, "there were signals");
}

static void test_blocks(void)
{
	struct err err;
	char bytes[1000] = {0}, got[70000];
	struct writer *w;
	int fds[2], calls = 0;
	ssize_t n;

	if (pipe(fds) != 0)
		return;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
	w = writer_new(fds[1]);
	for (n = -1; n < 0 && calls < 1000; calls++) {
		buf_put(writer_buf(w), bytes, sizeof bytes);
		writer_room(w, &err);
		n = read(fds[0], got, sizeof got);
	}
	CHECK(calls == 66 && n == 66000, "nothing is written before 64 KiB have gathered");
	buf_put(writer_buf(w), "end", 3);
	CHECK(writer_room(w, &err) == 0 && read(fds[0], got, sizeof got) == -1 &&
		      writer_flush(w, &err) == 0 && read(fds[0], got, sizeof got) == 3 &&
		      memcmp(got, "end", 3) == 0 && writer_flush(w, &err) == 0,
	      "a flush writes what is left");
	writer_free(w);
	close(fds[0]);
	close(fds[1]);
}

/* After a failure: it is told again, and the next bytes go nowhere. */
static int stays_failed(struct writer *w, const struct err *first)
{
	struct err err = {0};
	int same;

	buf_puts(writer_buf(w), "more");
	same = writer_room(w, &err) == -1 && err.status == first->status;
	buf_puts(writer_buf(w), "more");
	return same && writer_flush(w, &err) == -1 && err.status == first->status &&
	       err.closed_pipe == first->closed_pipe && strcmp(err.message, first->message) == 0;
}

static void test_failures(void)
{
	struct err err;
	struct writer *w;
	struct rlimit old, limit = {100000, RLIM_INFINITY};
	char path[] = "/tmp/tuberia-writer-XXXXXX";
	int fds[2], fd = open("/dev/full", O_WRONLY);

	w = writer_new(fd);
	CHECK(writer_flush(w, &err) == 0, "/dev/full takes nothing");
	buf_puts(writer_buf(w), "record\n");
	CHECK(writer_flush(w, &err) == -1 && err.status == ERR_TEMP && !err.closed_pipe,
	      "a full disk: %s", err.message);
	CHECK(stays_failed(w, &err), "and stays so");
	writer_free(w);
	close(fd);

	if (pipe(fds) != 0)
		return;
	close(fds[0]);
	w = writer_new(fds[1]);
	buf_puts(writer_buf(w), "record\n");
	CHECK(writer_flush(w, &err) == -1 && err.status == ERR_IO && err.closed_pipe,
	      "a closed pipe: %s", err.message);
	CHECK(stays_failed(w, &err), "and stays so");
	writer_free(w);
	close(fds[1]);

	w = writer_new(-1);
	buf_puts(writer_buf(w), "record\n");
	CHECK(writer_flush(w, &err) == -1 && err.status == ERR_IO && !err.closed_pipe,
	      "a closed descriptor: %s", err.message);
	writer_free(w);

	/* The limit on a file's size stops a write half-way: the first part is there once. */
	fd = mkstemp(path);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	w = writer_new(fd);
	for (size_t i = 0; i < 150000; i++)
		buf_byte(writer_buf(w), (char)pattern(i));
	CHECK(writer_flush(w, &err) == -1 && err.status == ERR_IO, "a limit: %s", err.message);
	setrlimit(RLIMIT_FSIZE, &old);
	CHECK(stays_failed(w, &err) && lseek(fd, 0, SEEK_END) == 100000,
	      "what was written is not written again");
	writer_free(w);
	close(fd);
	unlink(path);

	/* A record of which a piece is missing must not be written. */
	if (pipe(fds) != 0)
		return;
	w = writer_new(fds[1]);
	buf_puts(writer_buf(w), "{\"a\":");
	CHECK(buf_room(writer_buf(w), SIZE_MAX / 2) == NULL && writer_room(w, &err) == -1 &&
		      err.status == ERR_TEMP,
	      "out of memory: %s", err.message);
	CHECK(stays_failed(w, &err), "and stays so");
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	CHECK(read(fds[0], path, 1) == -1 && errno == EAGAIN, "no half record was written");
	writer_free(w);
	close(fds[0]);
	close(fds[1]);
	writer_free(NULL);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_whole();
	test_blocks();
	test_failures();
	return check_done();
}
