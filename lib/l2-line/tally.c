#include "l2-line/tally.h"

#include <stdlib.h>

int tally_init(struct tally *t, size_t sum_count, struct err *err)
{
	*t = (struct tally){.sum_count = sum_count};
	if (sum_count == 0)
		return 0;
	t->sums = calloc(sum_count, sizeof *t->sums);
	return t->sums == NULL ? err_memory(err) : 0;
}

void tally_free(struct tally *t)
{
	free(t->sums);
	*t = (struct tally){0};
}

static int add_amounts(struct tally *t, const struct decimal *amounts, int *sum, struct err *err)
{
	struct decimal new[TALLY_SUMS_MAX];

	for (size_t i = 0; i < t->sum_count; i++) {
		new[i] = t->sums[i];
		*sum = (int)i;
		if (decimal_add(&new[i], &amounts[i], err) != 0)
			return -1;
	}
	if (t->sum_count > 0)
		memcpy(t->sums, new, t->sum_count * sizeof *new);
	return 0;
}

static int before(int64_t utc, int32_t nanos, const struct tally_time *t)
{
	return utc < t->utc || (utc == t->utc && nanos < t->nanos);
}

static int after(int64_t utc, int32_t nanos, const struct tally_time *t)
{
	return utc > t->utc || (utc == t->utc && nanos > t->nanos);
}

static void set_time(struct tally_time *to, const struct timestamp *at, struct slice text)
{
	to->utc = at->utc;
	to->nanos = at->nanos;
	memcpy(to->text, text.at, text.len);
	to->len = (unsigned char)text.len;
}

int tally_add(struct tally *t, const struct timestamp *at, struct slice text,
	      const struct decimal *amounts, int *sum, struct err *err)
{
	*sum = -1;
	if (at != NULL && text.len > sizeof t->least.text)
		return err_set(err, ERR_DATA, "too long");
	if (add_amounts(t, amounts, sum, err) != 0)
		return -1;
	t->rows++;
	if (at == NULL)
		return 0;
	if (t->least.len == 0 || before(at->utc, at->nanos, &t->least))
		set_time(&t->least, at, text);
	if (t->greatest.len == 0 || after(at->utc, at->nanos, &t->greatest))
		set_time(&t->greatest, at, text);
	return 0;
}

int tally_join(struct tally *t, const struct tally *other, struct err *err)
{
	int sum;

	if (add_amounts(t, other->sums, &sum, err) != 0)
		return -1;
	t->rows += other->rows;
	if (other->least.len > 0 &&
	    (t->least.len == 0 || before(other->least.utc, other->least.nanos, &t->least)))
		t->least = other->least;
	if (other->greatest.len > 0 &&
	    (t->greatest.len == 0 ||
	     after(other->greatest.utc, other->greatest.nanos, &t->greatest)))
		t->greatest = other->greatest;
	return 0;
}
