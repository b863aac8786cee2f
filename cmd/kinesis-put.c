/* kinesis-put - lines into a Kinesis stream, in order for each key, labelled so that each counts
 * once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l0-base/file.h"
#include "l2-line/json.h"
#include "l2-line/seen.h"
#include "l2-line/template.h"
#include "l3-stream/intake.h"
#include "l3-stream/tool.h"
#include "l4-service/kinesis.h"
#include "l4-service/kinesisput.h"

/* Of the ack file: a position has every shard. */
#define ACK_MOST ((size_t)16 << 20)

static struct {
	const char *key, *name, *ack, *rejects;
	int64_t shards, max_epoch;
	int create, join, whole, verbose;
} given = {.name = "put", .shards = 1, .max_epoch = 256 << 20};

static const struct opt options[] = {
	{OPT_STRING, 'k', "key", "FIELD,...", &given.key,
	 "the partition key: fields, or a template such as '{cliente_id}#{producto}'", NULL, NULL,
	 0, 0},
	{OPT_STRING, 0, "ack-file", "FILE", &given.ack,
	 "write each barrier to FILE when all before it is stored", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "whole-epochs", NULL, &given.whole,
	 "for lines that come in another order after a restart", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "join", NULL, &given.join,
	 "lines of one key that wait together are one record", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "name", "NAME", &given.name,
	 "of the writer, when a stream has several (put)", NULL, NULL, 0, 0},
	{OPT_FLAG, 0, "create-stream", NULL, &given.create, "create the stream if it is not there",
	 NULL, NULL, 0, 0},
	{OPT_INT, 0, "shards", "N", &given.shards, "shards of a stream that is created (1)", NULL,
	 NULL, 1, 10000},
	{OPT_INT, 0, "max-epoch", "BYTES", &given.max_epoch,
	 "of an epoch held by --whole-epochs (268435456)", NULL, NULL, 65536, INT64_C(1) << 36},
	{OPT_STRING, 0, "rejects", "FILE", &given.rejects, "append bad records to FILE, and go on",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 'v', "verbose", NULL, &given.verbose, "say at the end what came in and went out",
	 NULL, NULL, 0, 0},
	{OPT_FLAG, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0}};

static const struct opt_command command = {
	.name = "kinesis-put",
	.purpose = "lines into a Kinesis stream, in order for each key, labelled to count once",
	.usage = "--key FIELD,... [options] STREAM < records",
	.see_also = "See kinesis-put(1), kinesis-tail(1), tuberia(7), tuberia-aws(7).",
	.options = options,
};

/* A line of an epoch that is held: its key stands in front of it. */
struct held {
	size_t at, key, line;
};

struct put {
	struct template *form; /* of the key */
	const char *fields[TEMPLATE_FIELDS_MAX + 1];
	struct kinesisput *to;
	struct intake in;
	struct buf key, text;
	char name[SEEN_NAME_MAX + 1];  /* with generation */
	char drawn[SEEN_NAME_MAX + 1]; /* the latest that began anew, as far as is known */
	int begun;                     /* the first line or barrier has come */
	int fresh;                     /* its generation has no epoch yet */
	struct barrier acked;          /* the last one in the ack file, or zero */

	/* --whole-epochs */
	struct buf bytes;
	struct held *held;
	size_t count, room;

	uint64_t put, put_at_barrier, dropped, epochs;
};

/* ---- generations and acknowledgements ---- */

static void take_drawn(struct put *p, const char *name)
{
	if (name == NULL || strlen(name) > SEEN_NAME_MAX || !seen_is_anew(slice_of(name)))
		return;
	if (p->drawn[0] == '\0' || seen_compare(slice_of(p->drawn), slice_of(name)) < 0)
		snprintf(p->drawn, sizeof p->drawn, "%s", name);
}

static void take_drawn_of(struct put *p, const struct json *barrier)
{
	take_drawn(p, json_string(json_get(json_get(barrier, "put"), "name")));
	take_drawn(p, json_string(json_get(barrier, "begun")));
}

/* What earlier runs have left in the ack file: a barrier, or what note_drawn wrote. */
static int read_drawn(struct put *p, struct err *err)
{
	struct err ignored;
	struct json *left;
	int found;

	buf_clear(&p->text);
	found = file_read(given.ack, ACK_MOST, &p->text, err);
	if (found <= 0)
		return found;
	left = json_parse(buf_view(&p->text), &ignored);
	take_drawn_of(p, json_get(left, "@barrier"));
	take_drawn(p, json_string(json_get(left, "@begun")));
	json_free(left);
	return 0;
}

static int write_ack(struct put *p, const struct barrier *b, struct err *err)
{
	buf_clear(&p->text);
	if (barrier_print(&p->text, b) != 0 || buf_byte(&p->text, '\n') != 0)
		return err_memory(err);
	return file_replace(given.ack, buf_view(&p->text), 0644, err);
}

/* A generation must be known before anything of it is put: the next one must be later, even if
 * nothing of this one is ever acknowledged and the clock is set back. */
static int note_drawn(struct put *p, struct err *err)
{
	if (p->acked.document != NULL) {
		json_remove(p->acked.document, "begun");
		return json_put_string_value(p->acked.document, "begun", p->drawn) == NULL
			       ? err_memory(err)
			       : write_ack(p, &p->acked, err);
	}
	buf_clear(&p->text);
	if (buf_printf(&p->text, "{\"@begun\":\"%s\"}\n", p->drawn) != 0)
		return err_memory(err);
	return file_replace(given.ack, buf_view(&p->text), 0644, err);
}

/* What this writer has put so far is void; readers know it by the first line of this generation,
 * be it the mark alone. */
static int begin_anew(struct put *p, struct err *err)
{
	seen_generation(p->name, given.name, 1, p->drawn[0] == '\0' ? NULL : p->drawn);
	take_drawn(p, p->name);
	if (note_drawn(p, err) != 0)
		return -1;
	kinesisput_label(p->to, p->name, 0);
	return kinesisput_line(p->to, slice_of(given.name), slice_of(SEEN_MARK), err);
}

/* The input is no continuation of what has been acknowledged. first: the barrier that it begins
 * with, or NULL. Without acknowledgements, or behind a barrier of somebody else's, it is added to
 * what is there. */
static int new_generation(struct put *p, const struct barrier *first, struct err *err)
{
	p->begun = p->fresh = 1;
	if (given.ack != NULL && (first == NULL || first->epoch <= 1))
		return begin_anew(p, err);
	seen_generation(p->name, given.name, 0, NULL);
	kinesisput_label(p->to, p->name, 0);
	return 0;
}

/* The barrier to resume from says where labels go on. Returns 1 when it does, 0 when it does not,
 * or -1. */
static int old_generation(struct put *p, struct err *err)
{
	const struct json *put = json_get(p->in.barrier.document, "put");
	const char *name = json_string(json_get(put, "name"));
	size_t n = strlen(given.name);
	int64_t sent;

	if (put == NULL)
		return 0;
	if (name == NULL || strlen(name) > SEEN_NAME_MAX || strncmp(name, given.name, n) != 0 ||
	    name[n] != '.' || json_int64(json_get(put, "sent"), &sent) != 0 || sent < 0)
		return err_set(err, ERR_CONFIG,
			       "%s: the barrier to resume from was not acknowledged by --name %s",
			       p->in.name, given.name);
	snprintf(p->name, sizeof p->name, "%s", name);
	take_drawn_of(p, p->in.barrier.document);
	kinesisput_label(p->to, p->name, (uint64_t)sent);
	p->begun = 1;
	return 1;
}

/* Add to a barrier what has been sent up to it; a promise that it held is kept now. */
static int stamp(const struct put *p, struct json *document, struct err *err)
{
	struct json *put;

	json_remove(document, "pending");
	json_remove(document, "begun");
	put = json_put_object(document, "put");
	if (put == NULL || json_put_string_value(put, "name", p->name) == NULL ||
	    json_put_int64(put, "sent", (int64_t)kinesisput_ordinal(p->to)) == NULL)
		return err_memory(err);
	return 0;
}

/* All before the barrier is stored. */
static int acknowledge(struct put *p, struct err *err)
{
	struct barrier b = {0};

	if (intake_flush_rejects(&p->in, err) != 0)
		return -1;
	p->epochs++;
	p->fresh = 0;
	p->put_at_barrier = p->put;
	if (given.ack == NULL)
		return 0;
	b.document = json_put_copy(NULL, NULL, p->in.barrier.document);
	if (b.document == NULL)
		return err_memory(err);
	if (stamp(p, b.document, err) != 0 || barrier_reread(&b, err) != 0 ||
	    write_ack(p, &b, err) != 0) {
		barrier_free(&b);
		return -1;
	}
	barrier_free(&p->acked);
	p->acked = b;
	return 0;
}

/* --whole-epochs: what is about to be put has to be put just so after a crash. */
static int promise(struct put *p, struct err *err)
{
	struct json *pending;

	if (p->acked.document == NULL)
		return err_set(err, ERR_CONFIG,
			       "%s: --whole-epochs needs a barrier in front of the first record",
			       p->in.name);
	pending = json_put_copy(p->acked.document, "pending", p->in.barrier.document);
	if (pending == NULL)
		return err_memory(err);
	json_remove(pending, "pending");
	return write_ack(p, &p->acked, err);
}

/* ---- records ---- */

static int read_key(struct put *p, struct err *why)
{
	struct slice values[TEMPLATE_FIELDS_MAX];

	for (size_t i = 0; i < template_field_count(p->form); i++) {
		const struct scan_value *v = &p->in.value[i];
		const char *name = p->fields[i];

		if (v->kind == SCAN_ABSENT)
			return err_set(why, ERR_DATA, "%s: missing", name);
		if (v->kind == SCAN_NULL || v->kind == SCAN_OBJECT || v->kind == SCAN_ARRAY)
			return err_at(why, v->byte, "%s: %s", name,
				      v->kind == SCAN_NULL ? "null" : "not a string or a number");
		values[i] = v->text;
	}
	buf_clear(&p->key);
	return template_put(p->form, values, &p->key) != 0 ? err_memory(why) : 0;
}

static int hold(struct put *p, struct err *err)
{
	struct held h = {p->bytes.len, p->key.len, p->in.line.len};

	if (p->bytes.len + h.key + h.line > (size_t)given.max_epoch)
		return err_set(err, ERR_CONFIG, "%s: an epoch of more than %" PRId64 " bytes",
			       p->in.name, given.max_epoch);
	if (p->count == p->room) {
		size_t room = p->room == 0 ? 1024 : 2 * p->room;
		struct held *more = reallocarray(p->held, room, sizeof *more);

		if (more == NULL)
			return err_memory(err);
		p->held = more;
		p->room = room;
	}
	buf_slice(&p->bytes, buf_view(&p->key));
	if (buf_slice(&p->bytes, p->in.line) != 0 || p->bytes.failed)
		return err_memory(err);
	p->held[p->count++] = h;
	return 0;
}

static int on_record(void *context, struct err *err)
{
	struct put *p = context;
	const struct scan_value *label = &p->in.value[template_field_count(p->form)];
	struct err why;

	if (!p->begun && new_generation(p, NULL, err) != 0)
		return -1;
	if (label->kind != SCAN_ABSENT) {
		err_at(&why, label->byte, "@put: it has a label already");
		return intake_reject(&p->in, &why, err);
	}
	if (read_key(p, &why) != 0)
		return intake_reject(&p->in, &why, err);
	if (given.whole)
		return hold(p, err);
	if (kinesisput_line(p->to, buf_view(&p->key), p->in.line, &why) != 0) {
		if (why.status == ERR_DATA)
			return intake_reject(&p->in, &why, err);
		*err = why;
		return -1;
	}
	p->put++;
	return 0;
}

/* ---- epochs ---- */

static const char *sorted_bytes; /* for compare */

static int compare(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	size_t n = x->line < y->line ? x->line : y->line;
	int order = memcmp(sorted_bytes + x->at + x->key, sorted_bytes + y->at + y->key, n);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Put the epoch that is held, in an order that is the same whenever it comes again. */
static int put_epoch(struct put *p, struct err *err)
{
	if (p->count == 0)
		return 0;
	if (promise(p, err) != 0)
		return -1;
	sorted_bytes = p->bytes.at;
	qsort(p->held, p->count, sizeof *p->held, compare);
	for (size_t i = 0; i < p->count; i++) {
		const struct held *h = &p->held[i];
		const char *at = p->bytes.at + h->at;

		if (kinesisput_line(p->to, (struct slice){at, h->key},
				    (struct slice){at + h->key, h->line}, err) != 0)
			return -1;
		p->put++;
	}
	buf_clear(&p->bytes);
	p->count = 0;
	return 0;
}

/* This epoch replaces all before it (TRUNCATE): its lines, if any, must not be out yet. */
static int replace_all(struct put *p, struct err *err)
{
	if (!seen_is_anew(slice_of(p->name)))
		return err_set(err, ERR_CONFIG,
			       "%s: the table was emptied, and what this writer has put cannot be "
			       "made void: it did not begin with --ack-file",
			       p->in.name);
	if (p->put > p->put_at_barrier)
		return err_set(err, ERR_CONFIG,
			       "%s: the epoch replaces all before it, and its lines were put "
			       "already: --whole-epochs holds them",
			       p->in.name);
	return begin_anew(p, err);
}

static int on_barrier(void *context, struct err *err)
{
	struct put *p = context;
	int old = 0;

	if (!p->begun) {
		old = old_generation(p, err);
		if (old < 0 || (old == 0 && new_generation(p, &p->in.barrier, err) != 0))
			return -1;
	} else if (p->in.barrier.snapshot && !p->fresh && replace_all(p, err) != 0) {
		return -1;
	}
	if (old) { /* it was acknowledged before, and may hold a promise */
		barrier_free(&p->acked);
		p->acked.document = json_put_copy(NULL, NULL, p->in.barrier.document);
		if (p->acked.document == NULL)
			return err_memory(err);
		return 0;
	}
	if (put_epoch(p, err) != 0 || kinesisput_flush(p->to, err) != 0)
		return -1;
	return acknowledge(p, err);
}

/* Nothing more is there for now: somebody may be waiting for what was. */
static int on_wait(void *context, struct err *err)
{
	struct put *p = context;

	return kinesisput_flush(p->to, err);
}

static int on_end(void *context, struct err *err)
{
	struct put *p = context;
	if (!p->in.controlled || p->in.ended) {
		/* Behind the last barrier, or a plain file. */
		if (p->in.controlled && p->count > 0)
			p->dropped = p->count;
		else if (given.whole && p->count > 0)
			return err_set(err, ERR_CONFIG,
				       "%s: there is no barrier in the input, and --whole-epochs "
				       "puts at barriers",
				       p->in.name);
		return kinesisput_flush(p->to, err);
	}
	p->dropped = p->count;
	if (kinesisput_flush(p->to, err) != 0)
		return -1;
	if (p->in.stopped)
		return 0;
	return intake_cut_off(&p->in, err);
}

static const struct intake_handlers handlers = {
	.record = on_record,
	.barrier = on_barrier,
	.end = on_end,
};

/* ---- the frame ---- */

static void last_words(const struct put *p, int failed)
{
	struct kinesisput_counts c = kinesisput_counts(p->to);
	uint64_t known = p->put + p->count;
	uint64_t rejected = failed ? p->in.records - known : p->in.rejected;

	if (!given.verbose)
		return;
	tool_say("in %" PRIu64 " = put %" PRIu64 " + dropped %zu + rejected %" PRIu64
		 "; stored %" PRIu64 ", sent again %" PRIu64 ", requests %" PRIu64
		 ", epochs %" PRIu64,
		 p->in.records, p->put, p->count, rejected, c.stored, c.again, c.requests,
		 p->epochs);
}

static int set_up(struct put *p, const char *stream, struct err *err)
{
	struct kinesisput_options o = {.stream = stream,
				       .join = given.join,
				       .allowed = tool_wait_mask(),
				       .stop = &tool_stop};

	if (template_new(given.key, &p->form, err) != 0)
		return err_prefix(err, "--key: %s", given.key);
	for (; p->in.field_count < template_field_count(p->form); p->in.field_count++)
		p->fields[p->in.field_count] = template_field(p->form, p->in.field_count);
	p->fields[p->in.field_count++] = "@put";
	if (kinesisput_open(&o, &p->to, err) != 0 ||
	    (given.create && kinesisput_create(p->to, given.shards, err) != 0))
		return -1;
	p->in.fd = 0;
	p->in.name = "<stdin>";
	p->in.fields = p->fields;
	p->in.rejects = given.rejects;
	p->in.stop = &tool_stop;
	p->in.wait_mask = tool_wait_mask();
	p->in.on_wait = on_wait;
	p->in.wait_context = p;
	if (given.ack != NULL && read_drawn(p, err) != 0)
		return -1;
	return intake_open(&p->in, err);
}

static int check_options(char **operands, size_t count, struct err *err)
{
	if (count != 1)
		return err_set(err, ERR_USAGE, count == 0 ? "which stream?" : "one stream only");
	if (!kinesis_name_ok(operands[0]))
		return err_set(err, ERR_USAGE, "\"%s\": not the name of a stream", operands[0]);
	if (given.key == NULL)
		return err_set(err, ERR_USAGE, "--key is needed");
	if (!seen_name_ok(given.name))
		return err_set(err, ERR_USAGE,
			       "--name: \"%s\": must be 1 to 32 letters, digits, '_', '-'",
			       given.name);
	if (given.whole && given.ack == NULL)
		return err_set(err, ERR_USAGE, "--whole-epochs needs --ack-file");
	return 0;
}

static void tear_down(struct put *p)
{
	intake_close(&p->in);
	kinesisput_close(p->to);
	barrier_free(&p->acked);
	buf_free(&p->key);
	buf_free(&p->text);
	buf_free(&p->bytes);
	free(p->held);
	template_free(p->form);
	opt_free(&command);
}

int main(int argc, char **argv)
{
	static struct put p;
	struct err err = {0};
	char **operands;
	size_t count;
	int status = tool_begin(&command, argc, argv, &operands, &count);

	if (status != -1)
		return status;
	status = 0;
	if (check_options(operands, count, &err) != 0 || set_up(&p, operands[0], &err) != 0) {
		status = tool_fail(&err);
	} else {
		if (intake_run(&p.in, &handlers, &p, &err) != 0)
			status = tool_fail(&err);
		last_words(&p, status != 0);
	}
	tear_down(&p);
	return status;
}
