#include "l2-line/eras.h"

/* NULL: not known. */
static char *find(struct eras *e, struct slice name)
{
	for (size_t i = 0; i < e->count; i++)
		if (seen_is_one_writer(slice_of(e->names[i]), name))
			return e->names[i];
	return NULL;
}

void eras_learn(struct eras *e, struct slice name)
{
	char *known;

	if (!seen_is_anew(name) || name.len > SEEN_NAME_MAX)
		return;
	known = find(e, name);
	if (known == NULL && e->count < ERAS_MAX)
		known = e->names[e->count++];
	else if (known == NULL || seen_compare(slice_of(known), name) >= 0)
		return;
	memcpy(known, name.at, name.len);
	known[name.len] = '\0';
}

enum era eras_judge(struct eras *e, struct slice name)
{
	const char *known;
	int order;

	/* Nearly always. */
	if (e->count > 0 && slice_is(name, e->names[0]))
		return ERA_COUNTS;
	if (!seen_is_anew(name))
		return ERA_COUNTS;
	known = find(e, name);
	if (known == NULL) {
		eras_learn(e, name);
		return ERA_COUNTS;
	}
	order = seen_compare(name, slice_of(known));
	return order == 0 ? ERA_COUNTS : order < 0 ? ERA_VOID : ERA_ANEW;
}
