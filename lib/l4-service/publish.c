#include "l4-service/publish.h"

#include <stdio.h>
#include <stdlib.h>

#include "l0-base/hash.h"
#include "l3-stream/manifest.h"

enum { DIGEST_DIGITS = 16, NUMBER_DIGITS = 5 };

/* Leftovers of dest_dir. */
#define TEMPORARY ".tuberia-"

/* A partition on its way. */
struct target {
	const struct partition *part;
	struct manifest manifest; /* the new one */
	struct buf bytes;         /* as it is printed */
	char sha256[2 * HASH_SHA256_BYTES + 1];
	char *prefix; /* of its keys: its path and '/' */

	/* What is there: */
	struct buf old; /* the bytes of its manifest */
	struct dest_get get;
	struct buf names; /* of its objects, each with a NUL byte behind it */
	int listed, done; /* there is _manifest; there is _SUCCESS */

	int changes;
	size_t first_new; /* of sources */
};

/* An object on its way. */
struct source {
	const struct partitions *p;
	const struct partition_object *o;
	char *name;
};

struct publisher {
	struct dest *d;
	const struct partitions *p;
	const struct publish_options *o;
	struct target *targets;
	size_t count;
	struct source *sources; /* of all objects */
	size_t source_count;
	struct buf key;
};

int publish_is_data(struct slice name)
{
	return name.len > 0 && name.at[0] != '.' && name.at[0] != '_';
}

static struct slice base_of(struct slice key)
{
	const char *slash = memrchr(key.at, '/', key.len);

	if (slash == NULL)
		return key;
	return (struct slice){slash + 1, (size_t)(key.at + key.len - slash - 1)};
}

/* ---- names ---- */

int publish_check_name(const char *name, struct err *err)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";

	if (!publish_is_data(slice_of(name)) || strlen(name) > 100 ||
	    strspn(name, allowed) != strlen(name))
		return err_set(err, ERR_USAGE,
			       "letters, digits, and \"-_.=\" behind the first, at most 100");
	return 0;
}

static char *object_name(const struct publisher *p, size_t number, const char *sha256)
{
	char *name;

	return asprintf(&name, "%s-%0*zu-%.*s.json%s", p->o->name, NUMBER_DIGITS, number,
			DIGEST_DIGITS, sha256, codec_suffix(p->o->codec)) < 0
		       ? NULL
		       : name;
}

static int is_hex(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.at[i] >= '0' && s.at[i] <= '9') || (s.at[i] >= 'a' && s.at[i] <= 'f')))
			return 0;
	return 1;
}

/* An object that a run of this name has made: NAME-NUMBER-DIGEST.json… */
static int is_of_run(const struct publisher *p, struct slice name)
{
	size_t stem = strlen(p->o->name), digits = 0;
	const char *rest;

	if (name.len < stem + 2 || memcmp(name.at, p->o->name, stem) != 0 || name.at[stem] != '-')
		return 0;
	rest = name.at + stem + 1;
	while (rest + digits < name.at + name.len && rest[digits] >= '0' && rest[digits] <= '9')
		digits++;
	name.len -= stem + 1 + digits;
	name.at = rest + digits;
	return digits >= NUMBER_DIGITS && name.len > 1 + DIGEST_DIGITS && name.at[0] == '-' &&
	       is_hex((struct slice){name.at + 1, DIGEST_DIGITS}) &&
	       name.at[1 + DIGEST_DIGITS] == '.';
}

/* ---- what is there ---- */

static int got_old(void *context, struct slice bytes, struct err *err)
{
	struct target *t = context;

	return buf_slice(&t->old, bytes) == 0 ? 0 : err_memory(err);
}

static int found_object(void *context, struct slice key, uint64_t size, struct err *err)
{
	struct target *t = context;
	struct slice name = base_of(key);

	(void)size;
	t->done |= slice_is(name, MANIFEST_DONE);
	t->listed |= slice_is(name, MANIFEST_NAME);
	buf_slice(&t->names, name);
	return buf_byte(&t->names, '\0') != 0 || t->names.failed ? err_memory(err) : 0;
}

/* Call each for the names of what is there. */
static int each_name(struct publisher *p, struct target *t,
		     int (*each)(struct publisher *p, struct target *t, const char *name,
				 struct err *err),
		     struct err *err)
{
	for (size_t at = 0; at < t->names.len; at += strlen(t->names.at + at) + 1)
		if (each(p, t, t->names.at + at, err) != 0)
			return -1;
	return 0;
}

/* The key of this name in a partition; valid until the next call, NULL out of memory. */
static const char *key_of(struct publisher *p, const struct target *t, const char *name,
			  struct err *err)
{
	buf_clear(&p->key);
	buf_puts(&p->key, t->prefix);
	buf_puts(&p->key, name);
	if (p->key.failed || buf_byte(&p->key, '\0') != 0) {
		err_memory(err);
		return NULL;
	}
	return p->key.at;
}

static int list(struct publisher *p, struct err *err)
{
	for (size_t i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];
		struct dest_list list = {.prefix = t->prefix, .found = found_object, .context = t};

		if (dest_list(p->d, &list, err) != 0)
			return -1;
	}
	return dest_sync(p->d, err);
}

static int look(struct publisher *p, struct err *err)
{
	if (list(p, err) != 0)
		return -1;
	for (size_t i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];

		t->get = (struct dest_get){
			.key = key_of(p, t, MANIFEST_NAME, err), .got = got_old, .context = t};
		if (t->get.key == NULL || (t->listed && dest_get(p->d, &t->get, err) != 0))
			return -1;
	}
	return dest_sync(p->d, err);
}

/* ---- what will be there ---- */

/* The objects of an earlier run stay, when they are of another name. */
static int keep_others(struct publisher *p, struct target *t, struct err *err)
{
	struct manifest old;
	int result = 0;

	if (!t->get.there)
		return 0;
	if (manifest_parse(buf_view(&t->old), p->o->zone, &old, err) != 0)
		return err_prefix(err, "%s" MANIFEST_NAME, t->prefix);
	if (!manifest_alike(&old, &t->manifest))
		result = err_set(err, ERR_DATA,
				 "%s" MANIFEST_NAME
				 ": of another time or other sums: nothing can be added to it",
				 t->prefix);
	for (size_t i = 0; result == 0 && i < old.count; i++) {
		const struct manifest_object *o = &old.objects[i];

		if (!is_of_run(p, slice_of(o->name)))
			result = manifest_add(&t->manifest, o->name, &o->tally, o->length, o->size,
					      o->sha256, err);
	}
	manifest_free(&old);
	return result;
}

static int by_name(const void *a, const void *b)
{
	const struct manifest_object *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int foreign_object(struct publisher *p, struct target *t, const char *name, struct err *err)
{
	struct slice s = slice_of(name);

	if (!publish_is_data(s) || is_of_run(p, s))
		return 0;
	return err_set(err, ERR_CREATE, "%s%s: is there already", t->prefix, name);
}

/* With PUBLISH_FAIL. A run that broke off behind its manifest may end what it began. */
static int must_be_new(struct publisher *p, struct target *t, struct err *err)
{
	if (!t->get.there)
		return each_name(p, t, foreign_object, err);
	if (!t->done && slice_equal(buf_view(&t->old), buf_view(&t->bytes)))
		return 0;
	return err_set(err, ERR_CREATE, "%s: is published already", t->part->path);
}

static int add_object(struct publisher *p, struct target *t, size_t number, struct err *err)
{
	const struct partition_object *o = &t->part->objects[number];
	struct source *s = &p->sources[t->first_new + number];

	*s = (struct source){p->p, o, object_name(p, number, partition_object_sha256(o))};
	p->source_count++;
	return s->name == NULL
		       ? err_memory(err)
		       : manifest_add(&t->manifest, s->name, &o->tally, o->length,
				      partition_object_size(o), partition_object_sha256(o), err);
}

static int plan_target(struct publisher *p, struct target *t, struct err *err)
{
	unsigned char digest[HASH_SHA256_BYTES];

	if (manifest_init(&t->manifest, t->part->path, p->o->time, p->o->sums, p->o->sum_count,
			  err) != 0 ||
	    (p->o->mode == PUBLISH_APPEND && keep_others(p, t, err) != 0))
		return -1;
	for (size_t i = 0; i < t->part->object_count; i++)
		if (add_object(p, t, i, err) != 0)
			return -1;
	/* In an order that does not depend on which run came first. */
	if (t->manifest.count > 0)
		qsort(t->manifest.objects, t->manifest.count, sizeof *t->manifest.objects, by_name);
	if (manifest_print(&t->manifest, &t->bytes, err) != 0)
		return -1;
	hash_sha256(buf_view(&t->bytes), digest);
	hash_hex(digest, sizeof digest, t->sha256);
	t->changes = !t->get.there || !slice_equal(buf_view(&t->old), buf_view(&t->bytes));
	return p->o->mode == PUBLISH_FAIL ? must_be_new(p, t, err) : 0;
}

/* ---- steps ---- */

static int read_bytes(void *context, uint64_t offset, char *to, size_t len, struct err *err)
{
	const struct target *t = context;

	(void)err;
	memcpy(to, t->bytes.at + offset, len);
	return 0;
}

static int read_nothing(void *context, uint64_t offset, char *to, size_t len, struct err *err)
{
	(void)context, (void)offset, (void)to, (void)len, (void)err;
	return 0;
}

static int read_object(void *context, uint64_t offset, char *to, size_t len, struct err *err)
{
	const struct source *s = context;

	return partition_object_read(s->p, s->o, offset, to, len, err);
}

static int unmark(struct publisher *p, struct err *err)
{
	for (size_t i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];
		const char *key = key_of(p, t, MANIFEST_DONE, err);

		if (key == NULL || (t->done && t->changes && dest_remove(p->d, key, err) != 0))
			return -1;
	}
	return dest_sync(p->d, err);
}

static int put_objects(struct publisher *p, struct err *err)
{
	for (size_t i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];

		for (size_t k = 0; k < t->part->object_count; k++) {
			struct source *s = &p->sources[t->first_new + k];
			struct dest_put put = {.key = key_of(p, t, s->name, err),
					       .size = partition_object_size(s->o),
					       .sha256 = partition_object_sha256(s->o),
					       .read = read_object,
					       .context = s};

			if (put.key == NULL || dest_put(p->d, &put, err) != 0)
				return -1;
		}
	}
	return dest_sync(p->d, err);
}

static int put_manifests(struct publisher *p, struct err *err)
{
	for (size_t i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];
		struct dest_put put = {.key = key_of(p, t, MANIFEST_NAME, err),
				       .size = t->bytes.len,
				       .sha256 = t->sha256,
				       .read = read_bytes,
				       .context = t,
				       .only_new = p->o->mode == PUBLISH_FAIL && !t->get.there,
				       .instead_of = t->get.there && t->get.version[0] == '\0'
							     ? NULL
							     : t->get.version};

		if (put.key == NULL || (t->changes && dest_put(p->d, &put, err) != 0))
			return -1;
	}
	return dest_sync(p->d, err);
}

/* With PUBLISH_APPEND, what other programs have put there stays. */
static int remove_stale(struct publisher *p, struct target *t, const char *name, struct err *err)
{
	struct slice s = slice_of(name);
	const char *key = key_of(p, t, name, err);
	int temporary = strncmp(name, TEMPORARY, strlen(TEMPORARY)) == 0;

	if (key == NULL)
		return -1;
	if (!temporary && (!publish_is_data(s) || manifest_find(&t->manifest, s) != NULL ||
			   (p->o->mode == PUBLISH_APPEND && !is_of_run(p, s))))
		return 0;
	return dest_remove(p->d, key, err);
}

static int is_ours(void *context, struct slice name)
{
	return is_of_run(context, name);
}

static int clear_away(struct publisher *p, struct err *err)
{
	for (size_t i = 0; i < p->count; i++)
		if (each_name(p, &p->targets[i], remove_stale, err) != 0 ||
		    dest_clear(p->d, p->targets[i].prefix, is_ours, p, err) != 0)
			return -1;
	return dest_sync(p->d, err);
}

static int mark(struct publisher *p, struct err *err)
{
	/* SHA-256 of nothing. */
	static const char sha256[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

	for (size_t i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];
		struct dest_put put = {.key = key_of(p, t, MANIFEST_DONE, err),
				       .sha256 = sha256,
				       .read = read_nothing};

		if (put.key == NULL || ((t->changes || !t->done) && dest_put(p->d, &put, err) != 0))
			return -1;
	}
	return dest_sync(p->d, err);
}

/* ---- all of it ---- */

static int set_up(struct publisher *p, struct err *err)
{
	size_t objects = 0;

	p->count = partitions_count(p->p);
	p->targets = calloc(p->count + 1, sizeof *p->targets);
	if (p->targets == NULL)
		return err_memory(err);
	for (size_t i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];

		t->part = partitions_at(p->p, i);
		t->first_new = objects;
		objects += t->part->object_count;
		if (asprintf(&t->prefix, "%s/", t->part->path) < 0) {
			t->prefix = NULL;
			return err_memory(err);
		}
	}
	p->sources = calloc(objects + 1, sizeof *p->sources);
	return p->sources == NULL ? err_memory(err) : 0;
}

static void tear_down(struct publisher *p)
{
	for (size_t i = 0; p->targets != NULL && i < p->count; i++) {
		struct target *t = &p->targets[i];

		manifest_free(&t->manifest);
		buf_free(&t->bytes);
		buf_free(&t->old);
		buf_free(&t->names);
		free(t->prefix);
	}
	for (size_t i = 0; i < p->source_count; i++)
		free(p->sources[i].name);
	free(p->sources);
	free(p->targets);
	buf_free(&p->key);
}

static int run(struct publisher *p, struct err *err)
{
	if (set_up(p, err) != 0 || look(p, err) != 0)
		return -1;
	for (size_t i = 0; i < p->count; i++)
		if (plan_target(p, &p->targets[i], err) != 0)
			return -1;
	if (unmark(p, err) != 0 || put_objects(p, err) != 0 || put_manifests(p, err) != 0 ||
	    clear_away(p, err) != 0 || mark(p, err) != 0)
		return -1;
	for (size_t i = 0; i < p->count; i++)
		if (p->o->published(p->o->context, &p->targets[i].manifest, err) != 0)
			return -1;
	return 0;
}

int publish(struct dest *d, const struct partitions *partitions, const struct publish_options *o,
	    struct err *err)
{
	struct publisher p = {.d = d, .p = partitions, .o = o};
	int result = run(&p, err);

	tear_down(&p);
	return result;
}
