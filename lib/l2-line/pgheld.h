/* pgheld.h - layer 2: transactions of a replication stream that are still in progress: their
 * messages are held until the commit, those of what is rolled back are left out.
 *
 * Memory is bounded: beyond it messages go into a file of $TMPDIR (or /tmp) that has no name, and
 * is gone with the process. Source: PostgreSQL manual, 49.9 "Streaming of Large Transactions for
 * Logical Decoding".
 */
#ifndef TUBERIA_PGHELD_H
#define TUBERIA_PGHELD_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct pgheld;

/* memory: bytes held before they go into the file. Returns NULL out of memory. */
struct pgheld *pgheld_new(size_t memory);
void pgheld_free(struct pgheld *h); /* NULL is allowed */

/* Hold a message of a transaction (xid), by one of its subtransactions or itself (subxid). Copied.
 * Returns 0, or -1: ERR_TEMP out of memory or disk, ERR_IO, ERR_CREATE. */
int pgheld_add(struct pgheld *h, uint32_t xid, uint32_t subxid, struct slice message,
	       struct err *err);

/* A subtransaction was rolled back, or with subxid == xid the transaction itself. One that is not
 * held means nothing. Returns 0, or -1 out of memory. */
int pgheld_abort(struct pgheld *h, uint32_t xid, uint32_t subxid, struct err *err);

/* A transaction has committed: pgheld_next gives its messages, in the order in which they were
 * added; *aborted: it belongs to what was rolled back. Valid until the next call. Returns 1; 0 at
 * the end, the transaction is forgotten then; -1 with ERR_IO or ERR_TEMP. While one is given none
 * other is, nor is anything added. */
void pgheld_commit(struct pgheld *h, uint32_t xid);
int pgheld_next(struct pgheld *h, struct slice *message, int *aborted, struct err *err);

/* How many transactions are held; and how many bytes of them, in memory and in the file. */
size_t pgheld_count(const struct pgheld *h);
uint64_t pgheld_bytes(const struct pgheld *h);

#endif
