/* dest_backend.h - layer 4, of dest alone: what a kind of destination does for it. Functions are as
 * in dest.h. */
#ifndef TUBERIA_DEST_BACKEND_H
#define TUBERIA_DEST_BACKEND_H

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct dest;
struct dest_get;
struct dest_list;
struct dest_options;
struct dest_put;

struct dest_backend {
	int (*open)(const char *place, const struct dest_options *o, struct dest **out,
		    struct err *err);
	void (*close)(struct dest *d);
	int (*lock)(struct dest *d, struct err *err);
	int (*list)(struct dest *d, const struct dest_list *list, struct err *err);
	int (*get)(struct dest *d, struct dest_get *get, struct err *err);
	int (*put)(struct dest *d, const struct dest_put *put, struct err *err);
	int (*remove)(struct dest *d, const char *key, struct err *err);
	/* NULL: a run that was killed leaves nothing behind that is not listed. */
	int (*clear)(struct dest *d, const char *prefix,
		     int (*ours)(void *context, struct slice name), void *context, struct err *err);
	int (*sync)(struct dest *d, struct err *err);
};

/* A backend's own struct begins with this one. */
struct dest {
	const struct dest_backend *backend;
};

extern const struct dest_backend dest_dir, dest_s3;

#endif
