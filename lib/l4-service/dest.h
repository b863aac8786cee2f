/* dest.h - layer 4: where objects are published: a directory, or a bucket of S3.
 *
 * Keys are paths below the destination, such as "day=21/part-00000.json.gz". What is asked for may
 * be done at once or later, several things at a time and in any order; dest_sync waits for all of
 * it. Until then contexts, digests, and a struct dest_get must stay; keys are copied. A call may
 * also return the failure of an earlier one; after a failure there is only dest_close.
 */
#ifndef TUBERIA_DEST_H
#define TUBERIA_DEST_H

#include <signal.h>
#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct dest;

struct dest_options {
	/* A wait ends when *stop becomes non-zero; wait_mask: the signals let in meanwhile. */
	const volatile sig_atomic_t *stop;
	const sigset_t *wait_mask;
	unsigned jobs; /* requests to S3 at once */
};

/* A place: a directory, which is made when something is put there, or s3://BUCKET/PREFIX. Returns 0
 * with *out, or -1: ERR_USAGE, ERR_CONFIG, ERR_DENIED, ERR_CREATE, ERR_TEMP. */
int dest_open(const char *place, const struct dest_options *o, struct dest **out, struct err *err);
void dest_close(struct dest *d); /* what is under way is given up; NULL is allowed */

/* Keep other processes of this project from publishing here until dest_close. Waits for them. S3
 * has no such thing: there, whoever comes second finds that out by dest_put.instead_of. Returns 0,
 * or -1 with ERR_TEMP when stopped. */
int dest_lock(struct dest *d, struct err *err);

/* All functions that are called back return 0, or -1 with *err, which ends it all. */

/* found is called for each object whose key begins with prefix, which is empty or ends in '/';
 * without deep, only for those with no further '/' in their key. In no particular order; none is no
 * error. */
struct dest_list {
	const char *prefix;
	int deep;
	int (*found)(void *context, struct slice key, uint64_t size, struct err *err);
	void *context;
};
int dest_list(struct dest *d, const struct dest_list *list, struct err *err);

/* got is called with an object's bytes, piece by piece; there becomes 1, or 0 when there is no such
 * object; and version what tells it from those that take its place later, "" where nothing does. */
enum { DEST_VERSION_SIZE = 80 };
struct dest_get {
	const char *key;
	int (*got)(void *context, struct slice bytes, struct err *err);
	void *context;
	int there;
	char version[DEST_VERSION_SIZE];
};
int dest_get(struct dest *d, struct dest_get *get, struct err *err);

/* Make an object, or replace it: whoever reads it has the old one or the new one. With only_new it
 * is an error (ERR_CREATE) when there is another one already. */
struct dest_put {
	const char *key;
	uint64_t size;
	const char *sha256; /* of all bytes, lower-case hex */
	/* Read len bytes; may be called again for the same ones. */
	int (*read)(void *context, uint64_t offset, char *to, size_t len, struct err *err);
	void *context;
	int only_new;
	/* Not NULL: another than this version is an error (ERR_TEMP: somebody was faster), where
	 * versions can be told; there must be no object at all for "". */
	const char *instead_of;
};
int dest_put(struct dest *d, const struct dest_put *put, struct err *err);

/* Remove an object; none is no error. */
int dest_remove(struct dest *d, const char *key, struct err *err);

/* Clear away what runs that were killed have left unfinished directly below a prefix: uploads in
 * parts, which cost money and can be seen by nobody. Only of objects for whose names `ours` returns
 * 1. */
int dest_clear(struct dest *d, const char *prefix, int (*ours)(void *context, struct slice name),
	       void *context, struct err *err);

/* Wait until all of that is done, and would survive the loss of power. Returns 0, or -1. */
int dest_sync(struct dest *d, struct err *err);

#endif
