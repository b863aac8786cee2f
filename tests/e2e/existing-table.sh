# timeout: 300
# once: it is about the script, whose stages others run under sanitizers.
# A table that is there already: other names, names that need quotes, partitions; made ready by
# existing-table.sql, and followed by the role that it makes, which may do no more than it must.
. "$(dirname "$0")/_lib.sh"

pg_start
new_store
at_exit pipeline_abort
sql 'CREATE SCHEMA "Sales X";
     CREATE TABLE "Sales X"."Órdenes" (customer int NOT NULL, sku text NOT NULL, total numeric(10,2) NOT NULL,
                                       sold_at timestamptz NOT NULL, note text) PARTITION BY RANGE (sold_at);
     CREATE TABLE "Sales X".old PARTITION OF "Sales X"."Órdenes" FOR VALUES FROM (MINVALUE) TO ($$2024-03-01$$);
     CREATE TABLE "Sales X".new PARTITION OF "Sales X"."Órdenes" FOR VALUES FROM ($$2024-03-01$$) TO (MAXVALUE)'
table='"Sales X"."Órdenes"'
orders() {
    sql "INSERT INTO $table SELECT 1 + i % 9, 'S' || i % 5, i * 0.25, timestamptz '2024-02-28 12:00Z' + i * interval '1 minute', repeat('x', i % 9)
         FROM generate_series(1, 4000) i"
}
orders

run psql -Xq -f "$TOP/scripts/deploy/existing-table.sql"
is "$code" 3 'existing-table.sql wants a table'
like "$(cat "$work/err")" 'say which table' 'and says so'
run psql -Xq -v "table=$table" -f "$TOP/scripts/deploy/existing-table.sql"
is "$code $(cat "$work/err")" '0 ' 'existing-table.sql makes it ready'
# Each partition's own replica identity counts.
sql 'ALTER TABLE "Sales X".old REPLICA IDENTITY FULL; ALTER TABLE "Sales X".new REPLICA IDENTITY FULL'
run psql -Xq -v "table=$table" -f "$TOP/scripts/deploy/existing-table.sql"
is "$code" 0 'it can be run again'

export PGUSER=tuberia
pipeline_start -d "dbname=postgres" -t "$table" --by customer=cliente_id,sku=producto --sum total --time sold_at
PGUSER=postgres
wait_for 60 epoch_above 0 || note "$(cat "$work/pipeline.err")"
orders
sql "UPDATE $table SET sold_at = sold_at + interval '1 day', sku = 'T' WHERE customer = 3" # moves rows between partitions
sql "UPDATE $table SET note = 'nothing that counts'; DELETE FROM $table WHERE customer = 4"
reaches_now
sql 'CREATE VIEW v AS SELECT customer AS cliente_id, sku AS producto, total AS monto, sold_at AS fecha FROM "Sales X"."Órdenes"'
equals_sql 'the store equals SQL' true v
pipeline_stop
is "$code" 0 'SIGTERM: exit status 0'
like "$(ddb-put --show-checkpoint realtime "$TUBERIA_STORE")" '\.\\"Sales X\\"\.\\"Órdenes\\"|Sales X' 'the position names the table'
is "$(sql "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = 'tuberia'")" f 'the role has no more rights than it needs'
done_testing
