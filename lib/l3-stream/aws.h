/* aws.h - layer 3: a client of one service of AWS: found by the user's settings, signed, sent,
 * tried again, and told what became of it.
 *
 * Many calls are in flight at once. They move on while aws_step is called, which calls `done` of
 * each that has ended; a caller with one call at a time uses aws_run. One thread.
 *
 * A call is tried again, after a random wait that grows (full jitter), when it was throttled, the
 * service had trouble (5xx), the connection broke, or the reply's x-amz-crc32 is not its own: so
 * what is asked for may be carried out more than once, and must be such that this does no harm.
 * Expired keys are renewed, and a wrong clock is corrected by the service's, on the way.
 *
 * Environment and files: tuberia-aws(7).
 */
#ifndef TUBERIA_AWS_H
#define TUBERIA_AWS_H

#include <signal.h>
#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l2-line/awserror.h"
#include "l3-stream/awsrequest.h"
#include "l3-stream/http.h"

struct aws;
struct awsconfig;

struct aws_options {
	const char *service;     /* "dynamodb", "s3", "kinesis", "cloudwatch", "sts" */
	unsigned in_flight;      /* connections at most, 0: 1 */
	int attempts;            /* at most, where AWS_MAX_ATTEMPTS does not say; 0: 10 */
	int64_t backoff;         /* the first wait is up to this, microseconds; 0: 50 ms */
	const sigset_t *allowed; /* signal mask of waits, NULL: as it is */
	/* When it becomes non-zero nothing is tried again; what is on its way is finished. NULL:
	 * never. */
	const volatile sig_atomic_t *stop;
};

/* Read the settings; nothing is sent yet, and keys are not looked for. Returns 0 with *out, or -1:
 * ERR_CONFIG (no region, a broken file, no libcurl), ERR_TEMP. */
int aws_open(const struct aws_options *o, struct aws **out, struct err *err);
void aws_close(struct aws *a); /* NULL is allowed; calls in flight are forgotten */

const char *aws_region(const struct aws *a);
const struct awsconfig *aws_config(const struct aws *a); /* as long as it is open */

/* Where it is, for messages: "dynamodb in eu-west-1", or with its URL if that was set. */
const char *aws_label(const struct aws *a);

/* How far this machine's clock is behind the service's, in seconds; what it is corrected by. */
int64_t aws_skew(const struct aws *a);

/* 1 when the endpoint was set, and so may be no AWS at all: S3's hosts have no names of buckets in
 * front of them then. */
int aws_endpoint_is_set(const struct aws *a);

/* A setting of one service: the environment variable, or `key` beneath `service` in the profile.
 * NULL: not set. */
const char *aws_setting(const struct aws *a, const char *env, const char *service, const char *key);

/* A call. Set what is asked for, zeros elsewhere; it must stay until `done`. Used again for another
 * one, it keeps its memory; aws_call_free at last. */
struct aws_call {
	struct awsrequest request; /* what is asked for */
	const char *what; /* for messages; NULL: the operation of its target, or the method */
	int64_t timeout;  /* of one attempt, microseconds; 0: 30 s */
	int unlimited;    /* 1: instead, as long as something moves (large objects) */
	int attempts;     /* 0: as many as the client makes */
	int (*on_body)(struct http_request *r, struct slice piece, struct err *err);
	void (*done)(struct aws_call *c); /* may start others; not by aws_run */
	void *context;

	/* What became of it. status: HTTP's, 0 without an answer; reply and headers: in http. */
	struct err err; /* ERR_NONE: the service answered with 2xx */
	int status;
	struct buf code, message; /* of the service's error, terminated; empty without one */
	enum awserror_kind kind;  /* when there is a code */
	int sent, throttled;      /* how many attempts; how many of them were throttled */
	int ambiguous;            /* an attempt before the last had no answer: it may have been
				   * carried out */
	struct http_request
		http; /* http_header(&c->http, …), c->http.reply; on_body: http.context is c */

	/* the module's own */
	struct aws *a;
	struct aws_call *next;
	int64_t due, skew;
	unsigned keys;
	int corrected;
};

/* Begin a call. Returns 0; or -1 with *err (no keys to be had, no memory), and `done` is not
 * called. */
int aws_start(struct aws *a, struct aws_call *c, struct err *err);

/* Let calls move on; wait for that, at most so many microseconds (-1: until something happens; 0:
 * not at all), or until a signal comes. Returns how many calls ended, or -1 with *err, after which
 * the client is of no use. */
int aws_step(struct aws *a, int64_t wait, struct err *err);

/* Begin a call and wait for its end. Returns 0 when it was answered with 2xx, or -1 with *err,
 * which is c->err too. */
int aws_run(struct aws *a, struct aws_call *c, struct err *err);

/* How many calls have begun and not ended; and how many more may begin now without a wait for a
 * connection (with AWS_RETRY_MODE=adaptive fewer, while the service throttles). */
size_t aws_in_flight(const struct aws *a);
size_t aws_room(const struct aws *a);

/* Requests sent, those that were throttled, and those sent again, since aws_open. */
struct aws_counts {
	uint64_t sent, throttled, again;
};
struct aws_counts aws_counts(const struct aws *a);

/* As http_fd and http_due: for callers with a poll of their own. */
int aws_fd(const struct aws *a);
int64_t aws_due(const struct aws *a);

/* 1 when the call's error has this code. */
int aws_is(const struct aws_call *c, const char *code);

void aws_call_free(struct aws_call *c); /* what it holds; not while it is in flight */

#endif
