/* The input side of the filters: events, rejects, and ends of several kinds. */
#include "l3-stream/intake.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "l0-base/file.h"
#include "l1-value/decimal.h"
#include "l1-value/timestamp.h"

static const char *const fields[] = {"monto", "fecha", "n"};
static char directory[] = "/tmp/tuberia-intake-XXXXXX";
static char rejects[100];

#define BARRIER(epoch)                                         \
	"{\"@barrier\":{\"epoch\":" epoch ",\"pos\":\"p" epoch \
	"\",\"time\":\"2024-03-21T10:00:05Z\"}}"

/* A descriptor to read the text from. */
static int source(const char *text, size_t len)
{
	int fds[2];

	if (pipe(fds) != 0 || write(fds[1], text, len) != (ssize_t)len)
		abort();
	close(fds[1]);
	return fds[0];
}

static void opened(struct intake *in, const char *text, size_t len, int with_rejects)
{
	struct err err;

	*in = (struct intake){.fd = source(text, len),
			      .name = "<stdin>",
			      .fields = fields,
			      .field_count = 3,
			      .rejects = with_rejects ? rejects : NULL};
	unlink(rejects);
	if (intake_open(in, &err) != 0)
		abort();
}
#define OPEN(in, literal, with_rejects) opened(in, literal, sizeof(literal) - 1, with_rejects)

static void closed(struct intake *in)
{
	intake_close(in);
	intake_close(in);
	close(in->fd);
}

static int rejects_are(const char *bytes, size_t len)
{
	struct buf b = {0};
	struct err err;
	int same = file_read(rejects, 100000, &b, &err) == 1 &&
		   slice_equal(buf_view(&b), (struct slice){bytes, len});

	if (!same)
		printf("# %.*s\n", SLICE_ARG(b));
	buf_free(&b);
	return same;
}

static int fails(struct intake *in, enum err_status status, const char *message)
{
	struct err err = {0};
	int right = intake_next(in, &err) == -1 && err.status == status &&
		    strcmp(err.message, message) == 0;

	if (!right)
		printf("# %d: %s\n", (int)err.status, err.message);
	return right;
}

static void test_events(void)
{
	struct intake in;
	struct err err;

	OPEN(&in,
	     "{\"monto\":1.50,\"fecha\":\"x\"}\n" BARRIER(
		     "1") "\n"
			  "{\"@note\":5}\n{\"@op\":\"-\",\"n\":2}\n" BARRIER(
				  "2") "\n"
				       "{\"@end\":{\"records\":2}}\n",
	     0);
	CHECK(intake_next(&in, &err) == INTAKE_RECORD && in.value[0].kind == SCAN_NUMBER &&
		      slice_is(in.value[0].text, "1.50") && in.value[2].kind == SCAN_ABSENT &&
		      slice_is(in.line, "{\"monto\":1.50,\"fecha\":\"x\"}") && !in.controlled,
	      "a record");
	CHECK(intake_next(&in, &err) == INTAKE_BARRIER && in.barrier.epoch == 1 &&
		      slice_is(in.line, BARRIER("1")) && in.controlled,
	      "a barrier");
	CHECK(intake_next(&in, &err) == INTAKE_OTHER && slice_is(in.line, "{\"@note\":5}"),
	      "a control record that nobody knows");
	CHECK(intake_next(&in, &err) == INTAKE_RECORD && slice_is(in.value[2].text, "2"),
	      "a retraction is a record");
	CHECK(intake_next(&in, &err) == INTAKE_BARRIER && strcmp(in.barrier.pos, "p2") == 0,
	      "the next barrier");
	CHECK(intake_next(&in, &err) == INTAKE_FINISH && in.end_records == 2 && in.ended, "@end");
	CHECK(intake_next(&in, &err) == INTAKE_END && intake_next(&in, &err) == INTAKE_END &&
		      in.records == 2 && in.rejected == 0 && !in.stopped,
	      "the end");
	closed(&in);

	OPEN(&in, "", 0);
	CHECK(intake_next(&in, &err) == INTAKE_END && !in.controlled && !in.ended &&
		      in.records == 0,
	      "empty input");
	closed(&in);
	OPEN(&in, "{}\n{\"n\":1}", 0);
	CHECK(intake_next(&in, &err) == INTAKE_RECORD && intake_next(&in, &err) == INTAKE_RECORD &&
		      slice_is(in.value[2].text, "1") && intake_next(&in, &err) == INTAKE_END,
	      "plain records, the last one without newline");
	closed(&in);
}

static void test_died_upstream(void)
{
	struct intake in;
	struct err err;

	OPEN(&in, BARRIER("1") "\n{\"n\":1}\n{\"n\":2}", 1);
	CHECK(intake_next(&in, &err) == INTAKE_BARRIER && intake_next(&in, &err) == INTAKE_RECORD &&
		      fails(&in, ERR_TEMP, "<stdin>:3: input ends inside a line: upstream died"),
	      "a controlled stream that ends inside a line, never a reject");
	closed(&in);
	OPEN(&in, BARRIER("1"), 1);
	CHECK(fails(&in, ERR_TEMP, "<stdin>:1: input ends inside a line: upstream died"),
	      "inside its first barrier's line");
	closed(&in);
	OPEN(&in, "{\"n\":1}\n{\"@end\":{\"records\":1}}", 1);
	CHECK(intake_next(&in, &err) == INTAKE_RECORD &&
		      fails(&in, ERR_TEMP, "<stdin>:2: input ends inside a line: upstream died") &&
		      !in.ended,
	      "inside @end");
	closed(&in);
	CHECK(rejects_are("", 0), "nothing was rejected");
}

static void test_bad_without_rejects(void)
{
	static const struct {
		const char *line, *message;
		size_t byte;
	} bad[] = {
		{"{\"n\":01}\n", "<stdin>:2: byte 7: not a JSON number", 7},
		{"\n", "<stdin>:2: empty line", 0},
		{"{\"n\":1,\"n\":2}\n", "<stdin>:2: byte 8: duplicate key \"n\"", 8},
		{"{\"n\":1,\"\\u001b\":2,\"\\u001b\":2}\n",
		 "<stdin>:2: byte 19: duplicate key \"\\x1b\"", 19},
		{"[1]\n", "<stdin>:2: byte 1: not a JSON object", 1},
		{"{\"n\":", "<stdin>:2: byte 6: unexpected end of line", 6},
		{"{\"@barrier\":{\"epoch\":1}}\n", "<stdin>:2: barrier: pos: not a string", 0},
		{"{\"@barrier\":{\"pos\":\"\\u0000\"}}\n",
		 "<stdin>:2: byte 20: \\u0000 in a string", 20},
		{"{\"@end\":1}\n", "<stdin>:2: end: records: not a count", 0},
	};
	struct err err;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[200];
		int n = snprintf(text, sizeof text, "{}\n%s", bad[i].line);
		struct intake in;

		opened(&in, text, (size_t)n, 0);

		CHECK(intake_next(&in, &err) == INTAKE_RECORD &&
			      fails(&in, ERR_DATA, bad[i].message),
		      "%s", bad[i].message);
		closed(&in);
	}
}

static void test_rejects(void)
{
	struct intake in;
	static const char expected[] =
		"<stdin>:2: byte 6: expected a value\t{\"n\":\0}\t\r\n"
		"<stdin>:3: empty line\t\n"
		"<stdin>:4: byte 10: monto: not a decimal\t{\"monto\":\"x\"}\n";
	static const char then[] = "<stdin>:7: a line behind \"@end\"\t{\"n\":3}\n"
				   "<stdin>:8: a line behind \"@end\"\t" BARRIER(
					   "1") "\n"
						"<stdin>:9: a line behind \"@end\"\t{\"n\":\n";
	struct buf all = {0};
	struct decimal d;
	struct err err, why;

	OPEN(&in,
	     "{\"n\":1}\n"
	     "{\"n\":\0}\t\r\n"
	     "\n"
	     "{\"monto\":\"x\"}\n"
	     "{\"n\":2}\n"
	     "{\"@end\":{\"records\":2}}\n"
	     "{\"n\":3}\n" BARRIER("1") "\n"
					"{\"n\":",
	     1);
	CHECK(intake_next(&in, &err) == INTAKE_RECORD && intake_next(&in, &err) == INTAKE_RECORD &&
		      slice_is(in.value[0].text, "x"),
	      "bad lines are stepped over");
	CHECK(intake_decimal(&in, 0, &d, &why) == -1 && intake_reject(&in, &why, &err) == 0,
	      "a record that the tool finds bad");
	CHECK(intake_next(&in, &err) == INTAKE_RECORD && slice_is(in.value[2].text, "2") &&
		      in.records == 5 && in.rejected == 3,
	      "and the next one is good");
	CHECK(intake_flush_rejects(&in, &err) == 0 && rejects_are(expected, sizeof expected - 1),
	      "place and reason, a tab, the line as it was");
	CHECK(intake_next(&in, &err) == INTAKE_FINISH && intake_next(&in, &err) == INTAKE_END &&
		      in.records == 8 && in.rejected == 6 && !in.controlled,
	      "lines behind @end are bad, whatever they are");
	buf_put(&all, expected, sizeof expected - 1);
	buf_put(&all, then, sizeof then - 1);
	CHECK(rejects_are(all.at, all.len), "all are there at the end of input");
	err_set(&why, ERR_TEMP, "out of memory");
	CHECK(intake_reject(&in, &why, &err) == -1 && err.status == ERR_TEMP && in.rejected == 6,
	      "out of memory is no fault of the record");
	closed(&in);

	/* Appended to, and written when the run ends with an error too. */
	in = (struct intake){.fd = source("x\n{\"@end\":{}}\n", 14),
			     .name = "<stdin>",
			     .fields = fields,
			     .field_count = 3,
			     .rejects = rejects};
	CHECK(intake_open(&in, &err) == 0 &&
		      fails(&in, ERR_DATA, "<stdin>:2: end: records: not a count"),
	      "a broken control record ends the run, rejects or not");
	closed(&in);
	buf_puts(&all, "<stdin>:1: byte 1: expected a value\tx\n");
	CHECK(rejects_are(all.at, all.len), "the rejects file is appended to");
	buf_free(&all);
}

static void test_rejects_fail(void)
{
	struct intake in = {.fd = source("x\n", 2), .name = "<stdin>", .rejects = "/dev/full"};
	struct err err;

	CHECK(intake_open(&in, &err) == 0 && intake_next(&in, &err) == -1 &&
		      err.status == ERR_TEMP && strncmp(err.message, "/dev/full: ", 11) == 0,
	      "rejects on a full disk: %s", err.message);
	closed(&in);
	in = (struct intake){.fd = 0, .name = "<stdin>", .rejects = "/nowhere/at/all"};
	CHECK(intake_open(&in, &err) == -1 && err.status == ERR_CREATE && in.state == NULL,
	      "rejects that cannot be opened: %s", err.message);
	in = (struct intake){.fd = source("x\n", 2), .name = "<stdin>", .rejects = "/dev/null"};
	CHECK(intake_open(&in, &err) == 0 && intake_next(&in, &err) == INTAKE_END &&
		      in.rejected == 1,
	      "rejects to /dev/null");
	closed(&in);
}

/* Output and rejects must be out of the buffers before the tool waits. */
static void test_flush_before_wait(void)
{
	int in_fds[2], out_fds[2], status = -1;
	struct intake in = {.name = "<stdin>", .rejects = rejects};
	struct err err;
	pid_t pid;

	unlink(rejects);
	if (pipe(in_fds) != 0 || pipe(out_fds) != 0)
		abort();
	pid = fork();
	if (pid == 0) {
		char bytes[10];

		/* Gets its answer before it writes more: or waits for ever (and the alarm). */
		alarm(20);
		if (write(in_fds[1], "{}\nx\n", 5) != 5 || read(out_fds[0], bytes, 10) != 7 ||
		    access(rejects, R_OK) != 0 || write(in_fds[1], "{}\n", 3) != 3)
			_exit(1);
		_exit(0);
	}
	close(in_fds[1]);
	in.fd = in_fds[0];
	in.output = writer_new(out_fds[1]);
	intake_open(&in, &err);
	CHECK(intake_next(&in, &err) == INTAKE_RECORD, "a record");
	buf_puts(writer_buf(in.output), "answer\n");
	CHECK(intake_next(&in, &err) == INTAKE_RECORD, "another one, sent after the answer");
	CHECK(rejects_are("<stdin>:2: byte 1: expected a value\tx\n", 38),
	      "rejects are written too");
	waitpid(pid, &status, 0);
	CHECK(status == 0 && intake_next(&in, &err) == INTAKE_END, "nobody waited in vain");
	writer_free(in.output);
	closed(&in);
}

static void test_fields(void)
{
	struct intake in;
	static const char *const wrong[] = {"n: does not fit 64 bits", "n: not an integer",
					    "n: not an integer", "n: not an integer",
					    "n: does not fit 64 bits"};
	struct zone *z = zone_new();
	struct timestamp t;
	struct decimal d;
	struct err err, why;
	int64_t n;

	OPEN(&in,
	     "{\"monto\":15.30,\"fecha\":\"2010-12-01T08:26:00\",\"n\":-9223372036854775808}\n"
	     "{\"n\":9223372036854775807,\"fecha\":null,\"monto\":null}\n"
	     "{\"n\":-0,\"fecha\":5,\"monto\":\"15.30\"}\n"
	     "{\"n\":9223372036854775808,\"fecha\":\"2024-02-30\",\"monto\":1e999}\n"
	     "{\"n\":-9223372036854775809}\n{\"n\":1.0}\n{\"n\":1e2}\n{\"n\":\"1\"}\n"
	     "{\"n\":99999999999999999999999999}\n",
	     0);
#define WHY(call, at, text)                                            \
	((call) == -1 && why.status == ERR_DATA && why.byte == (at) && \
	 strcmp(why.message, text) == 0)
	CHECK(intake_next(&in, &err) == INTAKE_RECORD && intake_decimal(&in, 0, &d, &why) == 0 &&
		      d.unscaled == 1530 && d.scale == 2 &&
		      intake_timestamp(&in, 1, z, &t, &why) == 0 && t.local == 1291191960 &&
		      intake_int64(&in, 2, &n, &why) == 0 && n == INT64_MIN,
	      "values");
	CHECK(intake_next(&in, &err) == INTAKE_RECORD && intake_int64(&in, 2, &n, &why) == 0 &&
		      n == INT64_MAX && WHY(intake_decimal(&in, 0, &d, &why), 47, "monto: null") &&
		      WHY(intake_timestamp(&in, 1, z, &t, &why), 34, "fecha: null"),
	      "nulls");
	CHECK(intake_next(&in, &err) == INTAKE_RECORD && intake_int64(&in, 2, &n, &why) == 0 &&
		      n == 0 && WHY(intake_decimal(&in, 0, &d, &why), 27, "monto: not a decimal") &&
		      WHY(intake_timestamp(&in, 1, z, &t, &why), 17, "fecha: not a timestamp"),
	      "of another kind");
	CHECK(intake_next(&in, &err) == INTAKE_RECORD &&
		      WHY(intake_int64(&in, 2, &n, &why), 6, "n: does not fit 64 bits") &&
		      WHY(intake_decimal(&in, 0, &d, &why), 55, "monto: more than 38 digits") &&
		      WHY(intake_timestamp(&in, 1, z, &t, &why), 34, "fecha: no such day"),
	      "too large, or no such day");
	for (size_t i = 0; i < 5; i++)
		CHECK(intake_next(&in, &err) == INTAKE_RECORD &&
			      WHY(intake_int64(&in, 2, &n, &why), 6, wrong[i]) &&
			      WHY(intake_decimal(&in, 0, &d, &why), 0, "monto: missing"),
		      "%.*s: %s", SLICE_ARG(in.line), wrong[i]);
	zone_free(z);
	closed(&in);
}

static volatile sig_atomic_t stop = 1;

int main(void)
{
	struct err err;
	struct intake in;

	setenv("TZ", "UTC", 1);
	if (mkdtemp(directory) == NULL)
		abort();
	snprintf(rejects, sizeof rejects, "%s/rejects", directory);
	test_events();
	test_died_upstream();
	test_bad_without_rejects();
	test_rejects();
	test_rejects_fail();
	test_flush_before_wait();
	test_fields();
	in = (struct intake){.fd = source("{}\n", 3), .name = "<stdin>", .stop = &stop};
	CHECK(intake_open(&in, &err) == 0 && intake_next(&in, &err) == INTAKE_END && in.stopped,
	      "asked to stop");
	closed(&in);
	unlink(rejects);
	rmdir(directory);
	return check_done();
}
