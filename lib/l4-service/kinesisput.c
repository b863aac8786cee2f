#include "l4-service/kinesisput.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "l0-base/hash.h"
#include "l0-base/table.h"
#include "l1-value/text.h"
#include "l2-line/json.h"
#include "l2-line/reader.h"
#include "l2-line/scan.h"
#include "l2-line/seen.h"
#include "l4-service/kinesis.h"

/* Of one request: 500 records, 5 MiB with keys; of one record: 1 MiB with its key. */
#define REQUEST_RECORDS 500
#define REQUEST_BYTES ((size_t)5 << 20)
#define RECORD_BYTES ((size_t)1 << 20)
/* Lines joined into one record: PUT payload units are 25 KiB. */
#define JOIN_BYTES ((size_t)25 << 10)
#define KEY_CHARACTERS 256
/* Lines that wait, and those stored between them: twice a request, so that the few that one leaves
 * behind, second lines of their keys, go with the next and not alone. */
#define WINDOW 1000
/* Rounds in a row in which nothing was stored; the waits between them grow up to 5 s. */
#define TRIES 12
#define WAIT_FIRST_MS 50
#define WAIT_MOST_MS 5000

_Static_assert(WINDOW <= SEEN_WINDOW, "what a reader remembers");

enum { IN_NONE = -1, FIRST_OF_KEY = -2, JOINED = -3 };

struct entry {
	struct buf line, key;
	uint64_t ordinal;
	int record; /* in the request at hand, or one of these: */
};

struct kinesisput {
	char *stream;
	int join;
	const volatile sig_atomic_t *stop;
	struct aws *aws;
	struct aws_call call;
	/* Lines that wait, in order: entries[order[0 .. count)]. */
	struct entry entries[WINDOW];
	unsigned short order[WINDOW];
	size_t count, bytes;
	char name[SEEN_NAME_MAX + 1];
	uint64_t ordinal;
	struct table *keys; /* of the request at hand: struct record */
	struct buf body, data;
	struct scan *scan;
	struct kinesisput_counts counts;
	uint64_t random;
};

/* A record of the request at hand. */
struct record {
	size_t last;  /* place in the order of its last line */
	size_t bytes; /* with its key */
};

_Static_assert(sizeof(struct record) % 16 == 0, "a value of a table");

int kinesisput_open(const struct kinesisput_options *o, struct kinesisput **out, struct err *err)
{
	static const char *const fields[] = {"FailedRecordCount"};
	struct aws_options a = {.service = "kinesis", .allowed = o->allowed, .stop = o->stop};
	struct kinesisput *k = calloc(1, sizeof *k);

	if (k == NULL)
		return err_memory(err);
	k->stream = strdup(o->stream);
	k->join = o->join;
	k->stop = o->stop;
	k->keys = table_new(sizeof(struct record));
	k->random = (uint64_t)time(NULL) * 2862933555777941757u + 1;
	for (size_t i = 0; i < WINDOW; i++)
		k->order[i] = (unsigned short)i;
	if (k->stream == NULL || k->keys == NULL) {
		kinesisput_close(k);
		return err_memory(err);
	}
	if (scan_new(fields, 1, &k->scan, err) != 0 || aws_open(&a, &k->aws, err) != 0) {
		kinesisput_close(k);
		return -1;
	}
	*out = k;
	return 0;
}

void kinesisput_close(struct kinesisput *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < WINDOW; i++) {
		buf_free(&k->entries[i].line);
		buf_free(&k->entries[i].key);
	}
	aws_call_free(&k->call);
	aws_close(k->aws);
	scan_free(k->scan);
	table_free(k->keys);
	buf_free(&k->body);
	buf_free(&k->data);
	free(k->stream);
	free(k);
}

int kinesisput_create(struct kinesisput *k, int64_t shards, struct err *err)
{
	return kinesis_create(k->aws, k->stream, shards, k->stop, err);
}

void kinesisput_label(struct kinesisput *k, const char *name, uint64_t ordinal)
{
	memset(k->name, 0, sizeof k->name);
	memcpy(k->name, name, strnlen(name, SEEN_NAME_MAX));
	k->ordinal = ordinal;
}

uint64_t kinesisput_ordinal(const struct kinesisput *k)
{
	return k->ordinal;
}

struct kinesisput_counts kinesisput_counts(const struct kinesisput *k)
{
	return k->counts;
}

/* ---- a request ---- */

static struct entry *entry_at(struct kinesisput *k, size_t i)
{
	return &k->entries[k->order[i]];
}

/* Which lines go into the request: the first of each key, and, joined, those that follow it.
 * Returns how many records that makes, or -1 out of memory. */
static int choose(struct kinesisput *k)
{
	size_t bytes = 0;
	int records = 0, fresh;

	table_clear(k->keys);
	for (size_t i = 0; i < k->count; i++) {
		struct entry *e = entry_at(k, i);
		size_t size = e->line.len + 1;
		struct record *r = table_at(k->keys, buf_view(&e->key), &fresh);

		if (r == NULL)
			return -1;
		e->record = IN_NONE;
		if (fresh)
			size += e->key.len;
		/* Once a line of a key has to stay, so have all behind it. */
		if (bytes + size > REQUEST_BYTES || (fresh && records == REQUEST_RECORDS) ||
		    (!fresh && (!k->join || r->last == SIZE_MAX || r->bytes + size > JOIN_BYTES))) {
			r->last = SIZE_MAX;
			continue;
		}
		if (fresh)
			records++;
		e->record = fresh ? FIRST_OF_KEY : JOINED;
		r->last = i;
		r->bytes += size;
		bytes += size;
	}
	return records;
}

/* {"Data":"...","PartitionKey":"..."} of the line at i and those that are joined to it. */
static int put_record(struct kinesisput *k, size_t i, int record)
{
	struct entry *first = entry_at(k, i);

	buf_clear(&k->data);
	buf_slice(&k->data, buf_view(&first->line));
	first->record = record;
	for (size_t j = i + 1; k->join && j < k->count; j++) {
		struct entry *e = entry_at(k, j);

		if (e->record != JOINED || !slice_equal(buf_view(&e->key), buf_view(&first->key)))
			continue;
		buf_byte(&k->data, '\n');
		buf_slice(&k->data, buf_view(&e->line));
		e->record = record;
	}
	buf_puts(&k->body, record > 0 ? ",{\"Data\":\"" : "{\"Data\":\"");
	hash_base64(&k->body, (const unsigned char *)k->data.at, k->data.len);
	buf_puts(&k->body, "\",\"PartitionKey\":");
	json_put_string(&k->body, buf_view(&first->key));
	return buf_byte(&k->body, '}') != 0 || k->body.failed || k->data.failed ? -1 : 0;
}

/* Returns how many records, or -1 out of memory. */
static int make_request(struct kinesisput *k, struct err *err)
{
	int records = 0;

	if (choose(k) < 0)
		return err_memory(err);
	buf_clear(&k->body);
	buf_printf(&k->body, "{\"StreamName\":\"%s\",\"Records\":[", k->stream);
	for (size_t i = 0; i < k->count; i++)
		if (entry_at(k, i)->record == FIRST_OF_KEY && put_record(k, i, records++) != 0)
			return err_memory(err);
	buf_puts(&k->body, "]}");
	return k->body.failed ? err_memory(err) : records;
}

/* Lines of records that are stored go; failed[record]: 1 for one that is not. */
static size_t remove_stored(struct kinesisput *k, const char *failed)
{
	unsigned short stored[WINDOW];
	size_t kept = 0, gone = 0;

	for (size_t i = 0; i < k->count; i++) {
		const struct entry *e = entry_at(k, i);

		if (e->record >= 0 && !failed[e->record]) {
			k->bytes -= e->line.len;
			stored[gone++] = k->order[i];
		} else {
			k->order[kept++] = k->order[i];
		}
	}
	memcpy(k->order + kept, stored, gone * sizeof *stored);
	k->count = kept;
	k->counts.stored += gone;
	return gone;
}

/* Which records failed; the first reason is kept in *err. Returns how many, or -1. */
static int read_failures(struct kinesisput *k, int records, char *failed, struct err *err)
{
	struct json *reply = json_parse(buf_view(&k->call.http.reply), err);
	const struct json *list = json_get(reply, "Records");
	int count = 0;

	if (reply == NULL || json_count(list) != (size_t)records) {
		json_free(reply);
		return err_set(err, ERR_UNAVAILABLE, "%s: PutRecords: a reply that is none",
			       aws_label(k->aws));
	}
	for (int i = 0; i < records; i++) {
		const struct json *item = json_item(list, (size_t)i);
		const char *code = json_string(json_get(item, "ErrorCode"));
		const char *message = json_string(json_get(item, "ErrorMessage"));

		failed[i] = code != NULL;
		if (code != NULL && count++ == 0)
			err_set(err, ERR_TEMP, "%s: PutRecords: %s: %s", aws_label(k->aws), code,
				message != NULL ? message : "");
	}
	json_free(reply);
	return count;
}

/* Nearly always none has failed, and that is all that is read of the answer. */
static int none_failed(struct kinesisput *k)
{
	struct scan_value v;
	struct err ignored;
	struct buf *reply = &k->call.http.reply;

	if (buf_room(reply, READER_PADDING) == NULL)
		return 0;
	memset(reply->at + reply->len, 0, READER_PADDING);
	return scan_line(k->scan, buf_view(reply), &v, &ignored) == 0 && v.kind == SCAN_NUMBER &&
	       slice_is(v.text, "0");
}

static void wait_some(struct kinesisput *k, int tries)
{
	uint64_t most = (uint64_t)WAIT_FIRST_MS << (tries < 8 ? tries : 8), ms;
	struct timespec t;

	if (most > WAIT_MOST_MS)
		most = WAIT_MOST_MS;
	k->random = k->random * 6364136223846793005u + 1442695040888963407u;
	ms = 1 + (k->random >> 33) % most; /* full jitter */
	t = (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
	nanosleep(&t, NULL);
}

/* One request. *progress: something was stored. Returns 0, or -1. */
static int round_trip(struct kinesisput *k, int *progress, struct err *err)
{
	char failed[REQUEST_RECORDS] = {0};
	int records = make_request(k, err), failures = 0;

	if (records < 0)
		return -1;
	kinesis_ask(&k->call, KINESIS_TARGET("PutRecords"), buf_view(&k->body));
	k->counts.requests++;
	if (aws_run(k->aws, &k->call, err) != 0)
		return -1;
	if (!none_failed(k)) {
		failures = read_failures(k, records, failed, err);
		if (failures < 0)
			return -1;
		k->counts.again += (uint64_t)failures;
	}
	*progress = remove_stored(k, failed) > 0;
	return failures;
}

/* From the first line that waits to the next one that comes. */
static uint64_t span(struct kinesisput *k)
{
	return k->count == 0 ? 0 : k->ordinal + 1 - entry_at(k, 0)->ordinal;
}

/* Send until no more than so many lines wait, and the window spans no more than that. */
static int send_down_to(struct kinesisput *k, size_t count, uint64_t most, struct err *err)
{
	int tries = 0;

	while (k->count > count || span(k) > most) {
		int progress, failures = round_trip(k, &progress, err);

		if (failures < 0)
			return -1;
		if (failures == 0)
			continue;
		tries = progress ? 1 : tries + 1;
		if (tries > TRIES || (k->stop != NULL && *k->stop && tries > 3))
			return -1; /* with the reason of the first record */
		wait_some(k, tries);
	}
	return 0;
}

int kinesisput_flush(struct kinesisput *k, struct err *err)
{
	return send_down_to(k, 0, 0, err);
}

/* A partition key has 256 characters at most: what is longer shares a shard with its like. */
static void put_key(struct buf *out, struct slice key)
{
	size_t n = 0, characters = 0;

	while (n < key.len) {
		if (((unsigned char)key.at[n] & 0xc0) != 0x80 && ++characters > KEY_CHARACTERS)
			break;
		n++;
	}
	buf_put(out, key.at, n);
	if (n == 0)
		buf_byte(out, '-'); /* at least one */
}

int kinesisput_line(struct kinesisput *k, struct slice key, struct slice line, struct err *err)
{
	struct entry *e;

	/* A request is sent as soon as it can be full. The reader's memory reaches back a window,
	 * counted by ordinals: nothing goes out so far ahead of what is not stored yet. */
	if ((k->count >= REQUEST_RECORDS || span(k) >= WINDOW) &&
	    send_down_to(k, REQUEST_RECORDS - 1, WINDOW - REQUEST_RECORDS, err) != 0)
		return -1;
	if (k->bytes + line.len > REQUEST_BYTES && send_down_to(k, 0, 0, err) != 0)
		return -1;
	e = entry_at(k, k->count);
	buf_clear(&e->line);
	buf_clear(&e->key);
	put_key(&e->key, key);
	if (seen_put_label(&e->line, line, k->name, k->ordinal + 1) != 0 || e->key.failed)
		return e->line.failed || e->key.failed
			       ? err_memory(err)
			       : err_set(err, ERR_DATA,
					 "an object without members has no place for "
					 "a label");
	if (e->line.len + e->key.len > RECORD_BYTES)
		return err_set(err, ERR_DATA, "longer than a record of Kinesis may be (1 MiB)");
	e->ordinal = ++k->ordinal;
	k->bytes += e->line.len;
	k->count++;
	return 0;
}
