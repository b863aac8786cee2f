# shellcheck shell=bash
# From COMMIT to the answer: how long a sale takes to be seen by metrics-query, and by the API, through the whole
# pipeline, at the default barrier and at --barrier-every 100ms.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/postgres.sh"

pg_start 'fsync = on'
psql -XqAt -v ON_ERROR_STOP=1 -f "$TOP/scripts/deploy/ventas.sql" || exit 1
sql "INSERT INTO clientes SELECT i, 'n', 'a' FROM generate_series(1, 1000) i ON CONFLICT DO NOTHING"

export TUBERIA_API_KEYS=$work/keys
HTTP_X_API_KEY=$(api-key add bench)
export HTTP_X_API_KEY
for every in 1s 100ms; do
    store=sqlite:$work/$every.db
    realtime-pipeline --store "$store" --name "f$every" --barrier-every "$every" 2>"$work/$every.log" &
    pipeline=$!
    at_exit "kill $pipeline 2>/dev/null; wait $pipeline 2>/dev/null"
    wait_for 30 sh -c "ddb-put --show-checkpoint f$every $store 2>/dev/null | grep -q ." || {
        cat "$work/$every.log" >&2
        exit 1
    }
    TUBERIA_STORE=$store python3 "$TOP/tests/bench/freshness.py" "$every" || exit 1
    kill "$pipeline"
    wait "$pipeline"
done
