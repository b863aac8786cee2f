/* responder.h - layer 3: FastCGI connections, many at once, served by one process.
 *
 * One loop over epoll(7), in which no connection can keep another one waiting: a web server keeps
 * its connections open between requests, more of them than there are processes.
 */
#ifndef TUBERIA_RESPONDER_H
#define TUBERIA_RESPONDER_H

#include <signal.h>
#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct responder {
	int listener; /* a socket that listens; non-blocking from now on */
	size_t connections_most;
	volatile sig_atomic_t *stop; /* set by a signal: finish what has begun, and return */
	const sigset_t *wait_mask;   /* signals are let in by waits alone */
	void *context;
	/* Append the CGI response to a request. params: by fcgi_param. arrived: nanoseconds on the
	 * monotonic clock when the request's last bytes were seen. Returns 0, or -1: out of
	 * memory, the connection is closed. */
	int (*answer)(void *context, struct slice params, int64_t arrived, struct buf *out);
	/* Those that had begun to come when it was last looked have been answered, as far as they
	 * are there; at least once a second. */
	void (*pause)(void *context);
};

/* Until *stop. Returns 0, or -1 with *err. */
int responder_run(const struct responder *r, struct err *err);

/* A socket that listens: "unix:PATH" (removed first if nobody listens there; mode 0660) or
 * "ADDRESS:PORT", IPv4 or [IPv6]. Returns its descriptor, or -1. */
int responder_listen(const char *where, struct err *err);

/* Is this descriptor a socket that listens? */
int responder_is_listener(int fd);

#endif
