#include "l3-stream/gather.h"

#include <stdlib.h>

#include "l0-base/lane.h"
#include "l0-base/short.h"
#include "l1-value/timestamp.h"

enum { SPARES = 4 };

struct pane {
	struct tumble_window window; /* with `many`, each key has its own in front */
	int many;
	uint64_t packed_left;  /* so many packed records may come yet; 0 after one that was not */
	struct groups *groups; /* NULL before the first record */
};

/* What goes through the lane: this, and with ADD `len` bytes of packed records. */
struct message {
	struct pane *pane;
	enum { ADD, PRINT, DROP } what;
	uint32_t records, len;
};

struct gather {
	struct group_plan *plan;
	struct lane *lane;

	/* The caller's: */
	struct message *adding; /* the last message written, if it is an ADD */
	uint64_t most;          /* groups held, if each record since the last look made one */

	char apart[LANE_APART];

	/* Of whoever does what comes through the lane: */
	struct gather_output out;
	struct tumble tumble; /* with a zone of its own, which remembers what it was asked */
	struct groups *spare[SPARES]; /* closed ones: their memory is warm, new pages are dear */
	size_t spare_count;
	uint64_t less; /* than `most`: records that made no group, and groups that are gone */
	uint64_t printed;
	int broken;  /* nothing is printed any more */
	int stamped; /* day and tail are the texts of: */
	struct tumble_window stamp;
	struct buf day, tail;
	char apart_too[LANE_APART];
};

/* ---- done in either thread ---- */

/* The texts of a window: the day for the id, and the end of each record, which has its beginning.
 */
static int stamp(struct gather *g, const struct tumble_window *at)
{
	struct buf time = {0};

	if (g->stamped && tumble_compare(&g->stamp, at) == 0)
		return 0;
	buf_clear(&g->day);
	buf_clear(&g->tail);
	g->stamped = date_put(&g->day, at->day) == 0 && buf_room(&g->day, SHORT_SPILL) != NULL &&
		     tumble_put_start(&g->tumble, at, &time) == 0 &&
		     group_plan_put_tail(g->plan, buf_view(&time), &g->tail) == 0;
	buf_free(&time);
	g->stamp = *at;
	return g->stamped ? 0 : -1;
}

static int print(struct gather *g, const struct pane *p, struct err *err)
{
	struct tumble_window window = p->window;
	/* Not looked at in *p again, which may lie beside a pane that the caller counts in. */
	const struct groups *groups = p->groups;
	size_t count = groups_count(groups);
	int many = p->many;

	for (size_t i = 0; i < count; i++) {
		int printed;

		if (many)
			memcpy(&window, groups_key(groups, i).at, sizeof window);
		if ((i == 0 || many) && stamp(g, &window) != 0)
			return err_memory(err);
		printed =
			groups_print(groups, i, buf_view(&g->day), buf_view(&g->tail), g->out.buf);
		if (printed < 0)
			return err_memory(err);
		g->printed += (uint64_t)printed;
		if (g->out.room(g->out.context, err) != 0)
			return -1;
	}
	return 0;
}

static int give_groups(struct gather *g, struct pane *p, struct err *err)
{
	if (p->groups != NULL)
		return 0;
	p->groups = g->spare_count > 0 ? g->spare[--g->spare_count] : groups_new(g->plan);
	return p->groups != NULL ? 0 : err_memory(err);
}

static int add(struct gather *g, struct pane *p, struct message *m, struct err *err)
{
	size_t before;
	int failed;

	if (give_groups(g, p, err) != 0)
		return -1;
	before = groups_count(p->groups);
	failed = groups_add_packed(p->groups, m + 1, m->len, err);
	g->less += m->records - (groups_count(p->groups) - before);
	return failed;
}

static void let_go(struct gather *g, struct pane *p)
{
	if (p->groups != NULL) {
		g->less += groups_count(p->groups);
		if (g->spare_count < SPARES) {
			groups_clear(p->groups);
			g->spare[g->spare_count++] = p->groups;
		} else {
			groups_free(p->groups);
		}
	}
	free(p);
}

static int do_message(struct gather *g, struct message *m, struct err *err)
{
	struct pane *p = m->pane;
	int failed = 0;

	if (m->what == ADD)
		return add(g, p, m, err);
	if (m->what == PRINT && p->groups != NULL && !g->broken)
		failed = print(g, p, err);
	let_go(g, p);
	return failed;
}

/* The work of the lane. */
static int do_messages(void *context, char *at, size_t len, struct err *err)
{
	struct gather *g = context;
	char *end = at + len;

	while (at != end) {
		struct message *m = (struct message *)(void *)at;

		at += sizeof *m + m->len;
		if (g->broken && m->what == ADD)
			continue;
		if (do_message(g, m, g->broken ? &(struct err){0} : err) != 0)
			g->broken = 1;
	}
	return g->broken ? -1 : 0;
}

/* ---- the caller's thread ---- */

struct gather *gather_new(const struct group_shape *shape, const struct tumble *tumble, int threads,
			  const struct gather_output *out)
{
	struct gather *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->out = *out;
	g->tumble = *tumble;
	g->tumble.zone = zone_new();
	g->plan = group_plan_new(shape);
	g->lane = lane_new(threads > 1, do_messages, g);
	if (g->tumble.zone == NULL || g->plan == NULL || g->lane == NULL) {
		gather_free(g);
		return NULL;
	}
	return g;
}

void gather_free(struct gather *g)
{
	if (g == NULL)
		return;
	lane_free(g->lane);
	for (size_t i = 0; i < g->spare_count; i++)
		groups_free(g->spare[i]);
	zone_free(g->tumble.zone);
	group_plan_free(g->plan);
	buf_free(&g->day);
	buf_free(&g->tail);
	free(g);
}

struct pane *gather_open(const struct tumble_window *window)
{
	struct pane *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->packed_left = GROUP_PACKED_MOST;
	p->many = window == NULL;
	if (window != NULL)
		p->window = *window;
	return p;
}

/* Room for a record of so many bytes, in a message for this pane. */
static char *room_for_record(struct gather *g, struct pane *p, size_t size, struct err *err)
{
	int behind;
	char *at = lane_room(g->lane, sizeof(struct message) + size, &behind, err);

	if (at == NULL)
		return NULL;
	if (behind && g->adding != NULL && g->adding->pane == p) {
		lane_shorten(g->lane, sizeof(struct message));
		g->adding->records++;
		g->adding->len += (uint32_t)size;
		return at;
	}
	g->adding = (struct message *)(void *)at;
	*g->adding = (struct message){p, ADD, 1, (uint32_t)size};
	return at + sizeof(struct message);
}

static __attribute__((noinline)) int add_at_once(struct gather *g, struct pane *p, struct slice key,
						 int retract, const struct decimal *amounts,
						 struct err *err)
{
	size_t before;
	int failed;

	if (gather_settle(g, err) != 0 || give_groups(g, p, err) != 0)
		return -1;
	p->packed_left = 0;
	before = groups_count(p->groups);
	failed = groups_add(p->groups, key, retract, amounts, err);
	g->most += groups_count(p->groups) - before;
	return failed;
}

int gather_add(struct gather *g, struct pane *p, struct slice key, int retract,
	       const struct decimal *amounts, struct err *err)
{
	size_t size = group_packed_size(g->plan, key.len);
	char *at;

	if (p->packed_left == 0 || !group_packable(g->plan, amounts))
		return add_at_once(g, p, key, retract, amounts, err);
	at = room_for_record(g, p, size, err);
	if (at == NULL)
		return -1;
	group_pack(g->plan, at, key, retract, amounts);
	p->packed_left--;
	g->most++;
	return 0;
}

/* The last message about a pane. Returns 0, or -1: then it is gone already. */
static int send_last(struct gather *g, struct pane *p, int what, struct err *err)
{
	struct err ignored;
	int behind;
	char *at = lane_room(g->lane, sizeof(struct message), &behind, err);

	g->adding = NULL;
	if (at == NULL) {
		lane_settle(g->lane, &ignored);
		let_go(g, p);
		return -1;
	}
	*(struct message *)(void *)at = (struct message){p, what, 0, 0};
	return 0;
}

int gather_print(struct gather *g, struct pane *p, struct err *err)
{
	return send_last(g, p, PRINT, err);
}

int gather_drop(struct gather *g, struct pane *p, struct err *err)
{
	return send_last(g, p, DROP, err);
}

uint64_t gather_most(const struct gather *g)
{
	return g->most;
}

int gather_settle(struct gather *g, struct err *err)
{
	int failed = lane_settle(g->lane, err);

	g->adding = NULL;
	g->most -= g->less;
	g->less = 0;
	return failed;
}

int gather_idle(struct gather *g, struct err *err)
{
	int idle = lane_idle(g->lane, err);

	return idle > 0 && gather_settle(g, err) != 0 ? -1 : idle;
}

uint64_t gather_printed(const struct gather *g)
{
	return g->printed;
}
