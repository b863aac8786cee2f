#include "l2-line/limit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define SECOND INT64_C(1000000000)

static struct err err;
static struct limit_verdict v;

static int take(struct limit *l, enum limit_whose whose, const char *who, int64_t now)
{
	limit_take(l, whose, slice_of(who), now, &v);
	return v.allowed;
}

static int count(struct limit *l, const char *who, int64_t now, int tries)
{
	int taken = 0;

	while (tries-- > 0)
		taken += take(l, LIMIT_KEY, who, now);
	return taken;
}

static void buckets(void)
{
	int64_t now = 1000 * SECOND;
	struct limit *l;
	int taken = 0;

	CHECK(limit_open(NULL, 60, 10, &l, &err) == 0, "60 a minute, 10 at once");
	CHECK(take(l, LIMIT_KEY, "a", now) && v.remaining == 9 && v.reset == 1, "the first one");
	CHECK(count(l, "a", now, 20) == 9, "nine more");
	CHECK(!v.allowed && v.remaining == 0 && v.retry_after == 1 && v.reset == 10,
	      "then one a second");
	CHECK(take(l, LIMIT_KEY, "b", now) && v.remaining == 9, "another key has its own");
	CHECK(take(l, LIMIT_ADDRESS, "a", now), "an address is no key");
	CHECK(!take(l, LIMIT_KEY, "a", now + SECOND - 1) && take(l, LIMIT_KEY, "a", now + SECOND),
	      "a second later there is one");
	CHECK(count(l, "a", now + 100 * SECOND, 20) == 10, "after a rest all of the burst");
	now += 200 * SECOND;
	for (int64_t at = now; at < now + 60 * SECOND; at += SECOND / 50)
		taken += take(l, LIMIT_KEY, "a", at);
	CHECK(taken >= 69 && taken <= 70, "in a minute the quota and the burst, not more: %d",
	      taken);
	CHECK(count(l, "a", now + 40 * SECOND, 20) == 0 &&
		      count(l, "a", now + 60 * SECOND, 20) == 1,
	      "who looked at the clock before others refills nothing");
	CHECK(take(l, LIMIT_KEY, "a", 5 * SECOND) && v.remaining == 9,
	      "a clock that has begun anew forgets");
	CHECK(take(l, LIMIT_ADDRESS, "2001:db8:1:2::1", now) && v.remaining == 9 &&
		      take(l, LIMIT_ADDRESS, "2001:0db8:0001:0002:ffff::7", now) &&
		      v.remaining == 8 && take(l, LIMIT_ADDRESS, "2001:db8:1:3::1", now) &&
		      v.remaining == 9,
	      "an IPv6 site is one");
	CHECK(take(l, LIMIT_ADDRESS, "", now) && take(l, LIMIT_ADDRESS, "unix:", now),
	      "no address is one too");
	limit_close(l);
}

/* More names than there are slots: nobody gets more than is theirs. */
static void crowd(void)
{
	int64_t now = 1000 * SECOND;
	int most = 0, denied = 0;
	struct limit *l;
	char name[16];

	limit_open(NULL, 60, 2, &l, &err);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof name, "%d", i);
		denied += !take(l, LIMIT_KEY, name, now);
	}
	CHECK(denied > 50000, "a full table takes no more (%d turned away)", denied);
	for (int i = 0; i < 100; i++) {
		int n;

		snprintf(name, sizeof name, "%d", i);
		n = count(l, name, now, 5);
		most = n > most ? n : most;
	}
	CHECK(most <= 1, "and forgets nobody in it");
	CHECK(count(l, "late", now + 100 * SECOND, 5) == 2, "once it is quiet there is room again");
	limit_close(l);
}

/* Many processes on one file, some killed in the middle of it. */
static void processes(const char *path)
{
	enum { PROCESSES = 8, TRIES = 20000 };
	struct limit *l;
	int64_t now = limit_now();
	int pipes[2], total = 0, n;

	CHECK(pipe(pipes) == 0, "a pipe");
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			limit_open(path, 60, 5000, &l, &err);
			n = count(l, "k", now, TRIES);
			if (write(pipes[1], &n, sizeof n) != sizeof n)
				_exit(1);
			_exit(0);
		}
	}
	close(pipes[1]);
	while (read(pipes[0], &n, sizeof n) == sizeof n)
		total += n;
	close(pipes[0]);
	while (wait(NULL) > 0)
		;
	CHECK(total == 5000, "%d processes together: %d", PROCESSES, total);
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			limit_open(path, 60, 5000, &l, &err);
			for (;;)
				count(l, "other", now, 100);
		}
		usleep(1000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	CHECK(limit_open(path, 60, 5000, &l, &err) == 0 &&
		      count(l, "k", now + 60 * SECOND, 100) == 60 &&
		      count(l, "other", now, 10000) <= 5000 &&
		      count(l, "other", now + 60 * SECOND, 100) == 60,
	      "those that were killed left it whole");
	limit_close(l);
}

int main(void)
{
	char directory[] = "/tmp/tuberia-limit-XXXXXX", path[64], command[64];
	struct limit *l;
	FILE *f;

	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/limit", directory);
	buckets();
	crowd();
	processes(path);
	CHECK(limit_open("/proc/no/such", 1, 1, &l, &err) == -1 && err.status == ERR_CREATE,
	      "no such place: %s", err.message);
	snprintf(path, sizeof path, "%s/other", directory);
	f = fopen(path, "w");
	CHECK(f != NULL && fputs("hello\n", f) >= 0 && fclose(f) == 0 &&
		      limit_open(path, 1, 1, &l, &err) == -1 && err.status == ERR_CONFIG,
	      "another file is left alone: %s", err.message);
	snprintf(command, sizeof command, "rm -r '%s'", directory);
	return system(command) != 0 || check_done();
}
