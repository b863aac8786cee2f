/* pgpos.h - layer 1: places in the log of a PostgreSQL server (LSN), and positions of a table that
 * is followed there.
 *
 * A position is the text behind "pos" in pg-tail's barriers:
 *
 *     pg1:<system identifier>:<LSN>:<rows>:<table's OID>:<database>.<schema>.<table>
 *
 * With rows 0: every transaction that ends at or before LSN is sent, none behind it. With rows N:
 * every transaction before that whose commit record begins at LSN, and of that one the first N
 * changes of the table. LSNs of rows are of no use: they go backwards from one transaction to the
 * next, those of commits never do.
 */
#ifndef TUBERIA_PGPOS_H
#define TUBERIA_PGPOS_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

/* For printf: "%X/%X" with these two arguments. */
#define LSN_FORMAT "%X/%X"
#define LSN_ARG(lsn) (uint32_t)((lsn) >> 32), (uint32_t)(lsn)

/* Parse "16/B374D848". Returns 0, or -1 when it is not an LSN; *lsn is then untouched. */
int lsn_parse(struct slice text, uint64_t *lsn);

struct pgplace {
	uint64_t lsn, rows;
};

/* In the order in which they are reached: below, equal to, above 0. */
static inline int pgplace_compare(struct pgplace a, struct pgplace b)
{
	if (a.lsn != b.lsn)
		return a.lsn < b.lsn ? -1 : 1;
	return (a.rows > b.rows) - (a.rows < b.rows);
}

struct pgpos {
	uint64_t system; /* the server's system identifier */
	struct pgplace place;
	uint32_t table;    /* OID: the table under whatever name */
	struct slice name; /* for people: quoted as in SQL where that is needed */
};

/* Parse a position. pos->name points into text. Returns 0, or -1 with ERR_CONFIG: it was not
 * written by pg-tail. */
int pgpos_parse(struct slice text, struct pgpos *pos, struct err *err);

/* As pgpos_parse, for the place alone, of this server and table (its OID and its name, for the
 * message). -1 with ERR_CONFIG, too, when it is of another one. */
int pgpos_place(struct slice text, uint64_t system, uint32_t table, const char *name,
		struct pgplace *place, struct err *err);

/* Append a position. Returns 0, or -1 out of memory. */
int pgpos_put(struct buf *out, const struct pgpos *pos);

#endif
