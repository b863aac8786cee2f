/* awsrequest.h - layer 3: one request to AWS as it goes over the wire: its URL and its headers,
 * with the signature.
 */
#ifndef TUBERIA_AWSREQUEST_H
#define TUBERIA_AWSREQUEST_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct awskeys;
struct http_source;
struct sigv4;

enum { AWSREQUEST_HEADERS = 16, AWSREQUEST_HEADERS_ALL = 24 };

/* What is asked for. Zeros are fine for whatever is not needed. */
struct awsrequest {
	const char *method;   /* NULL: POST */
	const char *target;   /* X-Amz-Target of the JSON protocols: "DynamoDB_20120810.GetItem" */
	const char *type;     /* Content-Type; NULL: none */
	const char *encoding; /* Content-Encoding; NULL: none */
	const char *bucket;   /* in front of the host's name; NULL: nothing */
	struct slice path;    /* encoded (percent_put with "/"), with its '/'; empty: "/" */
	struct slice query;   /* encoded, without '?' */
	const char *const *headers; /* further ones, "name: value", signed too */
	size_t header_count;        /* at most AWSREQUEST_HEADERS */
	struct slice body;
	const struct http_source *source; /* instead of body */
	/* The body's SHA-256 in hex, or "UNSIGNED-PAYLOAD"; NULL: computed, of a body in memory. */
	const char *payload;

	/* Made of it by awsrequest_make; valid until the next one. */
	struct buf url, text;
	const char *list[AWSREQUEST_HEADERS_ALL]; /* headers, within text */
	size_t count;
};

/* The service that is asked. */
struct awsplace {
	struct slice endpoint; /* URL, without a slash at its end */
	struct sigv4 *signer;
	int is_s3; /* its paths are signed as they are, and it wants x-amz-content-sha256 */
};

/* Make URL and headers. keys NULL: not signed. time: seconds since 1970, by the service's clock.
 * Returns 0, or -1: ERR_CONFIG (more headers than there is room for), ERR_TEMP. */
int awsrequest_make(struct awsrequest *r, const struct awsplace *place, const struct awskeys *keys,
		    int64_t time, struct err *err);

/* Cleanse what was made of it; and free it. */
void awsrequest_wipe(struct awsrequest *r);
void awsrequest_free(struct awsrequest *r);

/* "GetItem" of the target, or the method. */
struct slice awsrequest_operation(const struct awsrequest *r);

/* The host of a URL, with its port: what the Host header says. */
struct slice awsrequest_host(struct slice url);

#endif
