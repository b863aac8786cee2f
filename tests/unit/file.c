#include "l0-base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int entries(const char *directory)
{
	DIR *d = opendir(directory);
	int n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static int holds(const char *path, const char *text)
{
	struct buf b = {0};
	struct err err;
	int same = file_read(path, 1 << 20, &b, &err) == 1 && slice_is(buf_view(&b), text);

	buf_free(&b);
	return same;
}

static void check_replacing(void)
{
	struct err err = {0};
	struct stat st;

	umask(077);
	CHECK(file_replace("a", slice_of("uno\n"), 0644, &err) == 0 && holds("a", "uno\n"),
	      "a new file");
	CHECK(stat("a", &st) == 0 && (st.st_mode & 07777) == 0644,
	      "has the mode asked for, whatever the umask");
	ino_t inode = st.st_ino;

	CHECK(file_replace("a", slice_of("dos, tres\n"), 0600, &err) == 0 &&
		      holds("a", "dos, tres\n"),
	      "a file that is there is replaced");
	CHECK(stat("a", &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_ino != inode,
	      "by another file, with its own mode");
	CHECK(file_replace("a", (struct slice){NULL, 0}, 0600, &err) == 0 && holds("a", ""),
	      "an empty file");

	mkdir("sub", 0700);
	CHECK(file_replace("sub/b", slice_of("x"), 0600, &err) == 0 && holds("sub/b", "x"),
	      "in another directory");
	symlink("sub/b", "link");
	CHECK(file_replace("link", slice_of("y"), 0600, &err) == 0 && holds("sub/b", "y") &&
		      lstat("link", &st) == 0 && S_ISLNK(st.st_mode),
	      "a symbolic link is followed");
	unlink("link");
	CHECK(entries(".") == 2 && entries("sub") == 1, "no temporary file stays behind");
}

static void check_refusals(void)
{
	struct err err = {0};
	struct rlimit before, limit;
	static char large[100000];
	struct stat st;

	file_replace("a", slice_of("old"), 0600, &err);
	CHECK(file_replace("none/a", slice_of("x"), 0600, &err) == -1 && err.status == ERR_CREATE,
	      "no such directory (%s)", err.message);
	CHECK(file_replace("sub", slice_of("x"), 0600, &err) == -1 && err.status == ERR_CREATE,
	      "a directory (%s)", err.message);
	CHECK(file_replace("", slice_of("x"), 0600, &err) == -1 && err.status == ERR_CREATE,
	      "no name (%s)", err.message);
	mkfifo("fifo", 0600);
	CHECK(file_replace("fifo", slice_of("x"), 0600, &err) == -1 && err.status == ERR_CREATE &&
		      stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode),
	      "a pipe or a device is not replaced (%s)", err.message);
	unlink("fifo");

	/* A write that fails half-way, as on a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){.rlim_cur = 50000, .rlim_max = before.rlim_max};
	setrlimit(RLIMIT_FSIZE, &limit);
	CHECK(file_replace("a", (struct slice){large, sizeof large}, 0600, &err) == -1 &&
		      err.status == ERR_IO,
	      "a failed write is said (%s)", err.message);
	setrlimit(RLIMIT_FSIZE, &before);
	CHECK(holds("a", "old"), "the old file is as it was");
	CHECK(entries(".") == 2, "and no temporary file stays behind");
}

/* A reader at any moment sees one whole version. */
static void check_atomicity(void)
{
	static char versions[2][5000];
	struct err err;
	int status = -1, right = 1;
	pid_t child;

	memset(versions[0], 'a', sizeof versions[0]);
	memset(versions[1], 'b', sizeof versions[1]);
	file_replace("a", (struct slice){versions[0], sizeof versions[0]}, 0600, &err);
	child = fork();
	if (child == 0) {
		for (int i = 1; i <= 300; i++)
			if (file_replace("a", (struct slice){versions[i % 2], 5000}, 0600, &err))
				_exit(1);
		_exit(0);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		struct buf b = {0};

		right = right && file_read("a", 5000, &b, &err) == 1 && b.len == 5000 &&
			(memcmp(b.at, versions[0], 5000) == 0 ||
			 memcmp(b.at, versions[1], 5000) == 0);
		buf_free(&b);
	}
	CHECK(right && status == 0, "reads during 300 replacements see whole versions");
}

/* A writer that is killed may leave its file behind only in the instant before it is renamed. */
static void check_kill(void)
{
	enum { KILLS = 20, SIZE = 8 << 20 };
	int fd = open(".", O_TMPFILE | O_WRONLY, 0600);
	char *bytes = calloc(1, SIZE);
	struct err err;

	if (fd < 0) {
		CHECK(1, "a killed writer # SKIP this file system has no O_TMPFILE");
		free(bytes);
		return;
	}
	close(fd);
	mkdir("kill", 0700);
	for (int i = 0; i < KILLS; i++) {
		pid_t child = fork();

		if (child == 0)
			while (file_replace("kill/a", (struct slice){bytes, SIZE}, 0600, &err) == 0)
				;
		usleep((useconds_t)(1000 * (i + 1)));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	file_replace("kill/a", slice_of("whole"), 0600, &err);
	int left = entries("kill") - 1;

	CHECK(left < KILLS / 4 && holds("kill/a", "whole"), "%d killed writers left %d files",
	      KILLS, left);
	free(bytes);
	CHECK(system("rm -r kill") == 0, "gone");
}

static void check_reading(void)
{
	struct buf b = {0};
	struct err err = {0};
	static char large[70000];

	for (size_t i = 0; i < sizeof large; i++)
		large[i] = (char)(i * 31 >> 3);
	file_replace("large", (struct slice){large, sizeof large}, 0600, &err);
	buf_puts(&b, "before ");
	CHECK(file_read("large", sizeof large, &b, &err) == 1 && b.len == 7 + sizeof large &&
		      memcmp(b.at, "before ", 7) == 0 && memcmp(b.at + 7, large, sizeof large) == 0,
	      "the whole file is appended");
	b.len = 7;
	CHECK(file_read("large", sizeof large - 1, &b, &err) == -1 && err.status == ERR_DATA &&
		      b.len == 7,
	      "a byte more than the limit is too much, nothing is appended (%s)", err.message);
	CHECK(file_read("none", 100, &b, &err) == 0 && b.len == 7, "no such file is no error");
	CHECK(file_read("sub", 100, &b, &err) == -1 && err.status == ERR_IO, "a directory is (%s)",
	      err.message);
	CHECK(file_read("large/x", 100, &b, &err) == -1 && err.status == ERR_IO,
	      "and a file in the place of a directory (%s)", err.message);
	buf_free(&b);
}

int main(void)
{
	char directory[] = "file.XXXXXX";

	if (mkdtemp(directory) == NULL || chdir(directory) != 0) {
		perror(directory);
		return 1;
	}
	check_replacing();
	check_refusals();
	check_atomicity();
	check_kill();
	check_reading();
	unlink("a");
	unlink("large");
	unlink("sub/b");
	rmdir("sub");
	CHECK(chdir("..") == 0 && rmdir(directory) == 0, "nothing else was made");
	return check_done();
}
