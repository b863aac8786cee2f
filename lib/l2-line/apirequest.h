/* apirequest.h - layer 2: what a request asks of the API, out of the variables of a web server.
 *
 * The target is read as the client sent it (REQUEST_URI): what a server made of it by decoding,
 * merging and resolving is where habits differ, and attacks live. One form of each address is
 * right; nothing is repaired. Source: RFC 3875, RFC 3986, RFC 9110.
 */
#ifndef TUBERIA_APIREQUEST_H
#define TUBERIA_APIREQUEST_H

#include "l0-base/buf.h"

#define APIREQUEST_TARGET_MOST 2048 /* bytes of a target; a longer one is 414 */
#define APIREQUEST_NAME_MOST 256    /* bytes of a product's name */

enum apirequest_method { API_GET, API_HEAD, API_OPTIONS, API_OTHER };

enum apirequest_route {
	API_UNKNOWN,
	API_CLIENTE,  /* /metricas/cliente/{cliente_id} */
	API_PRODUCTO, /* /metricas/producto/{producto_id} */
	API_HEALTH,
	API_OPENAPI,
	API_PAGE, /* / and what it loads */
	API_STYLE,
	API_SCRIPT,
	API_SERVER, /* "*", of OPTIONS */
	API_ROUTES
};

/* Start with {0}. Slices point to the variables' values, or into decoded. */
struct apirequest {
	struct slice method_text, uri, path_info, query_string; /* as the server said */
	struct slice key, origin, id, address;
	int keys, origins, ids;   /* how many such headers there were */
	struct buf if_none_match; /* all of them, as one list */
	enum apirequest_method method;
	enum apirequest_route route;
	struct slice cliente_id, producto, fecha; /* at NULL: not asked for */
	struct slice query;                       /* undecoded */
	struct buf decoded, made;
};

/* Why not: a status of HTTP, and a sentence that has nothing of the request in it. */
struct apirefusal {
	int status;
	const char *detail;
};

void apirequest_clear(struct apirequest *r); /* for the next one; memory is kept */
void apirequest_free(struct apirequest *r);

/* Take a variable: REQUEST_METHOD, REQUEST_URI, REMOTE_ADDR, HTTP_X_API_KEY ...; any other is
 * ignored. The value must stay. */
void apirequest_variable(struct apirequest *r, struct slice name, struct slice value);

/* Read method and path. base: what stands before "/metricas" in all addresses, or empty. Returns 0,
 * or -1: 400, 404, 414, or 503 out of memory; method and route are then as far as they are known.
 */
int apirequest_target(struct apirequest *r, struct slice base, struct apirefusal *why);

/* Read the parameters: those in the path, and the query. Returns 0, or -1: 400, 503. */
int apirequest_parameters(struct apirequest *r, struct apirefusal *why);

/* Does If-None-Match name this tag (quoted, without W/)? By weak comparison, RFC 9110, 13.1.2. A
 * list that is not one names nothing. */
int apirequest_has_tag(const struct apirequest *r, struct slice tag);

/* The route as a template, "/metricas/cliente/{cliente_id}", for logs. */
const char *apirequest_route_name(enum apirequest_route route);

#endif
