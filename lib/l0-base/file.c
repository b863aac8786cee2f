#include "l0-base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* A full disk may have room later; nothing else that can go wrong here mends itself. */
static enum err_status status_of(int errnum, enum err_status otherwise)
{
	return errnum == ENOSPC || errnum == EDQUOT ? ERR_TEMP : otherwise;
}

static int write_all(int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.at, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes.at += n;
		bytes.len -= (size_t)n;
	}
	return 0;
}

/* What rename(2) must name: path itself, or the file that a symbolic link there leads to. Returns
 * a string to be freed, or NULL with *err. */
static char *real_target(const char *path, struct err *err)
{
	struct stat st;
	char *target;

	if (stat(path, &st) != 0) {
		if (errno != ENOENT) {
			err_sys(err, ERR_CREATE, errno, "%s", path);
			return NULL;
		}
		target = strdup(path);
	} else if (!S_ISREG(st.st_mode)) {
		/* Renaming over /dev/null would replace the device. */
		err_set(err, ERR_CREATE, "%s: not a regular file", path);
		return NULL;
	} else {
		target = realpath(path, NULL);
	}
	if (target == NULL)
		err_sys(err, errno == ENOMEM ? ERR_TEMP : ERR_CREATE, errno, "%s", path);
	return target;
}

/* Open the directory of target with these flags. */
static int open_directory(char *target, int flags)
{
	char *slash = strrchr(target, '/'), kept = '\0';
	int fd;

	if (slash == NULL)
		return open(".", flags | O_CLOEXEC, 0600);
	kept = slash[1];
	slash[1] = '\0';
	fd = open(target, flags | O_CLOEXEC, 0600);
	slash[1] = kept;
	return fd;
}

/* Make the rename durable. */
static int sync_directory(char *target)
{
	int fd = open_directory(target, O_RDONLY | O_DIRECTORY), result;

	if (fd < 0)
		return -1;
	result = fsync(fd);
	/* Some file systems have nothing to sync in a directory. */
	if (result != 0 && (errno == EINVAL || errno == EROFS))
		result = 0;
	close(fd);
	return result;
}

/* A new file beside target. Without a name until it is whole, where the file system can do that: a
 * writer that is killed leaves nothing behind then. Otherwise temporary (ending in XXXXXX) becomes
 * its name, and *named 1. */
static int open_temporary(char *target, char *temporary, int *named)
{
	int fd = open_directory(target, O_TMPFILE | O_WRONLY);

	*named = 0;
	if (fd < 0) {
		fd = mkostemp(temporary, O_CLOEXEC);
		*named = fd >= 0;
	}
	return fd;
}

/* Give the file without a name one that nobody has, as rename(2) cannot do without. Source:
 * open(2), O_TMPFILE. */
static int name_temporary(int fd, char *temporary)
{
	char *digits = temporary + strlen(temporary) - 6, self[40];
	unsigned random;

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	for (;;) {
		if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
			return -1;
		snprintf(digits, 7, "%06x", random & 0xffffff);
		if (linkat(AT_FDCWD, self, AT_FDCWD, temporary, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
}

int file_replace(const char *path, struct slice bytes, unsigned mode, struct err *err)
{
	char *target = real_target(path, err), *temporary = NULL;
	int fd = -1, named = 0, result = -1;

	if (target == NULL)
		return -1;
	if (asprintf(&temporary, "%s.XXXXXX", target) < 0) {
		temporary = NULL;
		err_memory(err);
		goto out;
	}
	fd = open_temporary(target, temporary, &named);
	if (fd < 0 || fchmod(fd, (mode_t)mode & 07777) != 0) {
		err_sys(err, status_of(errno, ERR_CREATE), errno, "%s", path);
		goto out;
	}
	if (write_all(fd, bytes) != 0 || fsync(fd) != 0) {
		err_sys(err, status_of(errno, ERR_IO), errno, "%s: cannot write", path);
		goto out;
	}
	if (!named && name_temporary(fd, temporary) != 0) {
		err_sys(err, status_of(errno, ERR_CREATE), errno, "%s", path);
		goto out;
	}
	named = 1;
	/* The last error of a network file system may come with close(2). */
	int closed = close(fd);

	fd = -1;
	if (closed != 0 && errno != EINTR) {
		err_sys(err, status_of(errno, ERR_IO), errno, "%s: cannot write", path);
		goto out;
	}
	if (rename(temporary, target) != 0) {
		err_sys(err, status_of(errno, ERR_CREATE), errno, "%s", path);
		goto out;
	}
	named = 0;
	if (sync_directory(target) != 0) {
		err_sys(err, ERR_IO, errno, "%s: cannot sync its directory", path);
		goto out;
	}
	result = 0;
out:
	if (named)
		unlink(temporary);
	if (fd >= 0)
		close(fd);
	free(temporary);
	free(target);
	return result;
}

int file_read(const char *path, size_t limit, struct buf *out, struct err *err)
{
	size_t before = out->len;
	int fd, result = -1;

	do {
		fd = open(path, O_RDONLY | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(err, ERR_IO, errno, "%s", path);
	for (;;) {
		char *to = buf_room(out, 1024);
		ssize_t n;

		if (to == NULL) {
			err_memory(err);
			break;
		}
		n = read(fd, to, out->size - out->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(err, ERR_IO, errno, "%s: cannot read", path);
			break;
		}
		if (n == 0) {
			result = 1;
			break;
		}
		out->len += (size_t)n;
		if (out->len - before > limit) {
			err_set(err, ERR_DATA, "%s: larger than %zu bytes", path, limit);
			break;
		}
	}
	close(fd);
	if (result != 1)
		out->len = before;
	return result;
}
