/* The write side: an epoch is applied item by item, and still exactly once.
 *
 *   fits    all its sums do, or it is refused as a whole
 *   intent  the checkpoint's item says which barrier is being applied, if it is still ours
 *   apply   each item is updated on condition that it has not had this epoch yet, so that an
 *           answer that got lost, or a whole run that did, can be repeated
 *   commit  the barrier becomes the committed one, if the checkpoint is still ours
 *
 * An epoch's number grows for ever: the checkpoint's generation goes in front, counted by the
 * store's own item. It is another one after --drop-checkpoint, and for each snapshot, which
 * replaces what there is. (A time is none: two of them may fall into one second, and a clock may be
 * set back.) */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "l1-value/text.h"
#include "l1-value/timestamp.h"
#include "l3-stream/control.h"
#include "l3-stream/epoch.h"
#include "l4-service/store_dynamodb_write.h"

#define TARGET "DynamoDB_20120810."

/* ---- opening ---- */

static int make_owner(struct writing *w, struct err *err)
{
	unsigned char token[DDB_OWNER_BYTES];

	if (getrandom(token, sizeof token, 0) != (ssize_t)sizeof token)
		return err_set(err, ERR_TEMP, "no random numbers can be had");
	for (size_t i = 0; i < sizeof token; i++)
		snprintf(w->owner + 2 * i, 3, "%02x", token[i]);
	return 0;
}

/* The store's own item: is it of a version that we know, and which checkpoints are there? */
static int join_store(struct writing *w, struct err *err)
{
	struct buf *b = &w->d.body;
	const struct json *item;
	const char *version, *ttl;

	ddb_begin(&w->d, b);
	buf_puts(b, ",\"Key\":{\"id\":{\"S\":\"" DDB_STORE_ID "\"}},\"ReturnValues\":\"ALL_NEW\""
		    ",\"UpdateExpression\":\"SET version = if_not_exists(version, :v)");
	buf_puts(b, w->name == NULL ? "\"" : " ADD checkpoints :c\"");
	buf_printf(b, ",\"ExpressionAttributeValues\":{\":v\":{\"N\":\"%d\"}", DDB_VERSION);
	if (w->name != NULL) {
		buf_puts(b, ",\":c\":{\"SS\":[");
		json_put_string(b, slice_of(w->name));
		buf_puts(b, "]}");
	}
	buf_puts(b, "}}");
	if (ddb_call(&w->d, TARGET "UpdateItem", NULL, err) < 0)
		return -1;
	item = json_get(w->d.reply, "Attributes");
	version = ddb_number(item, "version");
	ttl = ddb_number(item, "ttl_days");
	w->ttl_days = ttl == NULL ? 0 : atoll(ttl);
	if (version != NULL && atoi(version) <= DDB_VERSION)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "table \"%s\": a store of version %s, written by a newer program; this one "
		       "knows version %d",
		       w->d.table, version == NULL ? "?" : version, DDB_VERSION);
}

/* A generation that no checkpoint of this store has had: -1 on error. */
static int new_generation(struct writing *w, struct err *err)
{
	const char *text;

	ddb_begin(&w->d, &w->d.body);
	buf_puts(&w->d.body,
		 ",\"Key\":{\"id\":{\"S\":\"" DDB_STORE_ID "\"}}"
		 ",\"ReturnValues\":\"UPDATED_NEW\",\"UpdateExpression\":\"ADD generations :n\""
		 ",\"ExpressionAttributeValues\":{\":n\":{\"N\":\"1\"}}}");
	if (ddb_call(&w->d, TARGET "UpdateItem", NULL, err) < 0)
		return -1;
	text = ddb_number(json_get(w->d.reply, "Attributes"), "generations");
	w->generation = text == NULL ? 0 : atoll(text);
	if (w->generation > 0)
		return 0;
	return err_set(err, ERR_TEMP, "table \"%s\": an answer without the number it counts",
		       w->d.table);
}

/* Begin an update of the checkpoint's item. */
static void begin_checkpoint(struct writing *w)
{
	struct buf id = {0}, *b = &w->d.body;

	ddb_put_checkpoint_id(&id, w->name);
	ddb_begin(&w->d, b);
	buf_puts(b, ",\"Key\":{");
	ddb_put_string(b, "id", buf_view(&id));
	buf_byte(b, '}');
	b->failed |= id.failed;
	buf_free(&id);
}

/* Make the checkpoint ours, whoever had it. Appends the last committed barrier to *line. */
static int take_over(struct writing *w, struct buf *line, struct err *err)
{
	char host[HOST_NAME_MAX + 1] = "", number[DDB_NUMBER_SIZE];
	struct buf since = {0}, *b = &w->d.body;
	const struct json *item;
	const char *text;
	int64_t utc;
	int32_t nanos;

	gethostname(host, sizeof host - 1);
	timestamp_now(&utc, &nanos);
	timestamp_put_utc(&since, utc, nanos);
	begin_checkpoint(w);
	buf_puts(b, ",\"ReturnValues\":\"ALL_NEW\",\"UpdateExpression\":\"SET #o = :o, host = :h, "
		    "pid = :p, since = :s\""
		    ",\"ExpressionAttributeNames\":{\"#o\":\"owner\"}"
		    ",\"ExpressionAttributeValues\":{");
	ddb_put_string(b, ":o", slice_of(w->owner));
	buf_byte(b, ',');
	ddb_put_string(b, ":h", slice_of(host[0] == '\0' ? "?" : host));
	snprintf(number, sizeof number, "%d", (int)getpid());
	buf_byte(b, ',');
	ddb_put_number(b, ":p", number);
	buf_byte(b, ',');
	ddb_put_string(b, ":s", buf_view(&since));
	buf_puts(b, "}}");
	buf_free(&since);
	if (ddb_call(&w->d, TARGET "UpdateItem", NULL, err) < 0)
		return -1;
	item = json_get(w->d.reply, "Attributes");
	text = ddb_number(item, "generation");
	w->generation = text == NULL ? 0 : atoll(text);
	w->sums_below = ddb_sums_below(item);
	text = ddb_string(item, "pending");
	if (text != NULL && (w->pending = strdup(text)) == NULL)
		return err_memory(err);
	text = ddb_string(item, "barrier");
	return text == NULL || buf_puts(line, text) == 0 ? 0 : err_memory(err);
}

/* Is there any item? Those of the store itself are few. */
static int is_empty(struct writing *w, int *empty, struct err *err)
{
	struct buf from = {0}, *b = &w->d.body;
	int failed = 0, more = 1;

	*empty = 1;
	while (!failed && more && *empty) {
		const struct json *items, *last;

		ddb_begin(&w->d, b);
		buf_puts(b,
			 ",\"ConsistentRead\":true,\"Limit\":100,\"ProjectionExpression\":\"id\"");
		if (from.len > 0)
			buf_printf(b, ",\"ExclusiveStartKey\":%s", buf_text(&from));
		buf_byte(b, '}');
		failed = ddb_call(&w->d, TARGET "Scan", NULL, err) < 0;
		items = json_get(w->d.reply, "Items");
		for (size_t i = 0; !failed && i < json_count(items); i++)
			if (ddb_is_metric(ddb_string(json_item(items, i), "id")))
				*empty = 0;
		last = json_get(w->d.reply, "LastEvaluatedKey");
		more = !failed && last != NULL;
		buf_clear(&from);
		if (more && json_print(&from, last) != 0)
			failed = err_memory(err);
	}
	buf_free(&from);
	return failed ? -1 : 0;
}

static void ddb_write_close(struct store *s)
{
	struct writing *w = (struct writing *)s;

	for (size_t i = 0; i < DDB_IN_FLIGHT; i++) {
		aws_call_free(&w->slots[i].call);
		buf_free(&w->slots[i].body);
	}
	ddb_close(&w->d);
	buf_free(&w->attribute);
	buf_free(&w->key);
	free(w->pending);
	free(w->name);
	free(w);
}

static int ddb_write_open(const char *place, const char *checkpoint, struct store **out,
			  struct buf *line, struct err *err)
{
	struct writing *w = calloc(1, sizeof *w);
	struct buf name = {0};

	if (w == NULL)
		return err_memory(err);
	w->base.writing = &store_dynamodb_writing;
	buf_puts(&name, "epoca#");
	buf_puts(&name, checkpoint == NULL ? "" : checkpoint);
	json_put_string(&w->attribute, buf_view(&name));
	for (size_t i = 0; i < DDB_IN_FLIGHT; i++) {
		w->slots[i].w = w;
		w->slots[i].next = w->free;
		w->free = &w->slots[i];
	}
	if (checkpoint != NULL)
		w->name = strdup(checkpoint);
	if (name.failed || w->attribute.failed || (checkpoint != NULL && w->name == NULL))
		err_memory(err);
	else if (make_owner(w, err) == 0 && ddb_open(&w->d, place, DDB_IN_FLIGHT, err) == 0 &&
		 join_store(w, err) == 0 && is_empty(w, &w->base.was_empty, err) == 0 &&
		 (checkpoint == NULL || take_over(w, line, err) == 0)) {
		*out = &w->base;
		buf_free(&name);
		return 0;
	}
	buf_free(&name);
	ddb_write_close(&w->base);
	return -1;
}

/* ---- the checkpoint's item ---- */

/* The checkpoint is not ours any more: say whose it is. Always -1. */
static int lost(struct writing *w, struct err *err)
{
	const struct json *item;
	const char *pid, *host, *since;

	begin_checkpoint(w);
	buf_puts(&w->d.body, ",\"ConsistentRead\":true}");
	if (ddb_call(&w->d, TARGET "GetItem", NULL, err) < 0)
		return -1;
	item = json_get(w->d.reply, "Item");
	if (item == NULL)
		return err_set(err, ERR_DENIED, "checkpoint \"%s\" has been dropped", w->name);
	pid = ddb_number(item, "pid");
	host = ddb_string(item, "host");
	since = ddb_string(item, "since");
	return err_set(err, ERR_DENIED,
		       "checkpoint \"%s\" has been taken over by a newer instance: process "
		       "%s on %s, since %s",
		       w->name, pid == NULL ? "?" : pid, host == NULL ? "?" : host,
		       since == NULL ? "?" : since);
}

/* Update it, if it is ours. The values go on behind what is in the body: ",\":o\":…}}". */
static int update_if_ours(struct writing *w, struct err *err)
{
	struct buf *b = &w->d.body;
	int done;

	ddb_put_string(b, ":o", slice_of(w->owner));
	buf_puts(b, "},\"ExpressionAttributeNames\":{\"#o\":\"owner\"}"
		    ",\"ConditionExpression\":\"#o = :o\"}");
	done = ddb_call(&w->d, TARGET "UpdateItem", "ConditionalCheckFailedException", err);
	return done == 0 ? lost(w, err) : done < 0 ? -1 : 0;
}

static int put_intent(struct writing *w, struct slice line, struct err *err)
{
	struct decimal below = {w->sums_below, 0};
	char text[DECIMAL_TEXT_MAX];
	struct buf *b = &w->d.body;

	decimal_print(&below, text);
	begin_checkpoint(w);
	buf_puts(b, ",\"UpdateExpression\":\"SET pending = :b, generation = :g, sums_below = :n\""
		    ",\"ExpressionAttributeValues\":{");
	ddb_put_string(b, ":b", line);
	buf_printf(b, ",\":g\":{\"N\":\"%" PRId64 "\"},\":n\":{\"N\":\"%s\"},", w->generation,
		   text);
	return update_if_ours(w, err);
}

static int put_commit(struct writing *w, const struct barrier *barrier, struct slice line,
		      struct err *err)
{
	struct buf *b = &w->d.body;

	begin_checkpoint(w);
	buf_puts(b, ",\"UpdateExpression\":\"SET barrier = :b, epoch = :e, barrier_time = :t "
		    "REMOVE pending\",\"ExpressionAttributeValues\":{");
	ddb_put_string(b, ":b", line);
	buf_printf(b, ",\":e\":{\"N\":\"%" PRId64 "\"},\":t\":{\"N\":\"%" PRId64 "\"},",
		   barrier->epoch, barrier->time);
	return update_if_ours(w, err);
}

/* ---- commit ---- */

static int ddb_stage(struct store *s, struct epoch *e, struct err *err)
{
	(void)s;
	return err_set(
		err, ERR_CONFIG,
		"an epoch has more than %zu items, and the DynamoDB store gathers an epoch in "
		"memory: barriers more often, or a larger --max-items",
		epoch_count(e));
}

/* An epoch that a run before us has begun to apply must be the same one now. */
static int check_pending(struct writing *w, const struct barrier *b, struct err *err)
{
	struct barrier begun = {0};
	int failed;

	if (w->pending == NULL || b->snapshot)
		return 0;
	failed = barrier_parse_line(slice_of(w->pending), &begun, err);
	if (!failed && (begun.epoch != b->epoch || strcmp(begun.pos, b->pos) != 0))
		failed = err_set(err, ERR_CONFIG,
				 "epoch %" PRId64 " was begun and not committed, up to pos %s, but "
				 "the stream closes epoch %" PRId64 " at pos %s: it must be "
				 "started with what --show-checkpoint prints, or drop the "
				 "checkpoint and start with a new snapshot",
				 begun.epoch, begun.pos, b->epoch, b->pos);
	barrier_free(&begun);
	return failed;
}

static int set_number(struct writing *w, const struct barrier *b, struct err *err)
{
	if (w->name == NULL) {
		snprintf(w->number, sizeof w->number, "{\"S\":\"%.16s-%" PRIu64 "\"}", w->owner,
			 ++w->commits);
		return 0;
	}
	if ((w->replace || w->generation == 0) && new_generation(w, err) != 0)
		return -1;
	snprintf(w->number, sizeof w->number, "{\"N\":\"%" PRId64 "%012" PRId64 "\"}",
		 w->generation, b->epoch);
	return 0;
}

static int ddb_commit(struct store *s, struct epoch *e, const struct barrier *b, int replace,
		      struct err *err)
{
	struct writing *w = (struct writing *)s;
	struct buf line = {0};
	/* Most barriers of a quiet table close nothing: one write says so. */
	int idle = !replace && epoch_count(e) == 0, failed = 0;

	if (w->name != NULL && check_pending(w, b, err) != 0)
		return -1;
	w->replace = replace;
	if (!idle && (ddb_fits(w, e, err) != 0 || set_number(w, b, err) != 0))
		return -1;
	if (w->name != NULL && barrier_print(&line, b) != 0)
		failed = err_memory(err);
	if (!failed && w->name != NULL && !idle)
		failed = put_intent(w, buf_view(&line), err);
	if (!failed && !idle)
		failed = ddb_apply(w, e, err);
	if (!failed && replace)
		failed = ddb_remove_stale(w, err);
	if (!failed && w->name != NULL)
		failed = put_commit(w, b, buf_view(&line), err);
	buf_free(&line);
	if (failed)
		return -1;
	free(w->pending);
	w->pending = NULL;
	epoch_clear(e);
	return 0;
}

static int ddb_remark(const struct store *s, struct buf *line)
{
	const struct writing *w = (const struct writing *)s;
	int64_t skew = aws_skew(w->d.aws);

	if (skew == 0)
		return 0;
	buf_printf(line,
		   "this machine's clock is %" PRId64 " s %s that of %s; signatures had its time",
		   skew < 0 ? -skew : skew, skew < 0 ? "ahead of" : "behind", aws_label(w->d.aws));
	return 1;
}

const struct store_writing store_dynamodb_writing = {
	.open = ddb_write_open,
	.close = ddb_write_close,
	.stage = ddb_stage,
	.commit = ddb_commit,
	.remark = ddb_remark,
	.show_checkpoint = ddb_show_checkpoint,
	.drop_checkpoint = ddb_drop_checkpoint,
	.create = ddb_create,
	.verify = ddb_verify,
};
