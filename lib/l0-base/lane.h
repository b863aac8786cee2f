/* lane.h - layer 0: work handed to a second thread in blocks, and done in order.
 *
 * The caller writes messages of its own kind; many go over at once, since each handing over costs
 * what many messages do. Where there is little to do, or no second thread, the caller's own does it
 * (in lane_room, lane_idle and lane_settle), and none is ever started.
 */
#ifndef TUBERIA_LANE_H
#define TUBERIA_LANE_H

#include <stddef.h>

#include "l0-base/err.h"

/* Bytes of a block: the most that a message may have. */
#define LANE_BLOCK ((size_t)32 << 10)

/* Bytes to keep between what the caller writes for each message and what the work does: a cache
 * line that both write goes to and fro between their processors, which may be far apart.
 * Processors fetch lines in pairs. */
#define LANE_APART 128

struct lane;

/* Do a block of whole messages, which begin at an address that malloc(3) would give. Returns 0, or
 * -1 with *err. Behind a failure, further blocks come all the same, so that what they hold can be
 * let go. Never two at once. */
typedef int lane_work(void *context, char *at, size_t len, struct err *err);

/* second: 1: there may be a second thread, which takes no signal that the caller of lane_room has
 * blocked. Returns NULL out of memory. */
struct lane *lane_new(int second, lane_work *work, void *context);
/* All that was handed over is done first. NULL is allowed. */
void lane_free(struct lane *l);

/* The place of the next message, of n bytes, 1 to LANE_BLOCK, which count as written; *behind: 1:
 * it stands right behind the one before, in the same block. Waits while too many blocks are not
 * done. Returns NULL with what the work failed with, or out of memory. */
char *lane_room(struct lane *l, size_t n, int *behind, struct err *err);

/* Give back the last n bytes of the message just written. */
void lane_shorten(struct lane *l, size_t n);

/* The caller has no more for now. Returns 1 when all is done; 0 when the second thread is at it:
 * ask again soon; or -1 with what the work failed with. */
int lane_idle(struct lane *l, struct err *err);

/* All is done when it returns: what the work touches is the caller's until the next lane_room.
 * Returns 0, or -1 with what the work failed with. */
int lane_settle(struct lane *l, struct err *err);

#endif
