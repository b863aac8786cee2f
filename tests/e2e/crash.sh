# timeout: 600
# kill -9 of each stage, one after another, while sales go on; then of the script itself: nothing is lost,
# nothing comes twice, nothing is left behind.
. "$(dirname "$0")/_lib.sh"

shop
sales 2000
pipeline_start
wait_for 60 epoch_above 0 || note "no epoch: $(cat "$work/pipeline.err")"
traffic_start 600

# What a stage left behind may be committed for a while: another one is there first.
anew() {
    local now
    now=$(stage "$1") && [ "$now" != "$2" ]
}
commits() {
    local before
    before=$(epoch)
    wait_for 60 epoch_above $((before + 2))
}
for round in 1 2; do
    for name in pg-tail window-agg ddb-put; do
        before=$(epoch)
        wait_for 60 epoch_above "$before"
        pid=$(stage "$name")
        kill -9 "$pid"
        if wait_for 60 anew "$name" "$pid" && commits; then
            ok "round $round: kill -9 of $name: the pipe is back, and commits"
        else
            not_ok "round $round: kill -9 of $name: the pipe is back, and commits" "$(cat "$work/pipeline.err")"
        fi
    done
done
like "$(cat "$work/pipeline.err")" 'pg-tail was killed by SIGKILL.*window-agg was killed by SIGKILL.*ddb-put was killed by SIGKILL' \
    'the script says which stage it was'

# All stages in one moment.
mapfile -t pids < <(pgrep -P "$pipeline")
kill -9 "${pids[@]}"
commits
is "$?" 0 'kill -9 of all stages at once: the pipe is back'

# The script: its stages drain and end by themselves, then another can start.
mapfile -t pids < <(pgrep -P "$pipeline")
kill -9 "$pipeline"
wait "$pipeline" 2>/dev/null
wait_for 60 all_gone "${pids[@]}"
is "$?" 0 'kill -9 of the script: its stages end by themselves'
pipeline_start
before=$(epoch)
wait_for 60 epoch_above "$before"
is "$?" 0 'and it can be started again'

traffic_end now
reaches_now
equals_sql 'after all of it the store equals SQL'

mapfile -t pids < <(pgrep -P "$pipeline")
pipeline_stop
is "$code ${#pids[@]}" '0 3' 'SIGTERM: exit status 0'
all_gone "${pids[@]}"
is "$?" 0 'no stage is left'
is "$(find "$work" -name 'metricas.db.*')" '' 'no file but the store is left'
is "$(sql 'SELECT count(*), bool_or(active) FROM pg_replication_slots')" '1|f' 'one slot, not in use'
done_testing
