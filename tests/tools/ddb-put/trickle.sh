#!/bin/bash
# A plain run stores what it has when its input pauses, and on SIGTERM; under a checkpoint it leaves an open epoch alone.
. "$(dirname "$0")/../../lib/tap.sh"

export TUBERIA_STORE=sqlite:$work/m.db
sale='{"id":"1#a#2024-01-01","cliente_id":1,"producto":"a","num_transacciones":1,"monto_total":1,"fecha_hora":"2024-01-01"}'
barrier='{"@barrier":{"epoch":1,"pos":"p1","time":"2024-01-01T00:00:00Z"}}'
counts() { [ "$(sqlite3 "file:$work/m.db?mode=ro" "SELECT num_transacciones FROM metricas WHERE id = '1#*#*'" 2>/dev/null)" = "$1" ]; }
mkfifo "$work/pipe"

ddb-put -v <"$work/pipe" 2>"$work/err" &
pid=$!
exec {to}>"$work/pipe"
echo "$sale" >&"$to"
passes 'one line is stored while the writer goes on' wait_for 10 counts 1
printf '%s\n%s' "$sale" "${sale:0:40}" >&"$to"
passes 'a line and a half: the line is stored' wait_for 10 counts 2
printf '%s\n' "${sale:40}" >&"$to"
passes 'then the other one' wait_for 10 counts 3
kill -TERM $pid
wait $pid
is $? 0 'SIGTERM while waiting'
is "$(cat "$work/err")" 'ddb-put: in 3 = stored 3 + dropped 0 + rejected 0; epochs 3' 'its last words'
exec {to}>&-

ddb-put -v --checkpoint a <"$work/pipe" 2>"$work/err" &
pid=$!
exec {to}>"$work/pipe"
printf '%s\n' "$sale" "$barrier" "$sale" >&"$to"
passes 'an epoch is stored when its barrier comes' wait_for 10 counts 4
kill -TERM $pid
wait $pid
is $? 0 'SIGTERM in an open epoch'
passes 'the open epoch is left to the next run' counts 4
is "$(tail -n 1 "$work/err")" 'ddb-put: in 2 = stored 1 + dropped 1 + rejected 0; epochs 1' 'and said'
exec {to}>&-

# For the epoch behind a large one it waits a little; if none comes, it is stored without.
ddb-put -v --checkpoint a <"$work/pipe" 2>"$work/err" &
pid=$!
exec {to}>"$work/pipe"
{ echo "$barrier"; yes "$sale" | head -n 20000; echo "${barrier//1/2}"; } >&"$to"
passes 'a large epoch is stored though nothing follows' wait_for 10 counts 20004
kill -TERM $pid
wait $pid
is "$(tail -n 1 "$work/err")" 'ddb-put: in 20000 = stored 20000 + dropped 0 + rejected 0; epochs 1' 'and said'
exec {to}>&-

done_testing
