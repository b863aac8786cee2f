#include "l3-stream/partition.h"

#include <stdlib.h>

#include "l0-base/table.h"
#include "l2-line/pack.h"

/* Records put aside. Behind them in the file stands where those put aside before them are. */
struct spilled {
	uint64_t at, len; /* len 0: none */
};

struct part {
	struct partition pub;
	size_t objects_room;
	int open; /* the last of the objects takes more records */
	int touched;
	struct buf held;     /* records */
	struct spilled last; /* of those put aside */
	size_t aside;        /* bytes, of all that were */
	char *path;
};

struct partitions {
	struct partition_options o;
	struct spool *spool;
	struct pack *pack;
	/* By the values of the fields and the time, or by the path: different values may have one
	 * path. Each value is a struct part *. */
	struct table *by_values, *by_path;
	struct part **parts;
	size_t count, room;
	struct buf key, last_key, path;
	struct part *last; /* the part of last_key */
	uint64_t held;     /* bytes of memory in all buffers */
	struct partition_memory memory;
};

static void part_free(struct part *part)
{
	for (size_t i = 0; i < part->pub.object_count; i++) {
		tally_free(&part->pub.objects[i].tally);
		pack_object_free(part->pub.objects[i].packed);
	}
	free(part->pub.objects);
	buf_free(&part->held);
	free(part->path);
	free(part);
}

void partitions_free(struct partitions *p)
{
	if (p == NULL)
		return;
	pack_free(p->pack); /* first: its threads look at the objects */
	for (size_t i = 0; i < p->count; i++)
		part_free(p->parts[i]);
	free(p->parts);
	table_free(p->by_values);
	table_free(p->by_path);
	spool_free(p->spool);
	buf_free(&p->key);
	buf_free(&p->last_key);
	buf_free(&p->path);
	free(p);
}

int partitions_new(const struct partition_options *o, struct partitions **out, struct err *err)
{
	struct partitions *p = calloc(1, sizeof *p);

	*out = NULL;
	if (p == NULL)
		return err_memory(err);
	p->o = *o;
	if (spool_new(o->temporary, &p->spool, err) != 0) {
		partitions_free(p);
		return -1;
	}
	p->pack = pack_new(o->codec, o->level, o->threads, p->spool);
	p->by_values = table_new(sizeof(struct { void *part[2]; }));
	p->by_path = table_new(sizeof(struct { void *part[2]; }));
	if (p->pack == NULL || p->by_values == NULL || p->by_path == NULL) {
		partitions_free(p);
		return err_memory(err);
	}
	*out = p;
	return 0;
}

/* ---- where a record belongs ---- */

static int make_part(struct partitions *p, struct slice path, struct part **out, struct err *err)
{
	struct part **parts, *part;

	if (p->count >= p->o.most)
		return err_set(err, ERR_CONFIG, "more than %zu partitions (--max-partitions)",
			       p->o.most);
	if (p->count == p->room) {
		size_t room = p->room == 0 ? 64 : 2 * p->room;

		parts = realloc(p->parts, room * sizeof(struct part *));
		if (parts == NULL)
			return err_memory(err);
		p->parts = parts;
		p->room = room;
	}
	part = calloc(1, sizeof *part);
	if (part == NULL)
		return err_memory(err);
	part->path = strndup(path.at, path.len);
	if (part->path == NULL) {
		free(part);
		return err_memory(err);
	}
	part->pub.path = part->path;
	p->parts[p->count++] = *out = part;
	return 0;
}

/* The part of values that were not met before. */
static int new_values(struct partitions *p, const struct slice *values, int64_t local,
		      struct part **out, struct partition_blame *blame, struct err *err)
{
	struct part **slot;
	int fresh, field;

	buf_clear(&p->path);
	if (layout_put_path(p->o.layout, values, local, &p->path, &field, err) != 0) {
		if (field == LAYOUT_TIME)
			blame->fault = PARTITION_TIME;
		else if (field != LAYOUT_WHOLE)
			*blame = (struct partition_blame){PARTITION_FIELD, (size_t)field};
		return -1;
	}
	slot = table_at(p->by_path, buf_view(&p->path), &fresh);
	if (slot == NULL)
		return err_memory(err);
	if (*slot == NULL && make_part(p, buf_view(&p->path), slot, err) != 0)
		return -1;
	*out = *slot;
	return 0;
}

/* The values and the time, as far as it makes a difference, one behind the other. */
static int put_key(struct partitions *p, const struct slice *values, int64_t local)
{
	int64_t unit = layout_unit(p->o.layout), bucket = 0;

	if (unit > 0)
		bucket = local / unit - (local % unit < 0);
	buf_clear(&p->key);
	buf_put(&p->key, &bucket, sizeof bucket);
	for (size_t i = 0; i < layout_field_count(p->o.layout); i++) {
		size_t len = values[i].len;

		/* A longer one is refused anyway. */
		if (len > LAYOUT_PATH_MAX)
			len = LAYOUT_PATH_MAX + 1;
		buf_put(&p->key, &len, sizeof len);
		buf_put(&p->key, values[i].at, len);
	}
	return p->key.failed ? -1 : 0;
}

static int find_part(struct partitions *p, const struct slice *values, int64_t local,
		     struct part **out, struct partition_blame *blame, struct err *err)
{
	struct part **slot;
	struct buf swap;
	int fresh;

	*blame = (struct partition_blame){PARTITION_WHOLE, 0};
	if (put_key(p, values, local) != 0)
		return err_memory(err);
	if (p->last != NULL && slice_equal(buf_view(&p->key), buf_view(&p->last_key))) {
		*out = p->last;
		return 0;
	}
	slot = table_find(p->by_values, buf_view(&p->key));
	if (slot == NULL) {
		struct part *part = NULL;

		if (new_values(p, values, local, &part, blame, err) != 0)
			return -1;
		slot = table_at(p->by_values, buf_view(&p->key), &fresh);
		if (slot == NULL)
			return err_memory(err);
		*slot = part;
	}
	*out = p->last = *slot;
	swap = p->last_key;
	p->last_key = p->key;
	p->key = swap;
	return 0;
}

/* ---- memory ---- */

/* Put all records that are held aside. */
static int spill(struct partitions *p, struct err *err)
{
	p->memory.times++;
	for (size_t i = 0; i < p->count; i++) {
		struct part *part = p->parts[i];
		struct spilled now = {.len = part->held.len};

		if (now.len > 0) {
			if (buf_put(&part->held, &part->last, sizeof part->last) != 0)
				return err_memory(err);
			if (spool_put(p->spool, buf_view(&part->held), &now.at, err) != 0)
				return -1;
			part->last = now;
			part->aside += now.len;
			p->memory.spilled += now.len;
		}
		buf_free(&part->held);
	}
	p->held = 0;
	return 0;
}

/* Bring back what is aside, before what is held: from the last put there to the first. */
static int bring_back(struct partitions *p, struct part *part, struct err *err)
{
	struct buf whole = {0};
	char *end = buf_room(&whole, part->aside + part->held.len);

	if (end == NULL)
		return err_memory(err);
	whole.len = part->aside + part->held.len;
	end += part->aside;
	if (part->held.len > 0)
		memcpy(end, part->held.at, part->held.len);
	while (part->last.len > 0) {
		struct spilled s = part->last;

		end -= s.len;
		if (spool_get(p->spool, s.at, end, s.len, err) != 0 ||
		    spool_get(p->spool, s.at + s.len, (char *)&part->last, sizeof part->last,
			      err) != 0) {
			buf_free(&whole);
			return -1;
		}
	}
	part->aside = 0;
	buf_free(&part->held);
	part->held = whole;
	return 0;
}

/* Hand the records of a part over, as a block. */
static int hand_over(struct partitions *p, struct part *part, struct err *err)
{
	struct partition_object *o = &part->pub.objects[part->pub.object_count - 1];
	size_t before = part->held.size;

	if (part->held.len + part->aside == 0)
		return 0;
	if ((part->aside > 0 && bring_back(p, part, err) != 0) ||
	    pack_put(p->pack, o->packed, &part->held, err) != 0)
		return -1;
	p->held += part->held.size;
	p->held -= before;
	if (p->o.roll > 0 && o->length >= p->o.roll)
		part->open = 0;
	return 0;
}

/* ---- records ---- */

static int open_object(struct partitions *p, struct part *part, struct err *err)
{
	struct partition_object *o = part->pub.objects;

	if (part->pub.object_count == part->objects_room) {
		size_t room = part->objects_room == 0 ? 1 : 2 * part->objects_room;

		o = realloc(o, room * sizeof *o);
		if (o == NULL)
			return err_memory(err);
		part->pub.objects = o;
		part->objects_room = room;
	}
	o += part->pub.object_count;
	*o = (struct partition_object){.packed = pack_object_new()};
	if (o->packed == NULL)
		return err_memory(err);
	if (tally_init(&o->tally, p->o.sum_count, err) != 0) {
		pack_object_free(o->packed);
		return -1;
	}
	part->pub.object_count++;
	part->open = 1;
	return 0;
}

static int hold(struct partitions *p, struct part *part, struct slice line, struct err *err)
{
	size_t before = part->held.size;
	struct buf *held = &part->held;

	buf_slice(held, line);
	buf_byte(held, '\n');
	p->held += held->size - before;
	if (p->held > p->memory.most)
		p->memory.most = p->held;
	if (held->failed)
		return err_memory(err);
	return p->held > p->o.memory ? spill(p, err) : 0;
}

int partitions_add(struct partitions *p, const struct partition_record *r,
		   struct partition_blame *blame, struct err *err)
{
	struct partition_object *o;
	struct part *part;
	size_t held;
	int sum;

	if (find_part(p, r->values, r->at != NULL ? r->at->local : 0, &part, blame, err) != 0)
		return -1;
	held = part->aside + part->held.len;
	if (held + r->line.len + 1 > PARTITION_BLOCK && held > 0 && hand_over(p, part, err) != 0)
		return -1;
	if (!part->open && open_object(p, part, err) != 0)
		return -1;
	o = &part->pub.objects[part->pub.object_count - 1];
	if (tally_add(&o->tally, r->at, r->at_text, r->amounts, &sum, err) != 0) {
		blame->fault = sum < 0 ? PARTITION_TIME : PARTITION_SUM;
		blame->number = sum < 0 ? 0 : (size_t)sum;
		return -1;
	}
	o->length += r->line.len + 1;
	return hold(p, part, r->line, err);
}

int partitions_touch(struct partitions *p, const struct slice *values, int64_t local,
		     struct partition_blame *blame, struct err *err)
{
	struct part *part;

	if (find_part(p, values, local, &part, blame, err) != 0)
		return -1;
	part->touched = 1;
	return 0;
}

/* ---- the end ---- */

static int by_path(const void *a, const void *b)
{
	return strcmp((*(struct part *const *)a)->path, (*(struct part *const *)b)->path);
}

/* A record may have been found to be bad when its part, or its object, was there already. */
static void drop_empty(struct partitions *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct part *part = p->parts[i];
		size_t count = part->pub.object_count;
		struct partition_object *o = count > 0 ? &part->pub.objects[count - 1] : NULL;

		if (o != NULL && o->tally.rows == 0) {
			tally_free(&o->tally);
			pack_object_free(o->packed);
			part->pub.object_count--;
		}
		if (part->pub.object_count > 0 || part->touched)
			p->parts[kept++] = part;
		else
			part_free(part);
	}
	p->count = kept;
}

int partitions_close(struct partitions *p, struct err *err)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->parts[i]->pub.object_count > 0 && hand_over(p, p->parts[i], err) != 0)
			return -1;
		buf_free(&p->parts[i]->held);
	}
	p->last = NULL;
	if (pack_wait(p->pack, err) != 0)
		return -1;
	drop_empty(p);
	for (size_t i = 0; i < p->count; i++)
		for (size_t k = 0; k < p->parts[i]->pub.object_count; k++)
			if (pack_seal(p->pack, p->parts[i]->pub.objects[k].packed, err) != 0)
				return -1;
	if (p->count > 0)
		qsort(p->parts, p->count, sizeof(struct part *), by_path);
	return pack_wait(p->pack, err);
}

size_t partitions_count(const struct partitions *p)
{
	return p->count;
}

const struct partition *partitions_at(const struct partitions *p, size_t i)
{
	return &p->parts[i]->pub;
}

uint64_t partition_object_size(const struct partition_object *o)
{
	return pack_size(o->packed);
}

const char *partition_object_sha256(const struct partition_object *o)
{
	return pack_sha256(o->packed);
}

int partition_object_read(const struct partitions *p, const struct partition_object *o,
			  uint64_t offset, char *to, size_t len, struct err *err)
{
	return pack_read(p->pack, o->packed, offset, to, len, err);
}

struct partition_memory partitions_memory(const struct partitions *p)
{
	return p->memory;
}
