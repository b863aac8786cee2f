#include "l2-line/pgheld.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_BYTES ((size_t)256 << 10)

/* What stands before each message, in memory and in the file. */
struct head {
	uint32_t subxid, len;
};

/* A piece of the file: whole messages. */
struct extent {
	off_t at;
	size_t len;
};

struct transaction {
	uint32_t xid;
	struct buf tail; /* what came behind the extents */
	struct extent *extent;
	size_t extent_count, extent_size;
	uint32_t *aborted; /* subxids; in order once it has committed */
	size_t aborted_count, aborted_size;
};

struct pgheld {
	size_t memory;
	struct transaction *transaction;
	size_t count, size;
	size_t held;    /* bytes in memory */
	uint64_t bytes; /* of all */
	int fd;         /* of the file, or -1 */
	off_t end;

	/* the transaction that is given */
	int giving;
	struct transaction given;
	size_t next; /* extent */
	struct buf in;
	size_t at; /* in `in` */
	off_t from;
	size_t left; /* of the extent, in the file */
	uint32_t known;
	int known_aborted;
};

struct pgheld *pgheld_new(size_t memory)
{
	struct pgheld *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	h->memory = memory;
	h->fd = -1;
	return h;
}

static void forget(struct transaction *t)
{
	buf_free(&t->tail);
	free(t->extent);
	free(t->aborted);
	*t = (struct transaction){0};
}

void pgheld_free(struct pgheld *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->count; i++)
		forget(&h->transaction[i]);
	free(h->transaction);
	forget(&h->given);
	buf_free(&h->in);
	if (h->fd >= 0)
		close(h->fd);
	free(h);
}

size_t pgheld_count(const struct pgheld *h)
{
	return h->count;
}

uint64_t pgheld_bytes(const struct pgheld *h)
{
	return h->bytes;
}

/* Make *array hold one element more than count. */
static int grow(void *array, size_t *size, size_t count, size_t each)
{
	size_t wanted = *size == 0 ? 8 : 2 * *size;
	void *at;

	if (count < *size)
		return 0;
	memcpy(&at, array, sizeof at);
	at = reallocarray(at, wanted, each);
	if (at == NULL)
		return -1;
	memcpy(array, &at, sizeof at);
	*size = wanted;
	return 0;
}

static struct transaction *find(struct pgheld *h, uint32_t xid)
{
	/* Mostly one, and mostly the last. */
	for (size_t i = h->count; i-- > 0;)
		if (h->transaction[i].xid == xid)
			return &h->transaction[i];
	return NULL;
}

/* ---- the file ---- */

static int open_file(struct pgheld *h, struct err *err)
{
	const char *directory = getenv("TMPDIR");
	char *path;

	if (directory == NULL || *directory == '\0')
		directory = "/tmp";
	h->fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (h->fd >= 0)
		return 0;
	/* A file system without that: a name for an instant. */
	if (asprintf(&path, "%s/pg-tail.XXXXXX", directory) < 0)
		return err_memory(err);
	h->fd = mkostemp(path, O_CLOEXEC);
	if (h->fd >= 0)
		unlink(path);
	else
		err_sys(err, ERR_CREATE, errno, "temporary file in %s", directory);
	free(path);
	return h->fd < 0 ? -1 : 0;
}

static int spill(struct pgheld *h, struct transaction *t, struct err *err)
{
	size_t done = 0;

	if (h->fd < 0 && open_file(h, err) != 0)
		return -1;
	if (grow(&t->extent, &t->extent_size, t->extent_count, sizeof *t->extent) != 0)
		return err_memory(err);
	while (done < t->tail.len) {
		ssize_t n =
			pwrite(h->fd, t->tail.at + done, t->tail.len - done, h->end + (off_t)done);

		if (n < 0 && errno != EINTR)
			return err_sys(err, errno == ENOSPC || errno == EDQUOT ? ERR_TEMP : ERR_IO,
				       errno, "temporary file");
		done += n < 0 ? 0 : (size_t)n;
	}
	t->extent[t->extent_count++] = (struct extent){h->end, t->tail.len};
	h->end += (off_t)t->tail.len;
	h->held -= t->tail.len;
	if (h->count == 1)
		buf_clear(&t->tail);
	else
		buf_free(&t->tail);
	return 0;
}

static int spill_largest(struct pgheld *h, struct err *err)
{
	struct transaction *largest = &h->transaction[0];

	for (size_t i = 1; i < h->count; i++)
		if (h->transaction[i].tail.len > largest->tail.len)
			largest = &h->transaction[i];
	return spill(h, largest, err);
}

/* Nothing that is held is in the file any more: begin it anew. */
static void empty_file(struct pgheld *h)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->transaction[i].extent_count > 0)
			return;
	if (h->end > 0 && ftruncate(h->fd, 0) == 0)
		h->end = 0;
}

/* ---- in ---- */

int pgheld_add(struct pgheld *h, uint32_t xid, uint32_t subxid, struct slice message,
	       struct err *err)
{
	struct head head = {subxid, (uint32_t)message.len};
	struct transaction *t = find(h, xid);
	char *at;

	if (t == NULL) {
		if (grow(&h->transaction, &h->size, h->count, sizeof *h->transaction) != 0)
			return err_memory(err);
		t = &h->transaction[h->count++];
		*t = (struct transaction){.xid = xid};
	}
	at = buf_room(&t->tail, sizeof head + message.len);
	if (at == NULL)
		return err_memory(err);
	memcpy(at, &head, sizeof head);
	memcpy(at + sizeof head, message.at, message.len);
	t->tail.len += sizeof head + message.len;
	h->held += sizeof head + message.len;
	h->bytes += sizeof head + message.len;
	return h->held > h->memory ? spill_largest(h, err) : 0;
}

/* Take it out of those that are held. */
static struct transaction take_out(struct pgheld *h, struct transaction *t)
{
	struct transaction out = *t;

	h->held -= out.tail.len;
	h->bytes -= out.tail.len;
	for (size_t i = 0; i < out.extent_count; i++)
		h->bytes -= out.extent[i].len;
	*t = h->transaction[--h->count];
	return out;
}

int pgheld_abort(struct pgheld *h, uint32_t xid, uint32_t subxid, struct err *err)
{
	struct transaction *t = find(h, xid), gone;

	if (t == NULL)
		return 0;
	if (subxid == xid) {
		gone = take_out(h, t);
		forget(&gone);
		empty_file(h);
		return 0;
	}
	if (grow(&t->aborted, &t->aborted_size, t->aborted_count, sizeof *t->aborted) != 0)
		return err_memory(err);
	t->aborted[t->aborted_count++] = subxid;
	return 0;
}

/* ---- out ---- */

static int compare_xids(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

void pgheld_commit(struct pgheld *h, uint32_t xid)
{
	struct transaction *t = find(h, xid);

	forget(&h->given);
	h->giving = t != NULL;
	h->next = h->at = h->left = 0;
	buf_clear(&h->in);
	h->known = xid;
	h->known_aborted = 0;
	if (t == NULL)
		return;
	h->given = take_out(h, t);
	if (h->given.aborted_count > 1)
		qsort(h->given.aborted, h->given.aborted_count, sizeof *h->given.aborted,
		      compare_xids);
}

/* Have more of the transaction in `in`. Returns 1, 0 when there is no more, or -1. */
static int fetch(struct pgheld *h, size_t wanted, struct err *err)
{
	struct transaction *t = &h->given;
	char *at;

	if (h->at > 0) {
		h->in.len -= h->at;
		memmove(h->in.at, h->in.at + h->at, h->in.len);
		h->at = 0;
	}
	if (h->left == 0 && h->next == t->extent_count) {
		struct buf swap = h->in;

		/* An extent has whole messages: nothing is left of one. */
		if (t->tail.len == 0)
			return 0;
		h->in = t->tail;
		t->tail = swap;
		buf_clear(&t->tail);
		return 1;
	}
	if (h->left == 0) {
		h->from = t->extent[h->next].at;
		h->left = t->extent[h->next++].len;
	}
	wanted = wanted > READ_BYTES ? wanted : READ_BYTES;
	wanted = wanted < h->left ? wanted : h->left;
	at = buf_room(&h->in, wanted);
	if (at == NULL)
		return err_memory(err);
	for (;;) {
		ssize_t n = pread(h->fd, at, wanted, h->from);

		if (n > 0) {
			h->in.len += (size_t)n;
			h->from += n;
			h->left -= (size_t)n;
			return 1;
		}
		if (n == 0)
			return err_set(err, ERR_IO, "temporary file: shorter than it was");
		if (errno != EINTR)
			return err_sys(err, ERR_IO, errno, "temporary file");
	}
}

static int is_aborted(struct pgheld *h, uint32_t subxid)
{
	if (h->known != subxid) {
		h->known = subxid;
		h->known_aborted = h->given.aborted_count > 0 &&
				   bsearch(&subxid, h->given.aborted, h->given.aborted_count,
					   sizeof *h->given.aborted, compare_xids) != NULL;
	}
	return h->known_aborted;
}

int pgheld_next(struct pgheld *h, struct slice *message, int *aborted, struct err *err)
{
	struct head head = {0};

	if (!h->giving)
		return 0;
	for (;;) {
		size_t there = h->in.len - h->at;
		int more;

		if (there >= sizeof head) {
			memcpy(&head, h->in.at + h->at, sizeof head);
			if (there >= sizeof head + head.len)
				break;
		}
		more = fetch(h, sizeof head + head.len, err);
		if (more < 0)
			return -1;
		if (more == 0) {
			h->giving = 0;
			forget(&h->given);
			empty_file(h);
			return 0;
		}
	}
	*message = (struct slice){h->in.at + h->at + sizeof head, head.len};
	*aborted = is_aborted(h, head.subxid);
	h->at += sizeof head + head.len;
	return 1;
}
