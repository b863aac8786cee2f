/* Input: a position of pg-tail, in the log or of --poll. What is read prints as text that reads the
 * same, and gaps ascend, apart from one another, below the top.
 */
#include <stdint.h>
#include <stdlib.h>

#include "l1-value/pgkeys.h"
#include "l1-value/pgpos.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

static const struct pgkeys_pos here = {7, 100, 16385, "d.public.t"};

static void check_gaps(const struct pgkeys *k)
{
	for (size_t i = 0; i < k->count; i++) {
		demand(k->gap[i].first <= k->gap[i].last && k->gap[i].last < k->top);
		demand(i == 0 || (k->gap[i - 1].last < INT64_MAX &&
				  k->gap[i].first > k->gap[i - 1].last + 1));
		demand(!pgkeys_has(k, k->gap[i].first) && !pgkeys_has(k, k->gap[i].last));
	}
	demand(k->top == PGKEYS_NONE || pgkeys_has(k, k->top));
}

static void check_place(struct slice text)
{
	struct pgpos pos, again;
	struct buf first = {0};
	struct err err = {0};

	if (pgpos_parse(text, &pos, &err) != 0) {
		demand(err.status == ERR_CONFIG);
		return;
	}
	demand(pgpos_put(&first, &pos) == 0);
	demand(pgpos_parse(buf_view(&first), &again, &err) == 0);
	demand(again.system == pos.system && again.table == pos.table &&
	       pgplace_compare(again.place, pos.place) == 0 && slice_equal(again.name, pos.name));
	buf_free(&first);
}

static void check_keys(struct slice text)
{
	struct pgkeys k = {.top = PGKEYS_NONE}, again = {.top = PGKEYS_NONE};
	struct buf first = {0}, second = {0};
	struct err err = {0};

	if (pgkeys_parse(text, &here, &k, &err) == 0) {
		check_gaps(&k);
		demand(pgkeys_put(&first, &here, &k) == 0);
		demand(pgkeys_parse(buf_view(&first), &here, &again, &err) == 0);
		demand(pgkeys_put(&second, &here, &again) == 0);
		demand(slice_equal(buf_view(&first), buf_view(&second)));
		/* Keys that are given fill gaps, and make none that touch. */
		for (size_t i = 0; i + 8 <= text.len && i < 64; i += 8) {
			int64_t key;

			memcpy(&key, text.at + i, sizeof key);
			if (key == PGKEYS_NONE)
				continue;
			demand(pgkeys_give(&k, key, PGKEYS_NONE) == 0 && pgkeys_has(&k, key));
			check_gaps(&k);
		}
	} else {
		demand(err.status == ERR_CONFIG);
	}
	pgkeys_free(&k);
	pgkeys_free(&again);
	buf_free(&first);
	buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};

	if (memchr(text.at, '\0', size) == NULL) /* a position is a string */
		check_place(text);
	check_keys(text);
	return 0;
}
