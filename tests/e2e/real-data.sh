# timeout: 600
# 406,829 real sales with returns and three decimals, half of them by the snapshot, half while the pipeline
# runs: each item and rollup as SQL has it, the grand total exactly 8300065.814.
#
# On DynamoDB the first 4,000 of them, which an emulator can take in; REAL_SALES in the environment says how many.
. "$(dirname "$0")/_lib.sh"

shared_data ventas_real.csv.gz || skip_all 'no ventas_real.csv.gz (TUBERIA_SHARED)'

pg_start
new_store
at_exit pipeline_abort
sql 'CREATE TABLE ventas (id bigint PRIMARY KEY, cliente_id integer NOT NULL, producto varchar(100) NOT NULL,
                          monto numeric(18,3) NOT NULL, fecha timestamp NOT NULL);
     ALTER TABLE ventas REPLICA IDENTITY FULL;
     CREATE PUBLICATION tuberia_ventas FOR TABLE ventas'
zcat "$data" | tail -n +2 >"$work/whole.csv"
is "$(wc -l <"$work/whole.csv")" 406829 'the data set is the known one'
sales=${REAL_SALES:-${ON_DYNAMODB:+4000}}
sales=${sales:-406829}
head -n "$sales" "$work/whole.csv" >"$work/all.csv"
load() { psql -XqAt -v ON_ERROR_STOP=1 -c 'COPY ventas (id, cliente_id, producto, monto, fecha) FROM STDIN (FORMAT csv)'; }
half=$((sales / 2))
head -n $half "$work/all.csv" | load
pipeline_start
wait_for $((120 + sales / 400)) epoch_above 0
is "$?" 0 'the first half comes by the snapshot'
# In pieces, so that there are transactions.
tail -n +$((half + 1)) "$work/all.csv" | split -l $((sales / 20)) - "$work/piece."
for piece in "$work"/piece.*; do
    load <"$piece"
done
reaches_now $((180 + sales / 200))
equals_sql 'the store equals SQL in every item and rollup'
pipeline_stop
is "$code" 0 'SIGTERM: exit status 0'
total=$(sql 'SELECT sum(monto) FROM ventas')
[ "$sales" != 406829 ] || is "$total" 8300065.814 'the grand total of the table'
is "$(metrics-query estado --format ndjson | jq -r '.num_transacciones')" "$sales" 'the number of sales in the store'
like "$(metrics-query estado --format ndjson)" "\"monto_total\":${total/./\\.}," 'the grand total of the store'
done_testing
