#include "l2-line/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 64 };

/* Cut text, which is changed, into words. Returns how many, or -1. */
static int cut_words(char *text, char *words[WORDS_MAX + 1], struct err *err)
{
	int n = 0;

	for (;;) {
		char *to, quote = '\0';

		text += strspn(text, " \t\r\n");
		if (*text == '\0')
			break;
		if (n == WORDS_MAX)
			return err_set(err, ERR_CONFIG, "more than %d words", WORDS_MAX);
		words[n++] = to = text;
		for (; *text != '\0'; text++) {
			if (quote == '\0' && strchr(" \t\r\n", *text) != NULL)
				break;
			if (*text == quote)
				quote = '\0';
			else if (quote == '\0' && (*text == '\'' || *text == '"'))
				quote = *text;
			else if (*text == '\\' && quote != '\'' && text[1] != '\0')
				*to++ = *++text;
			else
				*to++ = *text;
		}
		if (quote != '\0')
			return err_set(err, ERR_CONFIG, "a quote without its end");
		if (*text != '\0')
			text++;
		*to = '\0';
	}
	words[n] = NULL;
	return words[0] != NULL ? n : err_set(err, ERR_CONFIG, "empty");
}

static int spawn(char **words, int out, pid_t *pid, struct err *err)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int failed;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	failed = posix_spawnp(pid, words[0], &files, &attributes, words, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return failed == 0 ? 0 : err_sys(err, ERR_CONFIG, failed, "%s", words[0]);
}

/* Returns 0 at the end of the file, or -1. */
static int take_output(int fd, size_t limit, struct buf *out, const sigset_t *allowed,
		       const volatile sig_atomic_t *stop, struct err *err)
{
	size_t before = out->len;

	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		char *to = buf_room(out, 4096);
		ssize_t n;

		if (to == NULL)
			return err_memory(err);
		if (stop != NULL && *stop)
			return err_set(err, ERR_TEMP, "stopped by a signal");
		if (ppoll(&p, 1, NULL, allowed) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(err, ERR_IO, errno, "poll");
		}
		n = read(fd, to, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, ERR_IO, errno, "reading its output");
		if (n == 0)
			return 0;
		out->len += (size_t)n;
		if (out->len - before > limit)
			return err_set(err, ERR_CONFIG, "printed more than %zu bytes", limit);
	}
}

static int reap(pid_t pid, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, ERR_IO, errno, "wait");
	if (WIFSIGNALED(status))
		return err_set(err, ERR_CONFIG, "ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return err_set(err, ERR_CONFIG, "exit status %d", WEXITSTATUS(status));
	return 0;
}

int capture(const char *command, size_t limit, struct buf *out, const sigset_t *allowed,
	    const volatile sig_atomic_t *stop, struct err *err)
{
	char *text = strdup(command), *words[WORDS_MAX + 1];
	int fds[2] = {-1, -1}, failed = -1;
	struct err ignored;
	pid_t pid;

	if (text == NULL)
		return err_memory(err);
	if (cut_words(text, words, err) < 0) {
		/* said */
	} else if (pipe2(fds, O_CLOEXEC) != 0) {
		err_sys(err, ERR_TEMP, errno, "pipe");
	} else if (spawn(words, fds[1], &pid, err) == 0) {
		close(fds[1]);
		fds[1] = -1;
		failed = take_output(fds[0], limit, out, allowed, stop, err);
		if (failed)
			kill(pid, SIGTERM);
		if (reap(pid, failed ? &ignored : err) != 0)
			failed = -1;
	}
	if (fds[0] >= 0)
		close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	free(text);
	return failed;
}
