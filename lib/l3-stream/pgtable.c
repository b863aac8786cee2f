#include "l3-stream/pgtable.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Run the statement that was built in *sql, which is emptied. */
static int query(struct pgconn *c, struct buf *sql, struct err *err)
{
	int rows = sql->failed ? err_memory(err) : pgconn_query(c, buf_text(sql), err);

	buf_clear(sql);
	return rows;
}

static int is_true(const struct pgconn *c, int row, int column)
{
	return pgconn_value(c, row, column)[0] == 't';
}

static char *copy(const struct pgconn *c, int row, int column)
{
	return strdup(pgconn_value(c, row, column));
}

/* ---- the table ---- */

/* The table itself and its partitions: all whose changes come under its name. */
#define RELATIONS(oid)                                                                          \
	"(SELECT " oid " AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(" oid ") " \
	"WHERE isleaf)"

static int find_columns(struct pgconn *c, struct pgtable *t, struct buf *sql, struct err *err)
{
	int rows;

	buf_printf(
		sql,
		"SELECT a.attname, a.atttypid, a.attnotnull, a.attgenerated = '', NOT EXISTS ("
		"SELECT FROM " RELATIONS(
			"a.attrelid") " r "
				      "JOIN pg_catalog.pg_class p ON p.oid = r.oid "
				      "WHERE p.relreplident <> 'f' AND NOT EXISTS ("
				      "SELECT FROM pg_catalog.pg_index i "
				      "JOIN pg_catalog.pg_attribute k ON k.attrelid = i.indrelid "
				      "AND k.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - "
				      "1]) "
				      "WHERE i.indrelid = p.oid AND k.attname = a.attname AND CASE "
				      "p.relreplident "
				      "WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident "
				      "END)), EXISTS ("
				      "SELECT FROM pg_catalog.pg_index i "
				      "WHERE i.indrelid = a.attrelid AND i.indisprimary "
				      "AND a.attnum = ANY (i.indkey)) "
				      "FROM pg_catalog.pg_attribute a "
				      "WHERE a.attrelid = %" PRIu32
				      " AND a.attnum > 0 AND NOT a.attisdropped "
				      "ORDER BY a.attnum",
		t->oid);
	rows = query(c, sql, err);
	if (rows < 0)
		return -1;
	t->column = calloc((size_t)rows + 1, sizeof *t->column);
	if (t->column == NULL)
		return err_memory(err);
	for (int i = 0; i < rows; i++) {
		struct pgtable_column *column = &t->column[i];

		column->name = copy(c, i, 0);
		if (column->name == NULL)
			return err_memory(err);
		t->column_count++;
		column->type = (uint32_t)strtoul(pgconn_value(c, i, 1), NULL, 10);
		column->not_null = is_true(c, i, 2);
		column->published = is_true(c, i, 3);
		column->key = is_true(c, i, 4);
		column->primary = is_true(c, i, 5);
	}
	return 0;
}

static const char *kind_name(char kind)
{
	switch (kind) {
	case 'v':
		return "a view";
	case 'm':
		return "a materialized view";
	case 'f':
		return "a foreign table";
	case 'S':
		return "a sequence";
	case 'i':
	case 'I':
		return "an index";
	default:
		return "no table";
	}
}

static int find(struct pgconn *c, const char *name, struct pgtable *t, struct buf *sql,
		struct err *err)
{
	char kind, persistence;
	int rows;

	if (pgconn_version(c) < PGTABLE_VERSION_MIN)
		return err_set(err, ERR_CONFIG,
			       "the server is version %d.%d; at least PostgreSQL %d is needed",
			       pgconn_version(c) / 10000, pgconn_version(c) % 10000,
			       PGTABLE_VERSION_MIN / 10000);
	buf_puts(sql,
		 "SELECT c.oid, n.nspname, c.relname, q.name, "
		 "pg_catalog.quote_ident(pg_catalog.current_database()) || '.' || q.name, "
		 "c.relkind, c.relpersistence, pg_catalog.current_database(), (SELECT "
		 "CASE WHEN min(l.reltuples) < 0 THEN -1 ELSE sum(l.reltuples) END::bigint "
		 "FROM " RELATIONS(
			 "c.oid") " r JOIN pg_catalog.pg_class l ON l.oid = r.oid "
				  "WHERE l.relkind = 'r') "
				  "FROM pg_catalog.pg_class c "
				  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, "
				  "LATERAL (SELECT pg_catalog.quote_ident(n.nspname) || '.' || "
				  "pg_catalog.quote_ident(c.relname)) q(name) "
				  "WHERE c.oid = pg_catalog.to_regclass(");
	pgconn_put_literal(c, sql, name);
	buf_puts(sql, ")");
	rows = query(c, sql, err);
	if (rows < 0)
		return err_prefix(err, "table %.200s", name);
	if (rows == 0)
		return err_set(
			err, ERR_CONFIG,
			"table %.200s: does not exist in this database (or its schema is not "
			"in the search_path: name it too)",
			name);
	kind = pgconn_value(c, 0, 5)[0];
	persistence = pgconn_value(c, 0, 6)[0];
	if (kind != 'r' && kind != 'p')
		return err_set(err, ERR_CONFIG, "%.200s is %s: only a table can be followed", name,
			       kind_name(kind));
	if (persistence != 'p')
		return err_set(err, ERR_CONFIG,
			       "%.200s is %s table: its changes are not in the log", name,
			       persistence == 'u' ? "an unlogged" : "a temporary");
	t->oid = (uint32_t)strtoul(pgconn_value(c, 0, 0), NULL, 10);
	t->schema = copy(c, 0, 1);
	t->table = copy(c, 0, 2);
	t->sql = copy(c, 0, 3);
	t->name = copy(c, 0, 4);
	t->partitioned = kind == 'p';
	t->row_estimate = pgconn_is_null(c, 0, 8) ? 0 : strtoll(pgconn_value(c, 0, 8), NULL, 10);
	if (t->schema == NULL || t->table == NULL || t->sql == NULL || t->name == NULL)
		return err_memory(err);
	return find_columns(c, t, sql, err);
}

int pgtable_find(struct pgconn *c, const char *name, struct pgtable *t, struct err *err)
{
	struct buf sql = {0};
	int result;

	*t = (struct pgtable){0};
	result = find(c, name, t, &sql, err);
	buf_free(&sql);
	if (result != 0)
		pgtable_free(t);
	return result;
}

void pgtable_free(struct pgtable *t)
{
	for (size_t i = 0; i < t->column_count; i++)
		free(t->column[i].name);
	free(t->column);
	free(t->schema);
	free(t->table);
	free(t->sql);
	free(t->name);
	free(t->filter);
	*t = (struct pgtable){0};
}

int pgtable_put_identity(struct pgconn *c, const struct pgtable *t, struct buf *out,
			 struct err *err)
{
	struct buf sql = {0};
	char oid[16];
	int rows;

	snprintf(oid, sizeof oid, "%" PRIu32, t->oid);
	buf_printf(&sql,
		   "SELECT pg_catalog.quote_ident(n.nspname) || '.' || "
		   "pg_catalog.quote_ident(c.relname) FROM (SELECT %s AS oid UNION "
		   "SELECT relid FROM pg_catalog.pg_partition_tree(%s) WHERE isleaf) r "
		   "JOIN pg_catalog.pg_class c USING (oid) "
		   "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
		   "WHERE c.relreplident <> 'f' ORDER BY c.oid LIMIT 4",
		   oid, oid);
	rows = query(c, &sql, err);
	for (int i = 0; i < rows && i < 3; i++)
		buf_printf(out, "%sALTER TABLE %s REPLICA IDENTITY FULL", i == 0 ? "" : "; ",
			   pgconn_value(c, i, 0));
	if (rows > 3)
		buf_puts(out, "; …");
	buf_free(&sql);
	return rows < 0 ? -1 : 0;
}

const struct pgtable_column *pgtable_column(const struct pgtable *t, const char *name)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (strcmp(t->column[i].name, name) == 0)
			return &t->column[i];
	return NULL;
}

/* ---- its publication ---- */

/* What the publication says of the table: a column list and a row filter (from version 15 on). */
static int find_published(struct pgconn *c, struct pgtable *t, const char *publication,
			  struct buf *sql, struct err *err)
{
	int new = pgconn_version(c) >= 150000, rows;

	buf_printf(sql, "SELECT a.name, %s FROM pg_catalog.pg_publication_tables p, ",
		   new ? "p.rowfilter" : "NULL");
	if (new)
		buf_puts(sql, "unnest(p.attnames) a(name)");
	else
		buf_printf(sql,
			   "(SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = %" PRIu32
			   " AND attnum > 0 AND NOT attisdropped) a(name)",
			   t->oid);
	buf_puts(sql, " WHERE p.pubname = ");
	pgconn_put_literal(c, sql, publication);
	buf_puts(sql, " AND p.schemaname = ");
	pgconn_put_literal(c, sql, t->schema);
	buf_puts(sql, " AND p.tablename = ");
	pgconn_put_literal(c, sql, t->table);
	rows = query(c, sql, err);
	if (rows <= 0)
		return rows;
	for (size_t i = 0; i < t->column_count; i++) {
		int found = 0;

		for (int row = 0; row < rows && !found; row++)
			found = strcmp(pgconn_value(c, row, 0), t->column[i].name) == 0;
		t->column[i].published &= found;
	}
	free(t->filter);
	t->filter = NULL;
	if (!pgconn_is_null(c, 0, 1) && (t->filter = copy(c, 0, 1)) == NULL)
		return err_memory(err);
	return 1;
}

static int look_at(struct pgconn *c, struct pgtable *t, const char *publication, int inserts_only,
		   struct buf *sql, struct err *err)
{
	static const char *const kinds[] = {"insert", "update", "delete", "truncate"};
	int rows, via_root;

	buf_puts(sql, "SELECT pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot "
		      "FROM pg_catalog.pg_publication WHERE pubname = ");
	pgconn_put_literal(c, sql, publication);
	rows = query(c, sql, err);
	if (rows <= 0)
		return rows;
	for (int i = 0; i < (inserts_only ? 1 : 4); i++)
		if (!is_true(c, 0, i))
			return err_set(err, ERR_CONFIG,
				       "publication %s does not publish %s: the records would not "
				       "follow the table (ALTER PUBLICATION … SET (publish = …)%s)",
				       publication, kinds[i], i == 0 ? "" : ", or --inserts-only");
	via_root = is_true(c, 0, 4);
	rows = find_published(c, t, publication, sql, err);
	if (rows < 0)
		return -1;
	if (rows == 0 && t->partitioned && !via_root)
		return err_set(err, ERR_CONFIG,
			       "publication %s has the partitions of %s under names of their own: "
			       "ALTER PUBLICATION … SET (publish_via_partition_root = true)",
			       publication, t->sql);
	if (rows == 0)
		return err_set(
			err, ERR_CONFIG,
			"publication %s does not publish %s: ALTER PUBLICATION … ADD TABLE %s",
			publication, t->sql, t->sql);
	return 1;
}

int pgtable_publication(struct pgconn *c, struct pgtable *t, const char *publication,
			int inserts_only, struct err *err)
{
	struct buf sql = {0};
	int result = look_at(c, t, publication, inserts_only, &sql, err);

	buf_free(&sql);
	return result;
}

int pgtable_still_published(struct pgconn *c, const struct pgtable *t, const char *publication,
			    int inserts_only, struct err *err)
{
	struct buf sql = {0};
	int rows;

	buf_printf(&sql,
		   "SELECT FROM pg_catalog.pg_class k "
		   "JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace "
		   "JOIN pg_catalog.pg_publication_tables p "
		   "ON p.schemaname = n.nspname AND p.tablename = k.relname "
		   "JOIN pg_catalog.pg_publication u ON u.pubname = p.pubname "
		   "WHERE k.oid = %" PRIu32 " AND u.pubinsert%s AND u.pubname = ",
		   t->oid,
		   inserts_only ? "" : " AND u.pubupdate AND u.pubdelete AND u.pubtruncate");
	pgconn_put_literal(c, &sql, publication);
	buf_puts(&sql, " LIMIT 1");
	rows = query(c, &sql, err);
	buf_free(&sql);
	return rows;
}

int pgtable_publish(struct pgconn *c, const struct pgtable *t, const char *publication,
		    int inserts_only, struct err *err)
{
	struct buf sql = {0};
	int result;

	buf_puts(&sql, "CREATE PUBLICATION ");
	pgconn_put_name(c, &sql, publication);
	/* ONLY: rows of tables that inherit from it are not its own. */
	buf_printf(&sql,
		   " FOR TABLE ONLY %s WITH (publish = '%s', publish_via_partition_root = true)",
		   t->sql, inserts_only ? "insert" : "insert, update, delete, truncate");
	result = query(c, &sql, err);
	buf_free(&sql);
	if (result < 0)
		return err_prefix(err, "publication %s cannot be created", publication);
	return 0;
}

static int unpublish(struct pgconn *c, const struct pgtable *t, const char *publication,
		     struct buf *sql, struct err *err)
{
	int rows;

	buf_printf(sql,
		   "SELECT puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r "
		   "WHERE r.prpubid = p.oid AND r.prrelid <> %" PRIu32 ")%s "
		   "FROM pg_catalog.pg_publication p WHERE pubname = ",
		   t->oid,
		   pgconn_version(c) < 150000 ? ""
					      : " OR EXISTS (SELECT FROM "
						"pg_catalog.pg_publication_namespace s "
						"WHERE s.pnpubid = p.oid)");
	pgconn_put_literal(c, sql, publication);
	rows = query(c, sql, err);
	if (rows <= 0)
		return rows;
	if (is_true(c, 0, 0))
		return err_set(err, ERR_CONFIG,
			       "publication %s publishes more than %s: not dropped", publication,
			       t->sql);
	buf_puts(sql, "DROP PUBLICATION ");
	pgconn_put_name(c, sql, publication);
	if (query(c, sql, err) < 0)
		return err_prefix(err, "publication %s cannot be dropped", publication);
	return 1;
}

int pgtable_unpublish(struct pgconn *c, const struct pgtable *t, const char *publication,
		      struct err *err)
{
	struct buf sql = {0};
	int result = unpublish(c, t, publication, &sql, err);

	buf_free(&sql);
	return result;
}

/* ---- types ---- */

/* The types wanted and all that they are made of. A true array has a variable length and an element
 * (get_element_type()); a fixed-length type with an element, as `point`, is none. */
#define TYPES_FROM(list)                                                                 \
	"WITH RECURSIVE used(oid) AS (SELECT unnest('{" list "}'::oid[]) UNION "         \
	"SELECT m.oid FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid, LATERAL (" \
	"SELECT t.typbasetype WHERE t.typtype = 'd' UNION ALL "                          \
	"SELECT t.typelem WHERE t.typlen = -1 AND t.typelem <> 0 UNION ALL "             \
	"SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c' "        \
	"AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) m(oid)) "

static uint32_t get_oid(const struct pgconn *c, int row, int column)
{
	return (uint32_t)strtoul(pgconn_value(c, row, column), NULL, 10);
}

static int load_types(struct pgconn *c, struct slice list, struct pgjson_types *types,
		      struct buf *sql, struct err *err)
{
	int rows, failed = 0;

	buf_printf(
		sql,
		TYPES_FROM(
			"%.*s") "SELECT t.oid, CASE WHEN t.typtype IN ('d', 'c') THEN t.typtype "
				"WHEN t.typlen = -1 AND t.typelem <> 0 THEN 'a' "
				/* Other casts to json run in the server only; this one we know. */
				"WHEN EXISTS (SELECT FROM pg_catalog.pg_cast k "
				"JOIN pg_catalog.pg_proc f ON f.oid = k.castfunc "
				"WHERE k.castsource = t.oid AND k.casttarget = 114 "
				"AND f.proname = 'hstore_to_json') THEN 'h' ELSE '-' END, "
				"t.typbasetype, t.typelem, e.typdelim "
				"FROM used JOIN pg_catalog.pg_type t USING (oid) "
				"LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem",
		SLICE_ARG(list));
	rows = query(c, sql, err);
	if (rows < 0)
		return -1;
	for (int i = 0; i < rows; i++) {
		uint32_t oid = get_oid(c, i, 0);
		char kind = pgconn_value(c, i, 1)[0];

		/* Built in are scalars, and the two vectors of the catalogue. */
		if (pgjson_find(types, oid) != NULL && (kind == '-' || oid < 100))
			continue;
		switch (kind) {
		case 'd':
			failed |= pgjson_add_domain(types, oid, get_oid(c, i, 2));
			break;
		case 'a':
			failed |= pgjson_add_array(types, oid, get_oid(c, i, 3),
						   pgconn_value(c, i, 4)[0]);
			break;
		case 'c':
			failed |= pgjson_add_composite(types, oid);
			break;
		case 'h':
			failed |= pgjson_add_hstore(types, oid);
			break;
		default:
			failed |= pgjson_add_plain(types, oid);
		}
	}
	buf_printf(
		sql,
		TYPES_FROM("%.*s") "SELECT t.oid, a.attname, a.atttypid "
				   "FROM used JOIN pg_catalog.pg_type t USING (oid) "
				   "JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid "
				   "WHERE t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped "
				   "ORDER BY t.oid, a.attnum",
		SLICE_ARG(list));
	rows = query(c, sql, err);
	if (rows < 0)
		return -1;
	for (int i = 0; i < rows; i++)
		failed |= pgjson_add_field(types, get_oid(c, i, 0), slice_of(pgconn_value(c, i, 1)),
					   get_oid(c, i, 2));
	return failed ? err_memory(err) : 0;
}

int pgtable_load_types(struct pgconn *c, const struct pgoutput_column *column, size_t count,
		       struct pgjson_types *types, struct err *err)
{
	struct buf list = {0}, sql = {0};
	int result = 0;

	for (size_t i = 0; i < count; i++)
		if (pgjson_find(types, column[i].type) == NULL)
			buf_printf(&list, "%s%" PRIu32, list.len == 0 ? "" : ",", column[i].type);
	if (list.failed)
		result = err_memory(err);
	else if (list.len > 0)
		result = load_types(c, buf_view(&list), types, &sql, err);
	for (size_t i = 0; i < count && result == 0; i++)
		if (pgjson_find(types, column[i].type) == NULL &&
		    pgjson_add_plain(types, column[i].type) != 0)
			result = err_memory(err);
	buf_free(&list);
	buf_free(&sql);
	return result;
}
