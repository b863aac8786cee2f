/* dest_s3.h - layer 4, of dest_s3 alone: requests to a bucket, several at once.
 */
#ifndef TUBERIA_DEST_S3_H
#define TUBERIA_DEST_S3_H

#include "l0-base/hash.h"
#include "l2-line/s3text.h"
#include "l4-service/dest.h"
#include "l4-service/dest_backend.h"
#include "l4-service/s3.h"

/* Larger objects are sent in parts of this size, of which there may be 10,000; and are read in
 * ranges, each of which is held in memory. */
enum { S3_PART = 8 << 20, S3_PARTS_MAX = 10000, S3_RANGE = 2 << 20 };

struct upload;

/* An upload that was begun and not completed. */
struct unfinished {
	char *key, *id;
};

struct bucket {
	struct dest d;
	struct dest_options o;
	struct s3 *s3;
	struct job *jobs, *free; /* all of them; those that do nothing */
	unsigned count;          /* of jobs */
	struct err failed;       /* the first failure */
	int unconditional;       /* the server does not know If-Match */

	struct upload *upload; /* in parts, under way */
	struct unfinished *unfinished;
	size_t unfinished_count;
	int unfinished_known;
};

/* One thing to do, in one request or several, one after the other. */
struct job {
	struct job *all, *next; /* of bucket.jobs and bucket.free */
	struct bucket *b;
	struct s3_request r;
	struct buf key;
	void (*ended)(struct job *j); /* a request has; releases the job, or goes on */

	/* What it is about, by its kind. */
	struct dest_list list;
	struct s3text_page page;
	struct dest_get *get;
	uint64_t at;
	struct dest_put put;
	char version[DEST_VERSION_SIZE];
	struct http_source source;
	struct dest_get check; /* is what is there what was to be put? */
	struct hash hash;
	void (*got_all)(struct job *j);
	struct upload *upload;
	size_t part;
	int over;
};

/* A job for this key; waits for its turn. Returns 0 with *out, or -1: an earlier failure, or
 * stopped. */
int s3_take(struct bucket *b, const char *key, void (*ended)(struct job *j), struct job **out,
	    struct err *err);
void s3_release(struct job *j);

/* Send j->r; `ended` is called, at once when it cannot be sent. */
void s3_send(struct job *j);

/* The same, and wait for its end; others go on meanwhile. The job is still the caller's to release.
 * Returns 0 whatever the answer is, or -1. */
int s3_send_wait(struct job *j, struct err *err);

/* What has failed is what everything fails with from now on. */
void s3_fail(struct job *j, const struct err *err);

/* Wait for something to happen. Returns 0, or -1: a failure, or stopped. */
int s3_wait(struct bucket *b, struct err *err);

/* Put an object in parts; give up the one that is under way; and find those that nobody will
 * complete, and give up such of them. */
int s3_upload(struct bucket *b, const struct dest_put *put, struct err *err);
void s3_upload_abort(struct bucket *b);
int s3_unfinished_clear(struct bucket *b, const char *prefix,
			int (*ours)(void *context, struct slice name), void *context,
			struct err *err);
void s3_unfinished_free(struct bucket *b);

#endif
