#include "l3-stream/alarm.h"

#include <stdlib.h>

#include "l0-base/table.h"

#define NEVER INT64_MAX

/* One window of a key. */
struct span {
	int64_t end;
	struct decimal value;
	int raised, used;
};

/* The two latest windows: while one minute's last sales still come, the next has begun. */
struct state {
	struct span latest, before;
	int64_t raised_end; /* the latest window that was raised, while it is not resolved */
	int firing;
};

_Static_assert(sizeof(struct state) % 16 == 0, "a value of a table");

struct alarms {
	struct alarm_rule rule;
	struct table *states, *spare;
	int64_t now, next_sweep;
	size_t swept; /* entries looked at, while a sweep is on */
	int sweeping;
};

int alarm_breaks(const struct alarm_rule *rule, const struct decimal *value)
{
	int order = decimal_compare(value, &rule->threshold);

	return rule->below ? order < 0 : order > 0;
}

struct alarms *alarms_new(const struct alarm_rule *rule)
{
	struct alarms *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->rule = *rule;
	a->now = INT64_MIN;
	a->next_sweep = NEVER;
	a->states = table_new(sizeof(struct state));
	a->spare = table_new(sizeof(struct state));
	if (a->states == NULL || a->spare == NULL) {
		alarms_free(a);
		return NULL;
	}
	return a;
}

void alarms_free(struct alarms *a)
{
	if (a == NULL)
		return;
	table_free(a->states);
	table_free(a->spare);
	free(a);
}

size_t alarms_held(const struct alarms *a)
{
	return table_count(a->states);
}

/* Worth keeping: more of its windows may come, or it has to be resolved. */
static int matters(const struct alarms *a, const struct state *s)
{
	return s->firing || s->latest.end + a->rule.size > a->now;
}

static int is_over(const struct alarms *a, const struct state *s)
{
	return s->firing && a->now >= s->raised_end + a->rule.size;
}

/* Keep what matters; alarms that are over stay for alarms_next. */
static int prune(struct alarms *a, struct err *err)
{
	struct table *old = a->states;

	table_clear(a->spare);
	for (size_t i = 0; i < table_count(old); i++) {
		const struct state *s = table_value(old, i);
		struct state *kept;
		int fresh;

		if (!matters(a, s))
			continue;
		kept = table_at(a->spare, table_key(old, i), &fresh);
		if (kept == NULL)
			return err_memory(err);
		*kept = *s;
	}
	a->states = a->spare;
	a->spare = old;
	table_clear(old);
	return 0;
}

static struct state *state_of(struct alarms *a, struct slice key, struct err *err)
{
	struct state *s = table_find(a->states, key);
	int fresh;

	if (s != NULL)
		return s;
	if (table_count(a->states) >= a->rule.max_keys) {
		if (prune(a, err) != 0)
			return NULL;
		if (table_count(a->states) >= a->rule.max_keys) {
			err_set(err, ERR_CONFIG, "more than %zu keys at once", a->rule.max_keys);
			return NULL;
		}
	}
	s = table_at(a->states, key, &fresh);
	if (s == NULL)
		err_memory(err);
	return s;
}

/* The place of a window among the two. */
static struct span *span_of(struct state *s, int64_t end)
{
	if (s->latest.used && s->latest.end == end)
		return &s->latest;
	if (s->before.used && s->before.end == end)
		return &s->before;
	if (!s->latest.used || end > s->latest.end) {
		s->before = s->latest;
		s->latest = (struct span){.end = end, .used = 1};
		return &s->latest;
	}
	s->before = (struct span){.end = end, .used = 1};
	return &s->before;
}

int alarms_look(struct alarms *a, struct slice key, int64_t end, struct decimal *value,
		struct err *err)
{
	struct state *s;
	struct span *span;

	/* A sum of which a part may have been forgotten is none. */
	if (a->rule.add && a->now != INT64_MIN && end + a->rule.size <= a->now)
		return ALARM_LATE;
	/* Without a sum to keep, only what breaks the rule, or did, needs a state. */
	if (!a->rule.add && !alarm_breaks(&a->rule, value) && table_find(a->states, key) == NULL)
		return ALARM_QUIET;
	s = state_of(a, key, err);
	if (s == NULL)
		return -1;
	span = span_of(s, end);
	if (a->rule.add) {
		if (decimal_add(&span->value, value, err) != 0)
			return -1;
		*value = span->value;
	} else {
		span->value = *value;
	}
	if (a->next_sweep == NEVER)
		a->next_sweep = end + a->rule.size;
	if (alarm_breaks(&a->rule, &span->value)) {
		if (span->raised)
			return ALARM_QUIET;
		span->raised = 1;
		if (!s->firing || end > s->raised_end)
			s->raised_end = end;
		s->firing = 1;
		if (s->raised_end + a->rule.size < a->next_sweep)
			a->next_sweep = s->raised_end + a->rule.size;
		return ALARM_RAISED;
	}
	/* A sum may still grow: the clock says when its window is over. */
	if (a->rule.add || !s->firing || end <= s->raised_end)
		return ALARM_QUIET;
	s->firing = 0;
	return ALARM_RESOLVED;
}

void alarms_time(struct alarms *a, int64_t now)
{
	if (now <= a->now)
		return;
	a->now = now;
	if (now < a->next_sweep)
		return;
	a->sweeping = 1;
	a->swept = 0;
	a->next_sweep = NEVER;
}

int alarms_next(struct alarms *a, struct slice *key, int64_t *end, struct decimal *value,
		int *known, struct err *err)
{
	if (!a->sweeping)
		return 0;
	while (a->swept < table_count(a->states)) {
		struct state *s = table_value(a->states, a->swept);
		const struct span *next;

		*key = table_key(a->states, a->swept++);
		if (is_over(a, s)) {
			s->firing = 0;
			*end = s->raised_end;
			next = s->latest.end > *end ? &s->latest : &s->before;
			*known = next->used && next->end == *end + a->rule.size;
			*value = *known ? next->value : (struct decimal){0, 0};
			return 1;
		}
		if (s->firing && s->raised_end + a->rule.size < a->next_sweep)
			a->next_sweep = s->raised_end + a->rule.size;
	}
	a->sweeping = 0;
	if (prune(a, err) != 0)
		return -1;
	if (table_count(a->states) > 0 && a->next_sweep > a->now + 2 * a->rule.size)
		a->next_sweep = a->now + 2 * a->rule.size;
	return 0;
}
