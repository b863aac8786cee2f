/* tool.h - layer 3: the frame of a command: its name in messages, its signals, its last flush.
 *
 * The one module of lib that writes to stderr, on behalf of main().
 */
#ifndef TUBERIA_TOOL_H
#define TUBERIA_TOOL_H

#include <signal.h>

#include "l0-base/err.h"
#include "l2-line/writer.h"
#include "l3-stream/opt.h"

/* Set by SIGTERM and SIGINT: finish the record, flush, exit. */
extern volatile sig_atomic_t tool_stop;

/* First call of main(): parse options; answer --help, --version and --completion; ignore SIGPIPE;
 * block SIGTERM and SIGINT except in waits (ppoll with *tool_wait_mask()). Returns -1 to go on, or
 * the exit status to leave with. */
int tool_begin(const struct opt_command *c, int argc, char **argv, char ***operands, size_t *count);
const sigset_t *tool_wait_mask(void);

/* How many processors this process may use, at least 1 (sched_getaffinity(2)). */
int tool_processors(void);

/* One line on stderr: "window-agg: " and the text, control bytes escaped. Written by one write(2),
 * so that lines of several tools do not mix. */
void tool_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Say err ("name: message"; nothing for a closed pipe) and return its status: return
 * tool_fail(&err); */
int tool_fail(const struct err *err);

/* Progress: rewrites one line of stderr when stderr is a terminal (at most 5 times a second, wiped
 * by the next tool_say), silent otherwise. */
void tool_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
int tool_progress_wanted(void);

#endif
