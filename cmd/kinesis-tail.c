/* kinesis-tail - lines out of a Kinesis stream, with barriers to resume from. */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "l1-value/timestamp.h"
#include "l3-stream/control.h"
#include "l3-stream/feed.h"
#include "l3-stream/tool.h"
#include "l4-service/kinesis.h"
#include "l4-service/kinesistail.h"

static struct {
	const char *from, *resume, *shard;
	int64_t barrier_every, poll;
	int once, verbose;
} given = {.from = "beginning", .barrier_every = 1000000, .poll = 250000};

static const struct opt options[] = {
	{OPT_STRING, 'f', "from", "WHERE", &given.from,
	 "where to begin: beginning (default), end, or a time", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "resume", "BARRIER", &given.resume, "begin behind this barrier", NULL, NULL,
	 0, 0},
	{OPT_STRING, 0, "shard", "ID", &given.shard, "this shard alone", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "once", NULL, &given.once, "what is there now, then end", NULL, NULL, 0, 0},
	{OPT_DURATION, 0, "barrier-every", "DURATION", &given.barrier_every,
	 "time between barriers (1s)", NULL, NULL, 1000, INT64_C(86400000000)},
	{OPT_DURATION, 0, "poll", "DURATION", &given.poll,
	 "how often to look at a shard without news (250ms)", NULL, NULL, 200000, 60000000},
	{OPT_FLAG, 'v', "verbose", NULL, &given.verbose, "say at the end what came and went", NULL,
	 NULL, 0, 0},
	{OPT_FLAG, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0}};

static const struct opt_command command = {
	.name = "kinesis-tail",
	.purpose = "lines out of a Kinesis stream, with barriers to resume from",
	.usage = "[options] STREAM",
	.see_also = "See kinesis-tail(1), kinesis-put(1), tuberia(7), tuberia-aws(7).",
	.options = options,
};

struct tail {
	struct feed *feed;
	struct kinesistail *from;
	struct barrier resume; /* or zero */
};

/* Milliseconds since 1970, or -1 for the beginning. */
static int read_from(int64_t *from, struct err *err)
{
	struct timestamp t = {0};
	struct zone *zone;
	int result = 0;

	*from = -1;
	if (strcmp(given.from, "beginning") == 0)
		return 0;
	if (strcmp(given.from, "end") == 0) {
		timestamp_now(&t.utc, &t.nanos);
	} else {
		zone = zone_new();
		if (zone == NULL)
			return err_memory(err);
		result = timestamp_parse(zone, slice_of(given.from), &t, err);
		zone_free(zone);
	}
	if (result != 0 || t.utc < 0) {
		err->status = ERR_USAGE;
		return result != 0 ? err_prefix(err, "--from: neither beginning, nor end, nor a "
						     "time")
				   : err_set(err, ERR_USAGE, "--from: before 1970");
	}
	*from = t.utc * 1000 + t.nanos / 1000000;
	return 0;
}

static int set_up(struct tail *t, char **operands, size_t count, struct err *err)
{
	struct kinesistail_options o = {.shard = given.shard,
					.poll = given.poll,
					.allowed = tool_wait_mask(),
					.stop = &tool_stop};

	if (count != 1)
		return err_set(err, ERR_USAGE, count == 0 ? "which stream?" : "one stream only");
	if (!kinesis_name_ok(operands[0]))
		return err_set(err, ERR_USAGE, "\"%s\": not the name of a stream", operands[0]);
	if (read_from(&o.from, err) != 0)
		return -1;
	if (given.resume != NULL) {
		if (barrier_parse_line(slice_of(given.resume), &t->resume, err) != 0) {
			err->status = ERR_USAGE;
			return err_prefix(err, "--resume");
		}
		o.resume = t->resume.resume != NULL ? t->resume.resume : t->resume.pos;
	}
	t->feed = feed_new(1, given.barrier_every, NULL);
	if (t->feed == NULL)
		return err_memory(err);
	o.at_end = strcmp(given.from, "end") == 0;
	o.stream = operands[0];
	o.feed = t->feed;
	return kinesistail_open(&o, &t->from, err);
}

static int wait_for_news(struct tail *t, struct err *err)
{
	int64_t until = kinesistail_due(t->from), due = feed_due_at(t->feed);

	if (due < until && (feed_open(t->feed) > 0 || kinesistail_caught_up(t->from)))
		until = due;
	return feed_wait(t->feed, kinesistail_fd(t->from), POLLIN, until, tool_wait_mask(), err);
}

/* A barrier in front of everything: a stage that needs one to begin from has it. */
static int begin(struct tail *t, struct err *err)
{
	if (given.resume != NULL)
		return feed_resume(t->feed, &t->resume, err);
	while (!tool_stop && kinesistail_opening(t->from))
		if (kinesistail_work(t->from, err) != 0 ||
		    (kinesistail_opening(t->from) && wait_for_news(t, err) != 0))
			return -1;
	return kinesistail_barrier(t->from, err);
}

/* An empty epoch says that nothing more is there (tuberia(7)). */
static int close_epoch(struct tail *t, struct err *err)
{
	if (!feed_due(t->feed, feed_now()) ||
	    (feed_open(t->feed) == 0 &&
	     (feed_waiting(t->feed) > 0 || !kinesistail_caught_up(t->from))))
		return 0;
	return kinesistail_barrier(t->from, err);
}

static int run(struct tail *t, struct err *err)
{
	if (begin(t, err) != 0)
		return -1;
	for (;;) {
		if (kinesistail_work(t->from, err) != 0 || close_epoch(t, err) != 0 ||
		    feed_push(t->feed, err) != 0)
			return -1;
		if (tool_stop || kinesistail_finished(t->from) ||
		    (given.once && kinesistail_caught_up(t->from)))
			return 0;
		if (wait_for_news(t, err) != 0)
			return -1;
	}
}

/* The last epoch, and that this is the end on purpose; what waits is written. While a barrier is
 * awaited there is no end: the next run has to come to it. */
static int finish(struct tail *t, struct err *err)
{
	if (feed_awaited(t->feed) == NULL) {
		if (feed_open(t->feed) > 0 && kinesistail_barrier(t->from, err) != 0)
			return -1;
		if (feed_end(t->feed, err) != 0)
			return -1;
	}
	while (feed_push(t->feed, err) == 0) {
		if (feed_waiting(t->feed) == 0)
			return feed_close(t->feed, err);
		if (feed_wait(t->feed, -1, 0, INT64_MAX, NULL, err) != 0)
			return -1;
	}
	return -1;
}

static void last_words(const struct tail *t)
{
	struct kinesistail_counts c = kinesistail_counts(t->from);

	if (c.foreign > 0)
		tool_say("control records of somebody else in the stream, left out: %" PRIu64,
			 c.foreign);
	if (given.verbose)
		tool_say("records %" PRIu64 " (void %" PRIu64 "): lines out %" PRIu64
			 ", met before %" PRIu64 "; barriers %" PRIu64 ", open shards %zu",
			 c.records, c.dropped, feed_records(t->feed), c.twice,
			 feed_barriers(t->feed), c.shards);
}

int main(int argc, char **argv)
{
	static struct tail t;
	struct err err = {0};
	char **operands;
	size_t count;
	int status = tool_begin(&command, argc, argv, &operands, &count);

	if (status != -1)
		return status;
	status = 0;
	if (set_up(&t, operands, count, &err) != 0) {
		status = tool_fail(&err);
	} else {
		if (run(&t, &err) != 0 || finish(&t, &err) != 0)
			status = tool_fail(&err);
		last_words(&t);
	}
	kinesistail_close(t.from);
	feed_free(t.feed);
	barrier_free(&t.resume);
	opt_free(&command);
	return status;
}
