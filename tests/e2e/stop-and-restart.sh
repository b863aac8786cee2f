# timeout: 600
# Stopping in order, the server going away and coming back, TRUNCATE, a new snapshot.
. "$(dirname "$0")/_lib.sh"

shop
sales 1000
pipeline_start
wait_for 60 epoch_above 0
for signal in TERM INT HUP; do
    sales 100
    pipeline_stop "$signal"
    is "$code" 0 "SIG$signal: exit status 0"
    is "$(cat "$work/pipeline.err")" '' "SIG$signal: nothing to say"
    is "$(find "$work" -name 'metricas.db.*')" '' "SIG$signal: no file left but the store"
    passes "SIG$signal: the store is whole" ddb-put --verify "$TUBERIA_STORE"
    pipeline_start
    sales 10 # which only the new run can store: it is at work, and not still connecting, when they are there
    reaches_now
    equals_sql "SIG$signal, and started again"
done

pg_restart
sales 500
reaches_now
equals_sql 'the server was restarted: the pipeline came back by itself'
pg_crash
sales 500
reaches_now
equals_sql 'the server was killed: the pipeline came back by itself'
kill -0 "$pipeline"
is "$?" 0 'it is the same pipeline still'

sql 'TRUNCATE ventas'
sales 70
reaches_now
equals_sql 'after TRUNCATE only what came later is there'
sql 'TRUNCATE ventas'
reaches_now
is "$(metrics-query top clientes 2>/dev/null)" '' 'after TRUNCATE nothing is there'
pipeline_stop
is "$code" 0 'SIGTERM: exit status 0'

# The old checkpoint is as far as the new snapshot will be: wait until somebody else holds it.
owner() { store_sql 'SELECT owner FROM checkpoint'; }
owned_anew() { [ "$(owner)" != "$owner" ] && [ -n "$(owner)" ]; }
rebuild() {
    owner=$(owner)
    pipeline_start --rebuild
    wait_for 60 owned_anew || note "no new snapshot: $(tail -n 5 "$work/pipeline.err")"
}

# The slot is gone (another machine dropped it): a gap is a hard stop; --rebuild makes it whole.
sales 300
sql "SELECT pg_drop_replication_slot('tuberia_realtime')" >/dev/null
run realtime-pipeline --once
is "$code" 78 'the slot is gone: status 78'
like "$(cat "$work/err")" 'pg-tail ended with status 78; stopped' 'and no retry'
sales 10
rebuild
reaches_now
equals_sql '--rebuild: a new snapshot replaces everything'
pipeline_stop
is "$code" 0 'SIGTERM: exit status 0'
rebuild
reaches_now
equals_sql '--rebuild with slot and checkpoint in order'
pipeline_stop
is "$(sql 'SELECT count(*) FROM pg_replication_slots')" 1 'there is one slot'
done_testing
