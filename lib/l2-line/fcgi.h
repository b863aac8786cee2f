/* fcgi.h - layer 2: the records of FastCGI, as a responder reads and writes them.
 *
 * Bytes come in pieces of any size; nothing is allocated but the parameters of the request at hand.
 * One request at a time on a connection, as all web servers do it (a second one at once is refused
 * by FCGI_CANT_MPX_CONN). Source: FastCGI Specification 1.0.
 */
#ifndef TUBERIA_FCGI_H
#define TUBERIA_FCGI_H

#include <stdint.h>

#include "l0-base/buf.h"

#define FCGI_PARAMS_MOST 65536 /* bytes of a request's parameters */

/* Start with {0}. */
struct fcgi {
	unsigned char header[8];
	unsigned header_got;
	unsigned content, padding; /* bytes of the record at hand that are still to come */
	unsigned type, id;         /* of that record */
	unsigned request;          /* the request at hand; 0: none */
	int keep;                  /* the connection is to stay open behind it */
	int params_ended;
	struct buf small;  /* the content of a record that is taken whole */
	struct buf params; /* of the request at hand */
};

void fcgi_free(struct fcgi *f);

enum fcgi_event {
	FCGI_MORE,    /* all bytes are used up */
	FCGI_REQUEST, /* a request has come whole: params; to be answered */
	FCGI_BAD      /* this is no FastCGI, or out of memory: close the connection */
};

/* Take bytes, up to the end of a request; *used says how many. What the protocol itself wants
 * answered is appended to *out. A request's body is read and forgotten. */
enum fcgi_event fcgi_take(struct fcgi *f, struct slice bytes, size_t *used, struct buf *out);

/* The next name and value of params, cut off its front. Returns 1, 0 at the end, -1: malformed. */
int fcgi_param(struct slice *params, struct slice *name, struct slice *value);

/* Append the records of the answer to the request at hand, which is then over. */
void fcgi_put_answer(struct fcgi *f, struct slice response, struct buf *out);

#endif
