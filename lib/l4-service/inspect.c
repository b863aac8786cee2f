#include "l4-service/inspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l0-base/hash.h"
#include "l2-line/reader.h"
#include "l2-line/scan.h"
#include "l3-stream/manifest.h"
#include "l4-service/publish.h"

/* Unpacked bytes looked at together, and more for a longer line; how many partitions are gone
 * through together, and how many of their objects are read at once. */
enum { PIECE = 256 << 10, TOGETHER = 32, READINGS = 16 };

/* An object as it is read. */
struct reading {
	struct dest_get get;
	char *key;
	const struct manifest *manifest;
	struct zone *zone;
	struct hash hash;
	uint64_t size, length;
	struct codec_unpacker *unpacker;
	struct scan *scan;
	struct buf text; /* unpacked, not counted yet */
	struct tally tally;
	struct err bad; /* what its content is bad of; the rest of it is digested only */
	uint64_t line;
	char sha256[2 * HASH_SHA256_BYTES + 1];
};

struct key {
	char *text;
	size_t directory; /* length of the path up to its last '/', that included */
};

/* A partition: keys [first, behind). */
struct part {
	size_t first, behind;
	struct buf key, text; /* of its manifest */
	struct dest_get get;
	int readable;
	struct err why; /* it is not */
	struct manifest manifest;
	struct reading *readings; /* of each object */
};

struct inspector {
	struct dest *d;
	struct zone *zone;
	int (*differs)(void *context, struct slice line, struct err *err);
	void *context;
	struct inspected *counts;
	struct key *keys;
	size_t count, room;
	struct part parts[TOGETHER];
	size_t part_count;
	struct reading *open[READINGS];
	size_t open_count;
	struct buf said;
};

static int differs(struct inspector *p, struct err *err)
{
	p->counts->differences++;
	if (p->said.failed)
		return err_memory(err);
	return p->differs(p->context, buf_view(&p->said), err);
}

#define DIFFERS(p, err, ...) \
	(buf_clear(&(p)->said), buf_printf(&(p)->said, __VA_ARGS__), differs(p, err))

/* ---- the content of an object ---- */

static int read_fields(struct reading *r, const struct scan_value *values, struct timestamp *at,
		       struct decimal *amounts, struct err *err)
{
	size_t first = r->manifest->time != NULL;

	if (first && values[0].kind != SCAN_STRING)
		return err_set(err, ERR_DATA, "%s: not a timestamp", r->manifest->time);
	if (first && timestamp_parse(r->zone, values[0].text, at, err) != 0)
		return err_prefix(err, "%s", r->manifest->time);
	for (size_t i = 0; i < r->manifest->sum_count; i++) {
		const struct scan_value *v = &values[first + i];

		if (v->kind != SCAN_NUMBER)
			return err_set(err, ERR_DATA, "%s: not a decimal", r->manifest->sums[i]);
		if (decimal_parse(v->text, &amounts[i], err) != 0)
			return err_prefix(err, "%s", r->manifest->sums[i]);
	}
	return 0;
}

static int count_line(struct reading *r, struct slice line, struct err *err)
{
	struct scan_value values[1 + TALLY_SUMS_MAX];
	struct decimal amounts[TALLY_SUMS_MAX];
	struct timestamp at;
	int timed = r->manifest->time != NULL, sum;

	r->line++;
	if (scan_line(r->scan, line, values, err) != 0 ||
	    read_fields(r, values, &at, amounts, err) != 0 ||
	    tally_add(&r->tally, timed ? &at : NULL, timed ? values[0].text : line, amounts, &sum,
		      err) != 0)
		return err_prefix(err, "line %" PRIu64, r->line);
	return 0;
}

/* All whole lines of the text. */
static int count_lines(struct reading *r, struct err *err)
{
	size_t at = 0;
	const char *end;

	if (buf_room(&r->text, READER_PADDING) == NULL)
		return err_memory(err);
	while (at < r->text.len &&
	       (end = memchr(r->text.at + at, '\n', r->text.len - at)) != NULL) {
		struct slice line = {r->text.at + at, (size_t)(end - r->text.at) - at};

		if (count_line(r, line, err) != 0)
			return -1;
		at += line.len + 1;
	}
	r->text.len -= at;
	memmove(r->text.at, r->text.at + at, r->text.len);
	return r->text.len > READER_LINE_MAX ? err_set(err, ERR_DATA, "a line without an end") : 0;
}

static int unpack_piece(struct reading *r, struct slice bytes, struct err *err)
{
	int more;

	do {
		size_t before = r->text.len;

		more = codec_unpack(r->unpacker, &bytes, &r->text, PIECE, err);
		if (more < 0)
			return -1;
		r->length += r->text.len - before;
		if (count_lines(r, err) != 0)
			return -1;
	} while (more);
	return 0;
}

static int got_bytes(void *context, struct slice bytes, struct err *err)
{
	struct reading *r = context;

	hash_sha256_put(&r->hash, bytes);
	r->size += bytes.len;
	if (r->bad.status == ERR_NONE && unpack_piece(r, bytes, &r->bad) != 0 &&
	    r->bad.status != ERR_DATA) {
		*err = r->bad;
		return -1;
	}
	return 0;
}

/* ---- an object beside its entry ---- */

static int compare_time(struct inspector *p, const char *key, const char *what,
			const struct tally_time *is, const struct tally_time *said, struct err *err)
{
	if (is->len == said->len && memcmp(is->text, said->text, is->len) == 0)
		return 0;
	return DIFFERS(p, err, "%s: %s time is %.*s, the manifest has %.*s", key, what, is->len,
		       is->text, said->len, said->text);
}

static int compare(struct inspector *p, const struct reading *r, const struct manifest_object *o,
		   struct err *err)
{
	const char *key = r->key;
	char is[DECIMAL_TEXT_MAX], said[DECIMAL_TEXT_MAX];

	if (!r->get.there)
		return DIFFERS(p, err, "%s: is not there", key);
	if (strcmp(r->sha256, o->sha256) != 0 &&
	    DIFFERS(p, err, "%s: sha256 is %s, the manifest has %s", key, r->sha256, o->sha256) !=
		    0)
		return -1;
	if (r->size != o->size &&
	    DIFFERS(p, err, "%s: %" PRIu64 " bytes, the manifest has %" PRIu64, key, r->size,
		    o->size) != 0)
		return -1;
	if (r->bad.status != ERR_NONE)
		return DIFFERS(p, err, "%s: %s", key, r->bad.message);
	if (r->length != o->length &&
	    DIFFERS(p, err, "%s: %" PRIu64 " bytes of records, the manifest has %" PRIu64, key,
		    r->length, o->length) != 0)
		return -1;
	if (r->tally.rows != o->tally.rows &&
	    DIFFERS(p, err, "%s: %" PRIu64 " rows, the manifest has %" PRIu64, key, r->tally.rows,
		    o->tally.rows) != 0)
		return -1;
	for (size_t i = 0; i < r->manifest->sum_count; i++) {
		if (decimal_compare(&r->tally.sums[i], &o->tally.sums[i]) == 0)
			continue;
		decimal_print(&r->tally.sums[i], is);
		decimal_print(&o->tally.sums[i], said);
		if (DIFFERS(p, err, "%s: the sum of %s is %s, the manifest has %s", key,
			    r->manifest->sums[i], is, said) != 0)
			return -1;
	}
	if (compare_time(p, key, "least", &r->tally.least, &o->tally.least, err) != 0)
		return -1;
	return compare_time(p, key, "greatest", &r->tally.greatest, &o->tally.greatest, err);
}

/* ---- reading ---- */

static int start_reading(struct inspector *p, struct reading *r, struct err *err)
{
	const char *fields[1 + TALLY_SUMS_MAX];
	size_t count = 0;

	if (r->manifest->time != NULL)
		fields[count++] = r->manifest->time;
	for (size_t i = 0; i < r->manifest->sum_count; i++)
		fields[count++] = r->manifest->sums[i];
	hash_sha256_begin(&r->hash);
	r->unpacker = codec_unpacker_new(codec_of_object(slice_of(r->key)));
	if (r->unpacker == NULL)
		return err_memory(err);
	r->get = (struct dest_get){.key = r->key, .got = got_bytes, .context = r};
	return scan_new(fields, count, &r->scan, err) != 0 ||
			       tally_init(&r->tally, r->manifest->sum_count, err) != 0
		       ? -1
		       : dest_get(p->d, &r->get, err);
}

static void drop_reading(struct reading *r)
{
	codec_unpacker_free(r->unpacker);
	scan_free(r->scan);
	buf_free(&r->text);
	r->unpacker = NULL;
	r->scan = NULL;
}

/* The end of its bytes: is that the end of its lines, too? */
static int end_reading(struct reading *r, struct err *err)
{
	unsigned char digest[HASH_SHA256_BYTES];

	hash_sha256_end(&r->hash, digest);
	hash_hex(digest, sizeof digest, r->sha256);
	if (r->bad.status == ERR_NONE && codec_unpack_end(r->unpacker, &r->bad) == 0 &&
	    r->text.len > 0)
		err_set(&r->bad, ERR_DATA, "ends inside a line");
	drop_reading(r);
	if (r->bad.status == ERR_NONE || r->bad.status == ERR_DATA)
		return 0;
	*err = r->bad;
	return -1;
}

static int end_readings(struct inspector *p, struct err *err)
{
	if (dest_sync(p->d, err) != 0)
		return -1;
	for (size_t i = 0; i < p->open_count; i++)
		if (end_reading(p->open[i], err) != 0)
			return -1;
	p->open_count = 0;
	return 0;
}

static int read_objects(struct inspector *p, struct part *t, struct err *err)
{
	const struct manifest *m = &t->manifest;

	t->readings = calloc(m->count + 1, sizeof *t->readings);
	if (t->readings == NULL)
		return err_memory(err);
	for (size_t i = 0; i < m->count; i++) {
		struct reading *r = &t->readings[i];

		if (asprintf(&r->key, "%.*s%s", (int)p->keys[t->first].directory,
			     p->keys[t->first].text, m->objects[i].name) < 0) {
			r->key = NULL;
			return err_memory(err);
		}
		r->manifest = m;
		r->zone = p->zone;
		p->open[p->open_count++] = r;
		if (start_reading(p, r, err) != 0 ||
		    (p->open_count == READINGS && end_readings(p, err) != 0))
			return -1;
	}
	return 0;
}

static int got_manifest(void *context, struct slice bytes, struct err *err)
{
	return buf_slice(context, bytes) == 0 ? 0 : err_memory(err);
}

static int ask_manifest(struct inspector *p, struct part *t, struct err *err)
{
	buf_printf(&t->key, "%.*s%s", (int)p->keys[t->first].directory, p->keys[t->first].text,
		   MANIFEST_NAME);
	if (t->key.failed)
		return err_memory(err);
	t->get = (struct dest_get){
		.key = buf_text(&t->key), .got = got_manifest, .context = &t->text};
	return dest_get(p->d, &t->get, err);
}

static int read_manifest(struct inspector *p, struct part *t, struct err *err)
{
	if (!t->get.there)
		return 0;
	t->readable = manifest_parse(buf_view(&t->text), p->zone, &t->manifest, &t->why) == 0;
	if (t->readable || t->why.status == ERR_DATA)
		return 0;
	*err = t->why;
	return -1;
}

/* ---- what is said of it ---- */

static int inspect_keys(struct inspector *p, const struct part *t, struct err *err)
{
	const struct manifest *m = t->get.there ? &t->manifest : NULL;
	int done = 0;

	for (size_t i = t->first; i < t->behind; i++) {
		const char *name = p->keys[i].text + p->keys[i].directory;

		done |= strcmp(name, MANIFEST_DONE) == 0;
		if (publish_is_data(slice_of(name)) &&
		    (m == NULL || manifest_find(m, slice_of(name)) == NULL) &&
		    DIFFERS(p, err, "%s: in no manifest", p->keys[i].text) != 0)
			return -1;
	}
	if (m != NULL && !done)
		return DIFFERS(p, err, "%s: no " MANIFEST_DONE ": a run has not come to its end",
			       m->partition);
	return 0;
}

static int inspect_partition(struct inspector *p, const struct part *t, struct err *err)
{
	const struct manifest *m = &t->manifest;

	if (t->get.there && !t->readable)
		return DIFFERS(p, err, "%s: %s", t->get.key, t->why.message);
	if (inspect_keys(p, t, err) != 0)
		return -1;
	p->counts->partitions += t->readable;
	for (size_t i = 0; t->readable && i < m->count; i++) {
		p->counts->objects++;
		p->counts->rows += t->readings[i].tally.rows;
		if (compare(p, &t->readings[i], &m->objects[i], err) != 0)
			return -1;
	}
	return 0;
}

static void drop_parts(struct inspector *p)
{
	for (size_t i = 0; i < p->part_count; i++) {
		struct part *t = &p->parts[i];

		for (size_t k = 0; t->readings != NULL && k < t->manifest.count; k++) {
			drop_reading(&t->readings[k]);
			tally_free(&t->readings[k].tally);
			free(t->readings[k].key);
		}
		free(t->readings);
		manifest_free(&t->manifest);
		buf_free(&t->key);
		buf_free(&t->text);
	}
	memset(p->parts, 0, sizeof p->parts);
	p->part_count = p->open_count = 0;
}

/* Ask for all that is needed before anything is waited for: at S3, that is what takes the time. */
static int inspect_parts(struct inspector *p, struct err *err)
{
	for (size_t i = 0; i < p->part_count; i++)
		if (ask_manifest(p, &p->parts[i], err) != 0)
			return -1;
	if (dest_sync(p->d, err) != 0)
		return -1;
	for (size_t i = 0; i < p->part_count; i++)
		if (read_manifest(p, &p->parts[i], err) != 0 ||
		    (p->parts[i].readable && read_objects(p, &p->parts[i], err) != 0))
			return -1;
	if (end_readings(p, err) != 0)
		return -1;
	for (size_t i = 0; i < p->part_count; i++)
		if (inspect_partition(p, &p->parts[i], err) != 0)
			return -1;
	return 0;
}

/* ---- all of them ---- */

static int found_key(void *context, struct slice key, uint64_t size, struct err *err)
{
	struct inspector *p = context;
	const char *slash = memrchr(key.at, '/', key.len);

	(void)size;
	if (p->count == p->room) {
		size_t room = p->room == 0 ? 64 : 2 * p->room;
		struct key *keys = realloc(p->keys, room * sizeof *keys);

		if (keys == NULL)
			return err_memory(err);
		p->keys = keys;
		p->room = room;
	}
	p->keys[p->count].text = strndup(key.at, key.len);
	p->keys[p->count].directory = slash == NULL ? 0 : (size_t)(slash - key.at) + 1;
	return p->keys[p->count++].text == NULL ? err_memory(err) : 0;
}

static int by_directory(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	size_t least = x->directory < y->directory ? x->directory : y->directory;
	int order = memcmp(x->text, y->text, least);

	if (order == 0)
		order = (x->directory > y->directory) - (x->directory < y->directory);
	return order != 0 ? order : strcmp(x->text + x->directory, y->text + y->directory);
}

static int same_directory(const struct key *a, const struct key *b)
{
	return a->directory == b->directory && memcmp(a->text, b->text, a->directory) == 0;
}

static int inspect_all(struct inspector *p, struct err *err)
{
	struct dest_list list = {.prefix = "", .deep = 1, .found = found_key, .context = p};
	size_t behind;

	if (dest_list(p->d, &list, err) != 0 || dest_sync(p->d, err) != 0)
		return -1;
	if (p->count > 0)
		qsort(p->keys, p->count, sizeof *p->keys, by_directory);
	for (size_t first = 0; first < p->count; first = behind) {
		behind = first + 1;
		while (behind < p->count && same_directory(&p->keys[first], &p->keys[behind]))
			behind++;
		p->parts[p->part_count].first = first;
		p->parts[p->part_count++].behind = behind;
		if (p->part_count < TOGETHER && behind < p->count)
			continue;
		if (inspect_parts(p, err) != 0)
			return -1;
		drop_parts(p);
	}
	return 0;
}

int inspect(struct dest *d, struct zone *zone,
	    int (*say)(void *context, struct slice line, struct err *err), void *context,
	    struct inspected *counts, struct err *err)
{
	struct inspector p = {
		.d = d, .zone = zone, .differs = say, .context = context, .counts = counts};
	int result;

	*counts = (struct inspected){0};
	result = inspect_all(&p, err);
	drop_parts(&p);
	for (size_t i = 0; i < p.count; i++)
		free(p.keys[i].text);
	free(p.keys);
	buf_free(&p.said);
	return result;
}
