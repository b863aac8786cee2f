/* Objects as files below a directory.
 *
 * A file appears under its name at once and whole: it is written without a name (O_TMPFILE), then
 * linked; where there is one already, it takes a temporary name, and the other's place once it is
 * on disk: at dest_sync, so that a thousand files wait for the disk once. Below
 * the destination, no symbolic link is followed: who may write into one partition cannot lead us
 * elsewhere. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l4-service/dest.h"
#include "l4-service/dest_backend.h"

/* Descriptors of what is not on disk yet; more than these are synced by their file system. */
enum { UNSYNCED_MAX = 24, BLOCK = 256 << 10, LOCK_LOOK_MS = 50 };

#define TEMPORARY ".tuberia-"

struct dir {
	struct dest d;
	struct dest_options o;
	char *root;
	int fd;          /* of the root; -1: there is none yet */
	char *at;        /* a directory below it, as "" or "a/b", and its descriptor */
	int at_fd;       /* -1: none */
	int at_unsynced; /* it is among those below */
	int unsynced[UNSYNCED_MAX];
	size_t unsynced_count; /* more than UNSYNCED_MAX: too many */
	struct buf replacing;  /* keys and temporary names of files that are to take the place of
				* others, each with a NUL byte behind it */
	char *block;
};

static int fail(const struct dir *d, const char *key, enum err_status otherwise, struct err *err)
{
	int errnum = errno;
	enum err_status status = errnum == ENOSPC || errnum == EDQUOT  ? ERR_TEMP
				 : errnum == EACCES || errnum == EPERM ? ERR_DENIED
								       : otherwise;

	if (errnum == ELOOP)
		return err_set(err, ERR_DENIED,
			       "%s/%s: a symbolic link, which is not followed here", d->root, key);
	return err_sys(err, status, errnum, "%s/%s", d->root, key);
}

/* ---- the root ---- */

static int dir_open(const char *place, const struct dest_options *o, struct dest **out,
		    struct err *err)
{
	struct dir *d;
	size_t len = strlen(place);

	if (len == 0)
		return err_set(err, ERR_USAGE, "a destination without a name");
	d = calloc(1, sizeof *d);
	if (d == NULL)
		return err_memory(err);
	while (len > 1 && place[len - 1] == '/')
		len--;
	d->d.backend = &dest_dir;
	d->o = *o;
	d->at_fd = -1;
	d->root = strndup(place, len);
	d->block = malloc(BLOCK);
	if (d->root == NULL || d->block == NULL) {
		d->fd = -1;
		dest_close(&d->d);
		return err_memory(err);
	}
	d->fd = open(d->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0 && errno != ENOENT) {
		err_sys(err, errno == EACCES ? ERR_DENIED : ERR_CREATE, errno, "%s", d->root);
		dest_close(&d->d);
		return -1;
	}
	*out = &d->d;
	return 0;
}

static void leave(struct dir *d)
{
	if (d->at_fd >= 0 && !d->at_unsynced)
		close(d->at_fd);
	free(d->at);
	d->at = NULL;
	d->at_fd = -1;
	d->at_unsynced = 0;
}

static void forget_unsynced(struct dir *d)
{
	size_t n = d->unsynced_count < UNSYNCED_MAX ? d->unsynced_count : UNSYNCED_MAX;

	if (d->at_unsynced)
		d->at_fd = -1;
	d->at_unsynced = 0;
	leave(d);
	for (size_t i = 0; i < n; i++)
		close(d->unsynced[i]);
	d->unsynced_count = 0;
}

static void dir_close(struct dest *dest)
{
	struct dir *d = (struct dir *)dest;

	forget_unsynced(d);
	if (d->fd >= 0)
		close(d->fd);
	free(d->root);
	buf_free(&d->replacing);
	free(d->block);
	free(d);
}

/* Make the root, and the directories on the way to it. */
static int make_root(struct dir *d, struct err *err)
{
	char *slash = d->root;

	if (d->fd >= 0)
		return 0;
	do {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		if (mkdir(d->root, 0777) != 0 && errno != EEXIST)
			err_sys(err, errno == ENOSPC ? ERR_TEMP : ERR_CREATE, errno, "%s", d->root);
		else
			err->status = ERR_NONE;
		if (slash != NULL)
			*slash = '/';
		if (err->status != ERR_NONE)
			return -1;
	} while (slash != NULL);
	d->fd = open(d->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return d->fd >= 0 ? 0 : err_sys(err, ERR_CREATE, errno, "%s", d->root);
}

static int dir_lock(struct dest *dest, struct err *err)
{
	struct dir *d = (struct dir *)dest;
	struct timespec look = {.tv_nsec = LOCK_LOOK_MS * 1000000L};

	if (make_root(d, err) != 0)
		return -1;
	while (flock(d->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(err, ERR_IO, errno, "%s: cannot lock", d->root);
		if (d->o.stop != NULL && *d->o.stop)
			return err_set(err, ERR_TEMP,
				       "stopped while another process publishes in %s", d->root);
		ppoll(NULL, 0, &look, d->o.wait_mask);
	}
	return 0;
}

/* ---- what is not on disk yet ---- */

/* Takes the descriptor. */
static void keep_unsynced(struct dir *d, int fd)
{
	if (d->unsynced_count < UNSYNCED_MAX)
		d->unsynced[d->unsynced_count] = fd;
	else
		close(fd);
	d->unsynced_count++;
}

/* The directory we are in has changed. */
static void touched(struct dir *d)
{
	if (d->at_unsynced || d->unsynced_count >= UNSYNCED_MAX) {
		d->unsynced_count += !d->at_unsynced;
		return;
	}
	d->at_unsynced = 1;
	keep_unsynced(d, d->at_fd);
}

static int sync_fd(const struct dir *d, int fd, struct err *err)
{
	/* Some file systems have nothing to sync in a directory. */
	if (fsync(fd) == 0 || errno == EINVAL || errno == EROFS)
		return 0;
	return err_sys(err, errno == ENOSPC || errno == EDQUOT ? ERR_TEMP : ERR_IO, errno,
		       "%s: cannot sync", d->root);
}

static int sync_all(struct dir *d, struct err *err)
{
	int result = 0;

	if (d->unsynced_count > UNSYNCED_MAX) {
		if (syncfs(d->fd) != 0)
			result =
				err_sys(err, errno == ENOSPC || errno == EDQUOT ? ERR_TEMP : ERR_IO,
					errno, "%s: cannot sync", d->root);
	} else {
		for (size_t i = 0; result == 0 && i < d->unsynced_count; i++)
			result = sync_fd(d, d->unsynced[i], err);
	}
	forget_unsynced(d);
	return result;
}

/* ---- directories below the root ---- */

/* One step down, to be made when it is not there. Returns a descriptor, or -1 with errno. */
static int step(struct dir *d, int from, const char *name, int make)
{
	int fd = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), copy;
	struct stat st;

	/* O_NOFOLLOW and O_DIRECTORY together say ENOTDIR of a link. */
	if (fd < 0 && errno == ENOTDIR && fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	if (mkdirat(from, name, 0777) != 0 && errno != EEXIST)
		return -1;
	copy = fcntl(from, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -1;
	keep_unsynced(d, copy);
	return openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Go to the directory of this path, all up to the last '/'. Returns 1; 0 when there is none; or
 * -1. */
static int enter(struct dir *d, const char *path, int make, struct err *err)
{
	const char *last = strrchr(path, '/');
	size_t len = last == NULL ? 0 : (size_t)(last - path);
	char *name, *rest, *part;
	int fd;

	if (d->at_fd >= 0 && strlen(d->at) == len && memcmp(d->at, path, len) == 0)
		return 1;
	leave(d);
	if (make && make_root(d, err) != 0)
		return -1;
	if (d->fd < 0)
		return 0;
	d->at = strndup(path, len);
	name = strndup(path, len);
	fd = fcntl(d->fd, F_DUPFD_CLOEXEC, 0);
	if (d->at == NULL || name == NULL) {
		free(name);
		return err_memory(err);
	}
	for (rest = name; fd >= 0 && (part = strsep(&rest, "/")) != NULL;) {
		int next = *part == '\0' ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : step(d, fd, part, make);
		int errnum = errno;

		close(fd);
		errno = errnum;
		fd = next;
	}
	free(name);
	if (fd < 0)
		return errno == ENOENT && !make ? 0 : fail(d, path, ERR_CREATE, err);
	d->at_fd = fd;
	return 1;
}

static const char *name_of(const char *key)
{
	const char *slash = strrchr(key, '/');

	return slash == NULL ? key : slash + 1;
}

/* ---- list ---- */

static int list_level(struct dir *d, int fd, struct buf *key, const struct dest_list *list,
		      struct err *err);

static int list_entry(struct dir *d, int fd, const char *name, struct buf *key,
		      const struct dest_list *list, struct err *err)
{
	size_t before = key->len;
	struct stat st;
	int result = 0, below;

	if (buf_puts(key, name) != 0)
		return err_memory(err);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		/* It may have gone meanwhile. */
		result = errno == ENOENT ? 0 : fail(d, buf_text(key), ERR_IO, err);
	} else if (S_ISREG(st.st_mode)) {
		result = list->found(list->context, buf_view(key), (uint64_t)st.st_size, err);
	} else if (S_ISDIR(st.st_mode) && list->deep) {
		below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			result = fail(d, buf_text(key), ERR_IO, err);
		else if (buf_byte(key, '/') != 0)
			result = err_memory(err);
		else
			result = list_level(d, below, key, list, err);
	}
	key->len = before;
	return result;
}

/* Takes the descriptor. */
static int list_level(struct dir *d, int fd, struct buf *key, const struct dest_list *list,
		      struct err *err)
{
	DIR *stream = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (stream == NULL) {
		close(fd);
		return fail(d, buf_text(key), ERR_IO, err);
	}
	while (result == 0 && (errno = 0, entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = list_entry(d, dirfd(stream), entry->d_name, key, list, err);
	if (result == 0 && errno != 0)
		result = fail(d, buf_text(key), ERR_IO, err);
	closedir(stream);
	return result;
}

static int dir_list(struct dest *dest, const struct dest_list *list, struct err *err)
{
	struct dir *d = (struct dir *)dest;
	struct buf key = {0};
	int there = enter(d, list->prefix, 0, err), fd, result;

	if (there <= 0)
		return there;
	fd = openat(d->at_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(d, list->prefix, ERR_IO, err);
	if (buf_puts(&key, list->prefix) != 0) {
		close(fd);
		return err_memory(err);
	}
	result = list_level(d, fd, &key, list, err);
	buf_free(&key);
	return result;
}

/* ---- get ---- */

static int dir_get(struct dest *dest, struct dest_get *get, struct err *err)
{
	struct dir *d = (struct dir *)dest;
	int there = enter(d, get->key, 0, err), fd, result = 0;

	get->there = 0;
	if (there <= 0)
		return there;
	fd = openat(d->at_fd, name_of(get->key), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(d, get->key, ERR_IO, err);
	get->there = 1;
	for (;;) {
		ssize_t n = read(fd, d->block, BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result = fail(d, get->key, ERR_IO, err);
		if (n <= 0)
			break;
		result = get->got(get->context, (struct slice){d->block, (size_t)n}, err);
		if (result != 0)
			break;
	}
	close(fd);
	return result;
}

/* ---- put ---- */

static int write_all(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int temporary_name(char name[40])
{
	uint64_t random;

	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		return -1;
	snprintf(name, 40, TEMPORARY "%016llx", (unsigned long long)random);
	return 0;
}

/* A file in the directory we are in: without a name, or, where there can be none such, under the
 * temporary one, *named then 1. */
static int open_new(struct dir *d, char name[40], int *named)
{
	int fd = openat(d->at_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);

	*named = 0;
	if (temporary_name(name) != 0 || fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	fd = openat(d->at_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
	*named = fd >= 0;
	return fd;
}

static int link_new(struct dir *d, int fd, const char *name)
{
	char self[40];

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, d->at_fd, name, AT_SYMLINK_FOLLOW);
}

/* Give the file its name, or at least the temporary one: *named 1. Returns 0, or -1 with errno. */
static int give_name(struct dir *d, int fd, const char *temporary, const char *name, int only_new,
		     int *named)
{
	if (*named)
		return only_new ? linkat(d->at_fd, temporary, d->at_fd, name, 0) : 0;
	if (link_new(d, fd, name) == 0)
		return 0;
	if (errno != EEXIST || only_new || link_new(d, fd, temporary) != 0)
		return -1;
	*named = 1;
	return 0;
}

static int write_object(struct dir *d, int fd, const struct dest_put *put, struct err *err)
{
	for (uint64_t at = 0; at < put->size;) {
		size_t n = put->size - at < BLOCK ? (size_t)(put->size - at) : BLOCK;

		if (put->read(put->context, at, d->block, n, err) != 0)
			return -1;
		if (write_all(fd, d->block, n) != 0)
			return fail(d, put->key, ERR_IO, err);
		at += n;
	}
	return 0;
}

static int dir_put(struct dest *dest, const struct dest_put *put, struct err *err)
{
	struct dir *d = (struct dir *)dest;
	char temporary[40];
	int fd, named = 0, result = 0;

	if (enter(d, put->key, 1, err) < 0)
		return -1;
	fd = open_new(d, temporary, &named);
	if (fd < 0)
		return fail(d, put->key, ERR_CREATE, err);
	if (write_object(d, fd, put, err) != 0)
		result = -1;
	else if (give_name(d, fd, temporary, name_of(put->key), put->only_new, &named) != 0)
		result = fail(d, put->key, ERR_CREATE, err);
	if (result == 0 && named && !put->only_new) {
		buf_put(&d->replacing, put->key, strlen(put->key) + 1);
		if (buf_put(&d->replacing, temporary, strlen(temporary) + 1) != 0 ||
		    d->replacing.failed)
			result = err_memory(err);
	} else if (named) {
		unlinkat(d->at_fd, temporary, 0);
	}
	if (result != 0) {
		close(fd);
		return -1;
	}
	keep_unsynced(d, fd);
	touched(d);
	return 0;
}

static int dir_remove(struct dest *dest, const char *key, struct err *err)
{
	struct dir *d = (struct dir *)dest;
	int there = enter(d, key, 0, err);

	if (there <= 0)
		return there;
	if (unlinkat(d->at_fd, name_of(key), 0) != 0)
		return errno == ENOENT ? 0 : fail(d, key, ERR_IO, err);
	touched(d);
	return 0;
}

/* Files under temporary names take the places of others. */
static int replace(struct dir *d, struct err *err)
{
	for (size_t at = 0; at < d->replacing.len;) {
		const char *key = d->replacing.at + at, *temporary = key + strlen(key) + 1;
		int there = enter(d, key, 0, err);

		if (there < 0)
			return -1;
		if (there == 0)
			return err_set(err, ERR_TEMP, "%s/%s: its directory has gone", d->root,
				       key);
		if (renameat(d->at_fd, temporary, d->at_fd, name_of(key)) != 0)
			return fail(d, key, ERR_CREATE, err);
		touched(d);
		at += strlen(key) + 1 + strlen(temporary) + 1;
	}
	buf_clear(&d->replacing);
	return 0;
}

static int dir_sync(struct dest *dest, struct err *err)
{
	struct dir *d = (struct dir *)dest;

	if (d->replacing.len > 0 && (sync_all(d, err) != 0 || replace(d, err) != 0))
		return -1;
	return sync_all(d, err);
}

const struct dest_backend dest_dir = {
	.open = dir_open,
	.close = dir_close,
	.lock = dir_lock,
	.list = dir_list,
	.get = dir_get,
	.put = dir_put,
	.remove = dir_remove,
	.sync = dir_sync,
};
