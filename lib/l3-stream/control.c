#include "l3-stream/control.h"

#include <inttypes.h>

#include "l1-value/timestamp.h"
#include "l2-line/json.h"

#define EPOCH_MAX ((int64_t)1 << 62)

/* An RFC 3339 time, which names its offset: this machine's TZ must not matter. */
static int parse_time(const char *text, int64_t *micros)
{
	struct slice s = slice_of(text);
	struct timestamp t;
	struct err ignored;
	struct zone *z;
	int result;

	if (s.len < 20 || strpbrk(text + 10, "Zz+-") == NULL)
		return -1;
	z = zone_new();
	if (z == NULL)
		return -1;
	result = timestamp_parse(z, s, &t, &ignored);
	zone_free(z);
	if (result == 0)
		*micros = t.utc * 1000000 + t.nanos / 1000;
	return result;
}

/* An optional member: *text is NULL when it is absent. */
static int optional_string(const struct json *object, const char *key, const char **text,
			   struct err *err)
{
	const struct json *member = json_get(object, key);

	*text = json_string(member);
	if (member != NULL && *text == NULL)
		return err_set(err, ERR_DATA, "barrier: %s: not a string", key);
	return 0;
}

/* The members of a barrier, or of the one that it promises. */
static int read_members(const struct json *object, struct barrier *b, struct err *err)
{
	const struct json *snapshot = json_get(object, "snapshot");
	const char *time = json_string(json_get(object, "time"));
	int64_t watermark;

	if (json_int64(json_get(object, "epoch"), &b->epoch) != 0 || b->epoch < 0 ||
	    b->epoch > EPOCH_MAX)
		return err_set(err, ERR_DATA, "barrier: epoch: not an integer from 0 to 2^62");
	b->pos = json_string(json_get(object, "pos"));
	if (b->pos == NULL)
		return err_set(err, ERR_DATA, "barrier: pos: not a string");
	if (time == NULL || parse_time(time, &b->time) != 0)
		return err_set(err, ERR_DATA, "barrier: time: not a time with an offset");
	b->snapshot = snapshot == NULL ? 0 : json_bool(snapshot);
	if (b->snapshot < 0)
		return err_set(err, ERR_DATA, "barrier: snapshot: not true or false");
	if (optional_string(object, "resume", &b->resume, err) != 0 ||
	    optional_string(object, "watermark", &b->watermark, err) != 0)
		return -1;
	if (b->watermark != NULL && parse_time(b->watermark, &watermark) != 0)
		return err_set(err, ERR_DATA, "barrier: watermark: not a time with an offset");
	return 0;
}

int barrier_reread(struct barrier *b, struct err *err)
{
	struct barrier pending;

	if (read_members(b->document, b, err) != 0)
		return -1;
	b->pending = json_get(b->document, "pending");
	if (b->pending != NULL && read_members(b->pending, &pending, err) != 0)
		return err_prefix(err, "pending");
	return 0;
}

/* Take over the document, which may be NULL with *err set already. */
static int take_document(struct json *document, struct barrier *b, struct err *err)
{
	*b = (struct barrier){.document = document};
	if (document == NULL)
		return -1;
	if (barrier_reread(b, err) != 0) {
		barrier_free(b);
		return -1;
	}
	return 0;
}

int barrier_parse(struct slice value, struct barrier *b, struct err *err)
{
	return take_document(json_parse(value, err), b, err);
}

int barrier_parse_line(struct slice line, struct barrier *b, struct err *err)
{
	struct json *record = json_parse(line, err);
	struct json *document = NULL;

	if (record != NULL) {
		const struct json *value = json_get(record, "@barrier");

		if (value == NULL || json_count(record) != 1)
			err_set(err, ERR_DATA, "not a barrier");
		else if ((document = json_put_copy(NULL, NULL, value)) == NULL)
			err_memory(err);
	}
	json_free(record);
	return take_document(document, b, err);
}

void barrier_free(struct barrier *b)
{
	json_free(b->document);
	*b = (struct barrier){0};
}

int barrier_print(struct buf *out, const struct barrier *b)
{
	if (buf_puts(out, "{\"@barrier\":") != 0 || json_print(out, b->document) != 0)
		return -1;
	return buf_byte(out, '}');
}

int control_put_barrier(struct buf *out, int64_t epoch, const char *pos, int64_t time, int snapshot)
{
	int64_t seconds = time / 1000000, micros = time % 1000000;
	struct json *record = json_put_object(NULL, NULL);
	struct json *barrier = record == NULL ? NULL : json_put_object(record, "@barrier");
	struct buf text = {0};
	int result = -1;

	if (micros < 0) {
		micros += 1000000;
		seconds--;
	}
	if (barrier == NULL || timestamp_put_utc(&text, seconds, (int32_t)micros * 1000) != 0)
		goto out;
	if (json_put_int64(barrier, "epoch", epoch) == NULL ||
	    json_put_string_value(barrier, "pos", pos) == NULL ||
	    json_put_string_value(barrier, "time", buf_text(&text)) == NULL ||
	    (snapshot && json_put_bool(barrier, "snapshot", 1) == NULL))
		goto out;
	if (json_print(out, record) == 0)
		result = buf_byte(out, '\n');
out:
	buf_free(&text);
	json_free(record);
	if (result != 0)
		out->failed = 1;
	return result;
}

int control_put_end(struct buf *out, uint64_t records)
{
	return buf_printf(out, "{\"@end\":{\"records\":%" PRIu64 "}}\n", records);
}

int control_parse_end(struct slice value, uint64_t *records, struct err *err)
{
	struct json *object = json_parse(value, err);
	int64_t n;
	int result = -1;

	if (object == NULL)
		return -1;
	if (json_int64(json_get(object, "records"), &n) != 0 || n < 0) {
		err_set(err, ERR_DATA, "end: records: not a count");
	} else {
		*records = (uint64_t)n;
		result = 0;
	}
	json_free(object);
	return result;
}

int control_put_gap(struct buf *out, uint64_t records)
{
	return buf_printf(out, "{\"@gap\":{\"records\":%" PRIu64 "}}\n", records);
}

uint64_t control_lost(struct slice line)
{
	struct err ignored;
	struct json *root = json_parse(line, &ignored);
	int64_t records = 0;

	json_int64(json_get(json_get(root, "@gap"), "records"), &records);
	json_free(root);
	return records > 0 ? (uint64_t)records : 0;
}
