#include "l4-service/kinesistail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l1-value/base64.h"
#include "l1-value/text.h"
#include "l2-line/eras.h"
#include "l2-line/json.h"
#include "l3-stream/kinpos.h"
#include "l4-service/kindata.h"
#include "l4-service/kinesis.h"

#define MS INT64_C(1000000)
/* A shard may be asked five times a second. */
#define ASK_EVERY (200 * MS)
#define RECORDS_MOST 5000
#define IN_FLIGHT 32

enum state { WAITS, LOST, ASKING_ITERATOR, READY, ASKING_RECORDS }; /* LOST: has no iterator */

struct shard {
	struct kinesistail *t;
	struct kinshard at;
	char parents[2][KINPOS_TEXT_MAX + 1];
	enum state state;
	struct buf iterator, body;
	struct aws_call call;
	int64_t due;
	int answered, caught_up;
	int latest; /* its place is a time that is not over yet, by the service's clock */
	struct kinplace target; /* while a barrier is awaited */
};

struct kinesistail {
	struct kinesistail_options o;
	struct aws *aws;
	struct shard **shards;
	size_t count;
	int first;     /* the shards are looked up for the first time, and not to resume */
	int opening;   /* nothing is read yet */
	int targeting; /* targets are set, for the barrier that is awaited */
	struct buf text, data;
	struct eras eras;
	struct kindata_counts lines;
	uint64_t records, dropped;
};

static int strange_reply(const struct kinesistail *t, const char *operation, struct err *err)
{
	return err_set(err, ERR_UNAVAILABLE, "%s: %s: a reply that is none", aws_label(t->aws),
		       operation);
}

/* ---- shards ---- */

static struct shard *find(const struct kinesistail *t, const char *id)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->shards[i]->at.id, id) == 0)
			return t->shards[i];
	return NULL;
}

static void free_shard(struct shard *s)
{
	if (s == NULL)
		return;
	kinshard_free(&s->at);
	buf_free(&s->iterator);
	buf_free(&s->body);
	aws_call_free(&s->call);
	free(s);
}

static struct shard *add_shard(struct kinesistail *t, const char *id, struct err *err)
{
	struct shard **more = reallocarray(t->shards, t->count + 1, sizeof(struct shard *));
	struct shard *s;

	if (more != NULL)
		t->shards = more;
	s = more == NULL ? NULL : calloc(1, sizeof *s);
	if (s == NULL) {
		err_memory(err);
		return NULL;
	}
	s->t = t;
	snprintf(s->at.id, sizeof s->at.id, "%s", id);
	t->shards[t->count++] = s;
	return s;
}

static int is_done(const struct shard *s)
{
	return s->at.place.kind == KINPLACE_DONE;
}

/* Where it is in the barrier that is awaited. */
static int is_at_target(const struct shard *s)
{
	return s->t->targeting && kinplace_compare(&s->at.place, &s->target) >= 0;
}

/* A shard that was not known is a child, read from its begin; at the very first it is where the
 * user wants it. */
static int take_shard(void *context, const struct json *item, struct err *err)
{
	struct kinesistail *t = context;
	const struct json *range = json_get(item, "SequenceNumberRange");
	const char *id = json_string(json_get(item, "ShardId"));
	const char *parents[2] = {json_string(json_get(item, "ParentShardId")),
				  json_string(json_get(item, "AdjacentParentShardId"))};
	struct shard *s;

	if (id == NULL || strlen(id) > KINPOS_TEXT_MAX || strpbrk(id, ";=~") != NULL)
		return strange_reply(t, "ListShards", err);
	if (t->o.shard != NULL && strcmp(id, t->o.shard) != 0)
		return 0;
	s = find(t, id);
	if (s == NULL) {
		s = add_shard(t, id, err);
		if (s == NULL)
			return -1;
		if (t->first && t->o.from >= 0) {
			s->at.place.kind = KINPLACE_TIME;
			snprintf(s->at.place.text, sizeof s->at.place.text, "%" PRId64, t->o.from);
			s->latest = t->o.at_end;
			if (s->latest && json_get(range, "EndingSequenceNumber") != NULL)
				s->at.place = (struct kinplace){.kind = KINPLACE_DONE};
		}
	}
	for (int i = 0; i < 2; i++)
		if (parents[i] != NULL)
			snprintf(s->parents[i], sizeof s->parents[i], "%s", parents[i]);
	return 0;
}

static int list_shards(struct kinesistail *t, int first, struct err *err)
{
	t->first = first;
	return kinesis_list_shards(t->aws, t->o.stream, take_shard, t, err);
}

/* NULL: there is none, or it is older than the stream keeps. */
static const struct shard *parent_of(const struct shard *s, int i)
{
	return *s->parents[i] == '\0' ? NULL : find(s->t, s->parents[i]);
}

static int may_begin(const struct shard *s)
{
	for (int i = 0; i < 2; i++)
		if (parent_of(s, i) != NULL && !is_done(parent_of(s, i)))
			return 0;
	return 1;
}

static int begin(struct shard *s, struct err *err)
{
	s->state = LOST;
	if (s->at.place.kind == KINPLACE_AFTER || s->at.seen_count > 0)
		return 0;
	for (int i = 0; i < 2; i++)
		if (parent_of(s, i) != NULL &&
		    kinshard_inherit(&s->at, &parent_of(s, i)->at, err) != 0)
			return -1;
	return 0;
}

/* ---- what is asked ---- */

static void on_done(struct aws_call *c)
{
	struct shard *s = c->context;

	s->answered = 1;
}

static int ask(struct shard *s, const char *target, enum state state, struct err *err)
{
	if (s->body.failed)
		return err_memory(err);
	kinesis_ask(&s->call, target, buf_view(&s->body));
	s->call.context = s;
	s->call.done = on_done;
	s->answered = 0;
	s->state = state;
	return aws_start(s->t->aws, &s->call, err);
}

static int ask_iterator(struct shard *s, struct err *err)
{
	buf_clear(&s->body);
	kinesis_put_iterator(&s->body, s->t->o.stream, &s->at,
			     s->latest && s->at.place.kind == KINPLACE_TIME);
	return ask(s, KINESIS_TARGET("GetShardIterator"), ASKING_ITERATOR, err);
}

static int ask_records(struct shard *s, int64_t now, struct err *err)
{
	buf_clear(&s->body);
	buf_puts(&s->body, "{\"ShardIterator\":");
	json_put_string(&s->body, buf_view(&s->iterator));
	buf_printf(&s->body, ",\"Limit\":%d}", RECORDS_MOST);
	s->due = now + ASK_EVERY;
	return ask(s, KINESIS_TARGET("GetRecords"), ASKING_RECORDS, err);
}

/* ---- what is answered ---- */

static int put_position(struct kinesistail *t, struct err *err)
{
	buf_clear(&t->text);
	kinpos_put_head(&t->text, t->o.stream);
	for (size_t i = 0; i < t->count; i++)
		kinpos_put_shard(&t->text, &t->shards[i]->at);
	return t->text.failed ? err_memory(err) : 0;
}

int kinesistail_barrier(struct kinesistail *t, struct err *err)
{
	if (put_position(t, err) != 0)
		return -1;
	return feed_barrier(t->o.feed, buf_text(&t->text), 0, err);
}

/* All that is out so far is void: what comes now replaces it. Each epoch is of one generation, so
 * that it comes again as it was. */
static int begin_anew(struct shard *s, struct slice name, struct err *err)
{
	struct kinesistail *t = s->t;

	for (size_t i = 0; i < t->count; i++) {
		const char *other = kinshard_other_writer(&t->shards[i]->at, name);

		if (other != NULL)
			return err_set(err, ERR_CONFIG,
				       "%s: the writer %.*s begins anew, and %s has put lines too: "
				       "which are to go, nobody can tell",
				       t->o.stream, SLICE_ARG(name), other);
	}
	if (feed_awaited(t->o.feed) != NULL)
		return err_set(err, ERR_DATA,
			       "%s: the writer %.*s begins anew within an epoch that was promised",
			       t->o.stream, SLICE_ARG(name));
	if (feed_open(t->o.feed) > 0 && kinesistail_barrier(t, err) != 0)
		return -1;
	eras_learn(&t->eras, name);
	if (kinshard_writer(&s->at, name, err) == NULL || put_position(t, err) != 0)
		return -1;
	return feed_barrier(t->o.feed, buf_text(&t->text), 1, err);
}

/* t->data, of this shard. */
static int give_data(struct shard *s, struct err *err)
{
	struct kinesistail *t = s->t;
	struct slice data = buf_view(&t->data), name = kindata_writer(data);
	enum era era = name.len > 0 ? eras_judge(&t->eras, name) : ERA_COUNTS;

	if (era == ERA_VOID) {
		t->dropped++;
		return 0;
	}
	if (era == ERA_ANEW && begin_anew(s, name, err) != 0)
		return -1;
	return kindata_give(&s->at, data, t->o.feed, &t->lines, err);
}

static int give_record(struct shard *s, const struct json *item, const char *sequence,
		       struct err *err)
{
	const char *text = json_string(json_get(item, "Data"));

	buf_clear(&s->t->data);
	if (text == NULL || base64_get(&s->t->data, slice_of(text)) != 0)
		return s->t->data.failed ? err_memory(err) : strange_reply(s->t, "GetRecords", err);
	if (give_data(s, err) != 0)
		return -1;
	s->at.place.kind = KINPLACE_AFTER;
	snprintf(s->at.place.text, sizeof s->at.place.text, "%s", sequence);
	s->t->records++;
	return 0;
}

/* Returns 0; 1 when the shard has come to its target before the end of the records; or -1. */
static int give_records(struct shard *s, const struct json *list, struct err *err)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *item = json_item(list, i);
		const char *sequence = json_string(json_get(item, "SequenceNumber"));
		struct kinplace place = {.kind = KINPLACE_AFTER};

		if (sequence == NULL || strlen(sequence) > KINPOS_TEXT_MAX)
			return strange_reply(s->t, "GetRecords", err);
		snprintf(place.text, sizeof place.text, "%s", sequence);
		if (s->t->targeting && kinplace_compare(&place, &s->target) > 0)
			return 1;
		if (give_record(s, item, sequence, err) != 0)
			return -1;
	}
	return 0;
}

static int take_records(struct shard *s, int64_t now, struct err *err)
{
	struct json *reply = json_parse(buf_view(&s->call.http.reply), err);
	const struct json *list = json_get(reply, "Records");
	const char *next = json_string(json_get(reply, "NextShardIterator"));
	int64_t behind = 0;
	int result;

	if (reply == NULL)
		return -1;
	json_int64(json_get(reply, "MillisBehindLatest"), &behind);
	s->caught_up = json_count(list) == 0 && behind == 0;
	result = give_records(s, list, err);
	s->state = READY;
	if (result > 0) {
		/* What was not given is asked for again, from here. */
		s->state = LOST;
		result = 0;
	} else if (result == 0 && next == NULL) {
		s->at.place = (struct kinplace){.kind = KINPLACE_DONE};
		s->caught_up = 1;
		result = s->t->o.shard == NULL ? list_shards(s->t, 0, err) : 0;
	} else if (result == 0) {
		buf_clear(&s->iterator);
		if (buf_puts(&s->iterator, next) != 0)
			result = err_memory(err);
	}
	if (s->caught_up && now + s->t->o.poll * 1000 > s->due)
		s->due = now + s->t->o.poll * 1000;
	json_free(reply);
	return result;
}

static int take_iterator(struct shard *s, struct err *err)
{
	struct json *reply = json_parse(buf_view(&s->call.http.reply), err);
	const char *iterator = json_string(json_get(reply, "ShardIterator"));
	int failed = iterator == NULL;

	buf_clear(&s->iterator);
	if (!failed && buf_puts(&s->iterator, iterator) != 0) {
		json_free(reply);
		return err_memory(err);
	}
	json_free(reply);
	s->state = READY;
	return failed ? strange_reply(s->t, "GetShardIterator", err) : 0;
}

static int take_answer(struct shard *s, int64_t now, struct err *err)
{
	s->answered = 0;
	if (s->call.err.status != ERR_NONE) {
		/* Its time is five minutes; a slow reader is slower. */
		if (aws_is(&s->call, "ExpiredIteratorException")) {
			s->state = LOST;
			return 0;
		}
		/* It refuses a time to come. */
		if (s->state == ASKING_ITERATOR && s->at.place.kind == KINPLACE_TIME &&
		    !s->latest && aws_is(&s->call, "InvalidArgumentException")) {
			s->latest = 1;
			s->state = LOST;
			return 0;
		}
		*err = s->call.err;
		return err_prefix(err, "%s, shard %s", s->t->o.stream, s->at.id);
	}
	return s->state == ASKING_ITERATOR ? take_iterator(s, err) : take_records(s, now, err);
}

/* ---- barriers that are awaited ---- */

static int set_targets(struct kinesistail *t, const char *text, struct err *err)
{
	struct kinpos pos;

	if (kinpos_parse(text, &pos, err) != 0)
		return -1;
	for (size_t i = 0; i < t->count; i++) {
		const struct kinshard *there = kinpos_find(&pos, t->shards[i]->at.id);

		/* One that was not known then is not read. */
		t->shards[i]->target = there != NULL ? there->place : (struct kinplace){0};
		if (there != NULL && kinshard_adopt(&t->shards[i]->at, there, &t->eras, err) != 0) {
			kinpos_free(&pos);
			return -1;
		}
	}
	kinpos_free(&pos);
	t->targeting = 1;
	return 0;
}

/* Print the awaited barriers that all shards have come to. */
static int approach(struct kinesistail *t, struct err *err)
{
	const char *text;

	while ((text = feed_awaited(t->o.feed)) != NULL) {
		if (!t->targeting && set_targets(t, text, err) != 0)
			return -1;
		for (size_t i = 0; i < t->count; i++)
			if (!is_at_target(t->shards[i]))
				return 0;
		t->targeting = 0;
		if (feed_reach(t->o.feed, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- work ---- */

static int start_due(struct kinesistail *t, int64_t now, struct err *err)
{
	for (size_t i = 0; i < t->count; i++) {
		struct shard *s = t->shards[i];
		int failed = 0;

		if (is_done(s) || is_at_target(s))
			continue;
		if (s->state == WAITS && may_begin(s))
			failed = begin(s, err);
		if (failed || aws_in_flight(t->aws) >= IN_FLIGHT)
			return failed;
		if (s->state == LOST)
			failed = ask_iterator(s, err);
		else if (s->state == READY && s->due <= now && !feed_full(t->o.feed) && !t->opening)
			failed = ask_records(s, now, err);
		if (failed)
			return -1;
	}
	return 0;
}

int kinesistail_work(struct kinesistail *t, struct err *err)
{
	int64_t now = feed_now();

	if (approach(t, err) != 0 || start_due(t, now, err) != 0 || aws_step(t->aws, 0, err) < 0)
		return -1;
	for (size_t i = 0; i < t->count; i++)
		if (t->shards[i]->answered && take_answer(t->shards[i], now, err) != 0)
			return -1;
	return approach(t, err);
}

int kinesistail_opening(struct kinesistail *t)
{
	int waiting = 0;

	for (size_t i = 0; i < t->count; i++)
		waiting |= t->shards[i]->state != READY && !is_done(t->shards[i]) &&
			   may_begin(t->shards[i]);
	t->opening &= waiting;
	return t->opening;
}

int kinesistail_fd(const struct kinesistail *t)
{
	return aws_fd(t->aws);
}

int64_t kinesistail_due(const struct kinesistail *t)
{
	int64_t aws = aws_due(t->aws), now = feed_now(), due = INT64_MAX;

	if (aws >= 0)
		due = now + aws * 1000;
	for (size_t i = 0; i < t->count; i++) {
		const struct shard *s = t->shards[i];
		int ready = s->state == READY ? !feed_full(t->o.feed) && !t->opening
					      : s->state == LOST || s->answered;

		if (s->state == WAITS)
			ready = may_begin(s);
		if (is_done(s) || is_at_target(s) || !ready)
			continue;
		if (s->state != READY)
			return now;
		if (s->due < due)
			due = s->due;
	}
	return due;
}

int kinesistail_caught_up(const struct kinesistail *t)
{
	if (feed_awaited(t->o.feed) != NULL)
		return 0;
	for (size_t i = 0; i < t->count; i++)
		if (!is_done(t->shards[i]) && !t->shards[i]->caught_up)
			return 0;
	return 1;
}

int kinesistail_finished(const struct kinesistail *t)
{
	return t->o.shard != NULL && is_done(t->shards[0]);
}

struct kinesistail_counts kinesistail_counts(const struct kinesistail *t)
{
	struct kinesistail_counts c = {.records = t->records,
				       .twice = t->lines.twice,
				       .foreign = t->lines.foreign,
				       .dropped = t->dropped};

	for (size_t i = 0; i < t->count; i++)
		c.shards += !is_done(t->shards[i]);
	return c;
}

/* ---- the frame ---- */

/* Shards as they stood at the position. */
static int restore(struct kinesistail *t, const char *text, struct err *err)
{
	struct kinpos pos;

	if (kinpos_parse(text, &pos, err) != 0)
		return -1;
	if (strcmp(pos.stream, t->o.stream) != 0) {
		err_set(err, ERR_CONFIG, "the position is of the stream %s, not of %s", pos.stream,
			t->o.stream);
		kinpos_free(&pos);
		return -1;
	}
	for (size_t i = 0; i < pos.count; i++) {
		struct shard *s = add_shard(t, pos.shards[i].id, err);

		if (s == NULL) {
			kinpos_free(&pos);
			return -1;
		}
		kinshard_free(&s->at);
		s->at = pos.shards[i];
		pos.shards[i].seen = NULL;
		for (size_t k = 0; k < s->at.seen_count; k++)
			eras_learn(&t->eras, slice_of(s->at.seen[k].name));
	}
	kinpos_free(&pos);
	return 0;
}

int kinesistail_open(const struct kinesistail_options *o, struct kinesistail **out, struct err *err)
{
	struct aws_options a = {.service = "kinesis",
				.in_flight = IN_FLIGHT,
				.allowed = o->allowed,
				.stop = o->stop};
	struct kinesistail *t = calloc(1, sizeof *t);

	if (t == NULL)
		return err_memory(err);
	t->o = *o;
	t->opening = o->at_end && o->resume == NULL;
	if (aws_open(&a, &t->aws, err) != 0 ||
	    (o->resume != NULL && restore(t, o->resume, err) != 0) ||
	    list_shards(t, o->resume == NULL, err) != 0) {
		kinesistail_close(t);
		return -1;
	}
	if (t->count == 0) {
		kinesistail_close(t);
		return err_set(err, ERR_CONFIG, "%s: no such shard", o->stream);
	}
	*out = t;
	return 0;
}

void kinesistail_close(struct kinesistail *t)
{
	if (t == NULL)
		return;
	aws_close(t->aws);
	for (size_t i = 0; i < t->count; i++)
		free_shard(t->shards[i]);
	free(t->shards);
	buf_free(&t->text);
	buf_free(&t->data);
	free(t);
}
