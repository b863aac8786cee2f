#include "l4-service/store.h"

#include "l4-service/store_backend.h"

const struct store_backend *store_backend_of(const char *uri, const char **place, struct err *err)
{
	const char *colon = strchr(uri, ':');
	struct slice scheme = {uri, colon == NULL ? 0 : (size_t)(colon - uri)};

	for (const struct store_backend *b = store_backends; b->scheme != NULL; b++) {
		if (colon == NULL || !slice_is(scheme, b->scheme))
			continue;
		*place = colon + 1;
		if (**place != '\0')
			return b;
		err_set(err, ERR_CONFIG, "\"%s\": nothing behind the colon", uri);
		return NULL;
	}
	if (slice_is(scheme, "dynamodb"))
		err_set(err, ERR_CONFIG, "\"%s\": DynamoDB is not built in", uri);
	else
		err_set(err, ERR_CONFIG, "\"%s\": not a store (sqlite:FILE, dynamodb:TABLE)", uri);
	return NULL;
}

int store_reader_open(const char *uri, int64_t within, struct store_reader **out, struct err *err)
{
	const char *place;
	const struct store_backend *b = store_backend_of(uri, &place, err);

	return b == NULL ? -1 : b->reading->open(place, within, out, err);
}

void store_reader_close(struct store_reader *r)
{
	if (r != NULL)
		r->reading->close(r);
}

void store_within(struct store_reader *r, int64_t within)
{
	r->reading->within(r, within);
}

void store_consistent(struct store_reader *r)
{
	if (r->reading->consistent != NULL)
		r->reading->consistent(r);
}

int store_begin(struct store_reader *r, struct err *err)
{
	return r->reading->begin(r, err);
}

void store_end(struct store_reader *r)
{
	r->reading->end(r);
}

int store_fresh(struct store_reader *r, int64_t *time, int64_t *epoch, struct err *err)
{
	return r->reading->fresh(r, time, epoch, err);
}

int store_get(struct store_reader *r, const struct metric_key *key, struct metric *m,
	      struct err *err)
{
	return r->reading->get(r, key, m, err);
}

int store_get_many(struct store_reader *r, const struct metric_key *keys, size_t count,
		   struct err *err)
{
	return r->reading->get_many(r, keys, count, err);
}

int store_customers(struct store_reader *r, struct slice producto, struct slice fecha,
		    struct slice prefix, struct err *err)
{
	return r->reading->customers(r, producto, fecha, prefix, err);
}

int store_products(struct store_reader *r, struct slice cliente_id, struct slice fecha,
		   struct slice prefix, struct err *err)
{
	return r->reading->products(r, cliente_id, fecha, prefix, err);
}

int store_days(struct store_reader *r, struct slice cliente_id, struct slice producto, int64_t from,
	       int64_t to, struct err *err)
{
	if (cliente_id.at == NULL && producto.at == NULL)
		return err_set(err, ERR_USAGE,
			       "the days of all customers and products together are not kept");
	return r->reading->days(r, cliente_id, producto, from, to, err);
}

int store_next(struct store_reader *r, struct metric *m, struct err *err)
{
	return r->reading->next(r, m, err);
}
