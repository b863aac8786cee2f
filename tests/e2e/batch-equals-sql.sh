# timeout: 300
# The daily files: every row as SQL has it, to the cent, by the files themselves and by DuckDB; byte-identical by a rerun;
# proveedores of any name; what the run log says.
. "$(dirname "$0")/_batch.sh"
. "$TOP/tests/lib/duckdb.sh"
duckdb_install

batch_shop
batch
is "$code $(cat "$work/out" "$work/err")" '0 ' 'three days of six proveedores: nothing to say'
equals_sql 'the files equal SQL'
is "$(find "$lake" -mindepth 1 -maxdepth 1 | wc -l) $(find "$work" -path "$lake" -prune -o -name '*etc*' -print)" '6 ' 'no name has led out of its place'
is "$(python3 "$batch_py" partitions "$lake" | grep -c '"vac')" 3 'a proveedor without sales has partitions, which are empty'
is "$(find "$work" -name '*.run')" '' 'nothing is left beside the destination'

# The log, in the same words as SQL.
logged 'select(.status == 0) | [.provider, .day, .attempt] | tojson' | sort >"$work/got"
sql "SELECT DISTINCT json_build_array(proveedor, dia::date, 1) #>> '{}' FROM proveedores_productos, generate_series(date '2024-02-28', '2024-03-01', '1 day') dia" |
    jq -c . | sort >"$work/expected"
same_files "$work/got" "$work/expected" 'the log has a record for each partition'
sed -E 's/.*"provider":("([^"\\]|\\.)*"),"day":"([^"]*)".*"rows":([0-9]+),"sum":([-0-9.]+),.*/\1 \3 \4 \5/' "$log" | sort >"$work/got"
sql "SELECT to_json(proveedor) || ' ' || dia::date || ' ' || count(DISTINCT cliente_id) || ' ' || coalesce(sum(monto), 0)
     FROM proveedores_productos p CROSS JOIN generate_series(date '2024-02-28', '2024-03-01', '1 day') dia
          LEFT JOIN ventas v ON v.producto = p.producto AND fecha::date = dia
     GROUP BY proveedor, dia" | sort >"$work/expected"
# The server writes only what JSON demands as an escape.
sed -i 's/\\u000a/\\n/g' "$work/got"
same_files "$work/got" "$work/expected" 'its rows and sums equal SQL'
is "$(logged .snapshot | sort -u | wc -l)" 1 'all are of one snapshot'

# DuckDB, by what is in the path and what is in the files.
cp -a "$lake" "$work/first"
batch --layout 'proveedor={proveedor}/year=%Y/month=%m/day=%d' -- --compress zstd
is "$code" 0 'another layout, another compression'
duckdb "SELECT to_json(proveedor), make_date(year::INT, month::INT, day::INT), cliente_id, to_json(nombre), to_json(apellido), fecha, transacciones, monto_total
        FROM read_json('$lake/proveedor=*/*/*/*/*.json.zst', hive_partitioning = true, columns = {cliente_id: 'VARCHAR',
             nombre: 'VARCHAR', apellido: 'VARCHAR', fecha: 'VARCHAR', transacciones: 'BIGINT', monto_total: 'DECIMAL(18,2)'})" |
    sed 's/\\u001B/\\u001b/' | LC_ALL=C sort >"$work/got"
sql "SELECT concat_ws(E'\t', to_json(proveedor), fecha::date, cliente_id, to_json(nombre), to_json(apellido), fecha::date, count(*), sum(monto))
     FROM ventas JOIN proveedores_productos USING (producto) JOIN clientes c ON c.id = cliente_id
     GROUP BY proveedor, fecha::date, cliente_id, nombre, apellido" | LC_ALL=C sort >"$work/expected"
same_files "$work/got" "$work/expected" 'DuckDB reads what SQL says'
rm -r "$lake"/proveedor=*
duckdb "SELECT year, month, day, count(*), sum(transacciones), sum(monto_total) FROM read_json('$lake/*/*/*/*/*.json.gz',
        hive_partitioning = true, columns = {transacciones: 'BIGINT', monto_total: 'DECIMAL(18,2)'}) GROUP BY ALL ORDER BY ALL" >"$work/got"
sql "SELECT concat_ws(E'\t', to_char(dia, 'YYYY'), to_char(dia, 'MM'), to_char(dia, 'DD'), count(*), sum(n), sum(total))
     FROM (SELECT fecha::date AS dia, count(*) AS n, sum(monto) AS total FROM ventas JOIN proveedores_productos USING (producto)
           GROUP BY proveedor, fecha::date, cliente_id) v GROUP BY dia ORDER BY dia" >"$work/expected"
same_files "$work/got" "$work/expected" 'and days and totals, in the layout that we have by default'

duckdb "$(sed -n '/^    SELECT year, month/,/;$/p' "$TOP/README.md" | sed "s|lake/proveedor_norte|$lake/proveedor_1|")" >"$work/got"
sql "SELECT to_char(fecha::date, E'YYYY\tMM\tDD\t') || count(*) || E'\t' || sum(monto)
     FROM ventas WHERE producto IN ('NORTE-1', 'SUR 2') GROUP BY fecha::date ORDER BY fecha::date" >"$work/expected"
same_files "$work/got" "$work/expected" 'as the README shows it'

# Again, in another order of the rows in the table, and one at a time.
sql 'CREATE TABLE v2 AS SELECT * FROM ventas ORDER BY monto, id DESC; DROP TABLE ventas; ALTER TABLE v2 RENAME TO ventas'
batch -j 1 -v
is "$code $(tail -n 1 "$work/err" | cut -d ' ' -f 2-5)" "0 18 partitions, $(rows_of_sql | wc -l) rows," 'a rerun'
is "$(diff -r "$lake" "$work/first" && echo same)" same 'is byte-identical'

# The same by a file, in which a proveedor has more products than a command line holds.
{
    sql "COPY (SELECT proveedor, producto FROM proveedores_productos WHERE proveedor !~ '\n') TO STDOUT (FORMAT csv, DELIMITER E'\t', QUOTE E'\x01')"
    seq -f $'1\tanother product, %.0f' 20000
} >"$work/all.tsv"
cp -a "$lake" "$work/by.table"
rm -r "$lake"
batch --providers "$work/all.tsv"
rm -r "$work"/by.table/*31m*
is "$code $(diff -r "$lake" "$work/by.table" && echo same)" '0 same' 'by a file: the same bytes'

# All of one moment: sales change hands meanwhile, one for another of the same amount, and the sum of all stays.
cat >"$work/swap.sql" <<'SQL'
\set i random(1, 3000)
WITH one AS (SELECT ctid, producto FROM ventas WHERE id = :i FOR UPDATE)
UPDATE ventas v SET producto = CASE one.producto WHEN 'ESTE#3' THEN 'NORTE-1' ELSE 'ESTE#3' END FROM one WHERE v.ctid = one.ctid;
SQL
sql "DELETE FROM ventas WHERE producto NOT IN ('ESTE#3', 'NORTE-1'); CREATE INDEX ON ventas (id)"
"$PG_BIN/pgbench" -n -c 2 -T 600 --random-seed=3 -f "$work/swap.sql" >"$work/swap.log" 2>&1 &
swapper=$!
swaps() { sql "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'ventas'"; }
swapping() { [ "$(swaps)" -gt 100 ]; }
wait_for 60 swapping
before=$(swaps)
moved=0
for _ in 1 2 3; do
    rm "$log"
    batch
    sum=$(sed -E 's/.*"sum":(-?)([0-9]+)[.]?([0-9]*),.*/\1\2\3/' "$log" | awk '{ s += $1 } END { printf "%d", s }')
    [ "$code $sum" = "0 $(sql 'SELECT sum(monto) * 100 FROM ventas' | sed 's/[.].*//')" ] || moved=$((moved + 1))
done
kill "$swapper"
wait "$swapper"
is "$moved" 0 'while sales change hands, all of a run adds up to what all of them are'
is "$(($(swaps) > before))" 1 'and they did change hands'
sql "TRUNCATE ventas"
sales 3000
sql "UPDATE ventas SET cliente_id = 51 WHERE cliente_id = 7"

# What has changed since: sales that came late, were taken back, all of a day among them.
sql "ALTER TABLE ventas ALTER monto TYPE numeric;
     DELETE FROM ventas WHERE producto = 'a\\b' AND fecha::date = '2024-02-29';
     UPDATE ventas SET producto = 'SUR 2', monto = monto + 0.01 WHERE producto = '50%';
     INSERT INTO ventas SELECT i, 60, '50%', '2024-02-29T00:00:00', 0.07 FROM generate_series(1, 3) i;
     INSERT INTO ventas VALUES (0, 3, '*', '2024-02-29T23:59:59.999999', 99999999999999999999.995)"
batch
is "$code" 0 'a backfill of what has changed'
equals_sql 'equals SQL: customers that are nobody, midnight, 20 digits'
days=(--from 2024-02-29 --to 2024-02-29)
sql "UPDATE ventas SET monto = 1"
batch
is "$code $(find "$lake" -newer "$work/expected" -name _SUCCESS | grep -o 'day=.*' | sort | uniq -c | tr -s ' ')" \
    '0  4 day=29/_SUCCESS' 'one day of it: what is as it was is left alone'

# By a file; one proveedor; of a day's sales that are by another clock.
printf '\xef\xbb\xbfproveedor\tproducto\r\n\nnorte sur\tNORTE-1\r\nnorte sur\tSUR 2\r\nñ\tñandú "x"\nnorte sur\tNORTE-1' >"$work/p.tsv"
rm -r "$lake"
batch --providers "$work/p.tsv" --provider 'norte sur'
is "$code $(ls "$lake")" '0 proveedor_norte%20sur' 'proveedores of a file, one of them'
sql "CREATE TABLE remote AS SELECT cliente_id, producto, monto, fecha AT TIME ZONE 'UTC' AS fecha FROM ventas;
     ALTER DATABASE postgres SET TimeZone = 'Asia/Kathmandu'; CREATE VIEW \"Mis Clientes\" AS SELECT * FROM clientes"
TZ=America/Bogota batch --providers "$work/p.tsv" -t public.remote --customers '"Mis Clientes"'
is "$code" 0 'times with an offset'
is "$(python3 "$batch_py" lake "$lake" | jq -sc 'map([.[0], .[5], .[6]]) | group_by(.[0])[] | [.[0][0], (map(.[1]) | add)]')" \
    "$(sql "SET TimeZone = 'America/Bogota'; SELECT json_build_array(CASE WHEN producto LIKE 'ñ%' THEN 'ñ' ELSE 'norte sur' END, count(*))
       FROM remote WHERE fecha::date = '2024-02-29' AND producto IN ('NORTE-1', 'SUR 2', 'ñandú \"x\"') GROUP BY producto LIKE 'ñ%' ORDER BY 1::text" | jq -c .)" \
    'the day is that of TZ'

done_testing
