#include "l3-stream/courier.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "l0-base/shell.h"

/* Lines that may wait. */
#define WAITING_MAX 256
/* Between SIGTERM and SIGKILL. */
#define GRACE_MS 2000

struct courier {
	struct courier_options o;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Behind the lock: a ring of lines, and what is to be done about them. */
	struct buf lines[WAITING_MAX];
	size_t first, count;
	int closing, abandon;
	pid_t child; /* 0: none runs */
	struct courier_counts counts;
	/* The thread's own. */
	int64_t allowance, looked; /* microseconds of the limit that are left; when that was so */
	uint64_t omitted;          /* held back since the last run */
	struct buf line;
};

static int64_t now_micros(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A token bucket: a run costs per/limit microseconds. */
static int allowed(struct courier *c)
{
	int64_t cost = c->o.per / c->o.limit, now = now_micros();

	c->allowance += now - c->looked;
	c->looked = now;
	if (c->allowance > c->o.per)
		c->allowance = c->o.per;
	if (c->allowance < cost)
		return 0;
	c->allowance -= cost;
	return 1;
}

/* A file in memory: a command that does not read it blocks nobody. */
static int line_as_file(const struct courier *c)
{
	int fd = memfd_create("alert", MFD_CLOEXEC);
	size_t done = 0;

	while (fd >= 0 && done < c->line.len) {
		ssize_t n = write(fd, c->line.at + done, c->line.len - done);

		if (n < 0 && errno != EINTR) {
			close(fd);
			return -1;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Wait for the child, not longer than this. Returns 1 when it has ended. */
static int wait_child(int pidfd, int64_t milliseconds)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int64_t until = now_micros() / 1000 + milliseconds;

	for (;;) {
		int64_t left = until - now_micros() / 1000;

		if (left < 0)
			left = 0;
		if (poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left) > 0)
			return 1;
		if (left == 0)
			return 0;
	}
}

/* Let the child end, or end it. */
static void reap(struct courier *c, pid_t child)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0), status = 0, timed_out = 0;

	if (pidfd >= 0 && !wait_child(pidfd, c->o.timeout / 1000)) {
		timed_out = 1;
		kill(-child, SIGTERM);
		if (!wait_child(pidfd, GRACE_MS))
			kill(-child, SIGKILL);
	}
	/* Until waitpid(2) the number belongs to nobody else, whom a signal could hit. */
	pthread_mutex_lock(&c->lock);
	c->child = 0;
	pthread_mutex_unlock(&c->lock);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		close(pidfd);
	if (timed_out)
		c->o.say("the command was ended: it took longer than %" PRId64 " ms",
			 c->o.timeout / 1000);
	else if (WIFSIGNALED(status))
		c->o.say("the command was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		c->o.say("the command ended with status %d", WEXITSTATUS(status));
	pthread_mutex_lock(&c->lock);
	c->counts.failed += status != 0 || timed_out;
	pthread_mutex_unlock(&c->lock);
}

/* Put how many were held back before the line's last brace. */
static int add_omitted(struct courier *c)
{
	if (c->omitted == 0 || c->line.len == 0 || c->line.at[c->line.len - 1] != '}')
		return 0;
	c->line.len--;
	return buf_printf(&c->line, ",\"%s\":%" PRIu64 "}", c->o.omitted_name, c->omitted);
}

static void run_line(struct courier *c)
{
	pid_t child = 0;
	int input = -1, failed = ENOMEM;

	if (add_omitted(c) == 0 && buf_byte(&c->line, '\n') == 0) {
		input = line_as_file(c);
		failed = input < 0 ? errno : shell_start(c->o.command, input, &child);
	}
	if (input >= 0)
		close(input);
	pthread_mutex_lock(&c->lock);
	c->counts.run++;
	c->counts.failed += failed != 0;
	c->child = child;
	pthread_mutex_unlock(&c->lock);
	if (failed) {
		c->o.say("the command cannot be started: %s", strerror(failed));
		return;
	}
	c->omitted = 0;
	reap(c, child);
}

/* The next line, into c->line. Returns 0 when there will be none. */
static int take(struct courier *c)
{
	struct buf *b;
	int more;

	pthread_mutex_lock(&c->lock);
	while (c->count == 0 && !c->closing)
		pthread_cond_wait(&c->changed, &c->lock);
	more = c->count > 0 && !c->abandon;
	if (more) {
		b = &c->lines[c->first];
		buf_clear(&c->line);
		buf_slice(&c->line, buf_view(b));
		buf_free(b);
		c->first = (c->first + 1) % WAITING_MAX;
		c->count--;
	}
	pthread_mutex_unlock(&c->lock);
	return more;
}

static void *run_thread(void *context)
{
	struct courier *c = context;

	while (take(c)) {
		if (allowed(c)) {
			run_line(c);
			continue;
		}
		c->omitted++;
		pthread_mutex_lock(&c->lock);
		c->counts.limited++;
		pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

int courier_start(const struct courier_options *o, struct courier **out, struct err *err)
{
	struct courier *c = calloc(1, sizeof *c);
	pthread_condattr_t clock;
	int failed;

	if (c == NULL)
		return err_memory(err);
	c->o = *o;
	c->allowance = o->per;
	c->looked = now_micros();
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &clock);
	pthread_condattr_destroy(&clock);
	failed = pthread_create(&c->thread, NULL, run_thread, c);
	if (failed) {
		free(c);
		return err_sys(err, ERR_TEMP, failed, "cannot start a thread");
	}
	*out = c;
	return 0;
}

int courier_send(struct courier *c, struct slice line)
{
	int taken = 0;

	pthread_mutex_lock(&c->lock);
	if (c->count < WAITING_MAX) {
		struct buf *b = &c->lines[(c->first + c->count) % WAITING_MAX];

		buf_clear(b);
		taken = buf_slice(b, line) == 0;
		c->count += (size_t)taken;
	}
	c->counts.dropped += (uint64_t)!taken;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return taken;
}

void courier_finish(struct courier *c, int64_t patience, struct courier_counts *counts)
{
	struct timespec until;

	*counts = (struct courier_counts){0};
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->closing = 1;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += patience / 1000000;
	if (pthread_clockjoin_np(c->thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
		pthread_mutex_lock(&c->lock);
		c->abandon = 1;
		c->counts.dropped += c->count;
		if (c->child > 0)
			kill(-c->child, SIGTERM);
		pthread_mutex_unlock(&c->lock);
		pthread_join(c->thread, NULL);
	}
	*counts = c->counts;
	for (size_t i = 0; i < WAITING_MAX; i++)
		buf_free(&c->lines[i]);
	buf_free(&c->line);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	free(c);
}
