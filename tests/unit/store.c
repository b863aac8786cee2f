#include "l4-service/store.h"

#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "l1-value/timestamp.h"
#include "l2-line/sqlite.h"
#include "l3-stream/control.h"
#include "l3-stream/epoch.h"

static char directory[] = "/tmp/tuberia-store-XXXXXX";
static char uri[64];
static struct err err;
static struct epoch *epoch;
static struct store_reader *reader;

static const struct slice all = {NULL, 0};

/* Add a record whose parts are decoded already; a number when digits. */
static void add(const char *cliente, const char *producto, const char *fecha, int64_t count,
		const char *amount)
{
	struct buf id = {0};
	struct metric_key key = {slice_of(cliente), slice_of(producto), slice_of(fecha)};
	struct metric m = {.num_transacciones = count, .fecha_hora = slice_of(fecha)};
	struct timestamp at = {0};
	int64_t n;

	metric_put_id(&id, &key);
	m.id = buf_view(&id);
	m.cliente_id.kind = metric_number_kind(slice_of(cliente), &n);
	m.producto.kind = metric_number_kind(slice_of(producto), &n);
	decimal_parse(slice_of(amount), &m.monto_total, &err);
	epoch_add(epoch, &m, &at, &err);
	buf_free(&id);
}

static void barrier(struct barrier *b, int64_t number, int snapshot)
{
	struct buf line = {0};
	char pos[32];

	snprintf(pos, sizeof pos, "p%lld", (long long)number);
	control_put_barrier(&line, number, pos, number * 1000000, snapshot);
	line.len--; /* the newline */
	barrier_parse_line(buf_view(&line), b, &err);
	buf_free(&line);
}

/* The rest of an answer: "id=count id=count". */
static const char *rest(void)
{
	static struct buf out;
	struct metric m;
	int more;

	buf_clear(&out);
	while ((more = store_next(reader, &m, &err)) == 1)
		buf_printf(&out, "%s%.*s=%lld", out.len > 0 ? " " : "", SLICE_ARG(m.id),
			   (long long)m.num_transacciones);
	return more == 0 ? buf_text(&out) : err.message;
}

#define ANSWER(call, expected)                                                 \
	do {                                                                   \
		int answer_failed = call;                                      \
		const char *answer = answer_failed ? err.message : rest();     \
		CHECK(strcmp(answer, expected) == 0, "%s: %s", #call, answer); \
	} while (0)

static void writing(void)
{
	struct store *s = NULL;
	struct barrier b = {0};

	CHECK(store_open(uri, "test", &s, &err) == 0, "a store is made");
	add("10", "a", "2024-01-01", 1, "1");
	add("10", "a", "2024-01-02", 2, "1");
	add("10", "ab", "2024-01-02", 4, "1");
	add("9", "a", "2024-01-02", 8, "1");
	add("10", "a b", "2024-01-03", 16, "1");
	add("*", "*", "2024-01-01", 32, "1");
	add("10", "*", "2024-01-01", 64, "1");
	add("10", "gone", "2024-01-01", 1, "1");
	add("10", "gone", "2024-01-01", -1, "-1");
	add("9", "7", "2024-01-01", 128, "1");
	barrier(&b, 1, 0);
	CHECK(store_expects(s, &b, 10, &err) == 1 && store_commit(s, epoch, &b, &err) == 0 &&
		      epoch_count(epoch) == 0,
	      "an epoch is committed");
	CHECK(store_expects(s, &b, 0, &err) == 0, "its barrier again means nothing");
	CHECK(store_expects(s, &b, 1, &err) == -1 && err.status == ERR_DATA, "with records: %s",
	      err.message);
	barrier_free(&b);
	barrier(&b, 3, 0);
	CHECK(store_expects(s, &b, 0, &err) == -1 && err.status == ERR_DATA, "a gap: %s",
	      err.message);
	barrier_free(&b);
	store_close(s);
	add("x", "y", "2024-01-01", 1, "1");
	CHECK(store_open(uri, "test", &s, &err) == 0 && store_expects_records(s, &err) == -1 &&
		      err.status == ERR_CONFIG,
	      "the stream must begin with the barrier: %s", err.message);
	barrier(&b, 2, 0);
	CHECK(store_expects(s, &b, 0, &err) == -1 && err.status == ERR_CONFIG, "elsewhere: %s",
	      err.message);
	barrier_free(&b);
	store_close(s);
	CHECK(store_open(uri, "test", &s, &err) == 0 && store_stage(s, epoch, &err) == 0 &&
		      epoch_count(epoch) == 0,
	      "staged");
	store_close(s);
	CHECK(store_open("dynamodb:t", NULL, &s, &err) == -1 && err.status == ERR_CONFIG &&
		      strstr(err.message, "not the name of a table") != NULL,
	      "%s", err.message);
}

static void keys(void)
{
	struct metric m;
	struct metric_key key = {slice_of("10"), slice_of("a"), slice_of("2024-01-02")};
	struct metric_key many[] = {{slice_of("9"), all, all},
				    {slice_of("x"), slice_of("y"), all},
				    {slice_of("10"), slice_of("gone"), all},
				    {all, slice_of("*"), all},
				    {slice_of("9"), all, all}};
	int64_t time, number;

	CHECK(store_get(reader, &key, &m, &err) == 1 && m.num_transacciones == 2 &&
		      m.cliente_id.kind == METRIC_NUMBER && m.producto.kind == METRIC_STRING &&
		      slice_is(m.producto.text, "a") && slice_is(m.fecha, "2024-01-02"),
	      "one item");
	key.fecha = all;
	CHECK(store_get(reader, &key, &m, &err) == 1 && m.num_transacciones == 3 &&
		      slice_is(m.fecha, "*"),
	      "over all days");
	key.producto = slice_of("gone");
	CHECK(store_get(reader, &key, &m, &err) == 0, "back at zero: absent");
	key = (struct metric_key){slice_of("*"), all, all};
	CHECK(store_get(reader, &key, &m, &err) == 1 && m.num_transacciones == 32 &&
		      m.cliente_id.kind == METRIC_STRING && slice_is(m.cliente_id.text, "*") &&
		      m.producto.kind == METRIC_ALL,
	      "a customer called *");
	key = (struct metric_key){all, all, all};
	CHECK(store_get(reader, &key, &m, &err) == 0, "all of all is not kept");
	CHECK(store_fresh(reader, &time, &number, &err) == 1 && time == 1000000 && number == 1,
	      "how fresh");
	ANSWER(store_get_many(reader, many, 5, &err), "9#*#*=136 *#%2A#*=96 9#*#*=136");
	ANSWER(store_get_many(reader, many, 0, &err), "");
}

static void lists(void)
{
	struct slice day2 = slice_of("2024-01-02"), none = slice_of("");
	int64_t day = 19723; /* 2024-01-01 */
	struct metric m;

	ANSWER(store_customers(reader, slice_of("a"), all, none, &err), "10#a#*=3 9#a#*=8");
	ANSWER(store_customers(reader, slice_of("a"), day2, none, &err),
	       "10#a#2024-01-02=2 9#a#2024-01-02=8");
	ANSWER(store_customers(reader, slice_of("a"), all, slice_of("9"), &err), "9#a#*=8");
	ANSWER(store_customers(reader, slice_of("a"), all, slice_of("90"), &err), "");
	ANSWER(store_customers(reader, all, all, none, &err), "%2A#*#*=32 10#*#*=87 9#*#*=136");
	ANSWER(store_customers(reader, all, day2, slice_of("1"), &err), "10#*#2024-01-02=6");
	ANSWER(store_customers(reader, slice_of("*"), all, none, &err), "%2A#%2A#*=32 10#%2A#*=64");
	ANSWER(store_customers(reader, slice_of("*"), all, slice_of("*"), &err), "%2A#%2A#*=32");
	ANSWER(store_customers(reader, slice_of("7"), all, none, &err), "9#7#*=128");
	ANSWER(store_customers(reader, slice_of("gone"), all, none, &err), "");

	/* ' ' stands before '#'. */
	ANSWER(store_products(reader, slice_of("10"), all, none, &err),
	       "10#%2A#*=64 10#a b#*=16 10#a#*=3 10#ab#*=4");
	ANSWER(store_products(reader, slice_of("10"), day2, none, &err),
	       "10#a#2024-01-02=2 10#ab#2024-01-02=4");
	ANSWER(store_products(reader, slice_of("10"), all, slice_of("a"), &err),
	       "10#a b#*=16 10#a#*=3 10#ab#*=4");
	ANSWER(store_products(reader, slice_of("10"), all, slice_of("*"), &err), "10#%2A#*=64");
	ANSWER(store_products(reader, all, all, none, &err),
	       "*#%2A#*=96 *#7#*=128 *#a b#*=16 *#a#*=11 *#ab#*=4");
	ANSWER(store_products(reader, all, day2, none, &err),
	       "*#a#2024-01-02=10 *#ab#2024-01-02=4");
	ANSWER(store_products(reader, slice_of("*"), all, none, &err), "%2A#%2A#*=32");
	ANSWER(store_products(reader, slice_of("1"), all, none, &err), "");

	ANSWER(store_days(reader, slice_of("10"), slice_of("a"), day, day + 1, &err),
	       "10#a#2024-01-01=1 10#a#2024-01-02=2");
	ANSWER(store_days(reader, slice_of("10"), slice_of("a"), day + 1, day + 1, &err),
	       "10#a#2024-01-02=2");
	ANSWER(store_days(reader, slice_of("10"), slice_of("a"), day + 2, day + 1, &err), "");
	ANSWER(store_days(reader, slice_of("10"), all, INT64_MIN, INT64_MAX, &err),
	       "10#*#2024-01-01=65 10#*#2024-01-02=6 10#*#2024-01-03=16");
	ANSWER(store_days(reader, all, slice_of("*"), INT64_MIN, INT64_MAX, &err),
	       "*#%2A#2024-01-01=96");
	CHECK(store_days(reader, all, all, day, day, &err) == -1 && err.status == ERR_USAGE, "%s",
	      err.message);

	CHECK(store_products(reader, slice_of("10"), all, none, &err) == 0 &&
		      store_next(reader, &m, &err) == 1,
	      "an answer not taken to its end");
	ANSWER(store_customers(reader, slice_of("ab"), all, none, &err), "10#ab#*=4");
	CHECK(store_next(reader, &m, &err) == 0, "behind the end there is nothing");
}

/* What one reader sees while a writer commits. */
static void snapshots(void)
{
	struct store *s = NULL;
	struct barrier b = {0};
	struct metric_key key = {all, slice_of("a"), all};
	struct metric m;

	store_open(uri, "test", &s, &err);
	barrier(&b, 1, 0);
	store_expects(s, &b, 0, &err);
	barrier_free(&b);
	CHECK(store_begin(reader, &err) == 0, "begin");
	store_get(reader, &key, &m, &err);
	add("10", "a", "2024-01-09", 100, "0.001");
	barrier(&b, 2, 0);
	CHECK(store_expects(s, &b, 1, &err) == 1 && store_commit(s, epoch, &b, &err) == 0,
	      "a writer is not held up");
	CHECK(store_get(reader, &key, &m, &err) == 1 && m.num_transacciones == 11,
	      "the reader sees its epoch");
	store_end(reader);
	CHECK(store_get(reader, &key, &m, &err) == 1 && m.num_transacciones == 111 &&
		      m.monto_total.scale == 3,
	      "then the next one");
	barrier_free(&b);
	barrier(&b, 3, 1);
	CHECK(store_commit(s, epoch, &b, &err) == 0 && store_get(reader, &key, &m, &err) == 0,
	      "an empty snapshot empties the store");
	barrier_free(&b);
	store_close(s);
}

static int take(struct store *s, int64_t number, int snapshot)
{
	struct barrier b = {0};
	int result;

	barrier(&b, number, snapshot);
	CHECK(store_expects(s, &b, 1, &err) == 1, "epoch %lld is the next one", (long long)number);
	result = store_hold(s, epoch, &b, &err);
	barrier_free(&b);
	return result;
}

/* Epochs whose commits are put off are seen all at once. */
static void together(void)
{
	struct store *s = NULL;
	struct metric_key key = {all, slice_of("a"), all};
	struct metric m;

	store_open(uri, "together", &s, &err);
	CHECK(!store_holds(s) && store_settle(s, &err) == 0, "nothing is put off yet");
	for (int64_t number = 1; number <= 3; number++) {
		add("10", "a", "2024-01-09", 100, "0.001");
		CHECK(take(s, number, 0) == 1 && epoch_count(epoch) == 0, "put off");
	}
	CHECK(store_holds(s) && store_held(s) == 1, "three times one id is one");
	add("11", "a", "2024-01-09", 1, "99999999999999999999999999999999999.000");
	CHECK(take(s, 4, 0) == 1, "38 digits");
	add("11", "a", "2024-01-09", 1, "99999999999999999999999999999999999.000");
	CHECK(take(s, 5, 0) == 0 && epoch_count(epoch) == 1, "a sum could overflow");
	epoch_clear(epoch);
	CHECK(take(s, 5, 1) == 0, "a snapshot is not put off");
	CHECK(store_get(reader, &key, &m, &err) == 0, "nothing is to be seen yet");
	CHECK(store_settle(s, &err) == 0 && !store_holds(s) && store_held(s) == 0 &&
		      store_get(reader, &key, &m, &err) == 1 && m.num_transacciones == 301,
	      "then all of it is: %s", err.message);
	store_close(s);
	CHECK(store_drop_checkpoint(uri, "together", &err) == 1, "and its barrier");
}

/* A thread commits, while more is put off; here it has to wait for another writer. */
static void meanwhile(void)
{
	struct store *s = NULL, *newer = NULL;
	struct metric_key key = {all, slice_of("b"), all};
	struct barrier b = {0};
	struct metric m;
	struct sqlite d;

	store_open(uri, "meanwhile", &s, &err);
	CHECK(store_settle_begin(s, &err) == 0 && !store_settling(s) &&
		      store_settle_end(s, &err) == 0,
	      "nothing is put off yet");
	add("20", "b", "2024-01-09", 1, "1");
	CHECK(take(s, 1, 0) == 1, "put off");
	CHECK(sqlite_open(&d, uri + strlen("sqlite:"), SQLITE_FOR_WRITING, &err) == 1 &&
		      sqlite_exec(&d, "BEGIN IMMEDIATE", &err) == 0,
	      "another writer: %s", err.message);
	CHECK(store_settle_begin(s, &err) == 0 && store_settling(s) && !store_holds(s) &&
		      store_held(s) == 1,
	      "being committed");
	for (int64_t number = 2; number <= 3; number++) {
		add("21", "b", "2024-01-09", 10, "1");
		CHECK(take(s, number, 0) == 1, "put off meanwhile");
	}
	CHECK(store_settling(s) && store_holds(s) && store_held(s) == 2 &&
		      store_get(reader, &key, &m, &err) == 0,
	      "both are held, and nothing is to be seen");
	sqlite_exec(&d, "ROLLBACK", &err);
	sqlite_close(&d);
	CHECK(store_settle_end(s, &err) == 0 && !store_settling(s) && store_held(s) == 1 &&
		      store_get(reader, &key, &m, &err) == 1 && m.num_transacciones == 1,
	      "the first is committed, and no other: %s", err.message);
	CHECK(store_settle(s, &err) == 0 && store_held(s) == 0 &&
		      store_get(reader, &key, &m, &err) == 1 && m.num_transacciones == 21,
	      "then the others: %s", err.message);

	add("20", "b", "2024-01-09", 100, "1");
	CHECK(take(s, 4, 0) == 1 && store_settle_begin(s, &err) == 0, "the next one");
	add("21", "b", "2024-01-09", 100, "1");
	CHECK(take(s, 5, 1) == 0, "a snapshot behind it");
	epoch_clear(epoch);
	add("20", "b", "2024-01-09", 1000, "1");
	CHECK(store_stage(s, epoch, &err) == 0 && store_held(s) == 0 &&
		      store_get(reader, &key, &m, &err) == 1 && m.num_transacciones == 121,
	      "what writes besides waits for it");
	store_close(s);

	store_open(uri, "meanwhile", &s, &err);
	store_open(uri, "meanwhile", &newer, &err);
	barrier(&b, 4, 0);
	CHECK(store_expects(s, &b, 0, &err) == 0, "where it stands: %s", err.message);
	barrier_free(&b);
	add("20", "b", "2024-01-09", 1000, "1");
	CHECK(take(s, 5, 0) == 1 && store_settle_begin(s, &err) == 0 &&
		      store_settle_end(s, &err) == -1 && err.status == ERR_DENIED,
	      "what a commit fails with is told: %s", err.message);
	add("20", "b", "2024-01-09", 1000, "1");
	CHECK(take(s, 6, 0) == 1 && store_settle(s, &err) == -1 && err.status == ERR_DENIED &&
		      store_get(reader, &key, &m, &err) == 1 && m.num_transacciones == 121,
	      "and nothing is committed behind it");
	store_close(s);
	store_close(newer);
	CHECK(store_drop_checkpoint(uri, "meanwhile", &err) == 1, "dropped");
}

static int count_reports(void *context, struct slice difference, struct err *e)
{
	(void)e;
	(void)difference;
	++*(int *)context;
	return 0;
}

/* Whoever holds the file for himself keeps a reader waiting no longer than it has said. */
static void held(void)
{
	struct store_reader *other = NULL;
	struct sqlite d;

	CHECK(sqlite_open(&d, uri + strlen("sqlite:"), SQLITE_FOR_WRITING, &err) == 1 &&
		      sqlite_exec(&d,
				  "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE;"
				  "DELETE FROM metricas; ROLLBACK",
				  &err) == 0,
	      "somebody takes the store for himself");
	CHECK(store_reader_open(uri, 20000, &other, &err) == 0 && store_begin(other, &err) == -1 &&
		      err.status == ERR_TEMP,
	      "a reader does not wait long: %s", err.message);
	store_reader_close(other);
	sqlite_close(&d);
	CHECK(store_reader_open(uri, 20000, &other, &err) == 0 && store_begin(other, &err) == 0,
	      "then it can be had");
	usleep(25000);
	CHECK(store_begin(other, &err) == 0, "no time is left, and none is needed");
	store_within(other, 20000);
	store_reader_close(other);
}

int main(void)
{
	struct store_verified counts;
	struct buf line = {0};
	char command[64];
	int reports = 0;

	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(uri, sizeof uri, "sqlite:%s/m.db", directory);
	epoch = epoch_new();
	CHECK(store_reader_open(uri, 0, &reader, &err) == -1 && err.status == ERR_UNAVAILABLE,
	      "none yet: %s", err.message);
	CHECK(store_show_checkpoint(uri, "test", &line, &err) == 0, "nor a checkpoint");
	writing();
	CHECK(store_reader_open(uri, 0, &reader, &err) == 0, "open for reading");
	keys();
	lists();
	CHECK(store_verify(uri, count_reports, &reports, &counts, &err) == 0 && reports == 0 &&
		      counts.items == 9 && counts.differences == 0,
	      "all sums are right");
	snapshots();
	together();
	meanwhile();
	store_reader_close(reader);
	held();
	CHECK(store_show_checkpoint(uri, "test", &line, &err) == 1 &&
		      slice_is(buf_view(&line), "{\"@barrier\":{\"epoch\":3,\"pos\":\"p3\","
						"\"time\":\"1970-01-01T00:00:03.000Z\","
						"\"snapshot\":true}}\n"),
	      "%s", buf_text(&line));
	CHECK(store_drop_checkpoint(uri, "test", &err) == 1 &&
		      store_drop_checkpoint(uri, "test", &err) == 0,
	      "dropped once");
	buf_free(&line);
	epoch_free(epoch);
	snprintf(command, sizeof command, "rm -r '%s'", directory);
	return system(command) != 0 || check_done();
}
