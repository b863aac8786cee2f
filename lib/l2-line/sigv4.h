/* sigv4.h - layer 2: signatures of requests to AWS, version 4.
 *
 * Our own: libcurl's CURLOPT_AWS_SIGV4 (7.88) neither sorts queries nor encodes paths.
 * Source: AWS, "Signature Version 4 for API requests", steps 1 to 4.
 */
#ifndef TUBERIA_SIGV4_H
#define TUBERIA_SIGV4_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

enum { SIGV4_TIME_SIZE = 17, SIGV4_HEADERS_MAX = 32, SIGV4_PARAMETERS_MAX = 64 };

struct sigv4_header {
	struct slice name, value;
};

struct sigv4_request {
	const char *method;
	struct slice path;  /* as it goes over the wire: encoded, beginning with '/' */
	struct slice query; /* likewise, without '?'; may be empty */
	/* The headers that are signed: at least host and x-amz-date, which must be `time`. */
	const struct sigv4_header *headers;
	size_t header_count;
	struct slice payload; /* the body's SHA-256 in hex, or "UNSIGNED-PAYLOAD" */
	int64_t time;         /* seconds since 1970 UTC */
	int path_is_final;    /* 1: signed as it is (S3); 0: encoded once more (all others) */
};

struct sigv4;

/* A signer for one region and one service, whose names are copied. Returns NULL out of memory. */
struct sigv4 *sigv4_new(const char *region, const char *service);
void sigv4_free(struct sigv4 *s); /* NULL is allowed */

/* Append the value of the Authorization header. The key that is derived from the secret is kept as
 * long as key id and day stay the same. Returns 0, or -1 with ERR_CONFIG (more headers or
 * parameters than there is room for) or ERR_TEMP. */
int sigv4_sign(struct sigv4 *s, const char *key_id, const char *secret,
	       const struct sigv4_request *r, struct buf *out, struct err *err);

/* The text of a time for x-amz-date: "20150830T123600Z". */
void sigv4_time(int64_t time, char out[SIGV4_TIME_SIZE]);

/* What was signed last, for tests: the canonical request, and the string to sign. */
struct slice sigv4_canonical(const struct sigv4 *s);
struct slice sigv4_to_sign(const struct sigv4 *s);

#endif
