#include "l3-stream/aggregation.h"

#include <stdlib.h>

static int problem(struct err *err, const char *text, const char *what)
{
	return err_set(err, ERR_USAGE, "\"%s\": %s", text, what);
}

/* A copy of the bytes, owned by a; backslashes in front of any of `plain` are dropped. */
static char *keep(struct aggregation *a, const char *from, size_t n, const char *plain)
{
	char *copy = malloc(n + 1), *to = copy;

	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (from[i] == '\\' && i + 1 < n && strchr(plain, from[i + 1]) != NULL)
			i++;
		*to++ = from[i];
	}
	*to = '\0';
	a->texts[a->text_count++] = copy;
	return copy;
}

/* Length of text up to one of the separators; what a backslash stands before is none. */
static size_t cut_at(const char *text, const char *separators)
{
	size_t n = 0;

	while (text[n] != '\0' && strchr(separators, text[n]) == NULL)
		n += text[n] == '\\' && text[n + 1] != '\0' ? 2 : 1;
	return n;
}

/* Where the last part of a path of n bytes begins. */
static size_t last_part(const char *path, size_t n)
{
	size_t last = 0;

	for (size_t dot = cut_at(path, "."); dot < n; dot = last + cut_at(path + last, "."))
		last = dot + 1;
	return last;
}

struct item {
	const char *field, *name; /* name: NULL when it was left out */
};

/* Take FIELD[=NAME] off the list at *text, which moves behind it and its comma. */
static int next_item(struct aggregation *a, const char **text, struct item *item, struct err *err)
{
	const char *at = *text;
	size_t n = cut_at(at, ",=");

	if (a->text_count + 2 > sizeof a->texts / sizeof a->texts[0])
		return problem(err, at, "too many fields");
	*item = (struct item){keep(a, at, n, ",="), NULL};
	if (item->field == NULL)
		return err_memory(err);
	at += n;
	if (*at == '=') {
		at++;
		n = cut_at(at, ",");
		item->name = keep(a, at, n, ",=\\");
		if (item->name == NULL)
			return err_memory(err);
		at += n;
	}
	if (*item->field == '\0' || (item->name != NULL && *item->name == '\0') ||
	    (at[0] == ',' && at[1] == '\0'))
		return problem(err, *text, "a field or a name is empty");
	*text = *at == ',' ? at + 1 : at;
	return 0;
}

static int add_field(struct aggregation *a, const char *field, struct err *err)
{
	if (a->field_count == SCAN_FIELDS_MAX)
		return problem(err, field, "too many fields");
	a->fields[a->field_count++] = field;
	return 0;
}

int aggregation_time(struct aggregation *a, const char *text, struct err *err)
{
	const char *rest = text;
	struct item item;

	if (next_item(a, &rest, &item, err) != 0)
		return -1;
	if (*rest != '\0')
		return problem(err, text, "must be one field");
	a->fields[AGGREGATION_OP] = "@op";
	a->fields[AGGREGATION_TIME] = item.field;
	a->field_count = AGGREGATION_BY;
	a->shape.time = item.name != NULL ? item.name : "fecha_hora";
	return 0;
}

int aggregation_by(struct aggregation *a, const char *list, struct err *err)
{
	struct group_shape *shape = &a->shape;
	struct item item;

	do {
		if (next_item(a, &list, &item, err) != 0 || add_field(a, item.field, err) != 0)
			return -1;
		if (shape->by_count == GROUP_BY_MAX)
			return problem(err, item.field, "too many fields");
		if (item.name == NULL) {
			size_t n = strlen(item.field), last = last_part(item.field, n);

			item.name = keep(a, item.field + last, n - last, ".\\");
			if (item.name == NULL)
				return err_memory(err);
		}
		shape->by[shape->by_count++] = item.name;
	} while (*list != '\0');
	return 0;
}

/* An amount that several measures look at is read once. */
static int find_amount(struct aggregation *a, const char *field, size_t *amount, struct err *err)
{
	size_t place = AGGREGATION_BY;

	for (*amount = 0; *amount < a->amount_count; ++*amount)
		if (strcmp(a->fields[a->amount_field[*amount]], field) == 0)
			return 0;
	while (place < a->field_count && strcmp(a->fields[place], field) != 0)
		place++;
	if (place == a->field_count && add_field(a, field, err) != 0)
		return -1;
	a->amount_field[a->amount_count++] = place;
	return 0;
}

int aggregation_measure(struct aggregation *a, enum measure_kind kind, const char *list,
			struct err *err)
{
	struct group_shape *shape = &a->shape;
	struct item item;
	size_t amount;

	do {
		if (next_item(a, &list, &item, err) != 0)
			return -1;
		if (item.name == NULL)
			return problem(err, item.field, "must be FIELD=NAME");
		if (shape->measure_count == GROUP_MEASURES_MAX)
			return problem(err, item.field, "too many fields");
		if (find_amount(a, item.field, &amount, err) != 0)
			return -1;
		shape->measures[shape->measure_count++] = (struct measure){kind, amount, item.name};
	} while (*list != '\0');
	return 0;
}

int aggregation_check(const struct aggregation *a, struct err *err)
{
	const struct group_shape *shape = &a->shape;
	const char *names[GROUP_BY_MAX + GROUP_MEASURES_MAX + 3];
	size_t n = 0;

	if (shape->by_count + shape->measure_count == 0 && shape->count == NULL)
		return err_set(err, ERR_USAGE,
			       "nothing to compute: give --by, --count, --sum, --min or --max");
	if (shape->id)
		names[n++] = "id";
	for (size_t i = 0; i < shape->by_count; i++)
		names[n++] = shape->by[i];
	if (shape->count != NULL)
		names[n++] = shape->count;
	for (size_t i = 0; i < shape->measure_count; i++)
		names[n++] = shape->measures[i].name;
	names[n++] = shape->time;
	for (size_t i = 0; i < n; i++) {
		if (names[i][0] == '\0')
			return problem(err, names[i], "a key of the output cannot be empty");
		/* A record with a single such key would be a control record. */
		if (names[i][0] == '@')
			return problem(err, names[i], "a key of the output cannot begin with @");
		for (size_t k = 0; k < i; k++)
			if (strcmp(names[i], names[k]) == 0)
				return problem(err, names[i],
					       "would be the name of two keys of the output: "
					       "rename one by FIELD=NAME");
	}
	return 0;
}

void aggregation_free(struct aggregation *a)
{
	for (size_t i = 0; i < a->text_count; i++)
		free(a->texts[i]);
	a->text_count = 0;
}
