#include "l2-line/tumble.h"

enum { HOUR = 3600, DAY = 86400 };

int tumble_size(int64_t micros, int64_t *seconds, struct err *err)
{
	int64_t size = micros / 1000000;

	if (micros % 1000000 != 0 || size <= 0)
		return err_set(err, ERR_USAGE, "must be whole seconds, at least 1");
	if (size > DAY ? size % DAY != 0 : DAY % size != 0)
		return err_set(err, ERR_USAGE, "must divide a day, or be whole days");
	*seconds = size;
	return 0;
}

struct tumble tumble_of(struct zone *z, int64_t size, int by_day)
{
	return (struct tumble){
		.zone = z, .size = size, .by_clock = HOUR % size != 0, .by_day = by_day};
}

static int64_t floor_multiple(int64_t n, int64_t of)
{
	int64_t rest = n % of;

	return n - rest - (rest < 0 ? of : 0);
}

int tumble_find(struct tumble *u, const struct timestamp *t)
{
	struct tumble_window *v = &u->window;
	int64_t wall = t->local, first;

	/* A local time that a change of clocks skipped is read as an instant behind the change
	 * (timestamp.h), where the clock on the wall shows a later time: windows go by that one, or
	 * the record would come behind the end of its own window. The business day is what the
	 * record says, as it is in SQL. */
	if (u->by_clock)
		wall = t->utc + zone_offset(u->zone, t->utc);
	if (wall >= u->low && wall < u->high && wall - t->utc == u->offset && wall == t->local)
		return 0;
	first = floor_multiple(wall, u->size);
	u->offset = wall - t->utc;
	u->low = first;
	u->high = first + u->size;
	v->start = u->by_clock ? first : first - u->offset;
	v->end = u->by_clock ? zone_utc(u->zone, first + u->size) : v->start + u->size;
	v->day = 0;
	if (u->by_day) {
		v->day = date_of(t->local);
		if (u->low < v->day * DAY)
			u->low = v->day * DAY;
		if (u->high > (v->day + 1) * DAY)
			u->high = (v->day + 1) * DAY;
	}
	return 1;
}

int tumble_put_start(const struct tumble *u, const struct tumble_window *v, struct buf *out)
{
	struct timestamp t = {.utc = v->start, .local = v->start};

	if (u->by_clock)
		t.utc = zone_utc(u->zone, v->start);
	else
		t.local += zone_offset(u->zone, v->start);
	if (buf_byte(out, '"') != 0 || timestamp_put_local(u->zone, out, &t) != 0)
		return -1;
	return buf_byte(out, '"');
}

int tumble_compare(const struct tumble_window *a, const struct tumble_window *b)
{
	if (a->end != b->end)
		return a->end < b->end ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->day > b->day) - (a->day < b->day);
}
