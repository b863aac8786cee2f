#!/bin/bash
# A quiet table, a reader that does not read, a server that restarts: the stream lives on, the server's
# log does not pile up, and nothing is lost or comes twice.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start 'wal_sender_timeout = 1s'
make_ventas
sql "CREATE TABLE otra (i bigint, relleno text)"
lsn='[0-9A-F]+/[0-9A-F]+'

# start_pipe OPTION...: pg-tail and a sink that confirms; sets tail_pid and sink_pid.
start_pipe() {
    rm -f "$work/pipe"
    mkfifo "$work/pipe"
    sink run "$work/sunk" "$work/ack" <"$work/pipe" 2>"$work/sink.err" &
    sink_pid=$!
    at_exit "kill -9 $sink_pid 2>/dev/null; wait $sink_pid 2>/dev/null"
    tail_in_background "$work/pipe" -t ventas --ack-file "$work/ack" --barrier-every 100ms "$@"
}
# The state of the sink is that of the table.
is_equal() {
    sink state "$work/sunk" >"$work/state" 2>&1
    rows ventas | cmp -s - "$work/state"
}
becomes_equal() { if wait_for 60 is_equal; then ok "$1"; else not_ok "$1" "$(rows ventas | diff - "$work/state" | head -n 5)"; fi; }

sell 10
start_pipe --create --snapshot
becomes_equal 'the snapshot'

# ---- others write ----
# The slot must let go of what they wrote: its restart_lsn passes the end of it (once the server has
# logged running transactions, which it does every 15 seconds or at a checkpoint).
written() { sql "INSERT INTO otra SELECT i, repeat('x', 200) FROM generate_series(1, 50000) i"; sql "SELECT pg_current_wal_lsn()"; }
end=$(written)
confirmed() { [ "$(sql "SELECT confirmed_flush_lsn >= '$end' FROM pg_replication_slots")" = t ]; }
if wait_for 30 confirmed; then ok 'the table is quiet while others write: confirmed_flush_lsn moves on'; else not_ok 'confirmed_flush_lsn' "$(slot_confirmed), not $end"; fi
released() {
    sql "CHECKPOINT"
    [ "$(sql "SELECT restart_lsn >= '$end' AND pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) < 1000000 FROM pg_replication_slots")" = t ]
}
if wait_for 30 released; then ok 'and the log behind it is let go'; else not_ok 'retained' "$(sql 'SELECT * FROM pg_replication_slots')"; fi

# ---- the reader does not read ----
pid=$(sql 'SELECT active_pid FROM pg_replication_slots')
kill -STOP "$sink_pid"
for _ in 1 2 3; do sell 20000; done
blocked() { # more than the pipe and pg-tail hold is there; and wal_sender_timeout has passed 4 times
    [ "$(date +%s)" -ge "$until" ]
}
until=$(($(date +%s) + 5))
wait_for 30 blocked
is "$(sql 'SELECT active_pid FROM pg_replication_slots')" "$pid" 'blocked for longer than wal_sender_timeout, the connection lives'
passes 'it holds no more than its share meanwhile' test "$(memory_kb "$tail_pid")" -lt "$memory_limit"
kill -CONT "$sink_pid"
becomes_equal 'the rest comes when it reads again'
is "$(sql 'SELECT active_pid FROM pg_replication_slots') $(<"$work/pipe.err")" "$pid pg-tail: publication tuberia_ventas made" 'over the same connection'

# ---- the server goes away ----
sql "SELECT pg_terminate_backend($pid)" >/dev/null
sell 5
becomes_equal 'the backend is terminated'
pg_restart fast
sell 5
becomes_equal 'a fast restart'
pg_restart immediate
sell 5
becomes_equal 'an immediate restart'
pg_crash
sell 5
becomes_equal 'the server is killed'
stop_tail
is "$code" 0 'ended by a signal'
wait "$sink_pid"
is "$? $(<"$work/sink.err")" '0 ' 'the sink has met no epoch twice, and none was left out'
like "$(<"$work/pipe.err")" "connection lost: .*; trying again.*connected again, going on behind $lsn" 'said when it was lost, and when it was there again'
is "$(grep -c 'connected again' "$work/pipe.err")" 4 'four times'
confirmed_end=$(slot_confirmed)
is "$(sql "SELECT confirmed_flush_lsn = '$(sink checkpoint "$work/sunk" | member pos | cut -d: -f3)' FROM pg_replication_slots")" t \
    "in the end the server knows what the sink has committed ($confirmed_end)"

# ---- the server stays away ----
start_pipe --resume "$(sink checkpoint "$work/sunk")" --wait 1s
wait_for 30 slot_is_active
pg_stop fast
code=0
wait "$tail_pid" || code=$?
is "$code" 75 'no connection again within --wait'
like "$(<"$work/pipe.err")" 'no connection again in 1 s: ' 'says so'
wait "$sink_pid"
run pg-tail -t ventas --once
is "$code" 69 'no server at the start'
pg_launch
pg-tail -t ventas --drop 2>/dev/null

done_testing
