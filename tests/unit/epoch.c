#include "l3-stream/epoch.h"

#include <stdlib.h>

#include "check.h"

static struct epoch *epoch;
static struct err err;

static int add(const char *id, int64_t count, const char *amount, const char *time, int64_t utc)
{
	struct metric m = {.id = slice_of(id), .num_transacciones = count};
	struct timestamp at = {.utc = utc};

	decimal_parse(slice_of(amount), &m.monto_total, &err);
	m.fecha_hora = slice_of(time);
	m.cliente_id.kind = METRIC_NUMBER;
	m.producto.kind = METRIC_STRING;
	return epoch_add(epoch, &m, &at, &err);
}

/* All items, one a line: id cliente_id(kind) producto(kind) fecha count amount fecha_hora utc. */
static const char *all(void)
{
	static struct buf out;
	size_t count;

	buf_clear(&out);
	if (epoch_close(epoch, &count, &err) != 0)
		return err.message;
	for (size_t i = 0; i < count; i++) {
		struct metric m;
		struct timestamp at;
		char amount[DECIMAL_TEXT_MAX];

		epoch_item(epoch, i, &m, &at);
		decimal_print(&m.monto_total, amount);
		buf_printf(&out, "%.*s %.*s%c %.*s%c %.*s %lld %s %.*s %lld\n", SLICE_ARG(m.id),
			   SLICE_ARG(m.cliente_id.text), "sna"[m.cliente_id.kind],
			   SLICE_ARG(m.producto.text), "sna"[m.producto.kind], SLICE_ARG(m.fecha),
			   (long long)m.num_transacciones, amount, SLICE_ARG(m.fecha_hora),
			   (long long)at.utc);
	}
	return buf_text(&out);
}

static void sums(void)
{
	CHECK(strcmp(all(), "") == 0, "nothing in, nothing out");
	epoch_clear(epoch);
	CHECK(add("7#a%23#2024-01-01", 2, "1.5", "t1", 1) == 0 &&
		      add("7#a%23#2024-01-01", 1, "0.25", "t3", 3) == 0 &&
		      add("7#a%23#2024-01-01", -2, "-1.50", "t2", 2) == 0 &&
		      add("7#b#2024-01-02", 1, "4", "t0", 0) == 0,
	      "four records");
	CHECK(epoch_count(epoch) == 4, "two ids, four times: %zu", epoch_count(epoch));
	CHECK(strcmp(all(), "*#a%23#* *a a#s * 1 0.25 t3 3\n"
			    "*#a%23#2024-01-01 *a a#s 2024-01-01 1 0.25 t3 3\n"
			    "*#b#* *a bs * 1 4 t0 0\n"
			    "*#b#2024-01-02 *a bs 2024-01-02 1 4 t0 0\n"
			    "7#*#* 7n *a * 2 4.25 t3 3\n"
			    "7#*#2024-01-01 7n *a 2024-01-01 1 0.25 t3 3\n"
			    "7#*#2024-01-02 7n *a 2024-01-02 1 4 t0 0\n"
			    "7#a%23#* 7n a#s * 1 0.25 t3 3\n"
			    "7#a%23#2024-01-01 7n a#s 2024-01-01 1 0.25 t3 3\n"
			    "7#b#* 7n bs * 1 4 t0 0\n"
			    "7#b#2024-01-02 7n bs 2024-01-02 1 4 t0 0\n") == 0,
	      "items and rollups, in order of ids");
	CHECK(strlen(all()) > 0 && epoch_count(epoch) == 4, "closing it again changes nothing");
	epoch_clear(epoch);
	CHECK(strcmp(all(), "") == 0 && epoch_count(epoch) == 0, "cleared");
	epoch_clear(epoch);
}

static void limits(void)
{
	static const char most[] = "99999999999999999999999999999999999999";
	static const char least[] = "-99999999999999999999999999999999999999";

	CHECK(add("1#a#2024-01-01", 1, most, "t", 0) == 0, "38 digits");
	CHECK(add("2#a#2024-01-01", 1, "1", "t", 0) == -1 && err.status == ERR_DATA,
	      "what only a rollup could not hold is refused too: %s", err.message);
	CHECK(add("2#a#2024-01-01", 1, "0.1", "t", 0) == -1, "and so is a scale");
	CHECK(add("2#a#2024-01-01", 1, least, "t", 0) == -1,
	      "and what would fit in another order only");
	CHECK(epoch_count(epoch) == 1, "nothing was added");
	epoch_clear(epoch);
	CHECK(add("1#a#2024-01-01", INT64_MAX, "0", "t", 0) == 0, "the greatest count");
	CHECK(add("2#a#2024-01-01", 1, "0", "t", 0) == -1 && err.status == ERR_DATA,
	      "and no more: %s", err.message);
	CHECK(add("2#a#2024-01-01", -1, "0", "t", 0) == -1, "nor less");
	epoch_clear(epoch);
	CHECK(add("1#a#2024-01-01", INT64_MIN, "0", "t", 0) == -1, "the least count is too much");
	epoch_clear(epoch);
}

/* Many, in a scrambled order: the order of ids is that of their bytes. */
static void order(void)
{
	enum { MANY = 20000 };
	size_t count, wrong = 0;
	struct metric m;
	struct timestamp at;
	struct buf last = {0};

	for (int i = 0; i < MANY; i++) {
		char id[64];

		snprintf(id, sizeof id, "%d#%.*s#2024-01-%02d", i * 7919 % 4001, i % 40,
			 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", i % 28 + 1);
		add(id, 1, "0.01", "t", i);
	}
	epoch_close(epoch, &count, &err);
	for (size_t i = 0; i < count; i++) {
		epoch_item(epoch, i, &m, &at);
		if (i > 0) {
			size_t n = last.len < m.id.len ? last.len : m.id.len;
			int c = memcmp(last.at, m.id.at, n);

			wrong += c > 0 || (c == 0 && last.len >= m.id.len);
		}
		buf_clear(&last);
		buf_slice(&last, m.id);
	}
	buf_free(&last);
	CHECK(count > MANY && wrong == 0, "%zu items, %zu out of order", count, wrong);
}

/* Sums are those of both; the time is that of the later epoch, also where it is the earlier time,
 * and in a rollup. */
static void following(void)
{
	struct epoch *first = epoch_new(), *later = epoch_new();
	size_t count;

	epoch = first;
	CHECK(epoch_follow(first, later, &err) == 1 && epoch_count(first) == 0,
	      "nothing on nothing");
	epoch_clear(first);
	add("1#a#2024-01-01", 1, "1.50", "t9", 9);
	add("1#b#2024-01-01", 1, "1", "t5", 5);
	CHECK(epoch_close(first, &count, &err) == 0 && count == 10, "closed: %zu", count);
	epoch = later;
	add("1#a#2024-01-01", 2, "0.125", "t3", 3);
	CHECK(epoch_follow(first, later, &err) == 1 && epoch_count(later) == 0, "one on another");
	epoch = first;
	CHECK(strcmp(all(), "*#a#* *a as * 3 1.625 t3 3\n"
			    "*#a#2024-01-01 *a as 2024-01-01 3 1.625 t3 3\n"
			    "*#b#* *a bs * 1 1 t5 5\n"
			    "*#b#2024-01-01 *a bs 2024-01-01 1 1 t5 5\n"
			    "1#*#* 1n *a * 4 2.625 t3 3\n"
			    "1#*#2024-01-01 1n *a 2024-01-01 4 2.625 t3 3\n"
			    "1#a#* 1n as * 3 1.625 t3 3\n"
			    "1#a#2024-01-01 1n as 2024-01-01 3 1.625 t3 3\n"
			    "1#b#* 1n bs * 1 1 t5 5\n"
			    "1#b#2024-01-01 1n bs 2024-01-01 1 1 t5 5\n") == 0,
	      "sums of both, times of the later one: %s", all());
	epoch = later;
	add("2#a#2024-01-01", INT64_MAX, "0", "t", 0);
	CHECK(epoch_follow(first, later, &err) == 0 && epoch_count(later) == 1 &&
		      epoch_count(first) == 3,
	      "a count that could overflow: both stay");
	epoch_free(first);
	epoch_free(later);
}

int main(void)
{
	following();
	epoch = epoch_new();
	sums();
	limits();
	order();
	epoch_free(epoch);
	return check_done();
}
