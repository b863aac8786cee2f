/* reader.h - layer 2: lines from a file descriptor, without a copy. */
#ifndef TUBERIA_READER_H
#define TUBERIA_READER_H

#include <signal.h>
#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

/* The longest line there may be, in bytes, its newline not counted. */
#define READER_LINE_MAX ((size_t)64 << 20)
/* This many bytes behind a line may be read (not used): for loops that read ahead in wide steps. */
#define READER_PADDING 64

struct reader;

/* Read fd, which stays the caller's. Returns NULL out of memory. The pipe's buffer is enlarged
 * where the system allows it. */
struct reader *reader_new(int fd);
void reader_free(struct reader *r);

/* Call on_wait(context) before each wait for input that is not there yet: the place to flush
 * output, so that nothing is held back from a waiting reader. on_wait returns 0; the milliseconds
 * after which it wants to be called again, should nothing have come by then; or -1 with *err set,
 * which reader_next then returns. */
void reader_on_wait(struct reader *r, int (*on_wait)(void *context, struct err *err),
		    void *context);

/* End when *stop becomes non-zero, as it may in a signal handler: the wait is ppoll(2) with
 * `allowed` as its signal mask, so no signal is lost between check and wait. */
void reader_stop_when(struct reader *r, const volatile sig_atomic_t *stop, const sigset_t *allowed);

/* The next line, its newline cut off; a last line without one counts, an empty one too.
 * Returns 1; 0 at the end of the file (or when stopped: reader_stopped); -1 with ERR_IO (read
 * failed), ERR_DATA (line longer than READER_LINE_MAX), ERR_TEMP (memory). The line is valid until
 * the next call; READER_PADDING bytes behind it may be read. */
int reader_next(struct reader *r, struct slice *line, struct err *err);

/* What was read and not given yet: lines, the last of which may lack its end. For callers that find
 * the end of a line themselves: reader_take then stands for the reader_next that would give this
 * line of `len` bytes, at most READER_LINE_MAX, which a newline follows. Empty when reader_next has
 * to be asked. */
struct slice reader_ahead(const struct reader *r);
void reader_take(struct reader *r, size_t len);

int reader_stopped(const struct reader *r);          /* 1: reader_next gave 0 because of *stop */
int reader_unterminated(const struct reader *r);     /* 1: the last line had no newline */
uint64_t reader_line_number(const struct reader *r); /* of the last line given, from 1 */

#endif
