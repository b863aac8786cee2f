#include "l0-base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What is put is gathered in memory up to so many bytes. */
enum { GATHER = 1 << 20 };

struct spool {
	int fd;
	pthread_mutex_t lock;
	uint64_t written; /* bytes in the file; what is gathered lies behind them */
	struct buf gathered;
	char *directory; /* for messages */
};

static int open_unnamed(const char *directory)
{
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *name;

	/* Not every file system can do that. */
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if (asprintf(&name, "%s/tuberia-XXXXXX", directory) < 0)
		return -1;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	free(name);
	return fd;
}

int spool_new(const char *directory, struct spool **out, struct err *err)
{
	struct spool *s = calloc(1, sizeof *s);

	*out = NULL;
	if (s == NULL)
		return err_memory(err);
	s->fd = open_unnamed(directory);
	if (s->fd < 0) {
		err_sys(err, errno == ENOSPC || errno == EDQUOT ? ERR_TEMP : ERR_CREATE, errno,
			"a temporary file in %s", directory);
		free(s);
		return -1;
	}
	pthread_mutex_init(&s->lock, NULL);
	s->directory = strdup(directory);
	if (s->directory == NULL || buf_room(&s->gathered, 2 * GATHER) == NULL) {
		spool_free(s);
		return err_memory(err);
	}
	*out = s;
	return 0;
}

void spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	pthread_mutex_destroy(&s->lock);
	buf_free(&s->gathered);
	free(s->directory);
	free(s);
}

static int write_gathered(struct spool *s, struct err *err)
{
	struct slice rest = buf_view(&s->gathered);

	while (rest.len > 0) {
		ssize_t n = pwrite(s->fd, rest.at, rest.len, (off_t)s->written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int errnum = errno;

			/* What is left stays gathered, at its place. */
			memmove(s->gathered.at, rest.at, rest.len);
			s->gathered.len = rest.len;
			return err_sys(err,
				       errnum == ENOSPC || errnum == EDQUOT ? ERR_TEMP : ERR_IO,
				       errnum, "a temporary file in %s", s->directory);
		}
		s->written += (uint64_t)n;
		rest.at += n;
		rest.len -= (size_t)n;
	}
	buf_clear(&s->gathered);
	return 0;
}

int spool_put(struct spool *s, struct slice bytes, uint64_t *at, struct err *err)
{
	int result = 0;

	pthread_mutex_lock(&s->lock);
	*at = s->written + s->gathered.len;
	if (buf_slice(&s->gathered, bytes) != 0)
		result = err_memory(err);
	else if (s->gathered.len >= GATHER)
		result = write_gathered(s, err);
	pthread_mutex_unlock(&s->lock);
	return result;
}

int spool_get(struct spool *s, uint64_t at, char *to, size_t len, struct err *err)
{
	int result = 0;

	pthread_mutex_lock(&s->lock);
	if (at + len > s->written)
		result = write_gathered(s, err);
	pthread_mutex_unlock(&s->lock);
	while (result == 0 && len > 0) {
		ssize_t n = pread(s->fd, to, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result =
				err_sys(err, ERR_IO, errno, "a temporary file in %s", s->directory);
		else if (n == 0)
			result = err_set(err, ERR_IO, "a temporary file in %s is too short",
					 s->directory);
		else {
			at += (uint64_t)n;
			to += n;
			len -= (size_t)n;
		}
	}
	return result;
}

uint64_t spool_size(struct spool *s)
{
	uint64_t size;

	pthread_mutex_lock(&s->lock);
	size = s->written + s->gathered.len;
	pthread_mutex_unlock(&s->lock);
	return size;
}
