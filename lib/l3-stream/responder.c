#include "l3-stream/responder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "l2-line/fcgi.h"

#define SECOND INT64_C(1000000000)

enum {
	EVENTS = 64,
	ACCEPTS = 4,           /* connections taken at once; other processes want some too */
	INPUT = 32768,         /* bytes read at once */
	OUTPUT_MOST = 1 << 20, /* bytes that a connection may owe: it sends and does not read */
	STALLED_SECONDS = 30,  /* within a request, without a byte in or out */
	DRAIN_SECONDS = 10,    /* for what has begun, once we are to stop */
	BACKLOG = 1024
};

struct connection {
	struct connection *next, *before;
	int fd;
	struct fcgi in;
	struct buf out;
	size_t sent;
	int64_t moved; /* when something last did */
	int closing;   /* once its output is gone */
	int waits_out; /* epoll tells of room for output */
};

struct loop {
	const struct responder *r;
	int epoll, listening, draining;
	struct connection all; /* the head of a ring */
	size_t count;
	int64_t now;
	struct buf response;
	char input[INPUT];
};

static int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

/* ---- connections ---- */

static void close_connection(struct loop *l, struct connection *c)
{
	c->before->next = c->next;
	c->next->before = c->before;
	l->count--;
	close(c->fd);
	fcgi_free(&c->in);
	buf_free(&c->out);
	free(c);
}

static int is_idle(const struct connection *c)
{
	return c->in.request == 0 && c->in.header_got == 0 && c->sent == c->out.len;
}

static void watch_output(struct loop *l, struct connection *c, int wanted)
{
	struct epoll_event e = {.events = wanted ? EPOLLOUT : EPOLLIN, .data.ptr = c};

	if (c->waits_out == wanted)
		return;
	c->waits_out = wanted;
	epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* Send what there is. Returns -1 when the connection is over. */
static int send_output(struct loop *l, struct connection *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.at + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			watch_output(l, c, 1);
			return c->out.len - c->sent > OUTPUT_MOST ? -1 : 0;
		}
		if (n <= 0)
			return -1;
		c->sent += (size_t)n;
		c->moved = l->now;
	}
	buf_clear(&c->out);
	c->sent = 0;
	watch_output(l, c, 0);
	return c->closing ? -1 : 0;
}

static int answer(struct loop *l, struct connection *c)
{
	buf_clear(&l->response);
	if (l->r->answer(l->r->context, buf_view(&c->in.params), l->now, &l->response) != 0 ||
	    l->response.failed)
		return -1;
	fcgi_put_answer(&c->in, buf_view(&l->response), &c->out);
	if (!c->in.keep || l->draining)
		c->closing = 1;
	return c->out.failed ? -1 : 0;
}

/* Returns -1 when the connection is over. */
static int take_input(struct loop *l, struct connection *c, struct slice bytes)
{
	while (bytes.len > 0 && !c->closing) {
		size_t used;
		enum fcgi_event event = fcgi_take(&c->in, bytes, &used, &c->out);

		bytes = (struct slice){bytes.at + used, bytes.len - used};
		if (event == FCGI_BAD || c->out.failed)
			return -1;
		if (event == FCGI_REQUEST && answer(l, c) != 0)
			return -1;
	}
	return send_output(l, c);
}

/* Returns -1 when the connection is over. */
static int read_input(struct loop *l, struct connection *c)
{
	ssize_t n = recv(c->fd, l->input, sizeof l->input, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	c->moved = l->now;
	return take_input(l, c, (struct slice){l->input, (size_t)n});
}

/* ---- the listener ---- */

static void listen_on(struct loop *l, int wanted)
{
	/* One of the processes that wait is woken, not all. */
	struct epoll_event e = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL};

	if (l->listening == wanted)
		return;
	l->listening = wanted;
	epoll_ctl(l->epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l->r->listener, &e);
}

static void accept_some(struct loop *l)
{
	for (int i = 0; i < ACCEPTS && l->count < l->r->connections_most; i++) {
		int fd = accept4(l->r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct connection *c = fd < 0 ? NULL : calloc(1, sizeof *c);
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

		if (fd < 0)
			return;
		if (c == NULL || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
			free(c);
			close(fd);
			return;
		}
		c->fd = fd;
		c->moved = l->now;
		c->next = &l->all;
		c->before = l->all.before;
		c->before->next = c;
		l->all.before = c;
		l->count++;
	}
}

/* ---- the loop ---- */

/* Those that stand still in the middle of something. */
static void sweep(struct loop *l)
{
	struct connection *c = l->all.next, *next;

	for (; c != &l->all; c = next) {
		next = c->next;
		if (!is_idle(c) && l->now - c->moved > STALLED_SECONDS * SECOND)
			close_connection(l, c);
	}
}

/* We are to stop. What a web server has sent before it could know is answered still. */
static void drain(struct loop *l)
{
	struct connection *c = l->all.next, *next;

	l->draining = 1;
	listen_on(l, 0);
	l->r->pause(l->r->context);
	for (; c != &l->all; c = next) {
		next = c->next;
		if (read_input(l, c) != 0 || is_idle(c))
			close_connection(l, c);
	}
}

static void handle(struct loop *l, const struct epoll_event *e)
{
	struct connection *c = e->data.ptr;
	int over = 0;

	if (c == NULL) {
		accept_some(l);
		return;
	}
	if (e->events & EPOLLOUT)
		over = send_output(l, c);
	else
		over = read_input(l, c);
	if (over || (l->draining && is_idle(c)))
		close_connection(l, c);
}

static int run(struct loop *l, struct err *err)
{
	int64_t swept = clock_now(), stopped = 0;

	while (!l->draining || (l->count > 0 && l->now - stopped < DRAIN_SECONDS * SECOND)) {
		struct epoll_event events[EVENTS];
		int n = epoll_pwait(l->epoll, events, EVENTS, 1000, l->r->wait_mask);

		if (n < 0 && errno != EINTR)
			return err_sys(err, ERR_IO, errno, "epoll");
		l->now = clock_now();
		for (int i = 0; i < n; i++)
			handle(l, &events[i]);
		if (*l->r->stop && !l->draining) {
			stopped = l->now;
			drain(l);
		}
		if (l->now - swept > SECOND) {
			swept = l->now;
			sweep(l);
		}
		if (!l->draining)
			listen_on(l, l->count < l->r->connections_most);
		l->r->pause(l->r->context);
	}
	return 0;
}

int responder_run(const struct responder *r, struct err *err)
{
	struct loop *l = calloc(1, sizeof *l);
	int result, flags = fcntl(r->listener, F_GETFL);

	if (l == NULL)
		return err_memory(err);
	l->r = r;
	l->all.next = l->all.before = &l->all;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0 || fcntl(r->listener, F_SETFL, flags | O_NONBLOCK) != 0) {
		result = err_sys(err, ERR_IO, errno, "cannot listen");
	} else {
		listen_on(l, 1);
		result = run(l, err);
	}
	for (struct connection *c = l->all.next, *next; c != &l->all; c = next) {
		next = c->next;
		close_connection(l, c);
	}
	if (l->epoll >= 0)
		close(l->epoll);
	buf_free(&l->response);
	free(l);
	return result;
}

/* ---- making a listener ---- */

int responder_is_listener(int fd)
{
	int listens = 0;
	socklen_t size = sizeof listens;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens;
}

/* A socket that somebody left behind may go, one that is in use may not. */
static int clear_path(const struct sockaddr_un *at, struct err *err)
{
	struct stat st;
	int fd, refused;

	if (lstat(at->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_CREATE, "%s: there is something else", at->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, ERR_IO, errno, "socket");
	refused =
		connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 && errno == ECONNREFUSED;
	close(fd);
	if (!refused)
		return err_set(err, ERR_TEMP, "%s: another process listens there", at->sun_path);
	if (unlink(at->sun_path) != 0)
		return err_sys(err, ERR_CREATE, errno, "%s", at->sun_path);
	return 0;
}

static int listen_at(const struct sockaddr *at, socklen_t size, const char *where, struct err *err)
{
	int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	mode_t mask = umask(0117);
	int failed;

	if (fd >= 0 && at->sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	failed = fd < 0 || bind(fd, at, size) != 0 || listen(fd, BACKLOG) != 0;
	umask(mask);
	if (!failed)
		return fd;
	err_sys(err, errno == EADDRINUSE ? ERR_TEMP : ERR_CREATE, errno, "%s", where);
	if (fd >= 0)
		close(fd);
	return -1;
}

static int listen_unix(const char *path, const char *where, struct err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof at.sun_path || path[0] == '\0')
		return err_set(err, ERR_USAGE, "%s: no path of a socket (at most %zu bytes)", where,
			       sizeof at.sun_path - 1);
	memcpy(at.sun_path, path, strlen(path));
	if (clear_path(&at, err) != 0)
		return -1;
	return listen_at((const struct sockaddr *)&at, sizeof at, where, err);
}

int responder_listen(const char *where, struct err *err)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const char *colon = strrchr(where, ':');
	char host[INET6_ADDRSTRLEN + 2], *end;
	size_t length = colon == NULL ? 0 : (size_t)(colon - where);
	long port;

	if (strncmp(where, "unix:", strlen("unix:")) == 0)
		return listen_unix(where + strlen("unix:"), where, err);
	port = colon == NULL ? 0 : strtol(colon + 1, &end, 10);
	if (colon == NULL || length >= sizeof host || port < 1 || port > 65535 || *end != '\0')
		return err_set(err, ERR_USAGE, "%s: must be unix:PATH or ADDRESS:PORT", where);
	memcpy(host, where, length);
	host[length] = '\0';
	v4.sin_port = v6.sin6_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
		return listen_at((const struct sockaddr *)&v4, sizeof v4, where, err);
	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &v6.sin6_addr) == 1)
			return listen_at((const struct sockaddr *)&v6, sizeof v6, where, err);
	}
	return err_set(err, ERR_USAGE, "%s: must be unix:PATH or ADDRESS:PORT", where);
}
