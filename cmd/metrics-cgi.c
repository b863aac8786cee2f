/* metrics-cgi - the API: the store's metrics over HTTP, by CGI or FastCGI. See metrics-cgi(1). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "l0-base/hash.h"
#include "l2-line/fcgi.h"
#include "l2-line/limit.h"
#include "l3-stream/responder.h"
#include "l3-stream/tool.h"
#include "l3-stream/workers.h"
#include "l4-service/api.h"
#include "l4-service/store_backend.h"

/* What it is built with: it only reads. The program that is started is static, and has SQLite
 * alone; libcurl, which DynamoDB takes, cannot be loaded by such a one. So that is another program,
 * out of the same source, which this one becomes when its store is there. */
#ifdef METRICS_CGI_DYNAMODB
const struct store_backend store_backends[] = {
	{"dynamodb", &store_dynamodb_reading, NULL},
	{NULL, NULL, NULL},
};
#else
const struct store_backend store_backends[] = {
	{"sqlite", &store_sqlite_reading, NULL},
	{NULL, NULL, NULL},
};
#endif
#define SIBLING "libexec/tuberia/metrics-cgi-dynamodb"

enum { HANGING_SECONDS = 4 }; /* a worker, behind the deadline */

static struct api_options api_options = {
	.quota = 1000,
	.deadline = 2000000,
	.stale = 60000000,
};

static struct {
	const char *listen, *log;
	int64_t workers;
} given;

static const struct opt options[] = {
	{OPT_HEADING, 0, NULL, NULL, NULL, "What it answers from:", NULL, NULL, 0, 0},
	{OPT_STRING, 's', "store", "STORE", &api_options.store,
	 "answer from this store, such as sqlite:metrics.db", "TUBERIA_STORE", NULL, 0, 0},
	{OPT_STRING, 'k', "keys", "FILE", &api_options.keys, "the keys, made by api-key(1)",
	 "TUBERIA_API_KEYS", NULL, 0, 0},
	{OPT_STRING, 0, "base", "PATH", &api_options.base,
	 "what stands before /metricas in the addresses", "TUBERIA_API_BASE", NULL, 0, 0},
	{OPT_STRING, 0, "cors", "ORIGINS", &api_options.origins,
	 "pages of these origins may ask; commas between, or *", "TUBERIA_API_CORS", NULL, 0, 0},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Limits:", NULL, NULL, 0, 0},
	{OPT_INT, 0, "limit", "N", &api_options.quota, "requests a minute and key (1000)",
	 "TUBERIA_API_LIMIT", NULL, 1, 1000000000},
	{OPT_INT, 0, "burst", "N", &api_options.burst, "of them at once (as many as --limit)",
	 "TUBERIA_API_BURST", NULL, 1, 1000000},
	{OPT_STRING, 0, "limit-file", "FILE", &api_options.limit_file,
	 "keep count here (beside the keys, .limit)", "TUBERIA_API_LIMIT_FILE", NULL, 0, 0},
	{OPT_DURATION, 0, "deadline", "DURATION", &api_options.deadline,
	 "an answer takes no longer (2s)", "TUBERIA_API_DEADLINE", NULL, 10000, 60000000},
	{OPT_DURATION, 0, "stale", "DURATION", &api_options.stale,
	 "older data are not healthy (1m)", "TUBERIA_API_STALE", NULL, 1000000, INT64_MAX},
	{OPT_HEADING, 0, NULL, NULL, NULL, "FastCGI:", NULL, NULL, 0, 0},
	{OPT_STRING, 'l', "listen", "SOCKET", &given.listen,
	 "unix:PATH or ADDRESS:PORT; else the socket passed", NULL, NULL, 0, 0},
	{OPT_INT, 'w', "workers", "N", &given.workers, "processes (as many as processors)",
	 "TUBERIA_API_WORKERS", NULL, 1, 256},
	{OPT_HEADING, 0, NULL, NULL, NULL, "Messages:", NULL, NULL, 0, 0},
	{OPT_STRING, 0, "access-log", "FILE", &given.log,
	 "append a line of JSON for each request; -: stderr", "TUBERIA_API_ACCESS_LOG", NULL, 0, 0},
	{OPT_FLAG, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0}};

static const struct opt_command command = {
	.name = "metrics-cgi",
	.purpose = "the API: the store's metrics over HTTP, by CGI or FastCGI",
	.usage = "[options] --listen SOCKET\n"
		 "[options]          (started by a web server, or with a socket by systemd)",
	.see_also = "See metrics-cgi(1), api-key(1), tuberia(7).",
	.options = options,
};

struct server {
	struct api *api;
	struct apirequest request;
	atomic_uint *beats; /* of this worker */
	struct buf log_lines;
	int log_fd;
	struct stat log_file;
	char told[sizeof((struct err *)0)->message]; /* the last message, and when */
	int64_t told_at;
};

/* ---- messages and the access log ---- */

/* What is wrong with the store is the same for each of a thousand requests a second. */
static void tell(struct server *s, const struct err *why)
{
	enum { AGAIN_SECONDS = 10 };
	int64_t now = limit_now() / 1000000000;

	if (why->status == ERR_NONE ||
	    (now - s->told_at < AGAIN_SECONDS && strcmp(s->told, why->message) == 0))
		return;
	s->told_at = now;
	memcpy(s->told, why->message, sizeof s->told);
	tool_say("%s", why->message);
}

/* Open the log, or another file when it was moved away; a pipe that nobody reads is not waited for.
 * Returns its descriptor, -1 without one. */
static int log_descriptor(struct server *s)
{
	int to_stderr = strcmp(given.log, "-") == 0;
	struct stat st;

	if (s->log_fd >= 0 &&
	    (to_stderr || (stat(given.log, &st) == 0 && st.st_ino == s->log_file.st_ino &&
			   st.st_dev == s->log_file.st_dev)))
		return s->log_fd;
	if (s->log_fd > 2)
		close(s->log_fd);
	s->log_fd =
		to_stderr ? 2
			  : open(given.log,
				 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
				 0640);
	if (s->log_fd < 0 || fstat(s->log_fd, &s->log_file) != 0) {
		struct err err;

		err_sys(&err, ERR_CREATE, errno, "%s", given.log);
		tell(s, &err);
	}
	return s->log_fd;
}

/* Of lines, as many as go out by one write(2) that nobody else's can come between: all of them into
 * a file, PIPE_BUF bytes into a pipe. */
static size_t lines_at_once(const struct server *s, struct slice lines)
{
	const char *end;

	if (lines.len <= PIPE_BUF || !S_ISFIFO(s->log_file.st_mode))
		return lines.len;
	end = memrchr(lines.at, '\n', PIPE_BUF);
	return end == NULL ? lines.len : (size_t)(end - lines.at) + 1;
}

/* That lines cannot be written is no reason not to answer. */
static void write_log(struct server *s)
{
	struct slice rest = buf_view(&s->log_lines);
	int fd = rest.len == 0 ? -1 : log_descriptor(s);

	while (fd >= 0 && rest.len > 0) {
		size_t n = lines_at_once(s, rest);
		ssize_t done = write(fd, rest.at, n);

		if (done != (ssize_t)n) {
			struct err err;

			err_sys(&err, ERR_IO, done < 0 ? errno : ENOSPC, "%s: access log",
				given.log);
			tell(s, &err);
			break;
		}
		rest = (struct slice){rest.at + n, rest.len - n};
	}
	buf_clear(&s->log_lines);
}

static int answer(struct server *s, int64_t arrived, struct buf *out)
{
	struct api_result result;

	api_answer(s->api, &s->request, arrived, out, &result);
	tell(s, &result.why);
	if (given.log != NULL)
		api_log(&result, (limit_now() - arrived) / 1000, &s->log_lines);
	return out->failed ? -1 : 0;
}

/* ---- CGI ---- */

/* The deadline of last resort: something that we wait for does not come back. Nothing has been
 * written yet. */
static void on_alarm(int signal_number)
{
	static const char late[] =
		"Status: 504 Gateway Timeout\r\n"
		"Content-Type: application/problem+json\r\n"
		"Cache-Control: no-store\r\nRetry-After: 2\r\n\r\n"
		"{\"type\":\"about:blank\",\"title\":\"Gateway Timeout\",\"status\":504,"
		"\"detail\":\"The data did not come in time.\"}";
	ssize_t done = write(1, late, sizeof late - 1);

	(void)signal_number;
	_exit(done == (ssize_t)sizeof late - 1 ? 0 : ERR_IO);
}

static void set_alarm(void)
{
	struct sigaction act = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &act, NULL);
	alarm((unsigned)(api_options.deadline / 1000000) + 2);
}

/* To a pipe or a file, by hand: nothing is gathered that a struct writer would have to hold. */
static int write_answer(const struct buf *out)
{
	size_t done = 0;

	while (done < out->len) {
		ssize_t n = write(1, out->at + done, out->len - done);
		struct err err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(&err, errno == ENOSPC || errno == EDQUOT ? ERR_TEMP : ERR_IO, errno,
				"cannot write");
			return tool_fail(&err);
		}
		done += (size_t)n;
	}
	return 0;
}

extern char **environ;

static int answer_cgi(struct server *s)
{
	int64_t arrived = limit_now();
	struct buf out = {0};
	struct err err;
	int status;

	for (char **e = environ; *e != NULL; e++) {
		const char *equals = strchr(*e, '=');

		if (equals != NULL)
			apirequest_variable(&s->request, (struct slice){*e, (size_t)(equals - *e)},
					    slice_of(equals + 1));
	}
	set_alarm();
	if (answer(s, arrived, &out) != 0) {
		err_memory(&err);
		status = tool_fail(&err);
	} else {
		alarm(0);
		status = write_answer(&out);
	}
	buf_free(&out);
	write_log(s);
	return status;
}

/* ---- FastCGI ---- */

static void beat(struct server *s)
{
	atomic_fetch_add_explicit(s->beats, 1, memory_order_relaxed);
}

static int answer_fastcgi(void *context, struct slice params, int64_t arrived, struct buf *out)
{
	struct server *s = context;
	struct slice name, value;
	int more;

	beat(s);
	apirequest_clear(&s->request);
	while ((more = fcgi_param(&params, &name, &value)) > 0)
		apirequest_variable(&s->request, name, value);
	return more < 0 ? -1 : answer(s, arrived, out);
}

static void pause_fastcgi(void *context)
{
	struct server *s = context;

	api_pause(s->api);
	write_log(s);
	beat(s);
}

struct serving {
	struct server *server;
	int listener;
};

static int work(void *context, atomic_uint *beats)
{
	struct serving *serving = context;
	struct responder r = {
		.listener = serving->listener,
		.connections_most = 1024,
		.stop = &tool_stop,
		.wait_mask = tool_wait_mask(),
		.context = serving->server,
		.answer = answer_fastcgi,
		.pause = pause_fastcgi,
	};
	struct err err;

	serving->server->beats = beats;
	return responder_run(&r, &err) == 0 ? 0 : tool_fail(&err);
}

static int serve_fastcgi(struct server *s, int listener)
{
	struct serving serving = {s, listener};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct workers w = {
		.count = (size_t)(given.workers > 0 ? given.workers
				  : processors > 0  ? processors
						    : 1),
		.work = work,
		.context = &serving,
		/* An answer has its deadline; what is far behind it waits for something that does
		 * not come back, such as a file of a server that has gone. */
		.patience = (unsigned)(api_options.deadline / 1000000) + HANGING_SECONDS,
		.stop = &tool_stop,
		.wait_mask = tool_wait_mask(),
		.say = tool_say,
	};
	struct err err;
	int status = 0;

	hash_prepare();
	if (workers_run(&w, &status, &err) < 0)
		return tool_fail(&err);
	return status;
}

/* ---- the command line ---- */

/* The socket to listen on: of --listen; passed by systemd (sd_listen_fds(3)); or as descriptor 0,
 * as the FastCGI specification has it (2.2). Returns 1, 0 when there is none: CGI; or -1. */
static int find_listener(int *listener, struct err *err)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

	if (given.listen != NULL) {
		*listener = responder_listen(given.listen, err);
		return *listener < 0 ? -1 : 1;
	}
	if (pid != NULL && count != NULL && atol(pid) == (long)getpid() && atol(count) >= 1) {
		*listener = 3;
		if (responder_is_listener(*listener))
			return 1;
		return err_set(err, ERR_CONFIG, "the socket passed does not listen");
	}
	*listener = 0;
	return responder_is_listener(0);
}

static int check_options(char **operands, size_t count, int serving, struct err *err)
{
	const char *base = api_options.base;

	if (count > 0)
		return err_set(err, ERR_USAGE, "\"%s\": takes no operands", operands[0]);
	if (!serving && getenv("REQUEST_METHOD") == NULL)
		return err_set(err, ERR_USAGE,
			       "no web server has started it (REQUEST_METHOD is not set): "
			       "--listen SOCKET serves FastCGI");
	if (api_options.store == NULL)
		return err_set(err, ERR_USAGE,
			       "which store? --store sqlite:FILE or dynamodb:TABLE, or "
			       "TUBERIA_STORE in the "
			       "environment");
	if (base != NULL && base[0] != '\0' && (base[0] != '/' || base[strlen(base) - 1] == '/'))
		return err_set(err, ERR_USAGE, "--base: \"%s\": must be as /api", base);
	if (api_options.burst == 0)
		api_options.burst = api_options.quota;
	return 0;
}

/* Become the program for DynamoDB, if that is the store. Returns 0, or -1: there is none. */
static int become_sibling(char **argv, struct err *err)
{
	const char *store = api_options.store;
	char path[PATH_MAX + sizeof SIBLING];
	ssize_t length;

	if (store == NULL || strncmp(store, "dynamodb:", strlen("dynamodb:")) != 0 ||
	    strcmp(store_backends[0].scheme, "dynamodb") == 0)
		return 0;
	/* Beside the directory of this one: PREFIX/bin. */
	length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	for (int i = 0; i < 2; i++)
		while (length > 0 && path[--length] != '/')
			;
	if (length < 0)
		return err_sys(err, ERR_CONFIG, errno, "where am I?");
	memcpy(path + length, "/" SIBLING, sizeof "/" SIBLING);
	execv(path, argv);
	return err_sys(err, ERR_CONFIG, errno, "%s: cannot be started", path);
}

/* Where requests are counted, unless it is said: beside the keys. */
static int place_limit(struct buf *path, struct err *err)
{
	if (api_options.limit_file != NULL || api_options.keys == NULL)
		return 0;
	if (buf_printf(path, "%s.limit", api_options.keys) != 0)
		return err_memory(err);
	api_options.limit_file = buf_text(path);
	return 0;
}

/* A CGI program must not just die: whoever asks would be told of a bad gateway. */
static void say_unavailable(void)
{
	static const char text[] =
		"Status: 503 Service Unavailable\r\n"
		"Content-Type: application/problem+json\r\n"
		"Cache-Control: no-store\r\nRetry-After: 2\r\n\r\n"
		"{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
		"\"detail\":\"The API is not set up.\"}";
	struct buf out = {0};

	if (getenv("REQUEST_METHOD") != NULL && getenv("GATEWAY_INTERFACE") != NULL &&
	    buf_puts(&out, text) == 0)
		write_answer(&out);
	buf_free(&out);
}

int main(int argc, char **argv)
{
	static struct server server = {.log_fd = -1, .told_at = -1000};
	static struct buf limit_path;
	struct err err = {0};
	char **operands;
	size_t count;
	int listener, serving, status = tool_begin(&command, argc, argv, &operands, &count);

	if (status != -1)
		return status;
	serving = become_sibling(argv, &err) != 0 ? 0 : find_listener(&listener, &err);
	if (err.status != ERR_NONE || serving < 0 ||
	    check_options(operands, count, serving, &err) != 0 ||
	    place_limit(&limit_path, &err) != 0 || api_new(&api_options, &server.api, &err) != 0) {
		status = tool_fail(&err);
		if (serving == 0)
			say_unavailable();
	} else if (serving) {
		status = serve_fastcgi(&server, listener);
	} else {
		/* The system cleans up faster. */
		return answer_cgi(&server);
	}
	api_free(server.api);
	apirequest_free(&server.request);
	buf_free(&server.log_lines);
	buf_free(&limit_path);
	if (server.log_fd > 2)
		close(server.log_fd);
	return status;
}
