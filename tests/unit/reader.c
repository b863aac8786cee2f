/* The reader: the same lines, however the bytes come. */
#include "l2-line/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t stop, alarms;

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
		alarm_in(500);
}

static void on_stop(int signal_number)
{
	(void)signal_number;
	stop = 1;
}

static void catch (int signal_number, void (*handler)(int))
{
	struct sigaction act = {.sa_handler = handler};

	sigaction(signal_number, &act, NULL);
}

/* Signals without SA_RESTART, hundreds a second, while on. */
static void storm(int on)
{
	catch (SIGALRM, on ? on_alarm : SIG_IGN);
	alarm_in(on ? 500 : 0);
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

/* A child that writes the bytes to a pipe in pieces of the given size, and takes a rest now and
 * then. Returns the pipe's reading end. */
static int writing_child(struct slice bytes, size_t piece, int rest, pid_t *pid)
{
	int fds[2];

	if (pipe(fds) != 0 || (*pid = fork()) < 0)
		abort();
	if (*pid != 0) {
		close(fds[1]);
		return fds[0];
	}
	close(fds[0]);
	for (size_t at = 0, n; at < bytes.len; at += n) {
		n = piece < bytes.len - at ? piece : bytes.len - at;
		if (write(fds[1], bytes.at + at, n) != (ssize_t)n)
			_exit(1);
		if (rest && at / piece % 16 == 0)
			poll(NULL, 0, 1);
	}
	_exit(0);
}

static int taken; /* lines, by next_line */

static int temporary_file(struct slice bytes)
{
	char path[] = "/tmp/tuberia-reader-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	if (write(fd, bytes.at, bytes.len) != (ssize_t)bytes.len)
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* reader_next; or, two times of three where the line is there already, what stands for it. */
static int next_line(struct reader *r, struct slice *line, struct err *err)
{
	struct slice ahead = reader_ahead(r);
	const char *newline = ahead.len > 0 ? memchr(ahead.at, '\n', ahead.len) : NULL;

	if (newline == NULL || reader_line_number(r) % 3 == 0)
		return reader_next(r, line, err);
	*line = (struct slice){ahead.at, (size_t)(newline - ahead.at)};
	taken++;
	reader_take(r, line->len);
	return line->len <= READER_LINE_MAX;
}

/* Read all lines of fd and compare them with the text's, as a plain loop splits it. */
static int lines_are(int fd, struct slice text)
{
	struct reader *r = reader_new(fd);
	struct slice line;
	struct err err;
	uint64_t number = 0;
	size_t at = 0;
	int same = 1;

	while (at < text.len && same) {
		const char *newline = memchr(text.at + at, '\n', text.len - at);
		size_t len = newline ? (size_t)(newline - (text.at + at)) : text.len - at;

		same = next_line(r, &line, &err) == 1 &&
		       slice_equal(line, (struct slice){text.at + at, len}) &&
		       reader_line_number(r) == ++number &&
		       reader_unterminated(r) == (newline == NULL);
		at += len + (newline != NULL);
	}
	for (int twice = 0; twice < 2; twice++)
		same = same && reader_ahead(r).len == 0 && reader_next(r, &line, &err) == 0 &&
		       !reader_stopped(r);
	reader_free(r);
	close(fd);
	return same;
}

static int through_pipe(struct slice text, size_t piece, int rest, int nonblocking)
{
	pid_t pid;
	int fd = writing_child(text, piece, rest, &pid), same;

	if (nonblocking)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	same = lines_are(fd, text);
	return reap(pid) == 0 && same;
}

static void test_small(void)
{
	static const struct {
		const char *text;
		size_t len;
		const char *name;
	} cases[] = {
		{"", 0, "nothing"},
		{"\n", 1, "an empty line"},
		{"\n\n\n", 3, "empty lines"},
		{"a", 1, "a last line without newline"},
		{"a\nb", 3, "a line, and one without newline"},
		{"a\n\nb\n", 5, "an empty line between"},
		{"a\0b\n\0\n", 6, "NUL bytes"},
		{"a\r\nb\r\n", 6, "carriage returns stay"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice text = {cases[i].text, cases[i].len};

		CHECK(lines_are(temporary_file(text), text) && through_pipe(text, 1, 0, 0) &&
			      through_pipe(text, 1, 1, 1),
		      "%s", cases[i].name);
	}
}

/* Lines of every length from 0 to 3,000, and some of them around the block's borders. */
static void test_many(void)
{
	struct buf b = {0};

	for (size_t i = 0; i < 3000; i++) {
		char *to = buf_room(&b, i + 1);

		memset(to, 'a' + (int)(i % 26), i);
		to[i] = '\n';
		b.len += i + 1;
	}
	taken = 0;
	CHECK(lines_are(temporary_file(buf_view(&b)), buf_view(&b)), "lines over block borders");
	CHECK(taken > 1900, "most of which were found ahead: %d", taken);
	CHECK(through_pipe(buf_view(&b), 65536, 0, 0), "through a pipe");
	CHECK(through_pipe(buf_view(&b), 4099, 1, 1), "through a non-blocking pipe");
	b.len = 20000;
	CHECK(through_pipe(buf_view(&b), 1, 0, 0), "byte by byte");
	storm(1);
	CHECK(through_pipe(buf_view(&b), 7, 1, 0), "while signals interrupt reads");
	CHECK(through_pipe(buf_view(&b), 7, 1, 1), "while signals interrupt waits");
	storm(0);
	CHECK(alarms > 10, "there were signals");

	/* A line that ends just at the block's end, one byte before, one behind. */
	for (size_t len = ((size_t)1 << 20) - 2; len <= ((size_t)1 << 20) + 1; len++) {
		char *to;

		buf_clear(&b);
		to = buf_room(&b, len + 3);
		memset(to, 'x', len);
		memcpy(to + len, "\ny\n", 3);
		b.len = len + 3;
		CHECK(lines_are(temporary_file(buf_view(&b)), buf_view(&b)), "a line of %zu bytes",
		      len);
	}
	buf_free(&b);
}

static void test_long(void)
{
	struct buf b = {0};
	struct err err = {0};
	struct slice line;
	struct reader *r;
	int fd;

	memset(buf_room(&b, READER_LINE_MAX + 10), 'x', READER_LINE_MAX + 10);
	b.len = 10000000;
	b.at[5] = b.at[b.len - 1] = '\n';
	CHECK(through_pipe(buf_view(&b), 100000, 0, 0), "a line of 10 MB");
	b.at[5] = b.at[9999999] = 'x';

	b.len = READER_LINE_MAX + 1;
	b.at[READER_LINE_MAX] = '\n';
	CHECK(lines_are(temporary_file(buf_view(&b)), buf_view(&b)), "as long as may be");
	b.len = READER_LINE_MAX;
	CHECK(lines_are(temporary_file(buf_view(&b)), buf_view(&b)), "and without newline");
	for (int newline = 0; newline < 2; newline++) {
		b.len = READER_LINE_MAX + 2;
		memcpy(b.at, "a\n", 2);
		b.at[READER_LINE_MAX] = 'x';
		b.len = READER_LINE_MAX + 3 + (size_t)newline;
		b.at[b.len - 1] = newline ? '\n' : 'x';
		fd = temporary_file(buf_view(&b));
		r = reader_new(fd);
		CHECK(reader_next(r, &line, &err) == 1 && line.len == 1 &&
			      reader_next(r, &line, &err) == -1 && err.status == ERR_DATA &&
			      reader_line_number(r) == 1,
		      "too long: %s", err.message);
		CHECK(reader_next(r, &line, &err) == -1 && err.status == ERR_DATA, "and stays so");
		reader_free(r);
		close(fd);
	}
	buf_free(&b);
}

static void test_failures(void)
{
	struct err err;
	struct slice line;
	struct reader *r = reader_new(1000); /* which nobody opened */
	int fd = open("/tmp", O_RDONLY);

	CHECK(reader_next(r, &line, &err) == -1 && err.status == ERR_IO, "no descriptor: %s",
	      err.message);
	reader_free(r);
	r = reader_new(fd);
	CHECK(reader_next(r, &line, &err) == -1 && err.status == ERR_IO, "a directory: %s",
	      err.message);
	CHECK(reader_next(r, &line, &err) == -1 && err.status == ERR_IO, "and stays so");
	reader_free(r);
	close(fd);
	reader_free(NULL);
}

static int waits;

static int count_wait(void *context, struct err *err)
{
	(void)err;
	(*(int *)context)++;
	return 0;
}

/* Wants to be called again twice; by then a byte is there. */
static int wait_again(void *context, struct err *err)
{
	int fd = *(int *)context;

	(void)err;
	if (++waits == 3 && write(fd, "x\n", 2) != 2)
		abort();
	return waits < 3 ? 1 : 0;
}

static int refuse_wait(void *context, struct err *err)
{
	(void)context;
	return err_set(err, ERR_TEMP, "no waiting");
}

static void test_waiting(void)
{
	struct err err;
	struct slice line, text = {"one\ntwo\nthree\n", 14};
	struct reader *r;
	char bytes[8192];
	int fds[2], lines = 0;
	pid_t pid;

	/* What is there already is read without a wait. */
	if (pipe(fds) != 0 || write(fds[1], text.at, text.len) != (ssize_t)text.len)
		abort();
	r = reader_new(fds[0]);
	reader_on_wait(r, count_wait, &waits);
	for (int i = 0; i < 3; i++)
		lines += reader_next(r, &line, &err) == 1;
	CHECK(lines == 3 && waits == 0, "no wait while input is there");
	/* A child sees to it that the wait comes before the input. */
	pid = fork();
	if (pid == 0) {
		poll(NULL, 0, 50);
		_exit(write(fds[1], "four\n", 5) != 5);
	}
	close(fds[1]);
	CHECK(reader_next(r, &line, &err) == 1 && slice_is(line, "four") && waits == 1,
	      "on_wait is called before a wait, once");
	reap(pid);
	CHECK(reader_next(r, &line, &err) == 0 && waits <= 2, "and the end is the end");
	reader_free(r);
	close(fds[0]);

	if (pipe(fds) != 0)
		abort();
	waits = 0;
	r = reader_new(fds[0]);
	reader_on_wait(r, wait_again, &fds[1]);
	CHECK(reader_next(r, &line, &err) == 1 && slice_is(line, "x") && waits == 3,
	      "on_wait is called again after the time that it asked for");
	reader_free(r);
	close(fds[0]);
	close(fds[1]);

	/* Plenty of input: the writer is always ahead. */
	waits = lines = 0;
	memset(bytes, '\n', sizeof bytes);
	r = reader_new(temporary_file((struct slice){bytes, sizeof bytes}));
	reader_on_wait(r, refuse_wait, NULL);
	while (reader_next(r, &line, &err) == 1)
		lines++;
	CHECK(lines == sizeof bytes, "a file is never waited for");
	reader_free(r);

	if (pipe(fds) != 0)
		abort();
	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		if (nonblocking)
			fcntl(fds[0], F_SETFL, O_NONBLOCK);
		r = reader_new(fds[0]);
		reader_on_wait(r, refuse_wait, NULL);
		CHECK(reader_next(r, &line, &err) == -1 && err.status == ERR_TEMP &&
			      strcmp(err.message, "no waiting") == 0,
		      "a failed on_wait is the reader's failure");
		reader_free(r);
	}
	close(fds[0]);
	close(fds[1]);
}

static void test_stop(void)
{
	struct err err;
	struct slice line;
	struct reader *r;
	sigset_t blocked, allowed;
	int fds[2];
	pid_t pid, parent = getpid();
	uint64_t lines = 0;

	catch (SIGTERM, on_stop);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &allowed);

	/* In a wait. */
	if (pipe(fds) != 0 || write(fds[1], "a\nhalf", 6) != 6)
		abort();
	r = reader_new(fds[0]);
	reader_stop_when(r, &stop, &allowed);
	CHECK(reader_next(r, &line, &err) == 1 && slice_is(line, "a"), "a line before the signal");
	pid = fork();
	if (pid == 0) {
		poll(NULL, 0, 50);
		kill(parent, SIGTERM);
		_exit(0);
	}
	CHECK(reader_next(r, &line, &err) == 0 && reader_stopped(r) && stop,
	      "a signal ends the wait; half a line is no line");
	CHECK(reader_ahead(r).len == 0, "and nothing is ahead of it");
	reap(pid);
	CHECK(reader_next(r, &line, &err) == 0 && reader_stopped(r), "and it stays ended");
	reader_free(r);

	/* Between check and wait: it is pending before the call. */
	stop = 0;
	kill(parent, SIGTERM);
	r = reader_new(fds[0]);
	reader_stop_when(r, &stop, &allowed);
	CHECK(!stop && reader_next(r, &line, &err) == 0 && reader_stopped(r) && stop,
	      "a signal that came before the wait is not lost");
	reader_free(r);
	close(fds[0]);
	close(fds[1]);

	/* In plenty of input, where nothing waits. */
	stop = 0;
	if (pipe(fds) != 0)
		abort();
	pid = fork();
	if (pid == 0) {
		char bytes[65536];

		memset(bytes, '\n', sizeof bytes);
		sigprocmask(SIG_SETMASK, &allowed, NULL);
		signal(SIGTERM, SIG_DFL);
		close(fds[0]);
		for (int i = 0;; i++) {
			if (write(fds[1], bytes, sizeof bytes) < 0)
				_exit(0);
			if (i == 100)
				kill(parent, SIGTERM);
		}
	}
	close(fds[1]);
	r = reader_new(fds[0]);
	reader_stop_when(r, &stop, &allowed);
	while (reader_next(r, &line, &err) == 1 && lines < UINT64_C(1000000000))
		lines++;
	CHECK(reader_stopped(r) && lines >= 65536, "a signal ends input that never makes us wait");
	reader_free(r);
	close(fds[0]);
	reap(pid);
	sigprocmask(SIG_SETMASK, &allowed, NULL);
}

int main(void)
{
	test_small();
	test_many();
	test_long();
	test_failures();
	test_waiting();
	test_stop();
	return check_done();
}
