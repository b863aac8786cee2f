/* http-sink PORT-FILE: answers every request of DynamoDB by one and the same reply, as fast as it
 * can, so that what is measured is the client. SIGTERM: prints how many UpdateItem requests there
 * were, and ends.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 1 << 16, FDS = 1024 };

static const char reply[] =
	"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 60\r\n\r\n"
	"{\"Attributes\":{\"version\":{\"N\":\"1\"},\"generations\":{\"N\":\"1\"}}}";

static char *buffers[FDS];
static size_t lengths[FDS];
static volatile sig_atomic_t stop;

static void on_stop(int number)
{
	(void)number;
	stop = 1;
}

/* Answer all whole requests in the buffer. Returns how many of them were updates. */
static unsigned long answer(int fd)
{
	char *b = buffers[fd], *end;
	unsigned long updates = 0;

	while ((end = memmem(b, lengths[fd], "\r\n\r\n", 4)) != NULL) {
		size_t head = (size_t)(end - b) + 4, body = 0;
		char *length;

		*end = '\0';
		length = strcasestr(b, "\r\nContent-Length:");
		if (length != NULL)
			body = strtoul(length + 17, NULL, 10);
		*end = '\r';
		if (lengths[fd] < head + body)
			break;
		updates += memmem(b, head, "UpdateItem", 10) != NULL;
		if (write(fd, reply, sizeof reply - 1) < 0)
			break;
		lengths[fd] -= head + body;
		memmove(b, b + head + body, lengths[fd]);
	}
	return updates;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sigaction act = {.sa_handler = on_stop};
	socklen_t size = sizeof at;
	unsigned long updates = 0;
	int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, events[64];
	FILE *port;

	sigaction(SIGTERM, &act, NULL);
	if (argc != 2 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
	    listen(listener, 1000) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &size) != 0 ||
	    (port = fopen(argv[1], "w")) == NULL)
		return 1;
	fprintf(port, "%d\n", ntohs(at.sin_port));
	fclose(port);
	epoll_ctl(poll, EPOLL_CTL_ADD, listener, &e);
	while (!stop) {
		int n = epoll_wait(poll, events, 64, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			ssize_t got;

			if (fd == listener) {
				fd = accept(listener, NULL, NULL);
				if (fd < 0 || fd >= FDS)
					return 1;
				if (buffers[fd] == NULL)
					buffers[fd] = malloc(SIZE);
				lengths[fd] = 0;
				e.data.fd = fd;
				epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e);
				continue;
			}
			got = read(fd, buffers[fd] + lengths[fd], SIZE - lengths[fd]);
			if (got <= 0) {
				close(fd);
				continue;
			}
			lengths[fd] += (size_t)got;
			updates += answer(fd);
		}
	}
	printf("%lu\n", updates);
	return 0;
}
