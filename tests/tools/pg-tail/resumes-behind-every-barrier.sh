#!/bin/bash
# A run that begins behind any barrier sends just what followed that barrier: no gap, nothing twice. In
# the middle of a transaction too, at whatever row.
# timeout: 300
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start
make_ventas
sell 5
run pg-tail -t ventas --create --snapshot --once
is "$code" 0 'snapshot'
cp "$work/out" "$work/whole"

# Transactions of all kinds: small ones, interleaved ones, one of 210,000 rows, updates, deletes.
sell 3
sql "BEGIN; UPDATE ventas SET monto = monto + 1 WHERE id <= 4; DELETE FROM ventas WHERE id = 5; COMMIT"
sell 210000
sql "UPDATE ventas SET producto = 'Q' WHERE id % 5000 = 0"
for i in 1 2 3 4 5; do sell $i; done
run pg-tail -t ventas --once --barrier-every 1h --resume "$(barriers "$work/whole")"
is "$code" 0 'the rest in one go'
mv "$work/out" "$work/rest"
grep -v '^{"@end"' "$work/whole" >"$work/committed"
tail -n +2 "$work/rest" | grep -v '^{"@end"' >>"$work/committed"
sink state "$work/committed" >"$work/state"
rows ventas >"$work/expected"
same_files "$work/state" "$work/expected" 'snapshot and rest make the table'
is "$(barriers "$work/rest" | head -n 1)" "$(barriers "$work/whole")" 'the barrier resumed behind comes first'

# check_resume BARRIER NAME: what follows is what followed. (Other barriers may fall elsewhere.)
check_resume() {
    local line
    line=$(grep -nF -- "$1" "$work/rest" | head -n 1 | cut -d: -f1)
    tail -n "+$((line + 1))" "$work/rest" | grep -v '^{"@[be]' >"$work/expected"
    run pg-tail -t ventas --once --resume "$1"
    if [ "$code" = 0 ] && records "$work/out" | cmp -s - "$work/expected" &&
        [ "$(head -n 1 "$work/out")" = "$1" ]; then
        ok "$2"
    else
        not_ok "$2" "exit status $code" "$(cat "$work/err")" "$(records "$work/out" | wc -l) records, expected $(wc -l <"$work/expected")"
    fi
}

is "$(barriers "$work/rest" | wc -l)" 4 'barriers fall after 100,000 records'
while read -r barrier; do
    check_resume "$barrier" "resumes behind epoch $(member epoch <<<"$barrier")"
done < <(barriers "$work/rest" | head -n 3)

# Rows of the large transaction at which no barrier fell.
inside=$(barriers "$work/rest" | sed -n 2p)
row=$(member pos <<<"$inside" | cut -d: -f4)
like "$row" '^99[0-9]+$' 'inside the transaction'
line=$(grep -nF -- "$inside" "$work/rest" | cut -d: -f1)
behind=$(tail -n "+$line" "$work/rest" | grep -vc '^{"@[be]')
for other in 1 209999 210000; do
    run pg-tail -t ventas --once --resume "${inside/:$row:/:$other:}"
    is "$code $(records "$work/out" | wc -l)" "0 $((behind + row - other))" "resumes behind row $other of the transaction"
done

# A row that the transaction does not have: a gap, never passed over.
run pg-tail -t ventas --once --resume "${inside/:$row:/:210001:}"
is "$code" 78 'a row beyond the end of the transaction is a hard stop'
like "$(cat "$work/err")" 'changes are lost' 'and says so'
is "$(records "$work/out" | wc -l)" 0 'and sends nothing'

last=$(barriers "$work/rest" | tail -n 1)
check_resume "$last" 'resumes behind the last epoch'

# By now the server knows that nobody needs what is before that.
run pg-tail -t ventas --once --resume "$inside"
is "$code" 78 'a barrier from before the confirmed position is a hard stop'
like "$(cat "$work/err")" 'older than slot tuberia_ventas' 'and says why'

done_testing
