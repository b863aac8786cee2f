#include "l2-line/pgoutput.h"

#include <stdlib.h>

/* A message being read. After the first read beyond its end `bad` stays set, and reads give 0. */
struct input {
	const char *start, *at, *end;
	int bad;
};

static const char *take(struct input *in, size_t n)
{
	const char *at = in->at;

	if (in->bad || (size_t)(in->end - at) < n) {
		in->bad = 1;
		return NULL;
	}
	in->at += n;
	return at;
}

static unsigned take8(struct input *in)
{
	const char *p = take(in, 1);

	return p == NULL ? 0 : (unsigned char)*p;
}

static unsigned take16(struct input *in)
{
	const char *p = take(in, 2);

	return p == NULL ? 0 : (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

static uint32_t take32(struct input *in)
{
	const char *p = take(in, 4);

	return p == NULL ? 0 : pgoutput_get32(p);
}

static uint64_t take64(struct input *in)
{
	const char *p = take(in, 8);

	return p == NULL ? 0 : pgoutput_get64(p);
}

/* Text up to a NUL byte. */
static struct slice take_name(struct input *in)
{
	const char *start = in->at, *nul;

	if (in->bad)
		return (struct slice){0};
	nul = memchr(start, '\0', (size_t)(in->end - start));
	if (nul == NULL) {
		in->bad = 1;
		return (struct slice){0};
	}
	in->at = nul + 1;
	return (struct slice){start, (size_t)(nul - start)};
}

static int64_t take_time(struct input *in)
{
	return (int64_t)(take64(in) + (uint64_t)PGOUTPUT_EPOCH);
}

static int broken(const struct input *in, struct err *err, const char *what)
{
	return err_at(err, (size_t)(in->at - in->start) + 1, "replication message: %s", what);
}

/* Make *array hold count elements. */
static int grow(void *array, size_t *size, size_t count, size_t each, struct err *err)
{
	void *at;

	if (count <= *size)
		return 0;
	memcpy(&at, array, sizeof at);
	at = realloc(at, count * each);
	if (at == NULL)
		return err_memory(err);
	memcpy(array, &at, sizeof at);
	*size = count;
	return 0;
}

/* A row: its values go behind the `before` ones that the decoder holds already. Sets the count
 * alone; the array may still move. */
static int take_tuple(struct pgoutput *d, struct input *in, size_t before,
		      struct pgoutput_tuple *tuple, struct err *err)
{
	size_t count = take16(in);
	struct pgoutput_value *value;

	/* Each value has a byte at least: no more room than the message can fill. */
	if (in->bad || count > (size_t)(in->end - in->at))
		return broken(in, err, "cut off in a row");
	if (grow(&d->value, &d->value_size, before + count, sizeof *d->value, err) != 0)
		return -1;
	tuple->count = count;
	value = d->value + before;
	for (size_t i = 0; i < count; i++, value++) {
		size_t len;

		value->text = (struct slice){0};
		switch (take8(in)) {
		case 't':
			len = take32(in);
			value->kind = PGOUTPUT_TEXT;
			value->text.at = take(in, len);
			value->text.len = len;
			break;
		case 'n':
			value->kind = PGOUTPUT_NULL;
			break;
		case 'u':
			value->kind = PGOUTPUT_UNCHANGED;
			break;
		default:
			in->at -= !in->bad;
			return broken(in, err, "a value of an unknown kind");
		}
		if (in->bad)
			return broken(in, err, "cut off in a row");
	}
	return 0;
}

/* What follows the relation's OID in an INSERT, UPDATE or DELETE: an old row or none, a new row or
 * none, each behind a letter. */
static int take_rows(struct pgoutput *d, struct input *in, struct pgoutput_message *m,
		     struct err *err)
{
	unsigned letter = take8(in);

	m->old = 0;
	m->old_row = m->new_row = (struct pgoutput_tuple){0};
	if (m->kind != PGOUTPUT_INSERT && (letter == 'O' || letter == 'K')) {
		m->old = (char)letter;
		if (take_tuple(d, in, 0, &m->old_row, err) != 0)
			return -1;
		letter = m->kind == PGOUTPUT_UPDATE ? take8(in) : 0;
	}
	if (m->kind != PGOUTPUT_DELETE) {
		if (letter != 'N')
			return broken(in, err, "no new row");
		if (take_tuple(d, in, m->old_row.count, &m->new_row, err) != 0)
			return -1;
	} else if (m->old == 0) {
		return broken(in, err, "no old row");
	}
	if (m->old_row.count > 0)
		m->old_row.value = d->value;
	if (m->new_row.count > 0)
		m->new_row.value = d->value + m->old_row.count;
	return 0;
}

static int take_relation(struct pgoutput *d, struct input *in, struct pgoutput_message *m,
			 struct err *err)
{
	m->relation = take32(in);
	m->schema = take_name(in);
	m->table = take_name(in);
	m->identity = (char)take8(in);
	m->column_count = take16(in);
	/* Each column has 10 bytes at least. */
	if (in->bad || m->column_count > (size_t)(in->end - in->at) / 10)
		return broken(in, err, "cut off in a relation");
	if (grow(&d->column, &d->column_size, m->column_count, sizeof *d->column, err) != 0)
		return -1;
	for (size_t i = 0; i < m->column_count; i++) {
		struct pgoutput_column *c = &d->column[i];

		c->key = (int)(take8(in) & 1);
		c->name = take_name(in);
		c->type = take32(in);
		c->typmod = (int32_t)take32(in);
	}
	m->column = d->column;
	return 0;
}

int pgoutput_decode(struct pgoutput *d, struct slice bytes, struct pgoutput_message *m,
		    struct err *err)
{
	struct input in = {bytes.at, bytes.at, bytes.at + bytes.len, 0};
	unsigned kind;

	if (bytes.len == 0)
		return broken(&in, err, "empty");
	kind = take8(&in);
	m->kind = (enum pgoutput_kind)kind;
	switch (kind) {
	case PGOUTPUT_INSERT:
	case PGOUTPUT_UPDATE:
	case PGOUTPUT_DELETE:
		m->relation = take32(&in);
		if (take_rows(d, &in, m, err) != 0)
			return -1;
		break;
	case PGOUTPUT_BEGIN:
		m->lsn = take64(&in);
		m->time = take_time(&in);
		m->xid = take32(&in);
		break;
	case PGOUTPUT_STREAM_COMMIT:
		m->xid = take32(&in);
		/* fall through */
	case PGOUTPUT_COMMIT:
		take8(&in); /* flags, none defined */
		m->lsn = take64(&in);
		m->end_lsn = take64(&in);
		m->time = take_time(&in);
		break;
	case PGOUTPUT_RELATION:
		if (take_relation(d, &in, m, err) != 0)
			return -1;
		break;
	case PGOUTPUT_TRUNCATE:
		m->truncated_count = take32(&in);
		take8(&in); /* CASCADE, RESTART IDENTITY: all the same to a reader */
		if (m->truncated_count > bytes.len / 4)
			return broken(&in, err, "cut off in a truncate");
		m->truncated.len = 4 * m->truncated_count;
		m->truncated.at = take(&in, m->truncated.len);
		break;
	case PGOUTPUT_TYPE:
		take32(&in);
		take_name(&in);
		take_name(&in);
		break;
	case PGOUTPUT_ORIGIN:
		take64(&in);
		take_name(&in);
		break;
	case PGOUTPUT_MESSAGE:
		take8(&in);
		take64(&in);
		take_name(&in);
		take(&in, take32(&in));
		break;
	case PGOUTPUT_STREAM_START:
		m->xid = take32(&in);
		take8(&in); /* whether it is the first piece */
		break;
	case PGOUTPUT_STREAM_STOP:
		break;
	case PGOUTPUT_STREAM_ABORT:
		m->xid = take32(&in);
		m->subxid = take32(&in);
		break;
	default:
		in.at = in.start;
		return broken(&in, err, "of an unknown kind");
	}
	if (in.bad)
		return broken(&in, err, "cut off");
	if (in.at != in.end)
		return broken(&in, err, "longer than it says");
	return 0;
}

int pgoutput_take_xid(char **bytes, size_t *len, uint32_t *xid, struct err *err)
{
	if (*len < 5)
		return err_at(err, *len + 1, "replication message: cut off");
	*xid = pgoutput_get32(*bytes + 1);
	(*bytes)[4] = (*bytes)[0];
	*bytes += 4;
	*len -= 4;
	return 0;
}

int pgoutput_truncates(const struct pgoutput_message *m, uint32_t relation)
{
	for (size_t i = 0; i < m->truncated_count; i++)
		if (pgoutput_get32(m->truncated.at + 4 * i) == relation)
			return 1;
	return 0;
}

void pgoutput_free(struct pgoutput *d)
{
	free(d->column);
	free(d->value);
	*d = (struct pgoutput){0};
}
