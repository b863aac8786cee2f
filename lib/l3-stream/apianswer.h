/* apianswer.h - layer 3: an answer of the API as a CGI response: status, headers, body.
 *
 * It is whole before its first byte is written. Source: RFC 3875 section 6, RFC 9110, RFC 9457
 * (problem details), draft-ietf-httpapi-ratelimit-headers, Fetch (CORS).
 */
#ifndef TUBERIA_APIANSWER_H
#define TUBERIA_APIANSWER_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l2-line/apirequest.h"
#include "l2-line/limit.h"

/* Start with {0}. */
struct apianswer {
	int status;
	const char *type;   /* of the content; NULL without any */
	struct slice body;  /* of HEAD too */
	int tagged;         /* it has an ETag, and becomes 304 when the client has it already */
	int by_key;         /* it depends on the key */
	int lasting;        /* it may be kept for an hour: part of the program */
	int retry_after;    /* seconds; 0: says nothing of it */
	struct slice as_of; /* time of the data, for X-Data-As-Of; empty: says nothing */
	const char *policy; /* Content-Security-Policy; NULL: nothing is allowed */
	const struct limit_verdict *verdict; /* NULL: no limit was asked */
	struct buf text;                     /* what body may point to */
};

void apianswer_clear(struct apianswer *a); /* for the next one; memory is kept */
void apianswer_free(struct apianswer *a);

/* Make it a problem: type about:blank, with a detail for people that has nothing of the request in
 * it. id: of the request. */
void apianswer_problem(struct apianswer *a, int status, const char *detail, struct slice id);

/* What does not change from answer to answer. */
struct apianswer_frame {
	struct slice origins; /* that may read answers in a browser: a list with commas; "*": all */
	int64_t quota, burst;
};

/* Append it all: headers and, but for HEAD, the body. May turn 200 into 304. out->failed tells of
 * lost memory. */
void apianswer_print(struct apianswer *a, const struct apirequest *r, struct slice id,
		     const struct apianswer_frame *frame, struct buf *out);

#endif
