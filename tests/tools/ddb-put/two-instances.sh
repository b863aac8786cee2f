#!/bin/bash
# Of two under one name, the newer one goes on; the older one stops with its next epoch and says who has taken over. Nothing
# is stored twice. Plain runs may share a store.
. "$(dirname "$0")/../../lib/tap.sh"

export TUBERIA_STORE=sqlite:$work/m.db
sale='{"id":"1#a#2024-01-01","cliente_id":1,"producto":"a","num_transacciones":1,"monto_total":1,"fecha_hora":"2024-01-01"}'
barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p%d","time":"2024-01-01T00:00:00Z"}}\n' "$1" "$1"; }
stands_at() { ddb-put --show-checkpoint a | grep -q "\"epoch\":$1,"; }
count() { sqlite3 "$work/m.db" "SELECT num_transacciones FROM metricas WHERE id = '1#*#*'"; }

mkfifo "$work/old" "$work/new"
ddb-put --checkpoint a <"$work/old" 2>"$work/old.err" &
old=$!
exec {to_old}>"$work/old"
{ echo "$sale"; barrier 1; } >&"$to_old"
wait_for 10 stands_at 1
is "$(count)" 1 'the older one commits'

ddb-put --checkpoint a <"$work/new" 2>"$work/new.err" &
new=$!
exec {to_new}>"$work/new"
{ barrier 1; echo "$sale"; barrier 2; } >&"$to_new"
wait_for 10 stands_at 2
{ echo "$sale"; barrier 2; } >&"$to_old"
wait $old
is $? 77 'the older one may not commit any more'
like "$(cat "$work/old.err")" "checkpoint \"a\" has been taken over by a newer instance: process $new on $(hostname), since 20" 'and says who does'

# An idle one too, even if the other one has ended.
ddb-put --checkpoint a </dev/null 2>/dev/null
barrier 3 >&"$to_new"
wait $new
is $? 77 'with an empty epoch as well'
exec {to_old}>&- {to_new}>&-

{ barrier 2; echo "$sale"; barrier 3; echo '{"@end":{"records":1}}'; } >"$work/in"
passes 'a third one goes on where the second one was' ddb-put --checkpoint a <"$work/in"
is "$(count)" 3 'nothing is lost or doubled'

ddb-put --checkpoint a <"$work/old" 2>"$work/old.err" &
old=$!
exec {to_old}>"$work/old"
barrier 3 >&"$to_old"
taken() { [ "$(sqlite3 "$work/m.db" "SELECT pid FROM checkpoint")" = "$old" ]; }
wait_for 10 taken
ddb-put --drop-checkpoint a
barrier 4 >&"$to_old"
wait $old
is $? 77 'dropped under a running one: it stops'
like "$(cat "$work/old.err")" 'checkpoint "a" has been dropped' 'and says why'
exec {to_old}>&-

# Eight that make one store together, and write to it at once.
export TUBERIA_STORE=sqlite:$work/shared.db
pids=()
for i in 1 2 3 4 5 6 7 8; do
    for ((k = 0; k < 200; k++)); do echo "$sale"; done | ddb-put 2>>"$work/shared.err" &
    pids+=($!)
done
bad=0
for pid in "${pids[@]}"; do wait "$pid" || bad=$((bad + 1)); done
is "$bad $(cat "$work/shared.err")" '0 ' 'eight plain runs make a store together'
is "$(sqlite3 "$work/shared.db" "SELECT num_transacciones FROM metricas WHERE id = '1#*#*'")" 1600 'and all of it is there'

# The lock held by somebody else for longer than we wait.
mkfifo "$work/sql"
sqlite3 "$work/shared.db" <"$work/sql" &
holder=$!
exec {to_sql}>"$work/sql"
printf 'BEGIN IMMEDIATE;\n.shell touch %s/locked\n' "$work" >&"$to_sql"
wait_for 10 test -e "$work/locked"
run ddb-put <<<"$sale"
is "$code" 75 'a lock that does not go away is temporary'
like "$(cat "$work/err")" 'another process has held it for 20 s' 'and the message says so'
exec {to_sql}>&-
wait $holder

done_testing
