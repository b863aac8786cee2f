#include "l2-line/limit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "l0-base/hash.h"

#define SECOND INT64_C(1000000000)

/* A bucket is full at rest: a slot whose time is past says no more than one that was never used,
 * and belongs to whoever needs it. */
struct slot {
	_Atomic uint64_t id; /* 0: never used */
	_Atomic int64_t tat; /* theoretical arrival time of the next request, in nanoseconds */
};

enum {
	WAYS = 8, /* slots that an id may lie in */
	KEY_SLOTS = 8192,
	ADDRESS_SLOTS = 65536
};

/* Zeros are a valid state of it all, but for the first two members. */
struct shared {
	_Atomic uint64_t magic;
	_Atomic uint64_t salt; /* so that nobody can choose addresses that fall into one set */
	uint64_t reserved[14];
	struct slot keys[KEY_SLOTS];
	struct slot addresses[ADDRESS_SLOTS];
};

#define MAGIC UINT64_C(0x31544d494c425554) /* "TUBLIMT1" in the order of bytes */

struct limit {
	struct shared *shared;
	int64_t interval, depth; /* nanoseconds: between two requests; of the whole burst */
};

/* ---- the file ---- */

static int open_file(const char *path, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);

	if (fd < 0)
		return err_sys(err, errno == EACCES || errno == EROFS ? ERR_DENIED : ERR_CREATE,
			       errno, "%s", path);
	if (fstat(fd, &st) != 0)
		err_sys(err, ERR_IO, errno, "%s", path);
	else if (!S_ISREG(st.st_mode) ||
		 (st.st_size != 0 && st.st_size != (off_t)sizeof(struct shared)))
		err_set(err, ERR_CONFIG, "%s: not a file of request limits", path);
	/* To the size that another one may be giving it now: the same. */
	else if (st.st_size == 0 && ftruncate(fd, sizeof(struct shared)) != 0)
		err_sys(err, errno == ENOSPC ? ERR_TEMP : ERR_CREATE, errno, "%s", path);
	else
		return fd;
	close(fd);
	return -1;
}

/* Whoever is first says which salt it is. */
static int begin_shared(struct shared *s, const char *path, struct err *err)
{
	uint64_t magic = 0, salt = 0, random = 0;

	if (!atomic_compare_exchange_strong(&s->magic, &magic, MAGIC) && magic != MAGIC)
		return err_set(err, ERR_CONFIG, "%s: not a file of request limits", path);
	if (atomic_load(&s->salt) != 0)
		return 0;
	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		return err_sys(err, ERR_TEMP, errno, "no random numbers");
	atomic_compare_exchange_strong(&s->salt, &salt, random | 1);
	return 0;
}

int limit_open(const char *path, int64_t quota, int64_t burst, struct limit **out, struct err *err)
{
	struct limit *l;
	int fd = -1, flags = MAP_SHARED;
	void *at;

	if (path != NULL) {
		fd = open_file(path, err);
		if (fd < 0)
			return -1;
	} else {
		flags |= MAP_ANONYMOUS;
	}
	at = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED)
		return err_sys(err, ERR_TEMP, errno, "%s", path == NULL ? "memory" : path);
	l = malloc(sizeof *l);
	if (l == NULL || begin_shared(at, path, err) != 0) {
		if (l == NULL)
			err_memory(err);
		free(l);
		munmap(at, sizeof(struct shared));
		return -1;
	}
	l->shared = at;
	l->interval = LIMIT_WINDOW_SECONDS * SECOND / quota;
	l->depth = l->interval * burst;
	*out = l;
	return 0;
}

void limit_close(struct limit *l)
{
	if (l == NULL)
		return;
	munmap(l->shared, sizeof(struct shared));
	free(l);
}

int64_t limit_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

/* ---- whose ---- */

/* An IPv6 address by the half that is a site's: its owner has 2^64 of the others. */
static uint64_t id_of(const struct limit *l, enum limit_whose whose, struct slice who)
{
	unsigned char digest[HASH_SHA256_BYTES], net[sizeof(struct in6_addr)];
	uint64_t salt = atomic_load_explicit(&l->shared->salt, memory_order_relaxed), id;
	char text[INET6_ADDRSTRLEN];
	struct hash h;

	if (whose == LIMIT_ADDRESS && who.at != NULL && who.len < sizeof text &&
	    memchr(who.at, ':', who.len) != NULL) {
		memcpy(text, who.at, who.len);
		text[who.len] = '\0';
		if (inet_pton(AF_INET6, text, net) == 1)
			who = (struct slice){(char *)net, 8};
	}
	hash_sha256_begin(&h);
	hash_sha256_put(&h, (struct slice){(char *)&salt, sizeof salt});
	hash_sha256_put(&h, who);
	hash_sha256_end(&h, digest);
	memcpy(&id, digest, sizeof id);
	return id | 1;
}

/* ---- taking ---- */

/* A request may have looked at the clock a while ago, and others have been here since: none lives
 * for as long as that. */
#define STALE (LIMIT_WINDOW_SECONDS * SECOND)

/* A time that no request can have left there: the machine was started anew since. */
static int64_t plausible(const struct limit *l, int64_t tat, int64_t now)
{
	return tat > now + l->depth + l->interval + STALE ? now : tat;
}

static int is_free(const struct limit *l, struct slot *s, int64_t now)
{
	return atomic_load(&s->id) == 0 || plausible(l, atomic_load(&s->tat), now) <= now;
}

/* The slot of this id in its set, taken over when there is none: always the first that is free, so
 * that all who look at once agree. NULL: all are in use. */
static struct slot *slot_of(const struct limit *l, struct slot *set, uint64_t id, int64_t now)
{
	for (int attempt = 0; attempt < WAYS; attempt++) {
		struct slot *free_one = NULL;
		uint64_t before;

		for (int i = 0; i < WAYS; i++) {
			if (atomic_load(&set[i].id) == id)
				return &set[i];
			if (free_one == NULL && is_free(l, &set[i], now))
				free_one = &set[i];
		}
		if (free_one == NULL)
			return NULL;
		before = atomic_load(&free_one->id);
		if (is_free(l, free_one, now))
			atomic_compare_exchange_strong(&free_one->id, &before, id);
		/* Look again: another one may have had the same thought of an earlier slot. */
	}
	return NULL;
}

/* Returns 1 when taken, 0 when the bucket is empty; *tat: what stands there then. */
static int take(const struct limit *l, struct slot *s, int64_t now, int64_t *tat)
{
	int64_t before = atomic_load(&s->tat), after;

	do {
		int64_t from = plausible(l, before, now);

		*tat = from < now ? now : from;
		after = *tat + l->interval;
		if (after - now > l->depth)
			return 0;
	} while (!atomic_compare_exchange_weak(&s->tat, &before, after));
	*tat = after;
	return 1;
}

static int64_t seconds_up(int64_t nanos)
{
	return (nanos + SECOND - 1) / SECOND;
}

void limit_take(struct limit *l, enum limit_whose whose, struct slice who, int64_t now,
		struct limit_verdict *v)
{
	struct slot *table = whose == LIMIT_KEY ? l->shared->keys : l->shared->addresses;
	size_t sets = (whose == LIMIT_KEY ? KEY_SLOTS : ADDRESS_SLOTS) / WAYS;
	uint64_t id = id_of(l, whose, who);
	struct slot *set = table + (id >> 32) % sets * WAYS;
	int64_t tat = now + l->depth;

	*v = (struct limit_verdict){0};
	for (int attempt = 0; attempt < WAYS && !v->allowed; attempt++) {
		struct slot *s = slot_of(l, set, id, now);

		if (s == NULL || !take(l, s, now, &tat))
			break;
		/* Not when it was given away between the look and the taking: its new owner is a
		 * request short, and we ask once more. */
		v->allowed = atomic_load(&s->id) == id;
	}
	v->remaining = (l->depth - (tat - now)) / l->interval;
	v->reset = seconds_up(tat - now);
	v->retry_after = v->allowed ? 0 : seconds_up(tat + l->interval - l->depth - now);
	if (!v->allowed && v->retry_after < 1)
		v->retry_after = 1;
	if (v->remaining < 0 || !v->allowed)
		v->remaining = 0;
}
