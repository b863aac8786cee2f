#!/bin/bash
# A reader needs no right to write, neither to the file nor to its directory, whether a writer is there or not. A writer
# without the right says so.
. "$(dirname "$0")/../../lib/tap.sh"

[ "$(id -u)" = 0 ] || skip_all 'becoming another user takes root'
chmod 755 "$work"
mkdir -m 755 "$work/store" && mkdir -m 777 "$work/free"
nobody() { (cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$@"); }
nobody test -x "$TUBERIA_BIN/ddb-put" || skip_all 'nobody cannot get at the tools'

store=sqlite:$work/store/m.db
sale='{"id":"1#a#2024-01-01","cliente_id":1,"producto":"a","num_transacciones":1,"monto_total":1,"fecha_hora":"2024-01-01"}'
sales() { nobody metrics-query -s "$store" cliente 1 -f tsv | sed -n '2s/^1\t\([0-9]*\)\t.*/\1/p'; }
sales_are() { [ "$(sales)" = "$1" ]; }

ddb-put "$store" <<<"$sale"
is "$(sales)" 1 'nobody reads while there is no writer'
before=$(ls -la --time-style=full-iso "$work/store")
is "$(nobody ddb-put --show-checkpoint a "$store"; nobody ddb-put --verify "$store"; echo $?)" 0 'and looks at the checkpoint'
is "$(ls -la --time-style=full-iso "$work/store")" "$before" 'which changes nothing'

mkfifo "$work/pipe"
ddb-put "$store" <"$work/pipe" &
pid=$!
exec {to}>"$work/pipe"
echo "$sale" >&"$to"
passes 'while there is one, what is new is seen' wait_for 10 sales_are 2
kill -9 $pid
{ wait $pid; } 2>/dev/null
exec {to}>&-
is "$(sales)" 2 'and when it was killed'

run nobody ddb-put "$store" <<<"$sale"
is "$code" 77 'nobody may not write'
like "$(cat "$work/err")" 'm\.db: Permission denied' 'and is told so'
run nobody ddb-put "sqlite:$work/store/new.db" <<<"$sale"
is "$code" 77 'nor make a store there'
cp "$work/store/m.db" "$work/free/m.db" && chmod 444 "$work/free/m.db"
run nobody ddb-put --drop-checkpoint a "sqlite:$work/free/m.db"
is "$code" 77 'nor drop a checkpoint'
chmod 600 "$work/store/m.db"
run nobody metrics-query -s "$store" cliente 1
is "$code" 77 'nobody may not read'
is "$(sqlite3 "$work/store/m.db" "SELECT num_transacciones FROM metricas WHERE id = '1#*#*'")" 2 'nothing has changed'

done_testing
