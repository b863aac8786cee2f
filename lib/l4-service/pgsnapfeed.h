/* pgsnapfeed.h - layer 4: from the rows of a snapshot to records and the barrier behind them.
 */
#ifndef TUBERIA_PGSNAPFEED_H
#define TUBERIA_PGSNAPFEED_H

#include "l0-base/err.h"
#include "l4-service/pgfeed.h"
#include "l4-service/pgsetup.h"

/* Make the slot of the set-up, give the table's rows as they were then, and one barrier of a
 * snapshot behind them; changes->feed and changes->row take them. *place becomes that where the
 * slot begins. Returns 0, or -1: ERR_CONFIG when there is a slot already, ERR_TEMP when the
 * set-up's target says stop. Then no slot is left, or it is said that one is. */
int pgsnapfeed_run(struct pgfeed *changes, struct pgsetup *s, struct pgplace *place, int verbose,
		   struct err *err);

#endif
