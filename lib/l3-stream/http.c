#include "l3-stream/http.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "l0-base/hash.h"
#include "l2-line/libcurl.h"

enum { BODY_LIMIT = 64 << 20, EVENTS = 64 };

/* ---- the pool ---- */

/* A request in flight, and the handle that carries it; kept for the next one. */
struct slot {
	struct slot *next; /* that is free; or in flight */
	struct http *h;
	CURL *easy;
	struct http_request *request;
	struct curl_slist *headers;
	uint64_t sent;  /* of the source */
	struct err why; /* set by a callback that ended the request */
	char text[CURL_ERROR_SIZE];
};

struct http {
	CURLM *multi;
	int epoll;
	int64_t timer; /* when libcurl wants to be called, monotonic; -1: not */
	char *ca_bundle, *user_agent;
	const sigset_t *allowed;
	struct slot *free, *busy;
	size_t in_flight;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* libcurl says which of its sockets are to be watched for what. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *watched)
{
	struct http *h = context;
	struct epoll_event e = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if ((what & CURL_POLL_IN) != 0)
		e.events |= EPOLLIN;
	if ((what & CURL_POLL_OUT) != 0)
		e.events |= EPOLLOUT;
	if (epoll_ctl(h->epoll, watched == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e) != 0)
		return -1;
	curl.multi_assign(h->multi, fd, h);
	return 0;
}

static int on_timer(CURLM *multi, long milliseconds, void *context)
{
	struct http *h = context;

	(void)multi;
	h->timer = milliseconds < 0 ? -1 : now() + (int64_t)milliseconds * 1000;
	return 0;
}

int http_open(const struct http_options *o, struct http **out, struct err *err)
{
	struct http *h;

	if (libcurl_load(err) != 0)
		return -1;
	h = calloc(1, sizeof *h);
	if (h == NULL)
		return err_memory(err);
	h->timer = -1;
	h->allowed = o->allowed;
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->multi = curl.multi_init();
	if (o->ca_bundle != NULL)
		h->ca_bundle = strdup(o->ca_bundle);
	if (o->user_agent != NULL)
		h->user_agent = strdup(o->user_agent);
	if (h->epoll < 0 || h->multi == NULL || (o->ca_bundle != NULL && h->ca_bundle == NULL) ||
	    (o->user_agent != NULL && h->user_agent == NULL)) {
		http_close(h);
		return err_memory(err);
	}
	curl.multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl.multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl.multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl.multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl.multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)o->connections);
	curl.multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)o->connections);
	*out = h;
	return 0;
}

static void free_slots(struct slot *s)
{
	while (s != NULL) {
		struct slot *next = s->next;

		curl.slist_free_all(s->headers);
		curl.easy_cleanup(s->easy);
		free(s);
		s = next;
	}
}

void http_close(struct http *h)
{
	if (h == NULL)
		return;
	for (struct slot *s = h->busy; s != NULL; s = s->next)
		curl.multi_remove_handle(h->multi, s->easy);
	free_slots(h->busy);
	free_slots(h->free);
	if (h->multi != NULL)
		curl.multi_cleanup(h->multi);
	if (h->epoll >= 0)
		close(h->epoll);
	free(h->ca_bundle);
	free(h->user_agent);
	free(h);
}

void http_request_free(struct http_request *r)
{
	buf_free(&r->head);
	buf_free(&r->reply);
}

/* ---- what libcurl calls ---- */

static size_t on_head(char *bytes, size_t size, size_t n, void *context)
{
	struct slot *s = context;
	struct http_request *r = s->request;

	/* The head of an interim answer (100) is not that of the last one. */
	if (n >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
		buf_clear(&r->head);
	if (buf_put(&r->head, bytes, size * n) == 0)
		return size * n;
	err_memory(&s->why);
	return 0;
}

static size_t on_reply(char *bytes, size_t size, size_t n, void *context)
{
	struct slot *s = context;
	struct http_request *r = s->request;
	size_t limit = r->body_limit == 0 ? BODY_LIMIT : r->body_limit;
	long status = 0;

	n *= size;
	if (r->on_body != NULL)
		curl.easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status / 100 == 2)
		return r->on_body(r, (struct slice){bytes, n}, &s->why) == 0 ? n : 0;
	if (n > limit - r->reply.len) {
		err_set(&s->why, ERR_DATA, "the reply is larger than %zu bytes", limit);
		return 0;
	}
	if (buf_put(&r->reply, bytes, n) == 0)
		return n;
	err_memory(&s->why);
	return 0;
}

static size_t on_read(char *to, size_t size, size_t n, void *context)
{
	struct slot *s = context;
	const struct http_source *source = s->request->source;
	uint64_t left = source->length - s->sent;

	n *= size;
	if (n > left)
		n = (size_t)left;
	if (n > 0 && source->read(source->context, s->sent, to, n, &s->why) != 0)
		return CURL_READFUNC_ABORT;
	s->sent += n;
	return n;
}

/* The connection was stale, and the body begins anew on another. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
	struct slot *s = context;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_CANTSEEK;
	s->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* No program that a tool starts inherits a connection. */
static int on_new_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
	(void)context;
	(void)purpose;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return CURL_SOCKOPT_OK;
}

/* ---- start ---- */

static struct slot *take_slot(struct http *h, struct err *err)
{
	struct slot *s = h->free;

	if (s != NULL) {
		h->free = s->next;
		return s;
	}
	s = calloc(1, sizeof *s);
	if (s != NULL)
		s->easy = curl.easy_init();
	if (s == NULL || s->easy == NULL) {
		free(s);
		err_memory(err);
		return NULL;
	}
	s->h = h;
	return s;
}

static void give_slot(struct slot *s)
{
	/* Among them signatures and session tokens. */
	for (struct curl_slist *l = s->headers; l != NULL; l = l->next)
		hash_cleanse(l->data, strlen(l->data));
	curl.slist_free_all(s->headers);
	s->headers = NULL;
	s->request->slot = NULL;
	s->request = NULL;
	s->next = s->h->free;
	s->h->free = s;
}

static void unlink_busy(struct slot *s)
{
	struct slot **at = &s->h->busy;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->h->in_flight--;
}

static int is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return 0;
	return 1;
}

static int set_headers(struct slot *s, const struct http_request *r, struct err *err)
{
	/* What libcurl would add of its own. */
	static const char *const never[] = {"Expect:", "Accept:", "Content-Type:"};

	for (size_t i = 0; i < sizeof never / sizeof never[0] + r->header_count; i++) {
		const char *header = i < 3 ? never[i] : r->headers[i - 3];
		struct curl_slist *longer;

		/* A header of the request's own takes the place of one that is to be left out. */
		if (i < 3) {
			size_t k = 0, n = strlen(header);

			while (k < r->header_count && strncasecmp(r->headers[k], header, n) != 0)
				k++;
			if (k < r->header_count)
				continue;
		} else if (!is_plain(header)) {
			return err_set(err, ERR_CONFIG, "a control byte in a header: %.*s",
				       (int)strcspn(header, ":"), header);
		}
		longer = curl.slist_append(s->headers, header);
		if (longer == NULL)
			return err_memory(err);
		s->headers = longer;
	}
	return 0;
}

static void set_body(struct slot *s, const struct http_request *r)
{
	CURL *e = s->easy;

	if (r->source != NULL) {
		curl.easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl.easy_setopt(e, CURLOPT_READFUNCTION, on_read);
		curl.easy_setopt(e, CURLOPT_READDATA, s);
		curl.easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
		curl.easy_setopt(e, CURLOPT_SEEKDATA, s);
		curl.easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->source->length);
	} else if (strcmp(r->method, "HEAD") == 0) {
		curl.easy_setopt(e, CURLOPT_NOBODY, 1L);
		return;
	} else if (r->body.len > 0 || strcmp(r->method, "POST") == 0 ||
		   strcmp(r->method, "PUT") == 0) {
		curl.easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
		curl.easy_setopt(e, CURLOPT_POSTFIELDS, r->body.len == 0 ? "" : r->body.at);
	}
	curl.easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_limits(CURL *e, const struct http_request *r)
{
	if (r->connect > 0)
		curl.easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)((r->connect + 999) / 1000));
	if (r->timeout > 0)
		curl.easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)((r->timeout + 999) / 1000));
	if (r->stall > 0) {
		curl.easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl.easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)((r->stall + 999999) / 1000000));
	}
}

static void set_options(struct slot *s, const struct http_request *r)
{
	const struct http *h = s->h;
	CURL *e = s->easy;

	curl.easy_reset(e);
	curl.easy_setopt(e, CURLOPT_PRIVATE, s);
	curl.easy_setopt(e, CURLOPT_ERRORBUFFER, s->text);
	curl.easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl.easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl.easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl.easy_setopt(e, CURLOPT_PATH_AS_IS, 1L); /* "a/../b" is the name of an object */
	curl.easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
	curl.easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head);
	curl.easy_setopt(e, CURLOPT_HEADERDATA, s);
	curl.easy_setopt(e, CURLOPT_WRITEFUNCTION, on_reply);
	curl.easy_setopt(e, CURLOPT_WRITEDATA, s);
	if (h->user_agent != NULL)
		curl.easy_setopt(e, CURLOPT_USERAGENT, h->user_agent);
	if (h->ca_bundle != NULL)
		curl.easy_setopt(e, CURLOPT_CAINFO, h->ca_bundle);
	if (r->direct)
		curl.easy_setopt(e, CURLOPT_PROXY, "");
	curl.easy_setopt(e, CURLOPT_URL, r->url);
	curl.easy_setopt(e, CURLOPT_HTTPHEADER, s->headers);
	set_body(s, r);
	set_limits(e, r);
}

int http_start(struct http *h, struct http_request *r, struct err *err)
{
	struct slot *s;

	if (!is_plain(r->url) || !is_plain(r->method))
		return err_set(err, ERR_CONFIG, "a control byte in a URL: %s", r->url);
	s = take_slot(h, err);
	if (s == NULL)
		return -1;
	s->request = r;
	s->sent = 0;
	s->text[0] = '\0';
	s->why.status = ERR_NONE;
	buf_clear(&r->head);
	buf_clear(&r->reply);
	if (set_headers(s, r, err) != 0) {
		give_slot(s);
		return -1;
	}
	set_options(s, r);
	if (curl.multi_add_handle(h->multi, s->easy) != CURLM_OK) {
		give_slot(s);
		return err_memory(err);
	}
	r->slot = s;
	s->next = h->busy;
	h->busy = s;
	h->in_flight++;
	return 0;
}

void http_cancel(struct http *h, struct http_request *r)
{
	struct slot *s = r->slot;

	if (s == NULL)
		return;
	curl.multi_remove_handle(h->multi, s->easy);
	unlink_busy(s);
	give_slot(s);
}

/* ---- done ---- */

/* Which failures of libcurl mean what. */
static enum http_outcome outcome_of(CURLcode code, enum err_status *status)
{
	*status = ERR_UNAVAILABLE;
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
		return HTTP_NOT_SENT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_NOT_BUILT_IN:
		*status = ERR_CONFIG;
		return HTTP_REFUSED;
	case CURLE_OUT_OF_MEMORY:
		*status = ERR_TEMP;
		return HTTP_REFUSED;
	default:
		return HTTP_LOST;
	}
}

static void finish(struct slot *s, CURLcode code)
{
	struct http_request *r = s->request;
	enum err_status status;
	long answer = 0;

	curl.easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &answer);
	r->status = (int)answer;
	r->outcome = HTTP_ANSWERED;
	if (code != CURLE_OK && s->why.status != ERR_NONE) {
		r->outcome = HTTP_REFUSED;
		r->err = s->why;
	} else if (code != CURLE_OK) {
		r->outcome = outcome_of(code, &status);
		err_set(&r->err, status, "%s", s->text[0] ? s->text : curl.easy_strerror(code));
	}
	curl.multi_remove_handle(s->h->multi, s->easy);
	unlink_busy(s);
	give_slot(s);
	r->done(r);
}

static int take_done(struct http *h)
{
	CURLMsg *message;
	int left, count = 0;

	while ((message = curl.multi_info_read(h->multi, &left)) != NULL) {
		CURLcode code = message->data.result;
		char *slot = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
		finish((struct slot *)(void *)slot, code);
		count++;
	}
	return count;
}

/* ---- waits ---- */

size_t http_in_flight(const struct http *h)
{
	return h->in_flight;
}

int http_fd(const struct http *h)
{
	return h->epoll;
}

int64_t http_due(const struct http *h)
{
	int64_t left;

	if (h->timer < 0)
		return -1;
	left = h->timer - now();
	return left < 0 ? 0 : left;
}

static int act(struct http *h, curl_socket_t fd, int what, struct err *err)
{
	int running;
	CURLMcode code = curl.multi_socket_action(h->multi, fd, what, &running);

	if (code == CURLM_OK)
		return 0;
	return err_set(err, ERR_IO, "libcurl: %s", curl.multi_strerror(code));
}

/* The timer is due. It is set anew from within, if there is another. */
static int act_on_time(struct http *h, struct err *err)
{
	if (h->timer < 0 || h->timer > now())
		return 0;
	h->timer = -1;
	return act(h, CURL_SOCKET_TIMEOUT, 0, err);
}

int http_step(struct http *h, int64_t wait, struct err *err)
{
	struct epoll_event events[EVENTS];
	int64_t due;
	int n, done;

	/* What has just been started sends its first bytes before anything is waited for; that may
	 * be all that there is to do. */
	if (act_on_time(h, err) != 0)
		return -1;
	done = take_done(h);
	due = done > 0 ? 0 : http_due(h);
	if (due >= 0 && (wait < 0 || due < wait))
		wait = due;
	n = epoll_pwait(h->epoll, events, EVENTS, wait < 0 ? -1 : (int)((wait + 999) / 1000),
			h->allowed);
	if (n < 0 && errno != EINTR)
		return err_sys(err, ERR_IO, errno, "epoll");
	for (int i = 0; i < n; i++) {
		int what = 0;

		if ((events[i].events & EPOLLIN) != 0)
			what |= CURL_CSELECT_IN;
		if ((events[i].events & EPOLLOUT) != 0)
			what |= CURL_CSELECT_OUT;
		if ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0)
			what |= CURL_CSELECT_ERR;
		if (act(h, events[i].data.fd, what, err) != 0)
			return -1;
	}
	if (act_on_time(h, err) != 0)
		return -1;
	return done + take_done(h);
}

/* ---- the answer ---- */

struct slice http_header(const struct http_request *r, const char *name)
{
	const char *at = r->head.at, *end = r->head.at + r->head.len;
	struct slice value = {NULL, 0};
	size_t n = strlen(name);

	while (at < end) {
		const char *next = memchr(at, '\n', (size_t)(end - at));
		const char *stop = next == NULL ? end : next;

		if ((size_t)(stop - at) > n && at[n] == ':' && strncasecmp(at, name, n) == 0) {
			value.at = at + n + 1;
			while (value.at < stop && (*value.at == ' ' || *value.at == '\t'))
				value.at++;
			while (stop > value.at &&
			       (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
				stop--;
			value.len = (size_t)(stop - value.at);
		}
		at = next == NULL ? end : next + 1;
	}
	return value;
}
