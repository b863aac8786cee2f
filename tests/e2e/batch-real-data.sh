# timeout: 900
# once: thousands of short processes, and none of them is new to the other build
# 406,829 real sales of 305 days, their products split among five proveedores: all partitions, rows and sums as SQL has them, and the
# same bytes by a rerun of the last weeks.
. "$(dirname "$0")/_batch.sh"

shared_data ventas_real.csv.gz || skip_all 'no ventas_real.csv.gz (TUBERIA_SHARED)'

if [ -d /dev/shm ]; then # in memory, where that can be: the disk is not what is tested
    rm -rf "$work"
    work=$(mktemp -d /dev/shm/tuberia-XXXXXX) || exit 1
fi
pg_start
lake=$work/lake log=$work/log.ndjson
sql 'CREATE TABLE clientes (id integer PRIMARY KEY, nombre text, apellido text);
     CREATE TABLE ventas (id bigint PRIMARY KEY, cliente_id integer NOT NULL, producto varchar(100) NOT NULL,
                          monto numeric(18,3) NOT NULL, fecha timestamp NOT NULL)'
zcat "$data" | tail -n +2 | psql -XqAt -v ON_ERROR_STOP=1 -c 'COPY ventas (id, cliente_id, producto, monto, fecha) FROM STDIN (FORMAT csv)'
psql -Xq -f "$TOP/scripts/deploy/proveedores.sql" >/dev/null 2>&1
sql "INSERT INTO proveedores_productos SELECT DISTINCT ascii(producto) % 5, producto FROM ventas;
     CREATE INDEX ON ventas (fecha); ANALYZE"
days=(--from 2010-12-01 --to 2011-12-09)
is "$(sql 'SELECT count(*), count(DISTINCT fecha::date), sum(monto) FROM ventas')" '406829|305|8300065.814' 'the data set is the known one'

begun=$(date +%s)
batch
is "$code $(cat "$work/err")" '0 ' 'the backfill of all days'
note "$(published) partitions in $(($(date +%s) - begun)) s"
is "$(published)" $((374 * 5)) 'a partition for each day and proveedor'
rows_of_sql >"$work/expected"
rows_of_lake >"$work/got"
same_files "$work/got" "$work/expected" 'the files equal SQL in every row'
sed -E 's/.*"provider":"([^"]*)","day":"([^"]*)".*"rows":([0-9]+),"sum":([-0-9.]+),.*"status":0,.*/\1|\2|\3|\4/' "$log" | grep -v '|0|0$' | sort >"$work/got"
sql "SELECT ascii(producto) % 5, fecha::date, count(DISTINCT cliente_id), sum(monto) FROM ventas GROUP BY 1, 2" | sort >"$work/expected"
same_files "$work/got" "$work/expected" 'the run log equals SQL in every sum'
is "$(cut -d '|' -f 2 "$work/got" | sort -u | wc -l) $(awk -F '|' '{ s += $4 * 1000 } END { printf "%.3f", s / 1000 }' "$work/got")" '305 8300065.814' \
    '305 days, and the grand total'
sums() { (cd "$lake" && find . -type f -exec sha256sum {} + | LC_ALL=C sort); }
sums >"$work/before"
days=(--from 2011-11-01 --to 2011-12-09)
batch
is "$code" 0 'a rerun'
sums >"$work/after"
same_files "$work/after" "$work/before" 'is byte-identical'
passes '--verify finds no difference' s3-partition --verify "$lake"
done_testing
