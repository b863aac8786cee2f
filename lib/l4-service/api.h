/* api.h - layer 4: the API: a request in, a whole answer out. See metrics-cgi(1).
 *
 * Every request costs one of somebody's limit, the key's or the address's. What is wrong with it is
 * said in this order: its form, its address, its method, the limit, its key, its parameters, what
 * the key may see; the store is asked last, and only for what may be answered.
 */
#ifndef TUBERIA_API_H
#define TUBERIA_API_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l2-line/apirequest.h"

struct api_options {
	const char *store;      /* URI */
	const char *keys;       /* file; NULL: none */
	const char *limit_file; /* NULL: memory shared by what is forked */
	const char *origins;    /* of CORS, with commas; NULL: none */
	const char *base;       /* in front of all addresses; NULL: nothing */
	int64_t quota, burst;   /* requests a minute and key, and at once */
	int64_t deadline;       /* microseconds that an answer may take */
	int64_t stale;          /* microseconds: older data are no longer healthy */
};

struct api;

/* The texts of the options stay the caller's. Before it forks: the limit is shared. Opens nothing
 * but the limit. Returns 0 with *out, or -1. */
int api_new(const struct api_options *o, struct api **out, struct err *err);
void api_free(struct api *a); /* NULL is allowed */

/* What came of a request, for logs. The slices live until the next one. */
struct api_result {
	int status;
	enum apirequest_route route;
	enum apirequest_method method;
	struct slice name, id; /* of the key, empty without; of the request */
	struct err why;        /* what is to be told to whoever runs it; status ERR_NONE: nothing */
};

/* arrived: when the request did, by limit_now. Appends the CGI response to *out; out->failed tells
 * of lost memory, and then nothing of it is to be sent. */
void api_answer(struct api *a, struct apirequest *r, int64_t arrived, struct buf *out,
		struct api_result *result);

/* All requests answered since the last pause share a look at the key file and an epoch of the
 * store. Neither may be older than a request: so one that begins to come after the first of them
 * was answered must come after a pause. After it nothing of the store is held. */
void api_pause(struct api *a);

/* Append a line of the access log: a JSON object and a newline. micros: that it took. */
void api_log(const struct api_result *result, int64_t micros, struct buf *out);

#endif
