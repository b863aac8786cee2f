/* s3.h - layer 4: requests to a bucket of S3, by the client of l3-stream/aws.
 *
 * Where the bucket is in a URL: in front of AWS's host names, behind an endpoint that was set, and
 * behind AWS's too when its name has dots; AWS_S3_ADDRESSING_STYLE overrules that.
 * Source: Amazon S3 API Reference; tuberia-aws(7), S3.
 */
#ifndef TUBERIA_S3_H
#define TUBERIA_S3_H

#include <signal.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l3-stream/aws.h"

struct s3;

struct s3_options {
	unsigned in_flight; /* at most */
	const volatile sig_atomic_t *stop;
	const sigset_t *wait_mask;
};

/* place: s3://BUCKET/PREFIX. Nothing is sent yet. Returns 0 with *out, or -1: ERR_USAGE, ERR_CONFIG
 * (settings of AWS), ERR_TEMP. */
int s3_open(const char *place, const struct s3_options *o, struct s3 **out, struct err *err);
void s3_close(struct s3 *s); /* NULL is allowed; requests in flight are forgotten */

struct aws *s3_client(struct s3 *s);

/* Give up what is in flight, and begin anew. Returns 0, or -1. */
int s3_reset(struct s3 *s, struct err *err);

/* Keys as the bucket has them begin so: "PREFIX/", or nothing. */
struct slice s3_prefix(const struct s3 *s);

/* A request, to be used again and again: {0} at first. */
enum { S3_HEADERS_MAX = 6 };
struct s3_request {
	struct aws_call call; /* done and context are the caller's, as is the answer */

	/* the module's own */
	struct buf path, query, what, headers;
	size_t header_at[S3_HEADERS_MAX];
	const char *header_list[S3_HEADERS_MAX];
	char payload[65];
};

/* Set a request up: operation as AWS names it ("PutObject"; also the permission, mostly), method,
 * and the key below the prefix, NULL for the bucket itself. Then add what else it needs: */
void s3_ask(const struct s3 *s, struct s3_request *r, const char *operation, const char *method,
	    const char *key);
void s3_parameter(struct s3_request *r, const char *name, struct slice value); /* in any order */
void s3_header(struct s3_request *r, const char *name, struct slice value);
/* The body is of this SHA-256, lower-case hex; with `stored`, S3 compares and keeps it. */
void s3_digest(struct s3_request *r, const char *sha256, int stored);
/* Body: of r->call.request, as the caller sets it. Then begin. Returns 0, or -1. */
int s3_start(struct s3 *s, struct s3_request *r, struct err *err);

/* The same, and wait for its end. */
int s3_run(struct s3 *s, struct s3_request *r, struct err *err);

/* A request that has failed: what is known better than by the error itself (no such bucket, another
 * region) into its message. */
void s3_explain(const struct s3 *s, struct s3_request *r);

void s3_request_free(struct s3_request *r);

#endif
