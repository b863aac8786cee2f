/* capture.h - layer 2: run a program, and take what it prints. */
#ifndef TUBERIA_CAPTURE_H
#define TUBERIA_CAPTURE_H

#include <signal.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

/* Run a command line without a shell: words are divided at white space, quotes '…' and "…" keep
 * them together, a backslash takes the next character as it is. Its stdin is empty, its stderr is
 * ours, and its signals are not blocked. What it writes to stdout is appended to *out, at most
 * limit bytes. allowed, stop: as in reader.h, both may be NULL; stopped, it is sent SIGTERM and
 * waited for. Returns 0 when it exits with 0; or -1: ERR_CONFIG (no such program, another status,
 * more than limit), ERR_TEMP (stopped, memory). The command line is in no message. */
int capture(const char *command, size_t limit, struct buf *out, const sigset_t *allowed,
	    const volatile sig_atomic_t *stop, struct err *err);

#endif
