#!/bin/bash
# A commit that has to wait, here for another writer of the file: the input is read on, and nothing is
# acknowledged before it is committed.
. "$(dirname "$0")/../../lib/tap.sh"

export TUBERIA_STORE=sqlite:$work/m.db
sale='{"id":"1#a#2024-01-01","cliente_id":1,"producto":"a","num_transacciones":1,"monto_total":1,"fecha_hora":"2024-01-01"}'
barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p%d","time":"2024-01-01T00:00:00Z"}}\n' "$1" "$1"; }
counts() { [ "$(sqlite3 "file:$work/m.db?mode=ro" "SELECT num_transacciones FROM metricas WHERE id = '1#*#*'" 2>/dev/null)" = "$1" ]; }
acked() { grep -q "\"epoch\":$1," "$work/ack"; }

mkfifo "$work/pipe"
ddb-put --checkpoint a --ack-file "$work/ack" <"$work/pipe" 2>"$work/err" &
pid=$!
at_exit "kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null"
exec {to}>"$work/pipe"
printf '%s\n' "$sale" "$(barrier 1)" >&"$to"
wait_for 10 acked 1
coproc other { sqlite3 "$work/m.db"; }
echo 'BEGIN IMMEDIATE; SELECT 1;' >&"${other[1]}"
read -r _ <&"${other[0]}"
# So many are committed at once.
{ yes "$sale" | head -n 1000000; barrier 2; } >&"$to"
# More than the pipe holds: the barrier is behind us.
passes 'the input is read on' timeout 30 bash -c 'yes "$1" | head -n 30000 >&"$2"' - "$sale" "$to"
passes 'nothing is acknowledged before' acked 1
passes 'nor stored' counts 1
barrier 3 >&"$to"
echo 'ROLLBACK;' >&"${other[1]}"
passes 'then all of it is' wait_for 30 acked 3
is "$(sqlite3 "$work/m.db" 'SELECT sum(num_transacciones) FROM metricas WHERE id = "1#*#*"')" 1030001 'and stored'
kill -TERM $pid
wait $pid
exec {to}>&-

done_testing
