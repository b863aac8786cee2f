#include "l1-value/names.h"

#include <stdlib.h>
#include <string.h>

static int add_one(struct names *n, const char *name, size_t len, struct err *err)
{
	if (len == 0)
		return err_set(err, ERR_USAGE, "an empty name");
	for (size_t i = 0; i < n->count; i++)
		if (strlen(n->name[i]) == len && memcmp(n->name[i], name, len) == 0)
			return err_set(err, ERR_USAGE, "%s is there twice", n->name[i]);
	if (n->count == NAMES_MAX)
		return err_set(err, ERR_USAGE, "more than %d", NAMES_MAX);
	n->name[n->count] = strndup(name, len);
	if (n->name[n->count] == NULL)
		return err_memory(err);
	n->count++;
	return 0;
}

int names_add(struct names *n, const char *list, struct err *err)
{
	for (;;) {
		size_t len = strcspn(list, ",");

		if (add_one(n, list, len, err) != 0)
			return -1;
		if (list[len] == '\0')
			return 0;
		list += len + 1;
	}
}

void names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->name[i]);
	*n = (struct names){0};
}
