#include "l4-service/dest.h"

#include "l4-service/dest_backend.h"

int dest_open(const char *place, const struct dest_options *o, struct dest **out, struct err *err)
{
	*out = NULL;
	return strstr(place, "://") != NULL ? dest_s3.open(place, o, out, err)
					    : dest_dir.open(place, o, out, err);
}

void dest_close(struct dest *d)
{
	if (d != NULL)
		d->backend->close(d);
}

int dest_lock(struct dest *d, struct err *err)
{
	return d->backend->lock(d, err);
}

int dest_list(struct dest *d, const struct dest_list *list, struct err *err)
{
	return d->backend->list(d, list, err);
}

int dest_get(struct dest *d, struct dest_get *get, struct err *err)
{
	return d->backend->get(d, get, err);
}

int dest_put(struct dest *d, const struct dest_put *put, struct err *err)
{
	return d->backend->put(d, put, err);
}

int dest_remove(struct dest *d, const char *key, struct err *err)
{
	return d->backend->remove(d, key, err);
}

int dest_clear(struct dest *d, const char *prefix, int (*ours)(void *context, struct slice name),
	       void *context, struct err *err)
{
	return d->backend->clear == NULL ? 0 : d->backend->clear(d, prefix, ours, context, err);
}

int dest_sync(struct dest *d, struct err *err)
{
	return d->backend->sync(d, err);
}
