#include "l3-stream/workers.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PATIENCE = 15, /* seconds that a child may take to end */
	PAUSE_LEAST = 1,
	PAUSE_MOST = 16 /* seconds before a child that died young has a successor */
};

/* What the processes share: for each child a cache line of its own. */
union pulse {
	atomic_uint beats;
	char line[64];
};

struct child {
	pid_t pid; /* 0: none */
	int64_t begun, due;
	int64_t pause;
	union pulse *pulse;
	unsigned seen, silent; /* beats when last looked at; looks since they were another number */
};

static int64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Only so that a wait ends. */
static void on_child(int signal_number)
{
	(void)signal_number;
}

static void catch_children(void)
{
	struct sigaction act = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
	sigset_t blocked;

	sigemptyset(&act.sa_mask);
	sigaction(SIGCHLD, &act, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

/* Returns 1 in the child, 0, or -1. */
static int start(struct child *c, pid_t parent, struct err *err)
{
	c->silent = 0;
	c->pid = fork();
	c->begun = seconds_now();
	if (c->pid < 0) {
		c->pid = 0;
		return err_sys(err, ERR_TEMP, errno, "cannot fork");
	}
	if (c->pid > 0)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		raise(SIGTERM);
	return 1;
}

static void bury(const struct workers *w, struct child *c, int status, int64_t now)
{
	if (!*w->stop && WIFSIGNALED(status))
		w->say("worker %d was killed by signal %d (%s)", (int)c->pid, WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	else if (!*w->stop)
		w->say("worker %d ended with status %d", (int)c->pid, WEXITSTATUS(status));
	c->pid = 0;
	if (now - c->begun >= 1)
		c->pause = 0;
	c->due = now + c->pause;
	c->pause = c->pause == 0 ? PAUSE_LEAST : c->pause * 2;
	if (c->pause > PAUSE_MOST)
		c->pause = PAUSE_MOST;
}

static void reap(const struct workers *w, struct child *children, int64_t now)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < w->count; i++)
			if (children[i].pid == pid)
				bury(w, &children[i], status, now);
}

/* Once a second at most. */
static void watch(const struct workers *w, struct child *children)
{
	for (size_t i = 0; i < w->count; i++) {
		struct child *c = &children[i];
		unsigned beats = atomic_load_explicit(&c->pulse->beats, memory_order_relaxed);

		if (c->pid == 0 || beats != c->seen) {
			c->seen = beats;
			c->silent = 0;
		} else if (++c->silent > w->patience) {
			w->say("worker %d has hung for %u s: it is killed", (int)c->pid,
			       w->patience);
			kill(c->pid, SIGKILL);
			c->silent = 0;
		}
	}
}

static int alive(const struct workers *w, const struct child *children)
{
	for (size_t i = 0; i < w->count; i++)
		if (children[i].pid != 0)
			return 1;
	return 0;
}

static void kill_all(const struct workers *w, const struct child *children, int signal_number)
{
	for (size_t i = 0; i < w->count; i++)
		if (children[i].pid != 0)
			kill(children[i].pid, signal_number);
}

static void wait_for_news(const struct workers *w, time_t seconds)
{
	struct timespec limit = {seconds, 0};
	sigset_t mask = *w->wait_mask;

	sigdelset(&mask, SIGCHLD);
	ppoll(NULL, 0, &limit, &mask);
}

static void end_all(const struct workers *w, struct child *children)
{
	int64_t until = seconds_now() + PATIENCE;

	kill_all(w, children, SIGTERM);
	for (;;) {
		reap(w, children, seconds_now());
		if (!alive(w, children))
			return;
		if (seconds_now() >= until)
			kill_all(w, children, SIGKILL);
		wait_for_news(w, 1);
	}
}

/* Returns the number of the child that this is, -1 in the parent, once it is to stop. */
static ssize_t keep_going(const struct workers *w, struct child *children)
{
	int64_t watched = seconds_now();
	pid_t parent = getpid();
	struct err err;

	while (!*w->stop) {
		int64_t now = seconds_now();

		reap(w, children, now);
		if (now > watched) {
			watch(w, children);
			watched = now;
		}
		for (size_t i = 0; i < w->count; i++) {
			int role = 0;

			if (children[i].pid == 0 && children[i].due <= now)
				role = start(&children[i], parent, &err);
			if (role > 0)
				return (ssize_t)i;
			if (role < 0)
				w->say("%s", err.message);
		}
		wait_for_news(w, 1);
	}
	end_all(w, children);
	return -1;
}

int workers_run(const struct workers *w, int *status, struct err *err)
{
	size_t size = w->count * sizeof(union pulse);
	struct child *children = calloc(w->count, sizeof *children);
	union pulse *pulses =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ssize_t role;

	if (children == NULL || pulses == MAP_FAILED) {
		free(children);
		if (pulses != MAP_FAILED)
			munmap(pulses, size);
		return err_memory(err);
	}
	for (size_t i = 0; i < w->count; i++)
		children[i].pulse = &pulses[i];
	catch_children();
	role = keep_going(w, children);
	free(children);
	if (role >= 0)
		*status = w->work(w->context, &pulses[role].beats);
	munmap(pulses, size);
	return role >= 0;
}
