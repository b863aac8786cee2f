/* What tests/tools/aws/ asks the AWS client with.
 *
 * usage: probe-aws SERVICE OPERATION BODY [COUNT [IN-FLIGHT]]
 *        probe-aws s3 METHOD /PATH[?QUERY] [FILE]
 *
 * OPERATION is the target of a JSON protocol. With COUNT, so many of the same call. Prints a line
 * for each answer: status and body, or the error. Exits with the error's status.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l3-stream/aws.h"
#include "l3-stream/tool.h"

static int status;
static long left;

static void show(const struct aws_call *c)
{
	if (c->err.status == ERR_NONE) {
		printf("%d %.*s\n", c->status, SLICE_ARG(c->http.reply));
		return;
	}
	printf("error: %s\n", c->err.message);
	status = (int)c->err.status;
}

static void on_done(struct aws_call *c)
{
	struct err err;

	show(c);
	if (left <= 0)
		return;
	left--;
	if (aws_start(c->context, c, &err) != 0) {
		printf("error: %s\n", err.message);
		status = (int)err.status;
	}
}

static int many(struct aws *a, const struct aws_call *what, long count, long in_flight)
{
	struct aws_call *calls = calloc((size_t)in_flight, sizeof *calls);
	struct err err;

	left = count;
	for (long i = 0; i < in_flight && left > 0; i++) {
		calls[i] = *what;
		calls[i].context = a;
		calls[i].done = on_done;
		left--;
		if (aws_start(a, &calls[i], &err) != 0)
			return tool_fail(&err);
	}
	while (aws_in_flight(a) > 0)
		if (aws_step(a, -1, &err) < 0)
			return tool_fail(&err);
	for (long i = 0; i < in_flight; i++)
		aws_call_free(&calls[i]);
	free(calls);
	return status;
}

static int read_file(void *context, uint64_t offset, char *to, size_t len, struct err *err)
{
	const int *fd = context;

	if (pread(*fd, to, len, (off_t)offset) == (ssize_t)len)
		return 0;
	return err_set(err, ERR_IO, "the file has become shorter");
}

static int object(struct aws_call *c, char **argv, struct http_source *source)
{
	char *query = strchr(argv[3], '?');
	static int fd;
	struct stat st;

	c->request.method = argv[2];
	c->request.path = slice_of(argv[3]);
	if (query != NULL) {
		c->request.path.len = (size_t)(query - argv[3]);
		c->request.query = slice_of(query + 1);
	}
	if (argv[4] == NULL)
		return 0;
	fd = open(argv[4], O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0)
		return -1;
	*source = (struct http_source){(uint64_t)st.st_size, read_file, &fd};
	c->request.source = source;
	c->request.payload = "UNSIGNED-PAYLOAD";
	c->unlimited = 1;
	return 0;
}

int main(int argc, char **argv)
{
	struct aws_options o = {.service = argv[1],
				.stop = &tool_stop,
				.backoff = 1000,
				.in_flight = argc > 5 ? (unsigned)atoi(argv[5]) : 1};
	struct aws_call c = {0};
	struct http_source source = {0};
	struct aws *a;
	struct err err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 4)
		return ERR_USAGE;
	if (aws_open(&o, &a, &err) != 0)
		return tool_fail(&err);
	if (strcmp(argv[1], "s3") == 0) {
		if (object(&c, argv, &source) != 0)
			return ERR_IO;
	} else {
		c.request.target = argv[2];
		c.request.type = "application/x-amz-json-1.0";
		c.request.body = slice_of(argv[3]);
	}
	if (argc > 4 && c.request.source == NULL) {
		status = many(a, &c, atol(argv[4]), o.in_flight);
	} else {
		if (aws_run(a, &c, &err) != 0)
			c.err = err;
		show(&c);
	}
	aws_call_free(&c);
	aws_close(a);
	return status;
}
