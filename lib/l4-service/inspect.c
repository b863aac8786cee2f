#include "l4-service/inspect.h"

#include <inttypes.h>
#include <stdlib.h>

#include "l0-base/hash.h"
#include "l2-line/reader.h"
#include "l2-line/scan.h"
#include "l3-stream/manifest.h"
#include "l4-service/publish.h"

/* Unpacked bytes looked at together, and more for a longer line. */
enum { PIECE = 256 << 10 };

/* An object as it is read. */
struct reading {
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
};

struct key {
	char *text;
	size_t directory; /* length of the path up to its last '/', that included */
};

struct inspector {
	struct dest *d;
	struct zone *zone;
	int (*differs)(void *context, struct slice line, struct err *err);
	void *context;
	struct inspected *counts;
	struct key *keys;
	size_t count, room;
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

static int compare(struct inspector *p, const char *key, const struct reading *r,
		   const struct manifest_object *o, const char *sha256, struct err *err)
{
	char is[DECIMAL_TEXT_MAX], said[DECIMAL_TEXT_MAX];

	if (strcmp(sha256, o->sha256) != 0 &&
	    DIFFERS(p, err, "%s: sha256 is %s, the manifest has %s", key, sha256, o->sha256) != 0)
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

static int start_reading(struct reading *r, const char *key, struct err *err)
{
	const char *fields[1 + TALLY_SUMS_MAX];
	size_t count = 0;

	if (r->manifest->time != NULL)
		fields[count++] = r->manifest->time;
	for (size_t i = 0; i < r->manifest->sum_count; i++)
		fields[count++] = r->manifest->sums[i];
	hash_sha256_begin(&r->hash);
	r->unpacker = codec_unpacker_new(codec_of_object(slice_of(key)));
	if (r->unpacker == NULL)
		return err_memory(err);
	return scan_new(fields, count, &r->scan, err) != 0 ||
			       tally_init(&r->tally, r->manifest->sum_count, err) != 0
		       ? -1
		       : 0;
}

/* The end of its bytes: is that the end of its lines, too? */
static int end_reading(struct reading *r, char sha256[], struct err *err)
{
	unsigned char digest[HASH_SHA256_BYTES];

	hash_sha256_end(&r->hash, digest);
	hash_hex(digest, sizeof digest, sha256);
	if (r->bad.status != ERR_NONE)
		return 0;
	if (codec_unpack_end(r->unpacker, &r->bad) == 0 && r->text.len > 0)
		err_set(&r->bad, ERR_DATA, "ends inside a line");
	if (r->bad.status == ERR_NONE || r->bad.status == ERR_DATA)
		return 0;
	*err = r->bad;
	return -1;
}

static int inspect_object(struct inspector *p, const struct manifest *m,
			  const struct manifest_object *o, const char *key, struct err *err)
{
	struct reading r = {.manifest = m, .zone = p->zone};
	struct dest_get get = {.key = key, .got = got_bytes, .context = &r};
	char sha256[2 * HASH_SHA256_BYTES + 1];
	int result = start_reading(&r, key, err);

	p->counts->objects++;
	if (result == 0 && (dest_get(p->d, &get, err) != 0 || dest_sync(p->d, err) != 0))
		result = -1;
	if (result == 0 && !get.there)
		result = DIFFERS(p, err, "%s: is not there", key);
	else if (result == 0)
		result = end_reading(&r, sha256, err) != 0 ? -1
							   : compare(p, key, &r, o, sha256, err);
	p->counts->rows += r.tally.rows;
	codec_unpacker_free(r.unpacker);
	scan_free(r.scan);
	buf_free(&r.text);
	tally_free(&r.tally);
	return result;
}

/* ---- a partition ---- */

static int got_manifest(void *context, struct slice bytes, struct err *err)
{
	return buf_slice(context, bytes) == 0 ? 0 : err_memory(err);
}

static int inspect_objects(struct inspector *p, const struct manifest *m, const char *directory,
			   struct err *err)
{
	for (size_t i = 0; i < m->count; i++) {
		struct buf key = {0};
		int result;

		buf_printf(&key, "%s%s", directory, m->objects[i].name);
		result = inspect_object(p, m, &m->objects[i], buf_text(&key), err);
		buf_free(&key);
		if (result != 0)
			return -1;
	}
	return 0;
}

/* Of the keys of this partition, [first, behind). */
static int inspect_keys(struct inspector *p, const struct manifest *m, size_t first, size_t behind,
			struct err *err)
{
	int done = 0;

	for (size_t i = first; i < behind; i++) {
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

static int inspect_partition(struct inspector *p, size_t first, size_t behind, struct err *err)
{
	struct buf key = {0}, text = {0};
	struct dest_get get = {.got = got_manifest, .context = &text};
	struct manifest m = {0};
	struct err why;
	int result = -1;

	buf_printf(&key, "%.*s", (int)p->keys[first].directory, p->keys[first].text);
	buf_puts(&key, MANIFEST_NAME);
	get.key = buf_text(&key);
	if (dest_get(p->d, &get, err) == 0 && dest_sync(p->d, err) == 0) {
		if (!get.there) {
			result = inspect_keys(p, NULL, first, behind, err);
		} else if (manifest_parse(buf_view(&text), p->zone, &m, &why) != 0) {
			*err = why;
			result = why.status != ERR_DATA
					 ? -1
					 : DIFFERS(p, err, "%s: %s", get.key, why.message);
		} else {
			p->counts->partitions++;
			key.len = p->keys[first].directory;
			result = inspect_keys(p, &m, first, behind, err) != 0
					 ? -1
					 : inspect_objects(p, &m, buf_text(&key), err);
		}
	}
	manifest_free(&m);
	buf_free(&key);
	buf_free(&text);
	return result;
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
		if (inspect_partition(p, first, behind, err) != 0)
			return -1;
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
	for (size_t i = 0; i < p.count; i++)
		free(p.keys[i].text);
	free(p.keys);
	buf_free(&p.said);
	return result;
}
