/* A command made of nothing but the frame, for tests/tools/every/frame.sh. Not a test by itself. */
#include "l3-stream/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct opt options[] = {{0}};
static const struct opt_command command = {
	.name = "probe-tool",
	.purpose = "A command that does what a test needs.",
	.usage = "say TEXT... | wait | mask | open FILE | progress N",
	.options = options};

/* Wait for a signal: no signal may get lost between the look at tool_stop and the wait. */
static int wait_for_stop(void)
{
	tool_say("waiting");
	while (!tool_stop)
		ppoll(NULL, 0, NULL, tool_wait_mask());
	tool_say("stopped");
	return 0;
}

int main(int argc, char **argv)
{
	char **operands;
	size_t count;
	int status = tool_begin(&command, argc, argv, &operands, &count);

	if (status >= 0)
		return status;
	if (count >= 1 && strcmp(operands[0], "say") == 0) {
		for (size_t i = 1; i < count; i++)
			tool_say("%s", operands[i]);
	} else if (count == 1 && strcmp(operands[0], "wait") == 0) {
		return wait_for_stop();
	} else if (count == 1 && strcmp(operands[0], "mask") == 0) {
		sigset_t blocked;

		sigprocmask(SIG_SETMASK, NULL, &blocked);
		tool_say("blocked %d %d, in waits %d %d", sigismember(&blocked, SIGTERM),
			 sigismember(&blocked, SIGINT), sigismember(tool_wait_mask(), SIGTERM),
			 sigismember(tool_wait_mask(), SIGINT));
	} else if (count == 2 && strcmp(operands[0], "open") == 0) {
		/* The number that a file opened now would get. */
		tool_say("%d", open(operands[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	} else if (count == 2 && strcmp(operands[0], "progress") == 0) {
		int n = atoi(operands[1]);

		for (int i = 1; i <= n; i++) {
			tool_progress("%d of %d, a line that is longer than the terminal is wide",
				      i, n);
			ppoll(NULL, 0, &(struct timespec){0, 10000000}, tool_wait_mask());
		}
		if (!tool_progress_wanted())
			tool_say("no terminal");
	}
	return 0;
}
