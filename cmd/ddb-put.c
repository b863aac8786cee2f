/* ddb-put - put metrics into the store, each exactly once. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "l0-base/file.h"
#include "l1-value/text.h"
#include "l3-stream/epoch.h"
#include "l3-stream/intake.h"
#include "l3-stream/tool.h"
#include "l4-service/store.h"

/* Plain records are committed after so many, or when the input pauses. */
#define PLAIN_COMMIT_EVERY 100000

/* Of a backlog, many epochs are put into one transaction, of so many records at most, so that
 * readers of the store see it come. For the next epoch we wait, at most, about as long as it takes
 * to commit this one: who waits for that waits no longer than twice. A thread commits, while we
 * read on; how often we look whether it has. */
#define TOGETHER_MOST 1000000
#define COMMIT_RECORDS_PER_MS 200
#define SETTLED_LOOK_MS 1

static struct {
	const char *checkpoint, *ack, *rejects, *show, *drop;
	int64_t max_items, ttl;
	int create, verify, verbose;
} given = {.max_items = 1000000};

static const struct opt options[] = {
	{OPT_HEADING, 0, NULL, NULL, NULL, "Records into the store:", NULL, NULL, 0, 0},
	{OPT_STRING, 'c', "checkpoint", "NAME", &given.checkpoint,
	 "commit by barriers, and keep the position under NAME", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "ack-file", "FILE", &given.ack, "write each committed barrier to FILE",
	 NULL, NULL, 0, 0},
	{OPT_STRING, 0, "rejects", "FILE", &given.rejects, "append bad records to FILE, and go on",
	 NULL, NULL, 0, 0},
	{OPT_INT, 0, "max-items", "N", &given.max_items,
	 "items of an epoch held in memory; the rest goes to disk (1000000)", NULL, NULL, 1,
	 100000000},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Instead:", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "show-checkpoint", "NAME", &given.show,
	 "print the barrier committed last under NAME", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "drop-checkpoint", "NAME", &given.drop, "forget it; the metrics stay", NULL,
	 NULL, 0, 0},
	{OPT_FLAG, 0, "create-table", NULL, &given.create,
	 "make the store, and wait until it is there", NULL, NULL, 0, 0},
	{OPT_INT, 0, "ttl", "DAYS", &given.ttl,
	 "with --create-table: items of a day expire so many days after it", NULL, NULL, 1, 36500},
	{OPT_FLAG, 0, "verify", NULL, &given.verify,
	 "recompute every rollup from its items, and print what differs", NULL, NULL, 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Messages:", NULL, NULL, 0, 0},
	{OPT_FLAG, 'v', "verbose", NULL, &given.verbose, "say at the end what came in and went out",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0}};

static const struct opt_command command = {
	.name = "ddb-put",
	.purpose = "put metrics into the store, each exactly once",
	.usage = "[options] [STORE] < records\n"
		 "--show-checkpoint NAME | --drop-checkpoint NAME | --create-table | --verify "
		 "[STORE]",
	.see_also =
		"STORE is sqlite:FILE or dynamodb:TABLE; without it, TUBERIA_STORE says which.\n"
		"See ddb-put(1), tuberia(7).",
	.options = options,
};

enum { OP, ID, CLIENTE_ID, PRODUCTO, NUM_TRANSACCIONES, MONTO_TOTAL, FECHA_HORA, FIELDS };

static const char *const fields[FIELDS] = {
	"@op", "id", "cliente_id", "producto", "num_transacciones", "monto_total", "fecha_hora"};

struct put {
	struct store *store;
	struct epoch *epoch;
	struct zone *zone;
	struct intake in;
	struct buf id, line;
	uint64_t gathered, stored, dropped; /* records */
	/* Epochs whose commit was put off, and those that are being committed: their records, and
	 * the line of the last barrier, to be acknowledged. */
	struct put_off {
		uint64_t records;
		struct buf line;
	} held, settling;
	int64_t hold_until; /* the commit; ms of the monotonic clock */
	uint64_t epochs;    /* that were closed */
	int broken;         /* a commit has failed */
};

/* ---- a record ---- */

static int read_part(const struct put *p, size_t field, struct metric_part *part, struct err *why)
{
	const struct scan_value *v = &p->in.value[field];
	int64_t n;

	part->text = v->text;
	switch (v->kind) {
	case SCAN_STRING:
		part->kind = METRIC_STRING;
		return 0;
	case SCAN_NUMBER:
		part->kind = metric_number_kind(v->text, &n);
		return 0;
	case SCAN_ABSENT:
		return err_set(why, ERR_DATA, "%s: missing", fields[field]);
	case SCAN_NULL:
		return err_at(why, v->byte, "%s: null", fields[field]);
	default:
		return err_at(why, v->byte, "%s: not a string or a number", fields[field]);
	}
}

/* "@op": "-" takes the record back. */
static int read_op(const struct put *p, struct metric *m, struct err *why)
{
	const struct scan_value *v = &p->in.value[OP];

	if (v->kind == SCAN_ABSENT || (v->kind == SCAN_STRING && slice_is(v->text, "+")))
		return 0;
	if (v->kind != SCAN_STRING || !slice_is(v->text, "-"))
		return err_at(why, v->byte, "@op: neither \"+\" nor \"-\"");
	if (__builtin_sub_overflow(0, m->num_transacciones, &m->num_transacciones))
		return err_at(why, p->in.value[NUM_TRANSACCIONES].byte,
			      "num_transacciones: out of range");
	m->monto_total.unscaled = -m->monto_total.unscaled;
	return 0;
}

/* The id is what it says of itself, and its end is a day. */
static int read_id(struct put *p, struct metric *m, struct err *why)
{
	enum { DAY = sizeof "YYYY-MM-DD" - 1 };
	const struct scan_value *v = &p->in.value[ID];
	int64_t day;

	if (v->kind == SCAN_ABSENT)
		return err_set(why, ERR_DATA, "id: missing");
	if (v->kind != SCAN_STRING)
		return err_at(why, v->byte, "id: not a string");
	m->id = v->text;
	buf_clear(&p->id);
	id_put_part(&p->id, m->cliente_id.text);
	buf_byte(&p->id, '#');
	id_put_part(&p->id, m->producto.text);
	buf_byte(&p->id, '#');
	if (p->id.failed)
		return err_memory(why);
	if (m->id.len != p->id.len + DAY || memcmp(m->id.at, p->id.at, p->id.len) != 0)
		return err_at(why, v->byte, "id: does not match cliente_id and producto");
	m->fecha = (struct slice){m->id.at + p->id.len, DAY};
	if (date_parse(m->fecha, &day, why) == 0)
		return 0;
	why->byte = v->byte;
	return err_prefix(why, "id");
}

static int read_record(struct put *p, struct metric *m, struct timestamp *at, struct err *why)
{
	if (read_part(p, CLIENTE_ID, &m->cliente_id, why) != 0 ||
	    read_part(p, PRODUCTO, &m->producto, why) != 0 || read_id(p, m, why) != 0 ||
	    intake_int64(&p->in, NUM_TRANSACCIONES, &m->num_transacciones, why) != 0 ||
	    intake_decimal(&p->in, MONTO_TOTAL, &m->monto_total, why) != 0 ||
	    intake_timestamp(&p->in, FECHA_HORA, p->zone, at, why) != 0)
		return -1;
	m->fecha_hora = p->in.value[FECHA_HORA].text;
	return read_op(p, m, why);
}

/* ---- the stream ---- */

/* b: the barrier that closes the epoch, NULL without one. */
static int commit(struct put *p, const struct barrier *b, struct err *err)
{
	/* What was rejected must be on disk before its epoch cannot come again. */
	p->broken = intake_flush_rejects(&p->in, err) != 0 ||
		    store_commit(p->store, p->epoch, b, err) != 0;
	if (p->broken)
		return -1;
	p->stored += p->gathered;
	p->gathered = 0;
	p->epochs++;
	tool_progress("%" PRIu64 " records stored", p->stored);
	return 0;
}

static int commit_plain(struct put *p, struct err *err)
{
	return p->gathered > 0 ? commit(p, NULL, err) : 0;
}

static int keep_barrier(const struct put *p, struct buf *line, struct err *err)
{
	buf_clear(line);
	buf_slice(line, p->in.line);
	return buf_byte(line, '\n') != 0 || line->failed ? err_memory(err) : 0;
}

/* The barrier of this line is committed. */
static int acknowledge(const struct buf *line, struct err *err)
{
	return given.ack == NULL ? 0 : file_replace(given.ack, buf_view(line), 0644, err);
}

/* What was begun to be committed is. */
static int end_settling(struct put *p, struct err *err)
{
	struct put_off *done = &p->settling;
	int failed;

	p->broken = store_settle_end(p->store, err) != 0;
	if (p->broken)
		return -1;
	if (done->line.len == 0)
		return 0;
	p->stored += done->records;
	done->records = 0;
	tool_progress("%" PRIu64 " records stored", p->stored);
	failed = acknowledge(&done->line, err);
	buf_clear(&done->line);
	return failed;
}

/* Begin to commit what was put off. */
static int begin_settling(struct put *p, struct err *err)
{
	struct put_off empty;

	if (end_settling(p, err) != 0)
		return -1;
	if (!store_holds(p->store))
		return 0;
	p->broken =
		intake_flush_rejects(&p->in, err) != 0 || store_settle_begin(p->store, err) != 0;
	if (p->broken)
		return -1;
	empty = p->settling;
	p->settling = p->held;
	p->held = empty;
	return 0;
}

/* Commit what was put off. */
static int settle(struct put *p, struct err *err)
{
	return begin_settling(p, err) != 0 ? -1 : end_settling(p, err);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Nothing more is there for now: somebody may be waiting for what was. */
static int on_wait(void *context, struct err *err)
{
	struct put *p = context;
	int64_t left;

	if (given.checkpoint == NULL && !p->in.controlled)
		return commit_plain(p, err);
	if (store_settling(p->store))
		return SETTLED_LOOK_MS;
	if (end_settling(p, err) != 0)
		return -1;
	if (!store_holds(p->store))
		return 0;
	left = p->hold_until - now_ms();
	if (left > 0)
		return (int)left;
	return begin_settling(p, err) != 0 ? -1 : SETTLED_LOOK_MS;
}

static int on_record(void *context, struct err *err)
{
	struct put *p = context;
	struct metric m;
	struct timestamp at;
	struct err why;

	if (store_expects_records(p->store, err) != 0)
		return err_prefix(err, "%s", p->in.name);
	if (read_record(p, &m, &at, &why) != 0 || epoch_add(p->epoch, &m, &at, &why) != 0)
		return intake_reject(&p->in, &why, err);
	p->gathered++;
	if (given.checkpoint == NULL && !p->in.controlled && p->gathered >= PLAIN_COMMIT_EVERY)
		return commit_plain(p, err);
	if (epoch_count(p->epoch) + store_held(p->store) < (size_t)given.max_items)
		return 0;
	if (settle(p, err) != 0)
		return -1;
	if (epoch_count(p->epoch) < (size_t)given.max_items)
		return 0;
	return store_stage(p->store, p->epoch, err);
}

/* The barrier has closed an epoch. */
static int close_epoch(struct put *p, struct err *err)
{
	int put_off = store_hold(p->store, p->epoch, &p->in.barrier, err);

	if (put_off < 0)
		return -1;
	if (!put_off)
		return settle(p, err) != 0 ? -1 : commit(p, &p->in.barrier, err);
	p->hold_until = now_ms() + (int64_t)(p->gathered / COMMIT_RECORDS_PER_MS);
	p->held.records += p->gathered;
	p->gathered = 0;
	p->epochs++;
	if (keep_barrier(p, &p->held.line, err) != 0)
		return -1;
	return p->held.records < TOGETHER_MOST ? 0 : begin_settling(p, err);
}

static int on_barrier(void *context, struct err *err)
{
	struct put *p = context;
	int closes = store_expects(p->store, &p->in.barrier, p->gathered, err);

	if (closes < 0)
		return err_prefix(err, "%s", p->in.name);
	if (closes && close_epoch(p, err) != 0)
		return -1;
	/* It is committed, unless it is among those put off. */
	if (p->held.line.len > 0 || p->settling.line.len > 0)
		return 0;
	if (keep_barrier(p, &p->line, err) != 0)
		return -1;
	return acknowledge(&p->line, err);
}

/* The end of the file, or a signal. In a stream with barriers, what came behind the last one is
 * left to the next run. */
static int on_end(void *context, struct err *err)
{
	struct put *p = context;
	int controlled = given.checkpoint != NULL || p->in.controlled;

	if (settle(p, err) != 0)
		return -1;
	if (!controlled || (given.checkpoint == NULL && p->in.ended))
		return commit_plain(p, err);
	if (p->in.ended || p->in.stopped)
		return 0;
	if (!p->in.controlled && p->in.records > 0)
		return err_set(err, ERR_CONFIG,
			       "%s: there is no barrier in the input, and --checkpoint commits at "
			       "barriers",
			       p->in.name);
	return intake_cut_off(&p->in, err);
}

static const struct intake_handlers handlers = {
	.record = on_record,
	.barrier = on_barrier,
	.end = on_end,
};

/* The run has failed. What was put off is stored all the same; and a bad record ends a plain stream
 * where it stands: what came before it is stored. */
static int store_rest(struct put *p, const struct err *why, int status)
{
	struct err err;

	if (p->broken)
		return status;
	if (settle(p, &err) != 0)
		return tool_fail(&err);
	if (why->status != ERR_DATA || given.checkpoint != NULL || p->in.controlled)
		return status;
	return commit_plain(p, &err) == 0 ? status : tool_fail(&err);
}

static void say_remark(const struct put *p)
{
	struct buf line = {0};

	if (store_remark(p->store, &line) > 0 && !line.failed)
		tool_say("%.*s", SLICE_ARG(buf_view(&line)));
	buf_free(&line);
}

static void last_words(struct put *p, int failed)
{
	uint64_t put_off = p->held.records + p->settling.records;
	uint64_t rejected = p->in.rejected, known = p->stored + put_off + p->gathered;

	p->dropped = put_off + p->gathered;
	/* The record that ended the run was refused too. */
	if (failed)
		rejected = p->in.records - known;
	if (p->dropped > 0)
		tool_say("records behind the last barrier, not stored: %" PRIu64, p->dropped);
	if (given.verbose)
		say_remark(p);
	if (given.verbose)
		tool_say("in %" PRIu64 " = stored %" PRIu64 " + dropped %" PRIu64
			 " + rejected %" PRIu64 "; epochs %" PRIu64,
			 p->in.records, p->stored, p->dropped, rejected, p->epochs);
}

static int set_up(struct put *p, const char *uri, struct err *err)
{
	p->in.fd = 0;
	p->in.name = "<stdin>";
	p->in.fields = fields;
	p->in.field_count = FIELDS;
	p->in.rejects = given.rejects;
	p->in.stop = &tool_stop;
	p->in.wait_mask = tool_wait_mask();
	p->in.on_wait = on_wait;
	p->in.wait_context = p;
	p->zone = zone_new();
	p->epoch = epoch_new();
	if (p->zone == NULL || p->epoch == NULL)
		return err_memory(err);
	if (store_open(uri, given.checkpoint, &p->store, err) != 0)
		return -1;
	return intake_open(&p->in, err);
}

static int put_records(const char *uri)
{
	static struct put p;
	struct err err;
	int status = 0;

	if (set_up(&p, uri, &err) != 0) {
		status = tool_fail(&err);
	} else {
		if (intake_run(&p.in, &handlers, &p, &err) != 0)
			status = store_rest(&p, &err, tool_fail(&err));
		last_words(&p, status != 0);
	}
	intake_close(&p.in);
	store_close(p.store);
	epoch_free(p.epoch);
	zone_free(p.zone);
	buf_free(&p.id);
	buf_free(&p.line);
	buf_free(&p.held.line);
	buf_free(&p.settling.line);
	return status;
}

/* ---- instead ---- */

static int show_checkpoint(const char *uri)
{
	struct writer *out = writer_new(1);
	struct err err;
	int failed;

	if (out == NULL) {
		err_memory(&err);
		return tool_fail(&err);
	}
	failed = store_show_checkpoint(uri, given.show, writer_buf(out), &err) < 0 ||
		 writer_flush(out, &err) != 0;
	writer_free(out);
	return failed ? tool_fail(&err) : 0;
}

static int drop_checkpoint(const char *uri)
{
	struct err err;

	return store_drop_checkpoint(uri, given.drop, &err) < 0 ? tool_fail(&err) : 0;
}

static int create(const char *uri)
{
	struct err err;

	return store_create(uri, given.ttl, &err) != 0 ? tool_fail(&err) : 0;
}

static int print_difference(void *context, struct slice difference, struct err *err)
{
	struct writer *out = context;

	buf_slice(writer_buf(out), difference);
	buf_byte(writer_buf(out), '\n');
	return writer_room(out, err);
}

static int verify(const char *uri)
{
	struct writer *out = writer_new(1);
	struct store_verified counts;
	struct err err;
	int failed;

	if (out == NULL) {
		err_memory(&err);
		return tool_fail(&err);
	}
	failed = store_verify(uri, print_difference, out, &counts, &err) != 0 ||
		 writer_flush(out, &err) != 0;
	writer_free(out);
	if (failed)
		return tool_fail(&err);
	if (given.verbose || isatty(2))
		tool_say("verified %" PRIu64 " items, %" PRIu64 " rollups", counts.items,
			 counts.rollups);
	if (counts.differences == 0)
		return 0;
	tool_say("differences: %" PRIu64, counts.differences);
	return ERR_DATA;
}

/* ---- the command line ---- */

static int check_options(char **operands, size_t count, const char **uri, struct err *err)
{
	int instead = (given.show != NULL) + (given.drop != NULL) + given.create + given.verify;

	if (instead > 1)
		return err_set(err, ERR_USAGE,
			       "--show-checkpoint, --drop-checkpoint, --create-table and --verify: "
			       "one at a time");
	if (instead == 1 &&
	    (given.checkpoint != NULL || given.ack != NULL || given.rejects != NULL))
		return err_set(err, ERR_USAGE,
			       "--checkpoint, --ack-file and --rejects go with records only");
	if (given.ttl != 0 && !given.create)
		return err_set(err, ERR_USAGE, "--ttl goes with --create-table only");
	if (given.ack != NULL && given.checkpoint == NULL)
		return err_set(err, ERR_USAGE, "--ack-file goes with --checkpoint only");
	if (given.checkpoint != NULL && given.checkpoint[0] == '\0')
		return err_set(err, ERR_USAGE, "--checkpoint: empty");
	if (count > 1)
		return err_set(err, ERR_USAGE, "\"%s\": one store only", operands[1]);
	*uri = count > 0 ? operands[0] : getenv("TUBERIA_STORE");
	if (*uri == NULL || **uri == '\0')
		return err_set(err, ERR_USAGE,
			       "which store? (sqlite:FILE, dynamodb:TABLE, or TUBERIA_STORE)");
	return 0;
}

int main(int argc, char **argv)
{
	struct err err;
	char **operands;
	size_t count;
	const char *uri = NULL;
	int status = tool_begin(&command, argc, argv, &operands, &count);

	if (status != -1)
		return status;
	if (check_options(operands, count, &uri, &err) != 0)
		status = tool_fail(&err);
	else if (given.show != NULL)
		status = show_checkpoint(uri);
	else if (given.drop != NULL)
		status = drop_checkpoint(uri);
	else if (given.create)
		status = create(uri);
	else if (given.verify)
		status = verify(uri);
	else
		status = put_records(uri);
	opt_free(&command);
	return status;
}
