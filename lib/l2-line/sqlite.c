#include "l2-line/sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- errors ---- */

static enum err_status status_of(int code, int errnum)
{
	/* What a dead writer left half done, and we may not mend: the next writer does. */
	if (code == SQLITE_READONLY_RECOVERY || code == SQLITE_READONLY_ROLLBACK)
		return ERR_TEMP;
	switch (code & 0xff) {
	case SQLITE_FULL:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_NOMEM:
	case SQLITE_INTERRUPT:
	case SQLITE_PROTOCOL:
		return ERR_TEMP;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ERR_DENIED;
	case SQLITE_CANTOPEN:
		return errnum == EACCES || errnum == EPERM ? ERR_DENIED : ERR_CREATE;
	case SQLITE_IOERR:
		return errnum == ENOSPC || errnum == EDQUOT ? ERR_TEMP : ERR_IO;
	case SQLITE_CORRUPT:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return ERR_DATA;
	default: /* SQLITE_NOTADB; SQLITE_ERROR: a table is not as it should be */
		return ERR_CONFIG;
	}
}

int sqlite_fail(struct sqlite *d, struct err *err)
{
	int code = sqlite3_extended_errcode(d->db), errnum = 0;

	d->code = code;
	if (d->why.status != ERR_NONE) {
		*err = d->why;
		d->why.status = ERR_NONE;
		return err_prefix(err, "%s", d->path);
	}
	if ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN)
		errnum = sqlite3_system_errno(d->db);
	if (d->deadline != 0 && ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_INTERRUPT))
		return err_set(err, ERR_TEMP, "%s: no answer within the time given", d->path);
	if ((code & 0xff) == SQLITE_BUSY)
		return err_set(err, ERR_TEMP, "%s: another process has held it for %d s", d->path,
			       SQLITE_WAIT_MILLISECONDS / 1000);
	if (errnum != 0)
		return err_sys(err, status_of(code, errnum), errnum, "%s: %s", d->path,
			       sqlite3_errmsg(d->db));
	return err_set(err, status_of(code, errnum), "%s: %s", d->path, sqlite3_errmsg(d->db));
}

/* ---- statements ---- */

int sqlite_exec(struct sqlite *d, const char *sql, struct err *err)
{
	return sqlite3_exec(d->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sqlite_fail(d, err);
}

int sqlite_prepare(struct sqlite *d, const char *sql, sqlite3_stmt **statement, struct err *err)
{
	if (sqlite3_prepare_v3(d->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) ==
	    SQLITE_OK)
		return 0;
	return sqlite_fail(d, err);
}

int sqlite_step(struct sqlite *d, sqlite3_stmt *statement, struct err *err)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		sqlite3_reset(statement);
		return 0;
	default:
		sqlite_fail(d, err);
		sqlite3_reset(statement);
		return -1;
	}
}

void sqlite_bind(sqlite3_stmt *statement, int parameter, struct slice text)
{
	/* Cannot fail: the parameter exists, and the text is shorter than SQLite's limit, or step
	 * fails. */
	sqlite3_bind_text64(statement, parameter, text.at == NULL ? "" : text.at, text.len,
			    SQLITE_STATIC, SQLITE_UTF8);
}

struct slice sqlite_text(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return (struct slice){text == NULL ? "" : text,
			      (size_t)sqlite3_column_bytes(statement, column)};
}

/* The first column of the first row, a number. */
int sqlite_number(struct sqlite *d, const char *sql, int64_t *n, struct err *err)
{
	sqlite3_stmt *statement;
	int row;

	if (sqlite_prepare(d, sql, &statement, err) != 0)
		return -1;
	row = sqlite_step(d, statement, err);
	*n = row > 0 ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	return row < 0 ? -1 : 0;
}

/* ---- time ---- */

static int64_t monotonic_micros(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int is_over(void *context)
{
	const struct sqlite *d = context;

	return monotonic_micros() >= d->deadline;
}

/* Another process holds it. Try again soon: the time left is short. */
static int wait_a_little(void *context, int count)
{
	static const struct timespec nap = {0, 2000000};

	(void)count;
	if (is_over(context))
		return 0;
	nanosleep(&nap, NULL);
	return 1;
}

void sqlite_within(struct sqlite *d, int64_t within)
{
	enum { STEPS = 1000 }; /* of SQLite's machine between two looks at the clock: some 20 us */
	int had = d->deadline != 0;

	d->deadline = within == 0 ? 0 : monotonic_micros() + within;
	if (within == 0) {
		sqlite3_progress_handler(d->db, 0, NULL, NULL);
		sqlite3_busy_timeout(d->db, SQLITE_WAIT_MILLISECONDS);
	} else if (!had) {
		sqlite3_progress_handler(d->db, STEPS, is_over, d);
		sqlite3_busy_handler(d->db, wait_a_little, d);
	}
}

/* ---- opening ---- */

/* May a file be made there? SQLite does not say why not. */
static int look_around(const char *path, struct err *err)
{
	struct buf directory = {0};
	const char *slash = strrchr(path, '/');
	int result = 0;

	buf_slice(&directory,
		  slash == NULL ? slice_of(".") : (struct slice){path, (size_t)(slash - path) + 1});
	if (directory.failed)
		result = err_memory(err);
	else if (access(buf_text(&directory), W_OK | X_OK) != 0)
		result = err_sys(err, errno == EACCES ? ERR_DENIED : ERR_CREATE, errno, "%s", path);
	buf_free(&directory);
	return result;
}

/* What can be said better than by SQLite, before it is asked. Returns 1 when there is something in
 * the file. (It is not opened for that: closing it would drop SQLite's locks.) */
static int look(const char *path, enum sqlite_mode mode, struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return mode == SQLITE_FOR_MAKING ? look_around(path, err) : 0;
		return err_sys(err, errno == EACCES ? ERR_DENIED : ERR_IO, errno, "%s", path);
	}
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CONFIG, "%s: not a regular file", path);
	if (access(path, mode == SQLITE_FOR_READING ? R_OK : R_OK | W_OK) != 0)
		return err_sys(err, ERR_DENIED, errno, "%s", path);
	return st.st_size > 0;
}

static int open_file(struct sqlite *d, enum sqlite_mode mode, struct err *err)
{
	static const int flags[] = {SQLITE_OPEN_READONLY, SQLITE_OPEN_READWRITE,
				    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
	struct buf name = {0};
	int code;

	/* So that no name has a meaning of its own for SQLite: ":memory:", "file:…". */
	if (d->path[0] != '/')
		buf_puts(&name, "./");
	buf_puts(&name, d->path);
	if (name.failed) {
		buf_free(&name);
		return err_memory(err);
	}
	/* Once for the process: no thread but ours, no statistics, hence no locks. (Refused when
	 * SQLite is in use already; then it was done before.) */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	/* A reader has little in memory, and may live for one question: pools that are laid out in
	 * advance cost it more pages than it will touch. */
	if (mode == SQLITE_FOR_READING) {
		sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
		sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	}
	code = sqlite3_open_v2(buf_text(&name), &d->db, flags[mode] | SQLITE_OPEN_EXRESCODE, NULL);
	buf_free(&name);
	if (d->db == NULL)
		return err_memory(err);
	if (code != SQLITE_OK)
		return sqlite_fail(d, err);
	sqlite3_busy_timeout(d->db, SQLITE_WAIT_MILLISECONDS);
	sqlite3_db_config(d->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(d->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (mode != SQLITE_FOR_READING && sqlite3_db_readonly(d->db, "main"))
		return err_set(err, ERR_DENIED, "%s: cannot be written to", d->path);
	return 0;
}

int sqlite_open(struct sqlite *d, const char *path, enum sqlite_mode mode, struct err *err)
{
	int found;

	*d = (struct sqlite){0};
	found = look(path, mode, err);
	if (found < 0 || (found == 0 && mode != SQLITE_FOR_MAKING))
		return found;
	d->path = strdup(path);
	if (d->path == NULL)
		return err_memory(err);
	return open_file(d, mode, err) == 0 ? 1 : -1;
}

void sqlite_close(struct sqlite *d)
{
	sqlite3_close_v2(d->db);
	free(d->path);
	*d = (struct sqlite){0};
}
