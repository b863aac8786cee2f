#!/bin/bash
# --once and --until: where a run ends, with @end; and what the server is told, which is what the sink has
# committed and nothing else.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start 'wal_sender_timeout = 3s' # how often a quiet server is asked for its clock
make_ventas
run pg-tail -t ventas --create
begin=$(slot_confirmed)
ids() { records "$work/out" | sed 's/{"id":\([0-9]*\),.*/\1/' | paste -sd ' '; }

sell 2
middle=$(sql 'SELECT pg_current_wal_lsn()')
moment=$(sql 'SELECT clock_timestamp()')
sell 1
for goal in --once '--until now'; do
    # shellcheck disable=SC2086 # two words
    run pg-tail -t ventas $goal
    is "$code $(ids) $(tail -n 1 "$work/out")" '0 1 2 3 {"@end":{"records":3}}' "$goal: behind what is committed now"
done
is "$(slot_confirmed)" "$begin" 'without --ack-file nothing is confirmed'
run pg-tail -t ventas --until "$middle"
is "$code $(ids) $(tail -n 1 "$work/out")" '0 1 2 {"@end":{"records":2}}' '--until LSN: before the first commit behind it'
run pg-tail -t ventas --until "$moment"
is "$code $(ids) $(tail -n 1 "$work/out")" '0 1 2 {"@end":{"records":2}}' '--until TIME: before the first commit later than it'
# A time that is long past by the server's clock is no reason to leave out what it has not read yet.
is_past() { [ "$(sql "SELECT clock_timestamp() > '$moment'::timestamptz + interval '3 s'")" = t ]; }
wait_for 30 is_past
run pg-tail -t ventas --until "$moment"
is "$code $(ids) $(tail -n 1 "$work/out")" '0 1 2 {"@end":{"records":2}}' 'the same when that was a while ago'
TZ=America/Lima run pg-tail -t ventas --until '2000-01-01 10:00'
is "$code $(ids) $(tail -n 1 "$work/out")" '0  {"@end":{"records":0}}' 'a time in the past'
# A quiet table: when the server's clock is past it.
tail_in_background "$work/live" -t ventas --until "$(sql "SELECT clock_timestamp() + interval '1 s'")"
code=0
wait "$tail_pid" || code=$?
is "$code $(tail -n 1 "$work/live")" '0 {"@end":{"records":3}}' 'a time that comes while the table is quiet'
# What was committed while the slot was asked, by somebody who does not wait for the disk.
sql "SET synchronous_commit = off; INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (1, 'a', now(), 1)"
run pg-tail -t ventas --once
is "$(ids)" '1 2 3 4' 'committed with synchronous_commit = off, it is there'
# A transaction that is open is not waited for.
mkfifo "$work/in"
psql -Xq <"$work/in" >"$work/psql.out" 2>&1 &
at_exit "kill $! 2>/dev/null; wait $! 2>/dev/null"
exec {session}>"$work/in"
printf "BEGIN; INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (1, 'b', now(), 1);\n\\! touch %s\n" "$work/done" >&"$session"
wait_for 30 test -e "$work/done"
run pg-tail -t ventas --once
is "$code $(ids)" '0 1 2 3 4' 'one that is open is not waited for'
printf 'COMMIT;\n' >&"$session"
exec {session}>&-
wait

# ---- what the server is told ----
# A sink that commits the first epoch, and dies: @end or not, no more than that is confirmed.
pg-tail -t ventas --once --ack-file "$work/ack" | sink run "$work/sunk" "$work/ack"
is "$?" 0 'a sink that commits'
is "$(slot_confirmed)" "$(member pos <"$work/ack" | cut -d: -f3)" 'what it has committed is confirmed'
confirmed=$(slot_confirmed)
sell 5
pg-tail -t ventas --resume "$(<"$work/ack")" --ack-file "$work/ack" 2>"$work/err" | head -n 3 >/dev/null
is "$(slot_confirmed)" "$confirmed" 'a reader that leaves confirms nothing'
echo nonsense >"$work/ack2"
tail_in_background "$work/live" -t ventas --resume "$(<"$work/ack")" --ack-file "$work/ack2"
wait_for 30 has_lines "$work/live" 5 '^{"id"'
wait_for 30 has_lines "$work/live" 2 '^{"@barrier"'
# A barrier of another server, or from the future, is no acknowledgement.
sed -E 's/pg1:[0-9]+/pg1:1/' <(barriers "$work/live" | tail -n 1) >"$work/ack2.new"
mv "$work/ack2.new" "$work/ack2"
sed -E 's/"epoch":[0-9]+/"epoch":9999/; s,:[0-9A-F]+/[0-9A-F]+:,:FF/0:,' <(barriers "$work/live" | tail -n 1) >"$work/ack2.new"
mv "$work/ack2.new" "$work/ack2"
wait_for 30 has_lines "$work/live" 4 '^{"@barrier"'
is "$(slot_confirmed)" "$confirmed" 'an --ack-file that is nonsense confirms nothing'
barriers "$work/live" | sed -n 2p >"$work/ack2.new"
mv "$work/ack2.new" "$work/ack2"
committed=$(member pos <"$work/ack2" | cut -d: -f3)
moved() { [ "$(slot_confirmed)" = "$committed" ]; }
if wait_for 30 moved; then ok 'and a barrier of ours does, while it runs'; else not_ok 'confirmed' "$(slot_confirmed), not $committed"; fi
stop_tail KILL

# ---- a table that nothing comes of any more is looked at in the end ----
wait_for 30 slot_is_free
sell 200000 # more than pipe and buffers hold
mkfifo "$work/held"
pg-tail -t ventas --once >"$work/held" 2>"$work/once.err" &
once=$!
exec {held}<"$work/held"
IFS= read -r -t 60 _ <&"$held" || not_ok 'the run begins'
sql 'ALTER PUBLICATION tuberia_ventas SET (publish = insert)'
cat <&"$held" >/dev/null
exec {held}<&-
code=0
wait "$once" || code=$?
is "$code" 78 'no longer published as it was when the run began: status 78'
like "$(<"$work/once.err")" 'not published by tuberia_ventas any more' 'and it is said'

done_testing
