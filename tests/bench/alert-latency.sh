# shellcheck shell=bash
# From COMMIT to the alert: through realtime-pipeline --alerts at the default barrier, into a command that
# writes it down. The goal is below 2 s.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/postgres.sh"

pg_start 'fsync = on'
psql -XqAt -v ON_ERROR_STOP=1 -f "$TOP/scripts/deploy/ventas.sql" || exit 1
sql "INSERT INTO clientes VALUES (1, 'n', 'a')"
store=sqlite:$work/m.db
realtime-pipeline --store "$store" --alert-transactions 10 --alerts "cat >>'$work/alerts'" 2>"$work/log" &
pipeline=$!
at_exit "kill $pipeline 2>/dev/null; wait $pipeline 2>/dev/null"
wait_for 30 sh -c "ddb-put --show-checkpoint realtime $store 2>/dev/null | grep -q ." || {
    cat "$work/log" >&2
    exit 1
}
python3 "$TOP/tests/bench/alert-latency.py" "$work/alerts"
