#include "l3-stream/feed.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "l0-base/file.h"
#include "l1-value/timestamp.h"
#include "l2-line/json.h"
#include "l2-line/outlet.h"

#define PUSH_BYTES ((size_t)64 << 10)
#define FULL_BYTES ((size_t)1 << 20)
#define ACK_EVERY 100000000 /* ns */
#define DRAIN_TICK INT64_C(100000000)
#define DRAIN_WAIT INT64_C(10000000000)
#define ACK_LIMIT ((size_t)1 << 20)

struct feed {
	int fd;
	struct outlet *outlet;
	struct buf out;
	size_t sent; /* bytes of out that are written already */
	struct err failure;
	uint64_t records, open, barriers;

	int64_t epoch, time;            /* of the last barrier */
	int64_t every;                  /* ns */
	int64_t last;                   /* when the last barrier was placed, or the start */
	const struct barrier *replayed; /* awaited first, or NULL */
	const struct json *pending;     /* awaited then, or NULL */

	const char *ack_file;
	int64_t ack_looked;
	struct stat ack_stat;
	struct barrier ack;
};

int64_t feed_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct feed *feed_new(int fd, int64_t every, const char *ack_file)
{
	struct feed *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->fd = fd;
	f->outlet = outlet_new(fd);
	if (f->outlet == NULL || buf_room(&f->out, 2 * PUSH_BYTES) == NULL) {
		feed_free(f);
		return NULL;
	}
	f->every = every > INT64_MAX / 2000 ? INT64_MAX / 2 : every * 1000;
	f->ack_file = ack_file;
	f->last = feed_now();
	return f;
}

void feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	outlet_free(f->outlet);
	buf_free(&f->out);
	barrier_free(&f->ack);
	free(f);
}

/* ---- barriers ---- */

static int put_line(struct feed *f, const struct json *barrier, struct err *err)
{
	buf_puts(&f->out, "{\"@barrier\":");
	if (json_print(&f->out, barrier) != 0)
		return err_memory(err);
	buf_puts(&f->out, "}\n");
	f->barriers++;
	f->open = 0;
	f->last = feed_now();
	return f->out.failed ? err_memory(err) : 0;
}

int feed_resume(struct feed *f, const struct barrier *b, struct err *err)
{
	f->epoch = b->epoch;
	f->time = b->time;
	f->pending = b->pending;
	if (b->resume != NULL && strcmp(b->resume, b->pos) != 0)
		f->replayed = b;
	return put_line(f, b->document, err);
}

const char *feed_awaited(const struct feed *f)
{
	if (f->replayed != NULL)
		return f->replayed->pos;
	return f->pending == NULL ? NULL : json_string(json_get(f->pending, "pos"));
}

int feed_reach(struct feed *f, struct err *err)
{
	struct barrier promised = {0};
	int result;

	if (f->replayed != NULL) {
		const struct json *again = f->replayed->document;

		f->replayed = NULL;
		return put_line(f, again, err);
	}
	promised.document = json_put_copy(NULL, NULL, f->pending);
	if (promised.document == NULL)
		return err_memory(err);
	f->pending = NULL;
	result = barrier_reread(&promised, err);
	if (result == 0) {
		f->epoch = promised.epoch;
		f->time = promised.time > f->time ? promised.time : f->time;
		result = put_line(f, promised.document, err);
	}
	barrier_free(&promised);
	return result;
}

int feed_due(const struct feed *f, int64_t now)
{
	if (f->replayed != NULL || f->pending != NULL)
		return 0;
	return f->open >= FEED_RECORDS_MAX || now - f->last >= f->every;
}

int64_t feed_due_at(const struct feed *f)
{
	if (f->replayed != NULL || f->pending != NULL)
		return INT64_MAX;
	return f->last + f->every;
}

int feed_barrier(struct feed *f, const char *pos, int snapshot, struct err *err)
{
	int64_t seconds;
	int32_t nanos;

	/* Milliseconds, and never backwards: downstream no other clock is read. */
	timestamp_now(&seconds, &nanos);
	seconds = seconds * 1000000 + nanos / 1000000 * 1000;
	if (seconds > f->time)
		f->time = seconds;
	if (control_put_barrier(&f->out, f->epoch + 1, pos, f->time, snapshot) != 0)
		return err_memory(err);
	f->epoch++;
	f->barriers++;
	f->open = 0;
	f->last = feed_now();
	return 0;
}

int feed_end(struct feed *f, struct err *err)
{
	return control_put_end(&f->out, f->records) == 0 ? 0 : err_memory(err);
}

/* ---- records ---- */

struct buf *feed_buf(struct feed *f)
{
	return &f->out;
}

void feed_count(struct feed *f, unsigned records)
{
	f->records += records;
	f->open += records;
}

uint64_t feed_records(const struct feed *f)
{
	return f->records;
}

uint64_t feed_open(const struct feed *f)
{
	return f->open;
}

uint64_t feed_barriers(const struct feed *f)
{
	return f->barriers;
}

int64_t feed_epoch(const struct feed *f)
{
	return f->epoch;
}

int feed_push(struct feed *f, struct err *err)
{
	ssize_t wrote;

	if (f->failure.status != ERR_NONE) {
		*err = f->failure;
		return -1;
	}
	if (f->out.failed)
		return err_memory(err); /* half a record may be in it */
	wrote = outlet_write(f->outlet, f->out.at + f->sent, f->out.len - f->sent, err);
	if (wrote < 0) {
		f->failure = *err; /* how much of it was written nobody knows: never again */
		return -1;
	}
	f->sent += (size_t)wrote;
	if (f->sent == f->out.len) {
		f->sent = f->out.len = 0;
	} else if (f->sent >= f->out.len - f->sent) {
		f->out.len -= f->sent;
		memcpy(f->out.at, f->out.at + f->sent, f->out.len);
		f->sent = 0;
	}
	return 0;
}

size_t feed_waiting(const struct feed *f)
{
	return f->out.len - f->sent;
}

int feed_wants_push(const struct feed *f)
{
	return feed_waiting(f) >= PUSH_BYTES;
}

int feed_full(const struct feed *f)
{
	return feed_waiting(f) >= FULL_BYTES;
}

int feed_wait(struct feed *f, int fd, short events, int64_t until, const sigset_t *allowed,
	      struct err *err)
{
	struct pollfd fds[2] = {{fd, events, 0},
				{outlet_fd(f->outlet), feed_waiting(f) > 0 ? POLLOUT : 0, 0}};
	int64_t left = until - feed_now();
	struct timespec timeout;

	if (left < 0)
		left = 0;
	timeout = (struct timespec){left / 1000000000, left % 1000000000};
	if (ppoll(fds, 2, until == INT64_MAX ? NULL : &timeout, allowed) > 0 &&
	    (fds[1].revents & POLLERR) != 0) {
		err_set(err, ERR_IO, "the reader of the records has gone");
		err->closed_pipe = 1;
		return -1;
	}
	return 0;
}

int feed_drain(struct feed *f, const volatile sig_atomic_t *stop, const sigset_t *allowed,
	       void (*tick)(void *context), void *context, struct err *err)
{
	int64_t told = 0;

	while (feed_push(f, err) == 0) {
		if (feed_waiting(f) == 0)
			return 0;
		if ((stop == NULL || *stop) && told == 0)
			told = feed_now();
		if (told != 0 && feed_now() - told > DRAIN_WAIT)
			return err_set(err, ERR_TEMP, "told to stop, but nobody reads the records");
		if (tick != NULL)
			tick(context);
		if (feed_wait(f, -1, 0, feed_now() + DRAIN_TICK, allowed, err) != 0)
			break;
	}
	return -1;
}

int feed_close(struct feed *f, struct err *err)
{
	outlet_free(f->outlet);
	f->outlet = NULL;
	return close(f->fd) == 0 ? 0 : err_sys(err, ERR_IO, errno, "cannot write");
}

/* ---- what the sink has committed ---- */

static int ack_changed(struct feed *f)
{
	struct stat st;

	if (stat(f->ack_file, &st) != 0)
		return 0;
	if (st.st_ino == f->ack_stat.st_ino && st.st_size == f->ack_stat.st_size &&
	    st.st_mtim.tv_sec == f->ack_stat.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == f->ack_stat.st_mtim.tv_nsec)
		return 0;
	f->ack_stat = st;
	return 1;
}

int feed_acknowledged(struct feed *f, int at_once, int64_t *epoch, const char **pos)
{
	int64_t now = feed_now();
	struct barrier ack = {0};
	struct buf text = {0};
	struct err ignored;
	int found = 0;

	if (f->ack_file == NULL || (!at_once && now - f->ack_looked < ACK_EVERY))
		return 0;
	f->ack_looked = now;
	if (!ack_changed(f))
		return 0;
	if (file_read(f->ack_file, ACK_LIMIT, &text, &ignored) == 1)
		found = barrier_parse_line(buf_view(&text), &ack, &ignored) == 0;
	buf_free(&text);
	if (!found)
		return 0;
	barrier_free(&f->ack);
	f->ack = ack;
	*epoch = ack.epoch;
	*pos = ack.resume != NULL ? ack.resume : ack.pos;
	return 1;
}
