#include "l3-stream/kinpos.h"

#include <stdlib.h>

static int compare_numbers(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	return n != m ? (n < m ? -1 : 1) : strcmp(a, b);
}

int kinplace_compare(const struct kinplace *a, const struct kinplace *b)
{
	/* Nothing was read of either. */
	if (a->kind <= KINPLACE_TIME && b->kind <= KINPLACE_TIME)
		return 0;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->kind == KINPLACE_AFTER ? compare_numbers(a->text, b->text) : 0;
}

void kinshard_free(struct kinshard *s)
{
	free(s->seen);
	s->seen = NULL;
	s->seen_count = 0;
}

static struct seen *add_seen(struct kinshard *s, struct err *err)
{
	struct seen *more;

	if (s->seen_count == KINPOS_WRITERS_MAX) {
		err_set(err, ERR_CONFIG, "shard %s: more than %d writers", s->id,
			KINPOS_WRITERS_MAX);
		return NULL;
	}
	more = reallocarray(s->seen, s->seen_count + 1, sizeof *more);
	if (more == NULL) {
		err_memory(err);
		return NULL;
	}
	s->seen = more;
	more[s->seen_count] = (struct seen){0};
	return &more[s->seen_count++];
}

static struct seen *find_seen(struct kinshard *s, struct slice name)
{
	for (size_t i = 0; i < s->seen_count; i++)
		if (seen_is_one_writer(slice_of(s->seen[i].name), name))
			return &s->seen[i];
	return NULL;
}

struct seen *kinshard_writer(struct kinshard *s, struct slice name, struct err *err)
{
	struct seen *found = find_seen(s, name);

	if (found != NULL && slice_is(name, found->name))
		return found;
	if (found == NULL)
		found = add_seen(s, err);
	if (found == NULL)
		return NULL;
	*found = (struct seen){0};
	memcpy(found->name, name.at, name.len < SEEN_NAME_MAX ? name.len : SEEN_NAME_MAX);
	return found;
}

const char *kinshard_other_writer(const struct kinshard *s, struct slice name)
{
	for (size_t i = 0; i < s->seen_count; i++)
		if (!seen_is_one_writer(slice_of(s->seen[i].name), name))
			return s->seen[i].name;
	return NULL;
}

int kinshard_adopt(struct kinshard *s, const struct kinshard *there, struct eras *e,
		   struct err *err)
{
	for (size_t i = 0; i < there->seen_count; i++) {
		struct slice name = slice_of(there->seen[i].name);

		eras_learn(e, name);
		if (seen_is_anew(name) && kinshard_writer(s, name, err) == NULL)
			return -1;
	}
	return 0;
}

int kinshard_inherit(struct kinshard *s, const struct kinshard *parent, struct err *err)
{
	for (size_t i = 0; i < parent->seen_count; i++) {
		struct slice name = slice_of(parent->seen[i].name);
		struct seen *own = find_seen(s, name);

		/* The other parent has met a later generation: that one counts. */
		if (own != NULL && seen_compare(name, slice_of(own->name)) < 0)
			continue;
		own = kinshard_writer(s, name, err);
		if (own == NULL)
			return -1;
		seen_join(own, &parent->seen[i]);
	}
	return 0;
}

/* ---- text ---- */

/* Cut off up to the separator, which goes too. */
static struct slice cut(struct slice *text, char separator)
{
	const char *end = text->len == 0 ? NULL : memchr(text->at, separator, text->len);
	struct slice part = {text->at, end == NULL ? text->len : (size_t)(end - text->at)};
	size_t used = part.len + (end != NULL);

	text->at += used;
	text->len -= used;
	return part;
}

static int copy(char to[KINPOS_TEXT_MAX + 1], struct slice from)
{
	if (from.len == 0 || from.len > KINPOS_TEXT_MAX)
		return -1;
	memcpy(to, from.at, from.len);
	to[from.len] = '\0';
	return 0;
}

static int get_place(struct slice text, struct kinplace *p)
{
	struct slice digits = text;

	*p = (struct kinplace){.kind = KINPLACE_AFTER};
	if (slice_is(text, "-") || slice_is(text, "!")) {
		p->kind = *text.at == '-' ? KINPLACE_BEGIN : KINPLACE_DONE;
		return 0;
	}
	if (text.len > 0 && *text.at == '@') {
		p->kind = KINPLACE_TIME;
		digits.at++;
		digits.len--;
	}
	for (size_t i = 0; i < digits.len; i++)
		if (digits.at[i] < '0' || digits.at[i] > '9')
			return -1;
	return copy(p->text, digits);
}

static int get_shard(struct slice text, struct kinshard *s, struct err *err)
{
	struct slice id = cut(&text, '='), place = cut(&text, '~');

	if (copy(s->id, id) != 0 || get_place(place, &s->place) != 0)
		return err_set(err, ERR_CONFIG, "not a place in a shard");
	while (text.len > 0) {
		struct seen *seen = add_seen(s, err);

		if (seen == NULL)
			return -1;
		if (seen_get(cut(&text, '~'), seen) != 0)
			return err_set(err, ERR_CONFIG, "not a writer");
	}
	return 0;
}

int kinpos_parse(const char *text, struct kinpos *pos, struct err *err)
{
	static const char head[] = "kin1:";
	struct slice rest = slice_of(text);

	*pos = (struct kinpos){0};
	if (strncmp(text, head, sizeof head - 1) != 0)
		return err_set(err, ERR_CONFIG, "not a position of kinesis-tail: %s", text);
	rest.at += sizeof head - 1;
	rest.len -= sizeof head - 1;
	if (copy(pos->stream, cut(&rest, ';')) != 0)
		return err_set(err, ERR_CONFIG, "not a position of kinesis-tail: %s", text);
	while (rest.len > 0) {
		struct kinshard *more = reallocarray(pos->shards, pos->count + 1, sizeof *more);

		if (more == NULL) {
			kinpos_free(pos);
			return err_memory(err);
		}
		pos->shards = more;
		more[pos->count] = (struct kinshard){0};
		if (get_shard(cut(&rest, ';'), &more[pos->count++], err) != 0) {
			kinpos_free(pos);
			return err_prefix(err, "position of kinesis-tail");
		}
	}
	return 0;
}

void kinpos_free(struct kinpos *pos)
{
	for (size_t i = 0; i < pos->count; i++)
		kinshard_free(&pos->shards[i]);
	free(pos->shards);
	*pos = (struct kinpos){0};
}

const struct kinshard *kinpos_find(const struct kinpos *pos, const char *id)
{
	for (size_t i = 0; i < pos->count; i++)
		if (strcmp(pos->shards[i].id, id) == 0)
			return &pos->shards[i];
	return NULL;
}

int kinpos_put_head(struct buf *out, const char *stream)
{
	return buf_printf(out, "kin1:%s", stream);
}

int kinpos_put_shard(struct buf *out, const struct kinshard *s)
{
	static const char *const marks[] = {"-", "@", "", "!"};

	buf_printf(out, ";%s=%s%s", s->id, marks[s->place.kind], s->place.text);
	for (size_t i = 0; i < s->seen_count; i++) {
		buf_byte(out, '~');
		seen_put(out, &s->seen[i]);
	}
	return out->failed ? -1 : 0;
}
