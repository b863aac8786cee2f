#!/bin/bash
# In a file, the commit of an epoch is put off for the one that may follow, and made while the input is read on.
. "$(dirname "$0")/../../lib/tap.sh"

export TUBERIA_STORE=sqlite:$work/m.db
sale='{"id":"1#a#2024-01-01","cliente_id":1,"producto":"a","num_transacciones":1,"monto_total":1,"fecha_hora":"2024-01-01"}'
barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p%d","time":"2024-01-01T00:00:00Z"}}\n' "$1" "$1"; }
counts() { [ "$(sqlite3 "file:$work/m.db?mode=ro" "SELECT num_transacciones FROM metricas WHERE id = '1#*#*'" 2>/dev/null)" = "$1" ]; }
acked() { grep -q "\"epoch\":$1," "$work/ack"; }

# ---- it has to wait, for another writer: nothing is acknowledged before ----

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
is $? 0 'SIGTERM'
exec {to}>&-

# ---- before it, what was rejected is on disk; behind it, what is too large for memory ----

ddb-put --checkpoint a --ack-file "$work/ack" --rejects "$work/rejects" <"$work/pipe" 2>"$work/err" &
pid=$!
at_exit "kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null"
exec {to}>"$work/pipe"
{ barrier 3; echo 'no record'; barrier 4; } >&"$to"
passes 'an epoch with a bad record' wait_for 10 acked 4
like "$(<"$work/rejects")" $'\tno record$' 'which is on disk once that is acknowledged'
kill -9 $pid
wait $pid 2>/dev/null
exec {to}>&-

{ barrier 4; echo "$sale"; barrier 5; for product in b c d; do sed "s/1#a#/1#$product#/; s/\"a\"/\"$product\"/" <<<"$sale"; done; } >"$work/in"
ddb-put -v --checkpoint a --max-items 2 <"$work/in" 2>"$work/err"
like "$? $(tail -n 1 "$work/err")" '75 .*in 4 = stored 1 \+ dropped 3 ' 'an open epoch that was staged, behind one that was put off'
is "$(sqlite3 "$work/m.db" "SELECT group_concat(producto) FROM metricas WHERE id LIKE '1#_#2024-01-01' AND producto <> '*'")" a 'is not committed with it'

{ barrier 5; echo 'no record'; yes "$sale" | head -n 1000000; barrier 6; } >"$work/in"
ddb-put --checkpoint a --rejects /dev/full <"$work/in" 2>"$work/err"
like "$? $(<"$work/err")" '^7[0-9] .*/dev/full' 'no place for what is rejected'
like "$(ddb-put --show-checkpoint a)" '"epoch":5,' 'then its epoch is not committed'

done_testing
