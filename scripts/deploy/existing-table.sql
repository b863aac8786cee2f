-- Make ready a table that is there already, whatever its name and columns.
--
--     psql -d shop -v table=sales.orders -f existing-table.sql
--
-- table        schema-qualified name, quoted as SQL wants it
-- publication  default: the name that pg-tail(1) expects, tuberia_TABLE or tuberia_SCHEMA_TABLE
-- role         default: tuberia; made when it is missing (needs a superuser; on RDS see rds.md)
--
-- Takes a short exclusive lock on the table (ALTER TABLE): it waits for running transactions, and for
-- 5 seconds at the most, so that nobody queues up behind it. Run it again if it gives up.

\set ON_ERROR_STOP 1
\if :{?table}
\else
\warn 'existing-table.sql: say which table: psql -v table=SCHEMA.NAME -f existing-table.sql'
SELECT 1 / 0 AS no_table; -- psql has no way to leave a script with a failure of its own
\endif
\if :{?publication}
\else
SELECT left('tuberia_' || string_agg(CASE WHEN c ~ '[a-z0-9_]' THEN c ELSE repeat('_', octet_length(c)) END, '' ORDER BY i), 63)
       AS publication
FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace,
     regexp_split_to_table(lower(CASE nspname WHEN 'public' THEN '' ELSE nspname || '_' END || relname COLLATE "C"), '')
     WITH ORDINALITY AS name (c, i)
WHERE t.oid = :'table'::regclass \gset
\endif
\if :{?role}
\else
\set role tuberia
\endif

-- 1. The server decodes its log only with wal_level = logical.
SELECT current_setting('wal_level') <> 'logical' AS wal_level_is_wrong \gset
\if :wal_level_is_wrong
\warn 'existing-table.sql: wal_level is not logical: ALTER SYSTEM SET wal_level = logical; then restart the server'
\endif

BEGIN;
SET LOCAL lock_timeout = '5s';

-- 2. Old rows in the log. It costs write-ahead log: an UPDATE logs the old row too. An index that
-- covers all columns the pipeline reads (NOT NULL, unique, not partial) would do instead:
-- ALTER TABLE … REPLICA IDENTITY USING INDEX …; rows that are only ever inserted need none of this
-- (pg-tail --inserts-only).
ALTER TABLE :table REPLICA IDENTITY FULL;

-- 3. The publication. On a partitioned table the changes come under the name of the whole table.
SELECT NOT EXISTS (SELECT FROM pg_publication WHERE pubname = :'publication') AS publication_missing \gset
\if :publication_missing
CREATE PUBLICATION :"publication" FOR TABLE :table WITH (publish_via_partition_root = true);
\else
SELECT NOT EXISTS (SELECT FROM pg_publication_rel p JOIN pg_publication n ON n.oid = p.prpubid
                   WHERE n.pubname = :'publication' AND p.prrelid = :'table'::regclass) AS table_missing \gset
\if :table_missing
ALTER PUBLICATION :"publication" ADD TABLE :table;
\endif
\endif

-- 4. The role, with no more rights than it needs: pg-tail(1) reads this table once, for its snapshot.
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') AS role_missing \gset
\if :role_missing
CREATE ROLE :"role" LOGIN REPLICATION;
\endif
SELECT nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE c.oid = :'table'::regclass \gset
GRANT USAGE ON SCHEMA :"schema" TO :"role";
GRANT SELECT ON :table TO :"role";

COMMIT;

-- 5. A slot keeps the log until it has been read. Bound what a pipeline that stands still may cost
-- (a slot beyond the bound is lost; the pipeline says so, and --rebuild starts anew):
--     ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; SELECT pg_reload_conf();
