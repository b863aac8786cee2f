# timeout: 300
# once: it is about the script, whose stages others run under sanitizers.
# What goes wrong while it runs: a query that fails, the time limit, processes that hang or are killed, the session of the
# snapshot or the whole server lost, two instances, a signal. Nothing is published but whole, each try is in the log,
# and there is a retry for what it can mend, and for nothing else.
. "$(dirname "$0")/_batch.sh"

PG_TCP=1 batch_shop
gate_view
tries() { logged '[.provider, .day, .attempt, .status] | join(" ")' | sort | grep "$1"; }
nothing_runs() { # on the server, and here
    [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'batch-pipeline'")" = 0 ] && [ ! -e "$lake.run" ]
}

# A query that fails, of one day.
sql "CREATE TABLE broken AS SELECT 'XX001' AS state;
     CREATE FUNCTION break() RETURNS numeric LANGUAGE plpgsql AS \$\$
     BEGIN RAISE EXCEPTION 'broken off' USING ERRCODE = (SELECT state FROM broken); END \$\$;
     CREATE VIEW fragile AS SELECT cliente_id, producto, fecha,
         CASE fecha::date WHEN '2024-02-29' THEN break() ELSE monto END AS monto FROM ventas"
batch -t fragile --provider 1
is "$code $(published)" '1 2' 'a query that fails: status 1, the other partitions are published'
is "$(find "$lake" -path '*day=29*')" '' 'of its own there is nothing'
is "$(cat "$work/err")" 'batch-pipeline: "1", 2024-02-29: broken off
batch-pipeline: 2 of 3 partitions published' 'says which, why, how many'
is "$(tries '[1-9]$')" '1 2024-02-29 1 78' 'what no retry can mend is tried once'
is "$(logged 'select(.status != 0) | [.rows, .sum, .error] | tojson')" '[null,null,"broken off"]' 'and logged'
sql "UPDATE broken SET state = '40001'"
rm "$log"
batch -t fragile --backoff 0 --provider 1
is "$code $(tries 02-29)" "1 1 2024-02-29 1 75
1 2024-02-29 2 75
1 2024-02-29 3 75" 'what may pass is tried three times'
like "$(cat "$work/err")" '2024-02-29: broken off \(try 3\)' 'and then said'
is "$(published)" 2 'nothing of it was published'
sql "UPDATE broken SET state = '42501'"
rm -r "$lake" "$log"
days=(--date 2024-02-29)
batch -t fragile --provider 1
is "$code $(published)" '77 0' 'when none can be published the status is that of the failure'

# The time limit, of a query that waits.
days=(--date 2024-03-01)
gate_shut
rm "$log"
batch -t slow --time-limit 1s --retries 1 --backoff 0 --provider 1
is "$code $(published) $(tries . | tr '\n' ';')" '75 0 1 2024-03-01 1 75;1 2024-03-01 2 75;' 'the time limit: two tries, nothing published'
like "$(cat "$work/err")" 'the time limit of 1s has passed \(try 2\)' 'says so'
wait_for 30 nothing_runs
is "$?" 0 'its processes are gone, and its sessions on the server'
gate_open

# Other programs in the place of s3-partition: one that hangs and is deaf to SIGTERM, some that fail.
mkdir "$work/bin"
hangs() {
    printf '#!/bin/bash\ntrap "" TERM\necho $$ >"%s"\nwhile :; do sleep 0.1; done\n' "$work/pid"
}
says() {
    printf '#!/bin/bash\necho "s3-partition: no such bucket" >&2\nexit %d\n' "$1"
}
in_its_place() { "$@" >"$work/bin/s3-partition" && chmod +x "$work/bin/s3-partition"; }
in_its_place hangs
TUBERIA_BIN=$work/bin batch --time-limit 1s --retries 0 --provider 1
is "$code $(published)" '75 0' 'a process that hangs, deaf to SIGTERM'
all_gone "$(cat "$work/pid")"
is "$?" 0 'is killed'
for status in 73 69; do
    rm "$log"
    in_its_place says $status
    TUBERIA_BIN=$work/bin batch --retries 1 --backoff 0 --provider 1
    is "$code $(logged .error | sort | uniq -c | tr -s ' ')" "$status  $((status == 69 ? 2 : 1)) s3-partition: no such bucket" \
        "s3-partition ends with status $status: as many tries as are of use, and its reason"
done

# Another one runs; and is stopped.
days=(--from 2024-02-29 --to 2024-03-01)
gate_shut
batch_start -t slow --provider 1
gate_waits
run batch-pipeline --log "$log" --date 2024-03-01 "$work/x/../lake/"
is "$code" 75 'a second instance on the same destination: status 75'
like "$(cat "$work/err")" "another instance writes .*lake/: .*pid $batch " 'it names the holder'
run batch-pipeline --log "$log" --date 2024-03-01 "$work/lake2"
is "$code" 0 'another destination is another matter'
one_published() { [ "$(published)" = 1 ]; }
wait_for 60 one_published
kill -TERM "$batch"
batch_end
is "$code $(published)" '1 1' 'SIGTERM: what was not yet at its end is not published'
is "$(cat "$work/batch.err")" 'batch-pipeline: stopped: 1 of 2 partitions published' 'says so'
wait_for 30 nothing_runs
is "$?" 0 'nothing is left'

gate_open

# How many at once.
days=(--date 2024-03-01)
for jobs in 5 2; do
    options=()
    [ $jobs = 5 ] || options=("-j$jobs")
    gate_shut
    batch_start -t slow "${options[@]}"
    wait_for 60 locks_are 'NOT granted' $jobs
    is "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'batch-pipeline' AND wait_event_type = 'Lock'")" $jobs \
        "$jobs of six partitions at once${options[*]:+, by }${options[*]}"
    gate_open
    batch_end
    is "$code" 0 'then all are published'
done

# A disk without room: temporary, what is there is whole, and with room the next run does it.
mkdir "$work/small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=32k tuberia-test "$work/small" 2>/dev/null; then
    at_exit 'umount "$work/small"'
    elsewhere=$lake
    lake=$work/of.day batch
    lake=$work/small/lake
    batch --retries 1 --backoff 0
    like "$code $(cat "$work/err")" '^(1|75) batch-pipeline: .*: No space left on device \(try 2\)' 'no room in the destination: tried again, and said'
    is "$(find "$lake" -name _SUCCESS -printf '%h\n' | while IFS= read -r partition; do
        diff -r "$partition" "$work/of.day/${partition#"$lake/"}"
    done)" '' 'what claims to be whole is whole'
    mount -o remount,size=64m "$work/small"
    batch
    is "$code $(diff -r "$lake" "$work/of.day")" '0 ' 'with room all is published'
    lake=$elsewhere
else
    skip 'a disk without room' 'mounting a small one takes root'
fi

# Each kind of process killed in the middle of its work.
for victim in psql s3-partition; do
    rm -f "$log"
    gate_shut
    batch_start -t slow --backoff 0 --provider 1
    gate_waits
    for pid in $(pgrep -P "$batch"); do
        # psql that holds the snapshot has a pipe for its input.
        if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = $victim ] && { [ $victim != psql ] || [ "$(readlink "/proc/$pid/fd/0")" = /dev/null ]; }; then
            kill -9 "$pid"
        fi
    done
    wait_for 60 grep -q "$victim was killed by SIGKILL" "$log"
    is "$?" 0 "$victim was killed: logged"
    gate_open
    batch_end
    is "$code $(cat "$work/batch.err")" '0 ' 'and tried again'
done

# psql dies when it has written thousands of rows: what stands in the pipe is a part, and no more.
sql "CREATE TABLE many AS SELECT i AS cliente_id, 'NORTE-1' AS producto, timestamp '2024-02-29 10:00' AS fecha, 0.01 AS monto FROM generate_series(1, 20000) i;
     GRANT SELECT ON many TO tuberia"
real=$TUBERIA_BIN/s3-partition
waits_for_file() { printf '#!/bin/bash\nuntil [ -e "%s" ]; do sleep 0.05; done\nexec "%s" "$@"\n' "$work/go" "$real"; }
in_its_place waits_for_file
rm -r "$lake"
days=(--date 2024-02-29)
TUBERIA_BIN=$work/bin batch_start -t many --retries 0 --provider 1
writes() { sql "SELECT 1 / count(*) FROM pg_stat_activity WHERE application_name = 'batch-pipeline' AND query LIKE 'FETCH%'" >"$work/out" 2>&1; }
wait_for 60 writes
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'batch-pipeline' AND query LIKE 'FETCH%'" >"$work/out"
: >"$work/go"
batch_end
is "$code $(published)" '69 0' 'its session was ended in the middle of the rows: nothing is published'
like "$(cat "$work/batch.err")" '^batch-pipeline: "1", 2024-02-29: terminating connection' 'says why'
is "$(tail -n 1 "$log" | jq .status)" 69 'logged'

# The session that holds the snapshot is lost while some is published: all begins again, from a new one.
days=(--from 2024-02-28 --to 2024-03-01)
rm "$log"
gate_shut
batch_start -t slow --backoff 0
enough() { [ "$(published)" -ge 3 ]; }
wait_for 60 enough
gate_waits
sql "INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (1, 'NORTE-1', '2024-02-28T12:00:00', 0.01)"
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'batch-pipeline' AND state = 'idle in transaction'" >"$work/out"
wait_for 30 grep -q 'all begins again' "$work/batch.err"
is "$?" 0 'the end of the session that holds the snapshot is noticed'
gate_open
batch_end
is "$code $(cat "$work/batch.err")" '0 batch-pipeline: the snapshot was lost; all begins again' 'the snapshot was lost on the way: all begins again'
equals_sql 'the files equal SQL'
is "$(logged 'select(.status == 0) | .snapshot' | sort | uniq -c | awk '{print $1}' | tail -n 1)" 18 'all are of the second snapshot'

# The same when nothing else is left to do; and more often than it is tried again.
holder_ends() { sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'batch-pipeline' AND state = 'idle in transaction'" >"$work/out"; }
begun_again() { [ "$(grep -c 'all begins again' "$work/batch.err")" = "$1" ]; }
days=(--date 2024-03-01)
for times in 1 2; do
    rm "$log"
    gate_shut
    batch_start -t slow --provider 1 --retries 1 --backoff 0
    for ((i = 1; i <= times; i++)); do
        gate_waits
        holder_ends
        wait_for 30 begun_again $i
    done
    gate_open
    batch_end
    is "$code $(tries . | tail -n 1)" "$([ $times = 1 ] && echo "0 1 2024-03-01 2 0" || echo "75 1 2024-03-01 2 75")" \
        "lost $times times, with one retry"
done

# Stopped while it waits for the server.
PGAPPNAME=gate psql -XqAt -c 'BEGIN; LOCK TABLE ventas' -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 &
gate=$!
wait_for 30 sql "SELECT 1 / count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'ventas'::regclass" >"$work/out" 2>&1
batch_start
waits_for_table() { [ "$(sql "SELECT count(*) FROM pg_locks WHERE NOT granted")" = 1 ]; }
wait_for 30 waits_for_table
kill "$batch"
wait_for 30 gone "$batch"
is "$?" 0 'SIGTERM while it waits for a lock'
batch_end
is "$code" 75 'stopped'
gate_open

# The server is killed in mid-query, and comes back.
days=(--from 2024-02-28 --to 2024-03-01)
rm -rf "$log" "$lake"
gate_shut
batch_start -t slow --backoff 1 --retries 100
gate_waits
pg_crash
wait "$gate"
batch_end
is "$code" 0 'the server was killed, and came back: all is published'
equals_sql 'the files equal SQL'
cp -a "$lake" "$work/before"
pg_stop immediate
batch --backoff 0
is "$code $(diff -r "$lake" "$work/before" && echo same)" '69 same' 'no server: status 69, and what is there stays'
like "$(cat "$work/err")" 'Connection refused|No such file' 'says why'

done_testing
