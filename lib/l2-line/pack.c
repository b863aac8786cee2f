#include "l2-line/pack.h"

#include <pthread.h>
#include <stdlib.h>

#include "l0-base/hash.h"
#include "l0-base/pool.h"

struct block {
	uint64_t at, start; /* in the spool; in the object, once that is sealed */
	uint32_t size, length, check;
};

struct pack_object {
	struct block *blocks;
	size_t count, room;
	uint64_t size;
	char head[16], tail[16];
	size_t head_size, tail_size;
	char sha256[2 * HASH_SHA256_BYTES + 1];
};

/* seal: not to pack a block, but to seal its object. */
struct job {
	struct pack_object *object;
	size_t number;
	struct buf block;
	int seal;
};

struct pack {
	enum codec codec;
	struct spool *spool;
	struct pool *pool;
	unsigned threads;
	struct codec_packer **packers; /* of each thread */
	struct buf *packed;
	/* Guards what threads and callers both touch: the free jobs, and the list of blocks of an
	 * object, which may be moved while one of its blocks is being packed. */
	pthread_mutex_t lock;
	struct job *jobs, **free_jobs; /* as many as the pool can hold, and one */
	size_t job_count, free_count;
};

/* ---- the threads' work ---- */

static int pack_block(struct pack *p, struct job *j, unsigned worker, struct err *err)
{
	struct buf *packed = &p->packed[worker];
	struct block b = {.length = (uint32_t)j->block.len};

	buf_clear(packed);
	if (codec_put_block(p->packers[worker], buf_view(&j->block), packed, &b.check, err) != 0 ||
	    spool_put(p->spool, buf_view(packed), &b.at, err) != 0)
		return -1;
	b.size = (uint32_t)packed->len;
	pthread_mutex_lock(&p->lock);
	j->object->blocks[j->number] = b;
	pthread_mutex_unlock(&p->lock);
	return 0;
}

/* Head and tail; then size and digest, by reading it all once. */
static int seal(struct pack *p, struct pack_object *o, unsigned worker, struct err *err)
{
	struct buf *bytes = &p->packed[worker];
	unsigned char digest[HASH_SHA256_BYTES];
	uint64_t length = 0;
	uint32_t check = 0;
	struct hash h;

	buf_clear(bytes);
	codec_put_head(p->codec, bytes);
	memcpy(o->head, buf_text(bytes), bytes->len);
	o->size = o->head_size = bytes->len;
	for (size_t i = 0; i < o->count; i++) {
		struct block *b = &o->blocks[i];

		b->start = o->size;
		o->size += b->size;
		check = codec_join(p->codec, check, b->check, b->length);
		length += b->length;
	}
	buf_clear(bytes);
	codec_put_tail(p->codec, check, length, bytes);
	memcpy(o->tail, buf_text(bytes), bytes->len);
	o->tail_size = bytes->len;
	o->size += o->tail_size;

	hash_sha256_begin(&h);
	for (uint64_t at = 0; at < o->size;) {
		size_t n = o->size - at < 1 << 18 ? (size_t)(o->size - at) : (size_t)1 << 18;

		buf_clear(bytes);
		if (buf_room(bytes, n) == NULL)
			return err_memory(err);
		if (pack_read(p, o, at, bytes->at, n, err) != 0)
			return -1;
		hash_sha256_put(&h, (struct slice){bytes->at, n});
		at += n;
	}
	hash_sha256_end(&h, digest);
	hash_hex(digest, sizeof digest, o->sha256);
	return 0;
}

static int work(void *context, void *job, unsigned worker, struct err *err)
{
	struct pack *p = context;
	struct job *j = job;
	int failed = j->seal ? seal(p, j->object, worker, err) : pack_block(p, j, worker, err);

	pthread_mutex_lock(&p->lock);
	p->free_jobs[p->free_count++] = j;
	pthread_mutex_unlock(&p->lock);
	return failed;
}

/* ---- from outside ---- */

struct pack *pack_new(enum codec codec, int level, unsigned threads, struct spool *spool)
{
	struct pack *p = calloc(1, sizeof *p);
	int made = 1;

	if (p == NULL)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	p->codec = codec;
	p->spool = spool;
	p->threads = threads;
	p->job_count = 3 * (size_t)threads + 1;
	p->packers = calloc(threads, sizeof(struct codec_packer *));
	p->packed = calloc(threads, sizeof *p->packed);
	p->jobs = calloc(p->job_count, sizeof *p->jobs);
	p->free_jobs = calloc(p->job_count, sizeof(struct job *));
	made = p->packers != NULL && p->packed != NULL && p->jobs != NULL && p->free_jobs != NULL;
	for (unsigned i = 0; made && i < threads; i++)
		made = (p->packers[i] = codec_packer_new(codec, level)) != NULL;
	for (size_t i = 0; made && i < p->job_count; i++)
		p->free_jobs[p->free_count++] = &p->jobs[i];
	if (made)
		p->pool = pool_new(threads, work, p);
	if (p->pool == NULL) {
		pack_free(p);
		return NULL;
	}
	return p;
}

void pack_free(struct pack *p)
{
	if (p == NULL)
		return;
	pool_free(p->pool);
	for (unsigned i = 0; p->packers != NULL && i < p->threads; i++)
		codec_packer_free(p->packers[i]);
	for (unsigned i = 0; p->packed != NULL && i < p->threads; i++)
		buf_free(&p->packed[i]);
	for (size_t i = 0; p->jobs != NULL && i < p->job_count; i++)
		buf_free(&p->jobs[i].block);
	free(p->packers);
	free(p->packed);
	free(p->jobs);
	free(p->free_jobs);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct pack_object *pack_object_new(void)
{
	return calloc(1, sizeof(struct pack_object));
}

void pack_object_free(struct pack_object *o)
{
	if (o == NULL)
		return;
	free(o->blocks);
	free(o);
}

/* Under the lock: room for one more block. */
static int make_room(struct pack_object *o)
{
	size_t room = o->room == 0 ? 4 : 2 * o->room;
	struct block *blocks;

	if (o->count < o->room)
		return 0;
	blocks = realloc(o->blocks, room * sizeof *blocks);
	if (blocks == NULL)
		return -1;
	o->blocks = blocks;
	o->room = room;
	return 0;
}

/* A job that nobody uses; NULL when one failed, which it then was taken from. */
static struct job *take_job(struct pack *p)
{
	return p->free_count > 0 ? p->free_jobs[--p->free_count] : NULL;
}

static int hand_over(struct pack *p, struct job *j, struct err *err)
{
	if (j != NULL && pool_put(p->pool, j, err) == 0)
		return 0;
	/* Without one, a job has failed, and those that waited were dropped. */
	return j != NULL || pool_wait(p->pool, err) != 0 ? -1 : err_memory(err);
}

int pack_put(struct pack *p, struct pack_object *o, struct buf *block, struct err *err)
{
	struct job *j;
	struct buf taken;

	pthread_mutex_lock(&p->lock);
	if (make_room(o) != 0) {
		pthread_mutex_unlock(&p->lock);
		return err_memory(err);
	}
	j = take_job(p);
	if (j != NULL) {
		j->object = o;
		j->number = o->count++;
		j->seal = 0;
	}
	pthread_mutex_unlock(&p->lock);
	if (j != NULL) {
		taken = j->block;
		j->block = *block;
		*block = taken;
		buf_clear(block);
	}
	return hand_over(p, j, err);
}

int pack_seal(struct pack *p, struct pack_object *o, struct err *err)
{
	struct job *j;

	pthread_mutex_lock(&p->lock);
	j = take_job(p);
	pthread_mutex_unlock(&p->lock);
	if (j != NULL) {
		j->object = o;
		j->seal = 1;
	}
	return hand_over(p, j, err);
}

int pack_wait(struct pack *p, struct err *err)
{
	return pool_wait(p->pool, err);
}

uint64_t pack_size(const struct pack_object *o)
{
	return o->size;
}

const char *pack_sha256(const struct pack_object *o)
{
	return o->sha256;
}

/* ---- reading ---- */

/* The last block that begins at or before offset, which is not in the head. */
static size_t block_at(const struct pack_object *o, uint64_t offset)
{
	size_t low = 0, high = o->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (o->blocks[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int pack_read(const struct pack *p, const struct pack_object *o, uint64_t offset, char *to,
	      size_t len, struct err *err)
{
	uint64_t tail = o->size - o->tail_size;

	while (len > 0) {
		const struct block *b;
		size_t n;

		if (offset < o->head_size) {
			n = o->head_size - (size_t)offset;
			n = n < len ? n : len;
			memcpy(to, o->head + offset, n);
		} else if (offset >= tail) {
			n = len;
			memcpy(to, o->tail + (offset - tail), n);
		} else {
			b = &o->blocks[block_at(o, offset)];
			n = (size_t)(b->start + b->size - offset);
			n = n < len ? n : len;
			if (spool_get(p->spool, b->at + (offset - b->start), to, n, err) != 0)
				return -1;
		}
		offset += n;
		to += n;
		len -= n;
	}
	return 0;
}
