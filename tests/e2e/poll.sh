# timeout: 180
# --poll: a server without logical replication, a role that may read and nothing else; rows that are committed
# late; everything killed.
. "$(dirname "$0")/_lib.sh"

shop 'wal_level = replica' 'max_wal_senders = 0'
sql 'CREATE ROLE lector LOGIN; GRANT SELECT ON ventas TO lector'
sales 500
export PGUSER=lector
as_owner() { PGUSER=$owner "$@"; }
owner=postgres

run realtime-pipeline --once --slot s --poll id
is "$code" 64 'a slot and --poll: status 64'
run realtime-pipeline --once --poll id
is "$code $(<"$work/err")" '0 ' 'the first run takes the table in'
as_owner equals_sql 'the first run'

# A transaction that is open while others commit behind it, and the whole pipe is killed.
pipeline_start --poll id
mkfifo "$work/session"
PGUSER=$owner psql -Xq <"$work/session" >/dev/null 2>&1 &
at_exit "kill $! 2>/dev/null; wait $! 2>/dev/null"
exec {session}>"$work/session"
echo "BEGIN; INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (1, 'LATE', '2024-03-01 10:00', 12.34);" >&"$session"
open() { [ "$(as_owner sql "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'")" = 1 ]; }
wait_for 30 open
as_owner sales 300
key=$(as_owner sql 'SELECT max(id) FROM ventas')
behind() { [[ $(committed) == *'"pos":"pgk1:'*":$1"[~:]* ]]; }
wait_for 60 behind "$key"
is "$?" 0 'what is committed comes, though an older transaction is open'
as_owner equals_sql 'without the open one'
mapfile -t pids < <(pgrep -P "$pipeline")
kill -9 "$pipeline" "${pids[@]}"
wait "$pipeline" 2>/dev/null
wait_for 30 all_gone "${pids[@]}"
pipeline_start --poll id
echo 'COMMIT;' >&"$session"
exec {session}>&-
late() { [ "$(store_sql "SELECT count(*) FROM metricas WHERE producto = 'LATE'")" -gt 0 ]; }
wait_for 60 late
is "$?" 0 'killed, started again: the row that was committed late is not skipped'
as_owner equals_sql 'all of it'
run realtime-pipeline --status --poll id --format text
like "$(<"$work/out")" 'position  key [0-9]+.*
slot      none: the table is polled' '--status says so'
run realtime-pipeline --status --poll id
is "$(jq -c '[.server, .lag_bytes, .slot]' <"$work/out")" '["available",null,null]' 'and knows of no lag'
pipeline_stop
is "$code" 0 'SIGTERM: status 0'

as_owner sql 'TRUNCATE ventas'
as_owner sales 20
run realtime-pipeline --once --poll id
is "$code" 78 'TRUNCATE: status 78'
like "$(<"$work/err")" 'truncated or rewritten' 'and why'
run realtime-pipeline --once --poll id --rebuild
is "$code" 0 '--rebuild'
as_owner equals_sql 'the new table'
done_testing
