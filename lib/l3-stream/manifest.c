#include "l3-stream/manifest.h"

#include <inttypes.h>
#include <stdlib.h>

#include "l1-value/text.h"
#include "l2-line/json.h"

enum { VERSION = 1 };

/* strdup(3), for what may not be there. */
static int copy(char **to, const char *text, struct err *err)
{
	*to = text == NULL ? NULL : strdup(text);
	return text != NULL && *to == NULL ? err_memory(err) : 0;
}

int manifest_init(struct manifest *m, const char *partition, const char *time,
		  const char *const *sums, size_t sum_count, struct err *err)
{
	*m = (struct manifest){0};
	if (copy(&m->partition, partition, err) != 0 || copy(&m->time, time, err) != 0)
		return -1;
	for (; m->sum_count < sum_count; m->sum_count++)
		if (copy(&m->sums[m->sum_count], sums[m->sum_count], err) != 0)
			return -1;
	return 0;
}

void manifest_free(struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->objects[i].name);
		tally_free(&m->objects[i].tally);
	}
	free(m->objects);
	for (size_t i = 0; i < m->sum_count; i++)
		free(m->sums[i]);
	free(m->partition);
	free(m->time);
	*m = (struct manifest){0};
}

/* Room for one more object. Returns it, zeroed, not counted yet; or NULL out of memory. */
static struct manifest_object *next_object(struct manifest *m)
{
	if (m->count == m->room) {
		size_t room = m->room == 0 ? 4 : 2 * m->room;
		struct manifest_object *objects = realloc(m->objects, room * sizeof *objects);

		if (objects == NULL)
			return NULL;
		m->objects = objects;
		m->room = room;
	}
	m->objects[m->count] = (struct manifest_object){0};
	return &m->objects[m->count];
}

int manifest_add(struct manifest *m, const char *name, const struct tally *tally, uint64_t length,
		 uint64_t size, const char *sha256, struct err *err)
{
	struct manifest_object *o = next_object(m);

	if (o == NULL)
		return err_memory(err);
	if (copy(&o->name, name, err) != 0)
		return -1;
	m->count++;
	if (tally_init(&o->tally, m->sum_count, err) != 0 || tally_join(&o->tally, tally, err) != 0)
		return -1;
	o->length = length;
	o->size = size;
	strncpy(o->sha256, sha256, sizeof o->sha256 - 1);
	return 0;
}

const struct manifest_object *manifest_find(const struct manifest *m, struct slice name)
{
	for (size_t i = 0; i < m->count; i++)
		if (slice_is(name, m->objects[i].name))
			return &m->objects[i];
	return NULL;
}

int manifest_total(const struct manifest *m, struct tally *total, uint64_t *size, struct err *err)
{
	*size = 0;
	if (tally_init(total, m->sum_count, err) != 0)
		return -1;
	for (size_t i = 0; i < m->count; i++) {
		*size += m->objects[i].size;
		if (tally_join(total, &m->objects[i].tally, err) != 0) {
			tally_free(total);
			return err_prefix(err, "%s", m->partition);
		}
	}
	return 0;
}

int manifest_alike(const struct manifest *a, const struct manifest *b)
{
	if (a->sum_count != b->sum_count || (a->time == NULL) != (b->time == NULL) ||
	    (a->time != NULL && strcmp(a->time, b->time) != 0))
		return 0;
	for (size_t i = 0; i < a->sum_count; i++)
		if (strcmp(a->sums[i], b->sums[i]) != 0)
			return 0;
	return 1;
}

/* ---- printing ---- */

static int put_time(struct json *to, const char *key, const struct tally_time *t)
{
	char text[sizeof t->text + 1];

	if (t->len == 0)
		return 0;
	memcpy(text, t->text, t->len);
	text[t->len] = '\0';
	return json_put_string_value(to, key, text) == NULL ? -1 : 0;
}

static int put_tally(const struct manifest *m, struct json *to, const struct tally *t)
{
	struct json *sums;
	char text[DECIMAL_TEXT_MAX];

	if (json_put_int64(to, "rows", (int64_t)t->rows) == NULL)
		return -1;
	sums = json_put_object(to, "sums");
	if (sums == NULL)
		return -1;
	for (size_t i = 0; i < m->sum_count; i++) {
		decimal_print(&t->sums[i], text);
		if (json_put_number(sums, m->sums[i], text) == NULL)
			return -1;
	}
	return put_time(to, "least", &t->least) != 0 || put_time(to, "greatest", &t->greatest) != 0
		       ? -1
		       : 0;
}

static int put_object(const struct manifest *m, struct json *list, const struct manifest_object *o)
{
	struct json *to = json_put_object(list, NULL);

	return to == NULL || json_put_string_value(to, "name", o->name) == NULL ||
			       put_tally(m, to, &o->tally) != 0 ||
			       json_put_int64(to, "length", (int64_t)o->length) == NULL ||
			       json_put_int64(to, "bytes", (int64_t)o->size) == NULL ||
			       json_put_string_value(to, "sha256", o->sha256) == NULL
		       ? -1
		       : 0;
}

static int fill(const struct manifest *m, struct json *root, const struct tally *total,
		uint64_t size)
{
	struct json *list;

	if (json_put_int64(root, "version", VERSION) == NULL ||
	    json_put_string_value(root, "partition", m->partition) == NULL ||
	    (m->time != NULL && json_put_string_value(root, "time", m->time) == NULL) ||
	    put_tally(m, root, total) != 0 || json_put_int64(root, "bytes", (int64_t)size) == NULL)
		return -1;
	list = json_put_array(root, "objects");
	if (list == NULL)
		return -1;
	for (size_t i = 0; i < m->count; i++)
		if (put_object(m, list, &m->objects[i]) != 0)
			return -1;
	return 0;
}

int manifest_print(const struct manifest *m, struct buf *out, struct err *err)
{
	struct json *root;
	struct tally total;
	uint64_t size;
	int failed;

	if (manifest_total(m, &total, &size, err) != 0)
		return -1;
	root = json_put_object(NULL, NULL);
	failed = root == NULL || fill(m, root, &total, size) != 0 || json_print(out, root) != 0 ||
		 buf_byte(out, '\n') != 0;
	json_free(root);
	tally_free(&total);
	return failed ? err_memory(err) : 0;
}

int manifest_report(const struct manifest *m, struct buf *out, uint64_t *bytes, struct err *err)
{
	struct tally total;
	uint64_t size;
	char text[DECIMAL_TEXT_MAX];

	if (manifest_total(m, &total, &size, err) != 0)
		return -1;
	buf_puts(out, "{\"partition\":");
	json_put_string(out, slice_of(m->partition));
	buf_printf(out, ",\"rows\":%" PRIu64 ",\"sums\":{", total.rows);
	for (size_t i = 0; i < m->sum_count; i++) {
		buf_puts(out, i > 0 ? "," : "");
		json_put_string(out, slice_of(m->sums[i]));
		decimal_print(&total.sums[i], text);
		buf_printf(out, ":%s", text);
	}
	buf_printf(out, "},\"objects\":%zu,\"bytes\":%" PRIu64 "}\n", m->count, size);
	tally_free(&total);
	*bytes += size;
	return out->failed ? err_memory(err) : 0;
}

/* ---- reading ---- */

static int read_time(const struct json *from, const char *key, struct zone *zone,
		     struct tally_time *t, struct err *err)
{
	const char *text = json_string(json_get(from, key));
	struct timestamp at;

	if (text == NULL)
		return 0;
	if (strlen(text) > sizeof t->text)
		return err_set(err, ERR_DATA, "%s: too long", key);
	if (timestamp_parse(zone, slice_of(text), &at, err) != 0)
		return err_prefix(err, "%s", key);
	t->len = (unsigned char)strlen(text);
	memcpy(t->text, text, t->len);
	t->utc = at.utc;
	t->nanos = at.nanos;
	return 0;
}

static int read_count(const struct json *from, const char *key, uint64_t *n, struct err *err)
{
	int64_t number;

	if (json_int64(json_get(from, key), &number) != 0 || number < 0)
		return err_set(err, ERR_DATA, "%s: not a count", key);
	*n = (uint64_t)number;
	return 0;
}

/* *t has been made ready for the manifest's sums. */
static int read_tally(const struct manifest *m, const struct json *from, struct zone *zone,
		      struct tally *t, struct err *err)
{
	const struct json *sums = json_get(from, "sums");

	if (read_count(from, "rows", &t->rows, err) != 0 ||
	    read_time(from, "least", zone, &t->least, err) != 0 ||
	    read_time(from, "greatest", zone, &t->greatest, err) != 0)
		return -1;
	if (json_count(sums) != m->sum_count)
		return err_set(err, ERR_DATA, "sums: others than the manifest's");
	for (size_t i = 0; i < m->sum_count; i++) {
		const char *text = json_number(json_get(sums, m->sums[i]));

		if (text == NULL)
			return err_set(err, ERR_DATA, "sums: no %s", m->sums[i]);
		if (decimal_parse(slice_of(text), &t->sums[i], err) != 0)
			return err_prefix(err, "sums: %s", m->sums[i]);
	}
	return 0;
}

static int read_object(struct manifest *m, const struct json *from, struct zone *zone,
		       struct err *err)
{
	const char *name = json_string(json_get(from, "name"));
	const char *sha256 = json_string(json_get(from, "sha256"));
	struct manifest_object *o;

	/* A name leads nowhere but into the partition. */
	if (name == NULL || name[0] == '\0' || name[0] == '.' || name[0] == '_' ||
	    strchr(name, '/') != NULL)
		return err_set(err, ERR_DATA, "name: not an object's");
	if (sha256 == NULL || strlen(sha256) != 64)
		return err_set(err, ERR_DATA, "sha256: not a digest");
	o = next_object(m);
	if (o == NULL)
		return err_memory(err);
	if (copy(&o->name, name, err) != 0)
		return -1;
	m->count++;
	memcpy(o->sha256, sha256, sizeof o->sha256);
	return tally_init(&o->tally, m->sum_count, err) != 0 ||
			       read_tally(m, from, zone, &o->tally, err) != 0 ||
			       read_count(from, "length", &o->length, err) != 0 ||
			       read_count(from, "bytes", &o->size, err) != 0
		       ? -1
		       : 0;
}

static int read_names(struct manifest *m, const struct json *root, struct err *err)
{
	const struct json *sums = json_get(root, "sums");
	int64_t version;

	if (json_int64(json_get(root, "version"), &version) != 0)
		return err_set(err, ERR_DATA, "not a manifest");
	if (version != VERSION)
		return err_set(err, ERR_DATA, "of version %lld, which this program does not know",
			       (long long)version);
	if (json_string(json_get(root, "partition")) == NULL)
		return err_set(err, ERR_DATA, "partition: missing");
	if (json_count(sums) > TALLY_SUMS_MAX)
		return err_set(err, ERR_DATA, "sums: more than %d", TALLY_SUMS_MAX);
	if (copy(&m->partition, json_string(json_get(root, "partition")), err) != 0 ||
	    copy(&m->time, json_string(json_get(root, "time")), err) != 0)
		return -1;
	for (; m->sum_count < json_count(sums); m->sum_count++)
		if (copy(&m->sums[m->sum_count], json_key(json_item(sums, m->sum_count)), err) != 0)
			return -1;
	return 0;
}

static int same_time(const struct tally_time *a, const struct tally_time *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* What it says of itself as a whole is what its objects come to. */
static int check_totals(const struct manifest *m, const struct json *root, struct zone *zone,
			struct err *err)
{
	struct tally said = {0}, total = {0};
	uint64_t said_size = 0, size;
	int failed = tally_init(&said, m->sum_count, err) != 0 ||
		     read_tally(m, root, zone, &said, err) != 0 ||
		     read_count(root, "bytes", &said_size, err) != 0 ||
		     manifest_total(m, &total, &size, err) != 0;

	if (!failed) {
		int equal = said.rows == total.rows && said_size == size &&
			    same_time(&said.least, &total.least) &&
			    same_time(&said.greatest, &total.greatest);

		for (size_t i = 0; i < m->sum_count; i++)
			equal = equal && decimal_compare(&said.sums[i], &total.sums[i]) == 0;
		if (!equal)
			failed = err_set(err, ERR_DATA, "its totals are not those of its objects");
	}
	tally_free(&said);
	tally_free(&total);
	return failed ? -1 : 0;
}

int manifest_parse(struct slice text, struct zone *zone, struct manifest *m, struct err *err)
{
	struct json *root = json_parse(text, err);
	const struct json *list = json_get(root, "objects");
	int failed;

	*m = (struct manifest){0};
	if (root == NULL)
		return -1;
	failed = read_names(m, root, err);
	for (size_t i = 0; !failed && i < json_count(list); i++)
		if (read_object(m, json_item(list, i), zone, err) != 0)
			failed = err_prefix(err, "object %zu", i);
	if (!failed)
		failed = check_totals(m, root, zone, err);
	json_free(root);
	if (failed)
		manifest_free(m);
	return failed ? -1 : 0;
}
