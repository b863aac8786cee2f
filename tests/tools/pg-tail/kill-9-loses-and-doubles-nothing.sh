#!/bin/bash
# pg-tail and its sink are killed again and again while the table changes in every way; what the sink
# has committed in the end is the table.
# timeout: 180
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start 'wal_sender_timeout = 5s'
make_ventas
sell 2000
RANDOM=20240321 # the same faults on every run, if not at the same moments

# Sessions at once: single rows, a batch, updates, deletes, savepoints, what is rolled back.
cat >"$work/load.sql" <<'END'
\set id random(1, 4000)
\set kind random(1, 10)
BEGIN;
INSERT INTO ventas (cliente_id, producto, fecha, monto) SELECT :id, 'L' || i, now(), i FROM generate_series(1, :kind * :kind) i;
SAVEPOINT s;
UPDATE ventas SET monto = monto + 1, producto = 'U' || :kind WHERE id BETWEEN :id AND :id + 3;
\if :kind > 7
ROLLBACK TO s;
\endif
DELETE FROM ventas WHERE id = :id + 5;
\if :kind = 5
ROLLBACK;
\else
COMMIT;
\endif
END
pg-tail -t ventas --create --snapshot --once 2>"$work/err" | sink run "$work/committed"
is "${PIPESTATUS[*]}" '0 0' 'snapshot'
"$PG_BIN/pgbench" -n -c 3 -T 12 -f "$work/load.sql" >"$work/pgbench" 2>&1 &
load=$!
at_exit "kill $load 2>/dev/null"

runs=0 strange='' ways=(always never)
mkfifo "$work/pipe"
while kill -0 "$load" 2>/dev/null; do
    # Opened here: a process that is killed before it has opened a pipe leaves the other one waiting.
    # shellcheck disable=SC2094 # both ends of one pipe are what we are after
    exec {both}<>"$work/pipe" {writer}>"$work/pipe" {reader}<"$work/pipe" {both}>&-
    pg-tail -t ventas --barrier-every 20ms --catch-up "${ways[runs % 2]}" --ack-file "$work/ack" --resume "$(sink checkpoint "$work/committed")" \
        >&"$writer" 2>"$work/err" {reader}<&- {writer}>&- &
    tail_pid=$!
    "$here/_sink.py" run "$work/committed" "$work/ack" <&"$reader" 2>"$work/sink.err" {reader}<&- {writer}>&- &
    sink_pid=$!
    exec {reader}<&- {writer}>&-
    sleep "0.$((RANDOM % 80 + 10))" # the fault falls anywhere
    if ((runs == 6)); then
        sql "TRUNCATE ventas"
        sell 10
    fi
    case $((RANDOM % 3)) in
    0) kill -9 "$tail_pid" ;;
    1) kill -9 "$sink_pid" ;;
    2) kill -9 "$tail_pid" "$sink_pid" ;;
    esac
    # Who lives sees its neighbour die. 75: the server did not notice at once that the slot is free.
    wait "$tail_pid" 2>/dev/null
    case $? in 137 | 74 | 75 | 0) ;; *) strange+=$(cat "$work/err") ;; esac
    wait "$sink_pid" 2>/dev/null
    case $? in 137 | 0) ;; *) strange+=$(cat "$work/sink.err") ;; esac
    runs=$((runs + 1))
done
wait "$load"
is "$strange" '' 'nothing ends in another way than it must'
if ((runs >= 8)); then ok 'there were faults enough'; else not_ok 'there were faults enough' "$runs"; fi
wait_for 10 slot_is_free
pg-tail -t ventas --once --ack-file "$work/ack" --resume "$(sink checkpoint "$work/committed")" 2>"$work/err" |
    sink run "$work/committed" "$work/ack"
is "${PIPESTATUS[*]}" '0 0' 'the rest'
sink state "$work/committed" >"$work/state"
rows ventas >"$work/expected"
same_files "$work/state" "$work/expected" 'the sink has the table'
is "$(slot_confirmed)" "$(sink checkpoint "$work/committed" | member pos | cut -d: -f3)" 'and the server was told'

done_testing
