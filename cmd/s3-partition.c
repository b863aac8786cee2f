/* s3-partition - put records into Hive partitions, published whole or not at all. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "l0-base/utf8.h"
#include "l1-value/names.h"
#include "l2-line/minute.h"
#include "l2-line/omit.h"
#include "l3-stream/intake.h"
#include "l3-stream/manifest.h"
#include "l3-stream/partition.h"
#include "l3-stream/tool.h"
#include "l4-service/inspect.h"
#include "l4-service/publish.h"

enum { MEGABYTE = 1 << 20, THREADS_AUTO_MOST = 8, PROGRESS_EVERY = 1 << 16 };

static struct {
	const char *to, *layout, *time, *compress, *mode, *name, *temporary, *rejects, *verify;
	struct opt_list sum, set, touch;
	int64_t level, roll, memory, most, threads, jobs;
	int drop, plain, verbose;
} given = {.compress = "gzip",
	   .mode = "replace",
	   .temporary = "/tmp",
	   .roll = 512,
	   .memory = 64,
	   .most = 100000,
	   .jobs = 16};

static const struct opt options[] = {
	{OPT_HEADING, 0, NULL, NULL, NULL, "Where records go:", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "to", "DIR|S3", &given.to,
	 "destination: a directory, or s3://BUCKET/PREFIX", NULL, NULL, 0, 0},
	{OPT_STRING, 'l', "layout", "LAYOUT", &given.layout,
	 "path of a partition: 'a_{FIELD}/year=%Y/month=%m/day=%d'", NULL, NULL, 0, 0},
	{OPT_STRING, 't', "time", "FIELD", &given.time, "where a record's time is", NULL, NULL, 0,
	 0},
	{OPT_LIST, 0, "set", "FIELD=VALUE", &given.set,
	 "a field of the layout that is not in the records", NULL, NULL, 0, 0},
	{OPT_LIST, 0, "touch", "TIME", &given.touch,
	 "publish this time's partition, with or without records", NULL, NULL, 0, 0},
	{OPT_STRING, 'm', "mode", NULL, &given.mode, "what becomes of a partition's old objects",
	 NULL, "replace|append|fail", 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "What is written:", NULL, NULL, 0, 0},
	{OPT_LIST, 's', "sum", "FIELD,...", &given.sum, "exact sums for the manifest", NULL, NULL,
	 0, 0},
	{OPT_FLAG, 0, "drop-fields", NULL, &given.drop, "leave the layout's fields out of records",
	 NULL, NULL, 0, 0},
	{OPT_STRING, 'c', "compress", NULL, &given.compress, "compression (gzip)", NULL,
	 "gzip|zstd|none", 0, 0},
	{OPT_INT, 0, "level", "N", &given.level, "its level (gzip 6, zstd 3)", NULL, NULL, 1, 19},
	{OPT_STRING, 'n', "name", "NAME", &given.name, "how names of objects begin (part)", NULL,
	 NULL, 0, 0},
	{OPT_INT, 0, "roll", "MIB", &given.roll,
	 "records in an object before the next begins (512); 0: one object", NULL, NULL, 0,
	 1 << 20},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Limits and messages:", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "plain", NULL, &given.plain,
	 "publish at the end of the file, without \"@end\"", NULL, NULL, 0, 0},
	{OPT_INT, 0, "threads", "N", &given.threads, "threads that compress (one a core)", NULL,
	 NULL, 1, 64},
	{OPT_INT, 'j', "jobs", "N", &given.jobs, "requests to S3 at once (16)", NULL, NULL, 1, 256},
	{OPT_INT, 0, "memory", "MIB", &given.memory, "records held in memory (64)", NULL, NULL, 1,
	 1 << 20},
	{OPT_INT, 0, "max-partitions", "N", &given.most, "partitions of one run (100000)", NULL,
	 NULL, 1, 100000000},
	{OPT_STRING, 0, "temporary", "DIR", &given.temporary,
	 "where records wait to be published (/tmp)", "TMPDIR", NULL, 0, 0},
	{OPT_STRING, 0, "rejects", "FILE", &given.rejects, "append bad records to FILE, and go on",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 'v', "verbose", NULL, &given.verbose, "say at the end what came in and went out",
	 NULL, NULL, 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Instead:", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "verify", "DIR|S3", &given.verify,
	 "read what is published, and print how it differs from its manifests", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0}};

static const struct opt_command command = {
	.name = "s3-partition",
	.purpose = "put records into Hive partitions, published whole or not at all",
	.usage = "--to DESTINATION --layout LAYOUT [options] < records\n"
		 "--verify DESTINATION",
	.see_also = "See s3-partition(1), tuberia(7).",
	.options = options,
};

enum { OP, FIELDS_MAX = 2 + LAYOUT_FIELDS_MAX + TALLY_SUMS_MAX, NO_FIELD = -1 };

struct run {
	struct layout *layout;
	enum codec codec;
	struct zone *zone;
	struct minute minute;
	struct intake in;
	struct writer *out;
	struct dest *dest;
	struct partitions *partitions;

	const char *fields[FIELDS_MAX];
	size_t field_count;
	int time;                               /* which field it is, or NO_FIELD */
	int value_field[LAYOUT_FIELDS_MAX];     /* NO_FIELD: it was --set */
	struct slice values[LAYOUT_FIELDS_MAX]; /* of the layout's fields, in the record */
	struct names sums;
	int sum_field[TALLY_SUMS_MAX];
	struct buf line;

	uint64_t taken, published, objects, bytes;
};

/* ---- options ---- */

/* The field of this name among those to be read, added when it is not there yet. */
static int field_of(struct run *r, const char *name)
{
	size_t i = 0;

	while (i < r->field_count && strcmp(r->fields[i], name) != 0)
		i++;
	if (i == r->field_count)
		r->fields[r->field_count++] = name;
	return (int)i;
}

static int read_sums(struct run *r, struct err *err)
{
	for (size_t i = 0; i < given.sum.count; i++)
		if (names_add(&r->sums, given.sum.items[i], err) != 0)
			return err_prefix(err, "--sum");
	return 0;
}

/* --set FIELD=VALUE */
static int read_sets(struct run *r, struct err *err)
{
	for (size_t i = 0; i < given.set.count; i++) {
		const char *item = given.set.items[i], *equals = strchr(item, '=');
		size_t k = 0;

		if (equals == NULL)
			return err_set(err, ERR_USAGE, "--set: FIELD=VALUE, not %s", item);
		while (k < layout_field_count(r->layout) &&
		       !slice_is((struct slice){item, (size_t)(equals - item)},
				 layout_field(r->layout, k)))
			k++;
		if (k == layout_field_count(r->layout))
			return err_set(err, ERR_USAGE, "--set: %s: the layout has no such field",
				       item);
		if (equals[1] == '\0' || utf8_valid(slice_of(equals + 1)) != strlen(equals + 1))
			return err_set(err, ERR_USAGE, "--set: %s: %s", item,
				       equals[1] == '\0' ? "empty" : "not UTF-8");
		r->values[k] = slice_of(equals + 1);
		r->value_field[k] = NO_FIELD;
	}
	return 0;
}

static int read_compression(struct run *r, struct err *err)
{
	codec_named(given.compress, &r->codec); /* one of the choices */
	if (given.level == 0)
		given.level = codec_level(r->codec);
	else if (given.level > codec_level_most(r->codec))
		return err_set(err, ERR_USAGE, "--level: %s has %s", given.compress,
			       r->codec == CODEC_GZIP ? "1 to 9" : "none");
	return 0;
}

static int check_name(struct err *err)
{
	if (given.name == NULL && strcmp(given.mode, "append") == 0)
		return err_set(err, ERR_USAGE,
			       "--mode append needs --name: a rerun replaces the objects of its "
			       "name, and no other");
	if (given.name == NULL)
		given.name = "part";
	return publish_check_name(given.name, err) == 0 ? 0 : err_prefix(err, "--name");
}

static int read_options(struct run *r, struct err *err)
{
	r->time = NO_FIELD;
	if (given.to == NULL || given.layout == NULL)
		return err_set(err, ERR_USAGE, "--to and --layout are needed");
	if (layout_new(given.layout, &r->layout, err) != 0)
		return err_prefix(err, "--layout");
	if (layout_unit(r->layout) > 0 && given.time == NULL)
		return err_set(err, ERR_USAGE,
			       "--time is needed: the layout has parts of the time");
	for (size_t i = 0; i < LAYOUT_FIELDS_MAX; i++)
		r->value_field[i] = OP;
	if (read_sums(r, err) != 0 || read_sets(r, err) != 0 || read_compression(r, err) != 0 ||
	    check_name(err) != 0)
		return -1;
	field_of(r, "@op");
	if (given.time != NULL)
		r->time = field_of(r, given.time);
	for (size_t i = 0; i < layout_field_count(r->layout); i++)
		if (r->value_field[i] != NO_FIELD)
			r->value_field[i] = field_of(r, layout_field(r->layout, i));
	for (size_t i = 0; i < r->sums.count; i++)
		r->sum_field[i] = field_of(r, r->sums.name[i]);
	return 0;
}

/* ---- records ---- */

static int read_time(struct run *r, struct timestamp *at, struct err *why)
{
	const struct scan_value *v = &r->in.value[r->time];

	if (v->kind == SCAN_STRING && minute_read(&r->minute, v->text, at))
		return 0;
	if (intake_timestamp(&r->in, (size_t)r->time, r->zone, at, why) != 0)
		return -1;
	minute_learn(&r->minute, r->zone, v->text, at);
	return 0;
}

static int read_values(struct run *r, struct err *why)
{
	for (size_t i = 0; i < layout_field_count(r->layout); i++) {
		int field = r->value_field[i];
		const struct scan_value *v;

		if (field == NO_FIELD)
			continue;
		v = &r->in.value[field];
		switch (v->kind) {
		case SCAN_STRING:
		case SCAN_NUMBER:
		case SCAN_TRUE:
		case SCAN_FALSE:
			r->values[i] = v->text;
			break;
		case SCAN_ABSENT:
			return err_set(why, ERR_DATA, "%s: missing", r->fields[field]);
		default:
			return err_at(why, v->byte, "%s: %s", r->fields[field],
				      v->kind == SCAN_NULL ? "null" : "not a string or a number");
		}
	}
	return 0;
}

/* A file has no place for "take that back": its sums would be wrong for all who read it. */
static int read_op(const struct run *r, struct err *why)
{
	const struct scan_value *v = &r->in.value[OP];

	if (v->kind == SCAN_ABSENT || (v->kind == SCAN_STRING && slice_is(v->text, "+")))
		return 0;
	return err_at(why, v->byte, "@op: a file cannot take records back");
}

static int without_fields(struct run *r, struct slice *line, struct err *why)
{
	const struct scan_value *values[LAYOUT_FIELDS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < layout_field_count(r->layout); i++)
		if (r->value_field[i] != NO_FIELD)
			values[count++] = &r->in.value[r->value_field[i]];
	buf_clear(&r->line);
	if (omit_fields(r->in.line, values, count, &r->line) != 0)
		return err_memory(why);
	*line = buf_view(&r->line);
	return 0;
}

/* Say of which field a record is bad. */
static int blame_field(const struct run *r, const struct partition_blame *blame, struct err *why)
{
	int field = blame->fault == PARTITION_FIELD  ? r->value_field[blame->number]
		    : blame->fault == PARTITION_SUM  ? r->sum_field[blame->number]
		    : blame->fault == PARTITION_TIME ? r->time
						     : NO_FIELD;

	if (why->status != ERR_DATA || field == NO_FIELD)
		return -1;
	why->byte = r->in.value[field].byte;
	return err_prefix(why, "%s", r->fields[field]);
}

static int take_record(struct run *r, struct err *why)
{
	struct decimal amounts[TALLY_SUMS_MAX];
	struct timestamp at;
	struct partition_blame blame;
	struct partition_record record = {
		.line = r->in.line, .values = r->values, .amounts = amounts};

	if (read_op(r, why) != 0 || read_values(r, why) != 0)
		return -1;
	if (r->time != NO_FIELD) {
		if (read_time(r, &at, why) != 0)
			return -1;
		record.at = &at;
		record.at_text = r->in.value[r->time].text;
	}
	for (size_t i = 0; i < r->sums.count; i++)
		if (intake_decimal(&r->in, (size_t)r->sum_field[i], &amounts[i], why) != 0)
			return -1;
	if (given.drop && without_fields(r, &record.line, why) != 0)
		return -1;
	if (partitions_add(r->partitions, &record, &blame, why) != 0)
		return blame_field(r, &blame, why);
	return 0;
}

static int on_record(void *context, struct err *err)
{
	struct run *r = context;
	struct err why;

	if (take_record(r, &why) != 0)
		return intake_reject(&r->in, &why, err);
	if (++r->taken % PROGRESS_EVERY == 0)
		tool_progress("%" PRIu64 " records, %zu partitions", r->taken,
			      partitions_count(r->partitions));
	return 0;
}

/* What was sent must have come. */
static int on_finish(void *context, struct err *err)
{
	const struct run *r = context;
	if (r->in.end_records == r->in.records)
		return 0;
	return err_set(err, ERR_DATA,
		       "%s: %" PRIu64 " records came, \"@end\" says %" PRIu64
		       ": nothing is published",
		       r->in.name, r->in.records, r->in.end_records);
}

/* A branch that has missed records ({"@gap":…}) cannot make a whole partition. */
static int on_other(void *context, struct err *err)
{
	const struct run *r = context;
	static const char gap[] = "{\"@gap\"";

	if (r->in.line.len < sizeof gap - 1 || memcmp(r->in.line.at, gap, sizeof gap - 1) != 0)
		return 0;
	return err_set(err, ERR_DATA, "%s: records are missing (\"@gap\"): nothing is published",
		       r->in.name);
}

static int on_end(void *context, struct err *err)
{
	const struct run *r = context;
	if (r->in.stopped)
		return err_set(err, ERR_TEMP, "stopped: nothing is published");
	if (r->in.ended || (given.plain && !r->in.controlled))
		return 0;
	return err_set(err, ERR_TEMP, "%s: input ends without \"@end\": nothing is published",
		       r->in.name);
}

/* Barriers are passed over: nothing is published before the end. */
static const struct intake_handlers handlers = {
	.record = on_record,
	.finish = on_finish,
	.other = on_other,
	.end = on_end,
};

/* ---- publishing ---- */

static int touch(struct run *r, struct err *err)
{
	for (size_t i = 0; i < given.touch.count; i++) {
		struct timestamp at;
		struct partition_blame blame;

		for (size_t k = 0; k < layout_field_count(r->layout); k++)
			if (r->value_field[k] != NO_FIELD)
				return err_set(err, ERR_USAGE, "--touch: --set must say what %s is",
					       layout_field(r->layout, k));
		if (timestamp_parse(r->zone, slice_of(given.touch.items[i]), &at, err) != 0 ||
		    partitions_touch(r->partitions, r->values, at.local, &blame, err) != 0) {
			if (err->status == ERR_DATA)
				err->status = ERR_USAGE;
			return err_prefix(err, "--touch: %s", given.touch.items[i]);
		}
	}
	return 0;
}

static int on_published(void *context, const struct manifest *m, struct err *err)
{
	struct run *r = context;

	if (manifest_report(m, writer_buf(r->out), &r->bytes, err) != 0)
		return -1;
	r->objects += m->count;
	return writer_room(r->out, err);
}

static int publish_all(struct run *r, struct err *err)
{
	struct publish_options o = {.mode = strcmp(given.mode, "append") == 0 ? PUBLISH_APPEND
					    : strcmp(given.mode, "fail") == 0 ? PUBLISH_FAIL
									      : PUBLISH_REPLACE,
				    .name = given.name,
				    .codec = r->codec,
				    .time = given.time,
				    .sums = (const char *const *)r->sums.name,
				    .sum_count = r->sums.count,
				    .zone = r->zone,
				    .published = on_published,
				    .context = r};

	if (partitions_close(r->partitions, err) != 0)
		return -1;
	if (partitions_count(r->partitions) == 0)
		return 0;
	tool_progress("publishing %zu partitions", partitions_count(r->partitions));
	if (dest_lock(r->dest, err) != 0 || publish(r->dest, r->partitions, &o, err) != 0)
		return -1;
	r->published = r->taken;
	return writer_flush(r->out, err);
}

/* ---- from options to last words ---- */

static unsigned thread_count(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (given.threads > 0)
		return (unsigned)given.threads;
	return cores < 1 ? 1 : cores > THREADS_AUTO_MOST ? THREADS_AUTO_MOST : (unsigned)cores;
}

static struct dest_options dest_options(void)
{
	return (struct dest_options){
		.stop = &tool_stop, .wait_mask = tool_wait_mask(), .jobs = (unsigned)given.jobs};
}

static int set_up(struct run *r, struct err *err)
{
	struct dest_options d = dest_options();
	struct partition_options o = {.layout = r->layout,
				      .codec = r->codec,
				      .level = (int)given.level,
				      .sum_count = r->sums.count,
				      .roll = (uint64_t)given.roll * MEGABYTE,
				      .memory = (size_t)given.memory * MEGABYTE,
				      .most = (size_t)given.most,
				      .threads = thread_count(),
				      .temporary = given.temporary};

	r->zone = zone_new();
	r->out = writer_new(1);
	if (r->zone == NULL || r->out == NULL)
		return err_memory(err);
	r->in.fd = 0;
	r->in.name = "<stdin>";
	r->in.fields = r->fields;
	r->in.field_count = r->field_count;
	r->in.rejects = given.rejects;
	r->in.stop = &tool_stop;
	r->in.wait_mask = tool_wait_mask();
	if (dest_open(given.to, &d, &r->dest, err) != 0 ||
	    partitions_new(&o, &r->partitions, err) != 0 || touch(r, err) != 0)
		return -1;
	return intake_open(&r->in, err);
}

static void last_words(const struct run *r, int failed)
{
	uint64_t dropped = r->taken - r->published;
	/* The record that ended the run was refused too. */
	uint64_t rejected = failed ? r->in.records - r->taken : r->in.rejected;
	struct partition_memory memory;

	if (!given.verbose || r->partitions == NULL)
		return;
	memory = partitions_memory(r->partitions);
	tool_say("in %" PRIu64 " = published %" PRIu64 " + dropped %" PRIu64 " + rejected %" PRIu64
		 "; partitions %zu, objects %" PRIu64 ", bytes %" PRIu64 "; at most %" PRIu64
		 " kB of records held, of %" PRId64 " kB; put aside %" PRIu64 " kB",
		 r->in.records, r->published, dropped, rejected, partitions_count(r->partitions),
		 r->objects, r->bytes, memory.most >> 10, given.memory << 10, memory.spilled >> 10);
}

static void tear_down(struct run *r)
{
	intake_close(&r->in);
	partitions_free(r->partitions);
	dest_close(r->dest);
	writer_free(r->out);
	zone_free(r->zone);
	layout_free(r->layout);
	buf_free(&r->line);
	names_free(&r->sums);
}

static int partition(void)
{
	static struct run r;
	struct err err;
	int status = 0;

	if (read_options(&r, &err) != 0 || set_up(&r, &err) != 0) {
		status = tool_fail(&err);
	} else {
		if (intake_run(&r.in, &handlers, &r, &err) != 0 || publish_all(&r, &err) != 0)
			status = tool_fail(&err);
		last_words(&r, status != 0);
	}
	tear_down(&r);
	return status;
}

/* ---- instead ---- */

static int print_difference(void *context, struct slice difference, struct err *err)
{
	struct writer *out = context;

	buf_slice(writer_buf(out), difference);
	buf_byte(writer_buf(out), '\n');
	return writer_room(out, err);
}

static int verify(void)
{
	struct dest_options o = dest_options();
	struct writer *out = writer_new(1);
	struct zone *zone = zone_new();
	struct dest *d = NULL;
	struct inspected counts;
	struct err err;
	int failed = 0;

	if (out == NULL || zone == NULL)
		failed = err_memory(&err);
	failed = failed || dest_open(given.verify, &o, &d, &err) != 0 ||
		 inspect(d, zone, print_difference, out, &counts, &err) != 0 ||
		 writer_flush(out, &err) != 0;
	if (!failed && counts.partitions == 0 && counts.differences == 0)
		failed = err_set(&err, ERR_DATA, "%s: nothing is published there", given.verify);
	dest_close(d);
	zone_free(zone);
	writer_free(out);
	if (failed)
		return tool_fail(&err);
	if (given.verbose || isatty(2))
		tool_say("verified %" PRIu64 " partitions, %" PRIu64 " objects, %" PRIu64 " rows",
			 counts.partitions, counts.objects, counts.rows);
	if (counts.differences == 0)
		return 0;
	tool_say("differences: %" PRIu64, counts.differences);
	return ERR_DATA;
}

int main(int argc, char **argv)
{
	struct err err;
	char **operands;
	size_t count;
	int status = tool_begin(&command, argc, argv, &operands, &count);

	if (status != -1)
		return status;
	if (count > 0) {
		err_set(&err, ERR_USAGE, "\"%s\": records are read from standard input",
			operands[0]);
		status = tool_fail(&err);
	} else if (given.verify != NULL && (given.to != NULL || given.layout != NULL)) {
		err_set(&err, ERR_USAGE, "--verify goes without --to and --layout");
		status = tool_fail(&err);
	} else {
		status = given.verify != NULL ? verify() : partition();
	}
	opt_free(&command);
	return status;
}
