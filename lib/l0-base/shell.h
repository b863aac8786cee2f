/* shell.h - layer 0: a command that is run by sh(1), beside this process. Source: posix_spawn(3).
 */
#ifndef TUBERIA_SHELL_H
#define TUBERIA_SHELL_H

#include <sys/types.h>

/* Start the command, with the signals of a fresh process, in a process group of its own, whose
 * number is *child. It reads `input`, what it writes to standard output goes to standard error, and
 * no other descriptor is handed on. Returns 0, or an errno value. */
int shell_start(const char *command, int input, pid_t *child);

#endif
