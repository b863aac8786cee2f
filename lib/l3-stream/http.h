/* http.h - layer 3: HTTP requests, many in flight at once over connections that are kept.
 *
 * By libcurl's multi interface, loaded at the first http_open (l2-line/libcurl.h). No redirections
 * are followed; proxies are those of libcurl's environment (https_proxy, http_proxy in lower case
 * only, no_proxy).
 *
 * Nothing happens behind the caller's back: requests move on while http_step is called, and it
 * calls what was asked for when one is done. One thread.
 */
#ifndef TUBERIA_HTTP_H
#define TUBERIA_HTTP_H

#include <signal.h>
#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct http_options {
	unsigned connections;    /* at most; further requests wait for one */
	const char *ca_bundle;   /* file of certificates to trust, NULL: the system's */
	const char *user_agent;  /* NULL: none */
	const sigset_t *allowed; /* signal mask of waits, NULL: as it is */
};

struct http;

/* The strings of the options are copied, the mask must stay. Returns 0 with *out, or -1:
 * ERR_CONFIG when there is no libcurl, the message names the package; ERR_TEMP. */
int http_open(const struct http_options *o, struct http **out, struct err *err);

/* Requests still in flight are forgotten, without their `done`. NULL is allowed. */
void http_close(struct http *h);

/* What became of a request. */
enum http_outcome {
	HTTP_ANSWERED, /* status, head and body are there */
	HTTP_NOT_SENT, /* no connection: it has certainly not been carried out */
	HTTP_LOST,     /* no whole answer: it may have been carried out, or not */
	HTTP_REFUSED   /* by this end, and will be again: certificate, reply too large */
};

/* A body that is not in memory. read gives len bytes of it, and may be asked for the same ones
 * again; returns 0, or -1 with *err, which ends the request (HTTP_REFUSED). */
struct http_source {
	uint64_t length;
	int (*read)(void *context, uint64_t offset, char *to, size_t len, struct err *err);
	void *context;
};

struct http_request {
	/* Set by the caller; all of it must stay until `done`. */
	const char *method, *url;
	const char *const *headers; /* "Name: value" */
	size_t header_count;
	struct slice body;
	const struct http_source *source; /* instead of body, if not NULL */
	/* Microseconds, 0: no limit. connect: until connected; timeout: for all of it; stall:
	 * with hardly a byte in either direction. */
	int64_t connect, timeout, stall;
	int direct;        /* 1: never through a proxy */
	size_t body_limit; /* largest body of a reply, 0: 64 MiB */
	/* Takes the body of a reply with status 2xx, piece by piece, instead of `reply`; NULL:
	 * gathered. Returns 0, or -1 with *err, which ends the request (HTTP_REFUSED). */
	int (*on_body)(struct http_request *r, struct slice piece, struct err *err);
	void (*done)(struct http_request *r); /* may start others, and free r */
	void *context;

	/* The answer; head and reply keep their memory for the next use: http_request_free. */
	enum http_outcome outcome;
	int status;
	struct buf head, reply;
	struct err err; /* unless HTTP_ANSWERED: ERR_UNAVAILABLE, ERR_CONFIG, ERR_DATA, … */

	void *slot; /* the module's own */
};

/* Begin a request. Returns 0; or -1 with ERR_CONFIG (a control byte in URL or header), ERR_TEMP:
 * `done` is not called then. */
int http_start(struct http *h, struct http_request *r, struct err *err);

/* Forget a request that is in flight, without its `done`. */
void http_cancel(struct http *h, struct http_request *r);

/* Let requests move on; wait for that, at most so many microseconds (-1: as long as it takes; 0:
 * not at all), or until a signal comes. Returns how many were done, 0 after a signal too; or -1
 * with ERR_IO. Without a request in flight it waits all the same. */
int http_step(struct http *h, int64_t wait, struct err *err);

size_t http_in_flight(const struct http *h);

/* For callers with a poll of their own: a descriptor that is readable (POLLIN) when http_step has
 * something to do, and in how many microseconds it has so anyway (-1: never). */
int http_fd(const struct http *h);
int64_t http_due(const struct http *h);

/* A header of the answer by its name, in any case; the last one of that name. Empty when there is
 * none. */
struct slice http_header(const struct http_request *r, const char *name);

void http_request_free(struct http_request *r); /* what head and reply hold */

#endif
