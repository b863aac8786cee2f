# timeout: 300
# Killed in the middle of the first snapshot: its slot is dropped by the next start, and by nobody else.
. "$(dirname "$0")/_lib.sh"

shop
sales 300000
slots() { sql 'SELECT count(*) FROM pg_replication_slots'; }
# A filter that holds the snapshot back until we close the gate.
mkfifo "$work/gate"
exec 7<>"$work/gate"
held="cat '$work/gate' -"
pipeline_start --filter "$held" 7>&-
# It lasts from the moment that the snapshot is read: one that is still being made goes with its connection.
reading() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND pid <> pg_backend_pid()")" = 1 ]; }
wait_for 60 reading
# pg-tail first: when its reader goes before it does, it drops the slot itself.
first=$(pgrep -P "$pipeline" -x pg-tail)
mapfile -t pids < <(echo "$first"; pgrep -P "$pipeline" | grep -vx "$first")
kill -9 "$pipeline" "${pids[@]}"
wait "$pipeline" 2>/dev/null
is "${#pids[@]} $(slots) $(ddb-put --show-checkpoint realtime "$TUBERIA_STORE")" '4 1 ' 'killed: a slot, and no checkpoint'

run realtime-pipeline --once
is "$code" 0 'the next run begins anew'
equals_sql 'its snapshot is whole'
is "$(slots)" 1 'there is one slot'

# SIGTERM in the middle of it: cut off anywhere, or just behind a line.
for name in anywhere behind-a-line; do
    [ $name = anywhere ] || held="cat '$work/gate'; grep '}\$'"
    exec 7<>"$work/gate"
    new_store $name
    before=$(slots)
    pipeline_start --name $name --filter "$held" 7>&-
    wait_for 60 reading
    is "$(slots)" $((before + 1)) "$name: it has a slot of its own"
    kill "$pipeline"
    gone_again() { [ "$(slots)" = "$before" ]; }
    wait_for 60 gone_again
    is "$?" 0 "$name: SIGTERM in mid-snapshot: its slot goes"
    exec 7>&-
    pipeline_end
    is "$code" 0 "$name: and exit status 0"
    run realtime-pipeline --name $name --once
    is "$code" 0 "$name: and the next run begins anew"
    equals_sql "$name: with a whole snapshot"
done
done_testing
