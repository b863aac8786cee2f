/* pgrow.h - layer 3: rows of a PostgreSQL table as records: one line of JSON each.
 *
 * The relation's columns and the user's choice of them are compiled once into a list of keys and
 * converters; a row is then one pass over it, without an allocation.
 */
#ifndef TUBERIA_PGROW_H
#define TUBERIA_PGROW_H

#include "l0-base/err.h"
#include "l2-line/pgjson.h"
#include "l2-line/pgoutput.h"

struct pgrow;

/* What to do with text that is not UTF-8, where the server does not vouch for it. */
enum pgrow_text {
	PGROW_TRUST,  /* it is UTF-8 */
	PGROW_CHECK,  /* anything else is an error */
	PGROW_REPLACE /* each byte that is no part of a character becomes U+FFFD */
};

/* columns: names as SQL has them ("quoted" ones may have commas and capitals), between commas, in
 * the order of the output; NULL: all there are. Returns 0 with *out, or -1: ERR_USAGE (empty,
 * repeated), ERR_TEMP. */
int pgrow_new(const char *columns, struct pgrow **out, struct err *err);
void pgrow_free(struct pgrow *r);

void pgrow_text(struct pgrow *r, enum pgrow_text treatment);

/* The names asked for, as the catalogue has them; NULL behind the last, and when all are. */
const char *pgrow_wanted(const struct pgrow *r, size_t i);

/* Take the columns of a relation, in the order in which its rows have them. Returns 0,
 * or -1 with ERR_CONFIG: a column asked for is not there, or has a name that records may not have
 * (beginning with '@'). Types unknown to `types` are printed as strings. */
int pgrow_compile(struct pgrow *r, const struct pgoutput_column *column, size_t count,
		  struct pgjson_types *types, struct err *err);

/* 1 when old rows have all the columns asked for: each is in the replica identity. */
int pgrow_has_old(const struct pgrow *r);
int pgrow_no_old(struct err *err); /* sets ERR_CONFIG: they have not; returns -1 */

/* Append the record of a row, with its newline; sign '-': a retraction. Values of `row` that are
 * unchanged are taken from `other`, if that is not NULL. Returns 0, or -1 with *out as it was:
 * ERR_DATA naming the column (a value that is not of its type, or not UTF-8), ERR_CONFIG (a value
 * that is nowhere), ERR_TEMP. */
int pgrow_put(struct pgrow *r, const struct pgoutput_tuple *row, const struct pgoutput_tuple *other,
	      char sign, struct buf *out, struct err *err);

/* Append the records of a change: an INSERT's new row; an UPDATE's old row taken back and its new
 * one; a DELETE's old row taken back. *records: how many. Returns 0, or -1 as pgrow_put, with *out
 * as it was; ERR_CONFIG, too, when the old row is not in the message. */
int pgrow_change(struct pgrow *r, const struct pgoutput_message *m, struct buf *out,
		 unsigned *records, struct err *err);

#endif
