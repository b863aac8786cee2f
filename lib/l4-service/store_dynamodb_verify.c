/* The check: all items are copied into a private SQLite store, in the order in which they come, and
 * that is checked. It has the order of ids, and walks it in bounded memory. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "l1-value/text.h"
#include "l4-service/store.h"
#include "l4-service/store_dynamodb.h"
#include "l4-service/store_sqlite_write.h"

#define TARGET "DynamoDB_20120810."

struct copying {
	struct ddb d;
	struct sqlite copy;
	sqlite3_stmt *insert;
	int (*report)(void *context, struct slice difference, struct err *err);
	void *context;
	uint64_t wrong; /* items that cannot be read */
	char path[64];
	struct buf names[2];
};

static int report_wrong(struct copying *c, const char *id, const char *what, struct err *err)
{
	struct buf line = {0};
	int failed;

	buf_puts(&line, "{\"id\":");
	json_put_string(&line, slice_of(id));
	buf_puts(&line, ",\"wrong\":");
	json_put_string(&line, slice_of(what));
	buf_byte(&line, '}');
	c->wrong++;
	failed = line.failed ? err_memory(err) : c->report(c->context, buf_view(&line), err);
	buf_free(&line);
	return failed;
}

static int copy_item(struct copying *c, const struct json *item, struct err *err)
{
	const char *id = ddb_string(item, "id");
	char amount[DECIMAL_TEXT_MAX];
	struct metric m;
	struct err why;

	if (!ddb_is_metric(id))
		return 0;
	if (ddb_metric(item, c->names, &m, &why) != 0)
		return report_wrong(c, id, why.message, err);
	store_sqlite_bind(c->insert, &m, amount);
	return sqlite_step(&c->copy, c->insert, err) < 0 ? -1 : 0;
}

static int copy_all(struct copying *c, struct err *err)
{
	struct buf from = {0};
	int failed = 0, more = 1;

	while (!failed && more) {
		const struct json *items, *last;

		ddb_begin(&c->d, &c->d.body);
		buf_puts(&c->d.body, ",\"ConsistentRead\":true");
		if (from.len > 0)
			buf_printf(&c->d.body, ",\"ExclusiveStartKey\":%s", buf_text(&from));
		buf_byte(&c->d.body, '}');
		failed = ddb_call(&c->d, TARGET "Scan", NULL, err) < 0;
		items = json_get(c->d.reply, "Items");
		for (size_t i = 0; !failed && i < json_count(items); i++)
			failed = copy_item(c, json_item(items, i), err);
		last = json_get(c->d.reply, "LastEvaluatedKey");
		more = !failed && last != NULL;
		buf_clear(&from);
		if (more && json_print(&from, last) != 0)
			failed = err_memory(err);
	}
	buf_free(&from);
	return failed ? -1 : 0;
}

/* Sums over all days keep what has expired: there is nothing to compare them with. */
static int check_ttl(struct copying *c, struct err *err)
{
	ddb_begin(&c->d, &c->d.body);
	buf_puts(&c->d.body, ",\"Key\":{\"id\":{\"S\":\"" DDB_STORE_ID "\"}}}");
	if (ddb_call(&c->d, TARGET "GetItem", NULL, err) < 0)
		return -1;
	if (ddb_number(json_get(c->d.reply, "Item"), "ttl_days") == NULL)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "table \"%s\": items expire there, and rollups over all days do not: they "
		       "cannot be recomputed",
		       c->d.table);
}

static int make_copy(struct copying *c, struct err *err)
{
	const char *directory = getenv("TMPDIR");
	int fd;

	snprintf(c->path, sizeof c->path, "%.40s/tuberia-XXXXXX",
		 directory == NULL || *directory == '\0' ? "/tmp" : directory);
	if (directory != NULL && strlen(directory) > 40)
		snprintf(c->path, sizeof c->path, "/tmp/tuberia-XXXXXX");
	fd = mkstemp(c->path);
	if (fd < 0)
		return err_set(err, ERR_CREATE, "%s: cannot be made", c->path);
	close(fd);
	if (store_sqlite_database(&c->copy, c->path, SQLITE_FOR_MAKING, 0, err) < 0 ||
	    sqlite_exec(&c->copy, "PRAGMA synchronous = OFF; BEGIN", err) != 0 ||
	    sqlite_prepare(&c->copy,
			   "INSERT INTO metricas (" ITEM_COLUMNS ") VALUES (?1,?2,?3,?4,?5,?6,?7)",
			   &c->insert, err) != 0 ||
	    copy_all(c, err) != 0)
		return -1;
	return sqlite_exec(&c->copy, "COMMIT", err);
}

static void remove_copy(struct copying *c)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[sizeof c->path + 8];

	sqlite3_finalize(c->insert);
	c->insert = NULL;
	sqlite_close(&c->copy);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", c->path, ends[i]);
		unlink(path);
	}
}

int ddb_verify(const char *place,
	       int (*report)(void *context, struct slice difference, struct err *err),
	       void *context, struct store_verified *counts, struct err *err)
{
	struct copying c = {.report = report, .context = context};
	int failed = -1;

	*counts = (struct store_verified){0};
	if (ddb_open(&c.d, place, 1, err) == 0 && check_ttl(&c, err) == 0) {
		failed = make_copy(&c, err);
		sqlite3_finalize(c.insert);
		c.insert = NULL;
		sqlite_close(&c.copy);
		if (!failed)
			failed = store_sqlite_verify(c.path, report, context, counts, err);
		counts->differences += c.wrong;
		remove_copy(&c);
	}
	ddb_close(&c.d);
	buf_free(&c.names[0]);
	buf_free(&c.names[1]);
	return failed;
}
