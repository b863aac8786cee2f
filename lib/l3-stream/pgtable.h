/* pgtable.h - layer 3: what PostgreSQL's catalogue says of a table: its columns, their types,
 * whether its changes can be followed, and through which publication.
 */
#ifndef TUBERIA_PGTABLE_H
#define TUBERIA_PGTABLE_H

#include "l0-base/err.h"
#include "l2-line/pgconn.h"
#include "l2-line/pgjson.h"
#include "l2-line/pgoutput.h"

/* The oldest server that is supported: wal_status of slots, publish_via_partition_root. */
#define PGTABLE_VERSION_MIN 130000

struct pgtable_column {
	char *name;
	uint32_t type; /* OID */
	int key; /* an old row has it: in the replica identity of the table and its partitions */
	int not_null;
	int primary;   /* in the primary key */
	int published; /* by the publication, once that was looked at; generated columns never are
			*/
};

struct pgtable {
	uint32_t oid;
	char *schema, *table;
	char *sql;  /* schema.table, quoted as SQL wants it */
	char *name; /* database.schema.table, likewise */
	int partitioned;
	int64_t row_estimate; /* -1: not known */
	struct pgtable_column *column;
	size_t column_count;
	char *filter; /* the publication's row filter, an SQL expression, or NULL */
};

/* Look up a table by its name as SQL has it: [schema.]table, "quoted" where need be. Returns 0;
 * free with pgtable_free. -1 with ERR_CONFIG: there is none, or it is nothing that is in the log (a
 * view, an unlogged table), or the server is too old. */
int pgtable_find(struct pgconn *c, const char *name, struct pgtable *t, struct err *err);
void pgtable_free(struct pgtable *t); /* resets to {0} */

/* Append the statements (SQL) that give old rows all columns: ALTER TABLE … REPLICA IDENTITY FULL
 * of the table and those of its partitions that want it; the first ones, if they are many. Returns
 * 0, or -1. */
int pgtable_put_identity(struct pgconn *c, const struct pgtable *t, struct buf *out,
			 struct err *err);

/* NULL when there is no such column. */
const struct pgtable_column *pgtable_column(const struct pgtable *t, const char *name);

/* Look at the publication: does it publish the table, and all kinds of changes (with inserts_only:
 * insertions)? Sets published, and filter. Returns 1; 0 when there is no such publication; -1 with
 * ERR_CONFIG and what to do. */
int pgtable_publication(struct pgconn *c, struct pgtable *t, const char *publication,
			int inserts_only, struct err *err);

/* Whether the publication still publishes the table, under whatever name that has now, and all
 * kinds of changes. Returns 1, 0, or -1 with *err. */
int pgtable_still_published(struct pgconn *c, const struct pgtable *t, const char *publication,
			    int inserts_only, struct err *err);

/* Make a publication of this table alone. Returns 0, or -1. */
int pgtable_publish(struct pgconn *c, const struct pgtable *t, const char *publication,
		    int inserts_only, struct err *err);

/* Drop it, if it publishes nothing but this table. Returns 1, 0 when there was none, -1 with *err.
 */
int pgtable_unpublish(struct pgconn *c, const struct pgtable *t, const char *publication,
		      struct err *err);

/* Describe to `types` those of the columns' types that it does not know, and what they are made of.
 * A type that is in the catalogue no more becomes a string. Returns 0, or -1. */
int pgtable_load_types(struct pgconn *c, const struct pgoutput_column *column, size_t count,
		       struct pgjson_types *types, struct err *err);

#endif
