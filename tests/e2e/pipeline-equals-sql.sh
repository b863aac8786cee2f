# timeout: 300
# The promise itself: while sessions INSERT, UPDATE, DELETE and ROLLBACK, the store becomes what SQL says, in
# every item and every rollup; and what was there before the start comes by the snapshot.
. "$(dirname "$0")/_lib.sh"

shop
sales 5000
traffic_start 4 # while the snapshot is taken, and after
wrote() { [ "$(sql 'SELECT count(*) > 5000 FROM ventas')" = t ]; }
wait_for 60 wrote
pipeline_start -v
traffic_end
reaches_now
equals_sql 'snapshot and traffic: the store equals SQL'
is "$(sql "SELECT count(*) FROM ventas WHERE producto = 'NEVER'")" 0 'the traffic rolled some of it back'

# One transaction of many rows, another that touches each row twice.
sql "INSERT INTO ventas (cliente_id, producto, fecha, monto)
     SELECT 1 + i % 50, 'BULK', timestamp '2024-03-05' + i % 86400 * interval '1 second', 0.01 FROM generate_series(1, 150000) i"
sql "BEGIN; UPDATE ventas SET monto = monto + 1 WHERE producto = 'SUR 2'; UPDATE ventas SET monto = monto * 2 WHERE producto = 'SUR 2'; COMMIT"
sql "DELETE FROM ventas WHERE producto = 'ESTE#3'"
reaches_now
equals_sql 'a large transaction, rows changed twice, a product gone: the store equals SQL'

pipeline_stop
is "$code" 0 'SIGTERM: exit status 0'
like "$(cat "$work/pipeline.err")" 'pg-tail: .*window-agg: in .*ddb-put: ' 'under -v the stages say what they counted'
is "$(sql "SELECT count(*) FROM pg_replication_slots WHERE active")" 0 'the slot is not in use any more'
done_testing
