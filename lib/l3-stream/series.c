#include "l3-stream/series.h"

#include <stdlib.h>

#include "l0-base/table.h"

/* To make a table costs more than a minute's points, so some are kept: as many as minutes often
 * change between two barriers, and none that has become large, since what it has grown to would
 * stay. */
enum { SPARES = 256, SPARE_POINTS = 128 };

struct minute {
	int64_t start;
	struct table *points; /* key: struct point_value[count] */
};

struct series {
	const struct point_shape *shape;
	size_t max_series;
	struct table *known; /* keys seen so far; their values are not used */
	struct buf others;
	struct minute *minutes; /* in order */
	size_t count, room, points;
	size_t taken;                   /* points of the first minute that were taken */
	size_t next_minute, next_point; /* of series_next */
	struct table *spare[SPARES];
	size_t spare_count;
};

#define KNOWN_SIZE 16

_Static_assert(sizeof(struct point_value) % 16 == 0, "a value of a table");

struct series *series_new(const struct point_shape *shape, size_t max_series)
{
	struct series *s = calloc(1, sizeof *s);
	int failed = 0, fresh;

	if (s == NULL)
		return NULL;
	s->shape = shape;
	s->max_series = max_series;
	s->known = table_new(KNOWN_SIZE);
	for (size_t i = 0; i < shape->dimension_count; i++)
		failed |= point_put_key(&s->others, slice_of("(others)")) != 0;
	if (failed || s->known == NULL ||
	    (shape->dimension_count == 0 &&
	     table_at(s->known, (struct slice){"", 0}, &fresh) == NULL)) {
		series_free(s);
		return NULL;
	}
	return s;
}

void series_free(struct series *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count; i++)
		table_free(s->minutes[i].points);
	free(s->minutes);
	for (size_t i = 0; i < s->spare_count; i++)
		table_free(s->spare[i]);
	table_free(s->known);
	buf_free(&s->others);
	free(s);
}

int series_full(const struct series *s)
{
	return s->points >= SERIES_POINTS_MAX;
}

size_t series_points(const struct series *s)
{
	return s->points;
}

int64_t series_earliest(const struct series *s)
{
	return s->count > 0 ? s->minutes[0].start : INT64_MAX;
}

size_t series_known(const struct series *s)
{
	return table_count(s->known);
}

/* The minute, made when it is not there. Most are the last, or near it. */
static struct minute *minute_at(struct series *s, int64_t start)
{
	size_t i = s->count;
	struct table *points;

	while (i > 0 && s->minutes[i - 1].start > start)
		i--;
	if (i > 0 && s->minutes[i - 1].start == start)
		return &s->minutes[i - 1];
	if (s->count == s->room) {
		size_t room = s->room == 0 ? 16 : 2 * s->room;
		struct minute *more = reallocarray(s->minutes, room, sizeof *more);

		if (more == NULL)
			return NULL;
		s->minutes = more;
		s->room = room;
	}
	points = s->spare_count > 0 ? s->spare[--s->spare_count]
				    : table_new(s->shape->count * sizeof(struct point_value));
	if (points == NULL)
		return NULL;
	memmove(&s->minutes[i + 1], &s->minutes[i], (s->count - i) * sizeof *s->minutes);
	s->minutes[i] = (struct minute){start, points};
	s->count++;
	return &s->minutes[i];
}

/* *sum becomes what both are together. */
static int merge(struct point_value *sum, const struct point_value *v, int greatest,
		 struct err *err)
{
	if (!v->known)
		return 0;
	if (!sum->known) {
		*sum = *v;
		return 0;
	}
	if (!greatest && decimal_add(&sum->amount, &v->amount, err) != 0)
		return -1;
	if (greatest && decimal_compare(&v->amount, &sum->amount) > 0)
		sum->amount = v->amount;
	if (decimal_compare(&v->least, &sum->least) < 0)
		sum->least = v->least;
	if (decimal_compare(&v->most, &sum->most) > 0)
		sum->most = v->most;
	sum->parts += v->parts;
	return 0;
}

static int add_to(struct series *s, struct minute *m, struct slice key,
		  const struct point_value *values, struct err *err)
{
	struct point_value sums[POINT_VALUES_MAX] = {0}, *point = table_find(m->points, key);
	size_t size = s->shape->count * sizeof *values;
	int fresh;

	if (point != NULL)
		memcpy(sums, point, size);
	for (size_t i = 0; i < s->shape->count; i++)
		if (merge(&sums[i], &values[i], s->shape->greatest[i], err) != 0)
			return err_prefix(err, "%s", s->shape->names[i]);
	if (point == NULL) {
		point = table_at(m->points, key, &fresh);
		if (point == NULL)
			return err_memory(err);
		s->points++;
	}
	memcpy(point, sums, size);
	return 0;
}

int series_add(struct series *s, int64_t start, struct slice key, const struct point_value *values,
	       struct err *err)
{
	struct minute *m = minute_at(s, start);
	int many = 0, fresh;

	if (m == NULL)
		return err_memory(err);
	if (table_find(s->known, key) == NULL) {
		many = table_count(s->known) >= s->max_series;
		if (many)
			key = buf_view(&s->others);
		else if (table_at(s->known, key, &fresh) == NULL)
			return err_memory(err);
	}
	return add_to(s, m, key, values, err) != 0 ? -1 : many;
}

int series_fill(struct series *s, int64_t start, uint64_t *zeros, struct err *err)
{
	struct point_value none[POINT_VALUES_MAX] = {0};
	struct minute *m;

	if (table_count(s->known) == 0)
		return 0;
	m = minute_at(s, start);
	if (m == NULL)
		return err_memory(err);
	for (size_t i = 0; i < s->shape->count; i++)
		if (!s->shape->greatest[i])
			none[i] = point_of((struct decimal){0, 0});
	for (size_t i = 0; i < table_count(s->known); i++) {
		struct slice key = table_key(s->known, i);

		if (table_find(m->points, key) != NULL)
			continue;
		if (add_to(s, m, key, none, err) != 0)
			return -1;
		++*zeros;
	}
	return 0;
}

/* The first minute is done with. */
static void drop_first(struct series *s)
{
	struct table *points = s->minutes[0].points;

	s->points -= table_count(points);
	if (s->spare_count < SPARES && table_count(points) <= SPARE_POINTS) {
		table_clear(points);
		s->spare[s->spare_count++] = points;
	} else {
		table_free(points);
	}
	s->count--;
	memmove(s->minutes, s->minutes + 1, s->count * sizeof *s->minutes);
	s->taken = 0;
}

int series_take(struct series *s, int64_t until, struct point *p)
{
	while (s->count > 0 && s->minutes[0].start <= until) {
		const struct minute *m = &s->minutes[0];

		if (s->taken == table_count(m->points)) {
			drop_first(s);
			continue;
		}
		*p = (struct point){.minute = m->start,
				    .key = table_key(m->points, s->taken),
				    .values = table_value(m->points, s->taken)};
		s->taken++;
		return 1;
	}
	return 0;
}

int series_next(struct series *s, struct point *p)
{
	while (s->next_minute < s->count) {
		const struct minute *m = &s->minutes[s->next_minute];

		if (s->next_point == table_count(m->points)) {
			s->next_minute++;
			s->next_point = 0;
			continue;
		}
		*p = (struct point){.minute = m->start,
				    .key = table_key(m->points, s->next_point),
				    .values = table_value(m->points, s->next_point)};
		s->next_point++;
		return 1;
	}
	return 0;
}

void series_commit(struct series *s)
{
	size_t taken = s->next_point;

	for (; s->next_minute > 0; s->next_minute--)
		drop_first(s);
	s->taken = taken;
}

void series_rewind(struct series *s)
{
	s->next_minute = 0;
	s->next_point = s->taken;
}
