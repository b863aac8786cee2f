# timeout: 240
# A writer that begins anew makes void what it had put: a first snapshot that was cut off, a table that was
# emptied. Readers that had it already are told, and those that come later never see it.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/aws.sh"
. "$TOP/tests/lib/kinesis.sh"
cd "$work" || exit 1
kinesis_start

lines() { awk -v a="$1" -v b="$2" 'BEGIN { for (i = a; i <= b; i++) printf "{\"k\":\"c%d\",\"n\":%d}\n", i % 17, i }'; }
barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p%d","time":"2024-03-21T10:00:00Z"%s}}\n' "$1" "$1" "${2:-}"; }
snapshot=',"snapshot":true'
finish='{"@end":{"records":0}}'
# What a sink would have: an epoch with "snapshot" replaces what was before it.
counts() {
    awk '/^{"@barrier"/ { if (/"snapshot":true/) { n = 0; split("", all) } for (i = 0; i < m; i++) all[n++] = epoch[i]; m = 0 }
        !/^{"@/ { epoch[m++] = $0 } END { for (i = 0; i < n; i++) print all[i] }' "$@" | sort
}
counted() { counts "$1" | cmp -s - "$2"; }
snapshots() { grep -c '^{"@barrier".*"snapshot":true' "$1"; }

# ---- a first snapshot that is cut off, twice ----

stream uno 3
kinesis-tail --barrier-every 50ms uno >live &
reader=$!
at_exit "kill $reader 2>/dev/null; wait $reader 2>/dev/null"
lines 1 2000 | sort >first
lines 1 2000 | kinesis-put --key k --ack-file ack uno
wait_for 20 counted live first || note "$(counts live | wc -l) lines"
is "$(snapshots live)" 0 "a first generation replaces nothing"
like "$(cat ack)" '^\{"@begun":"put\.N[0-9a-f]{16}"\}$' "it is noted before it is put"
{ lines 1 700 && barrier 1 "$snapshot" | head -c 20; } | kinesis-put --key k --ack-file ack uno 2>err
lines 1 700 | sort >second
wait_for 20 counted live second || note "$(counts live | wc -l) lines"
is "$(snapshots live)" 1 "the second replaces it"
{ lines 501 1500 && barrier 1 "$snapshot"; } | kinesis-put --key k --ack-file ack uno 2>err
lines 501 1500 | sort >third
wait_for 20 counted live third || note "$(counts live | wc -l) lines"
is "$(jq -c '."@barrier" | [.epoch, .put.sent]' ack)" '[1,1001]' "its epoch is acknowledged; the mark has the first label"
{ cat ack && lines 1501 1600 && barrier 2 && echo "$finish"; } | kinesis-put --key k --ack-file ack uno
lines 501 1600 | sort >fourth
wait_for 20 counted live fourth
is "$(snapshots live)" 2 "what is resumed begins nothing anew"

# ---- a table that is emptied, and filled again ----

{ cat ack && lines 1 50 && barrier 3 && barrier 4 "$snapshot" && lines 51 80 && barrier 5 && echo "$finish"; } >emptied
kinesis-put --key k --ack-file ack uno <emptied
lines 51 80 | sort >fifth
wait_for 20 counted live fifth
is "$(snapshots live) $(jq -c '."@barrier" | [.epoch, .put.sent]' ack)" '3 [5,31]' "emptied"
{ cat ack && barrier 6 "$snapshot" && echo "$finish"; } | kinesis-put --key k --ack-file ack uno
wait_for 20 counted live /dev/null
is "$(snapshots live) $(counts live | wc -l)" '4 0' "emptied, and nothing behind it: the mark alone tells"
# The acknowledgement is lost, and all of it comes again: to an older generation, which is void.
head -n 1 emptied >ack
kinesis-put -v --key k --ack-file ack uno <emptied 2>err
wait_for 20 counted live fifth
is "$(counts live | wc -l)" 30 "what comes again for a void generation is void, and the emptying comes again"
kill $reader
wait $reader
like "$(tail -n 1 live)" '@end' "to its end"

# ---- readers that come later, and from any barrier ----

run kinesis-tail -v --once uno
is "$code" 0 "a reader that comes later"
same_files <(counts out) fifth "has what counts"
like "$(cat err)" 'void [1-9]' "and says how much did not"
bad=0 tried=0
grep '^{"@barrier"' live | awk 'NR % 3 == 1 || /snapshot/' | head -n 14 >some
while read -r line; do
    kinesis-tail --once --resume "$line" uno >rest
    { awk -v b="$line" '{ print } $0 == b { exit }' live && tail -n +2 rest; } >joined
    counted joined fifth || bad=$((bad + 1))
    tried=$((tried + 1))
done <some
is "$bad" 0 "from a barrier on: the same in the end ($tried)"

# A sink that has promised the epoch of a snapshot, or the one before it, gets just those again.
before=$(grep '^{"@barrier"' live | grep -B 1 '"snapshot":true' | head -n 1)
that=$(grep '^{"@barrier".*"snapshot":true' live | head -n 1)
promise=$(jq -nc --argjson a "$before" --argjson b "$that" '$a | ."@barrier".pending = $b."@barrier"')
kinesis-tail --once --resume "$promise" uno >rest
is "$(sed -n 2p rest)" "$that" "an empty epoch that was promised"
like "$(sed -n 3p rest)" '^\{"k"' "it is told once"
same_files <(counts rest) fifth "and what counts behind it"
earlier=$(grep '^{"@barrier"' live | grep -B 2 '"snapshot":true' | head -n 1)
promise=$(jq -nc --argjson a "$earlier" --argjson b "$before" '$a | ."@barrier".pending = $b."@barrier"')
kinesis-tail --once --resume "$promise" uno >rest
is "$(grep '^{"@barrier"' rest | sed -n 2p)" "$before" "and the one before it"

# ---- through a stage that makes other lines of them ----

stream sumas 2
venta() { awk -v a="$1" -v b="$2" 'BEGIN { for (i = a; i <= b; i++) printf "{\"k\":\"c%d\",\"n\":%d,\"fecha\":\"2024-03-21T10:00:00\"}\n", i % 17, i }'; }
rm ack
stream tres 2
windows() { kinesis-tail --once "$@" tres | window-agg --emit delta --time fecha --window 1m --by k --sum n=total | kinesis-put --key id --name v --ack-file ack.v --whole-epochs sumas; }
kinesis-tail --barrier-every 50ms sumas >sums &
reader=$!
at_exit "kill $reader 2>/dev/null; wait $reader 2>/dev/null"
sum() { counts sums | grep -o '"total":[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }'; }
sums_to() { [ "$(sum)" = "$1" ]; }
venta 1 100 | kinesis-put --key k --ack-file ack tres
windows
wait_for 20 sums_to 5050
is "$(sum)" 5050 "sums of a generation"
{ venta 1 50 && barrier 1 "$snapshot" && echo "$finish"; } | kinesis-put --key k --ack-file ack tres
windows --resume "$(cat ack.v)"
wait_for 20 sums_to 1275
is "$(sum)" 1275 "and of the next one"
{ cat ack && barrier 2 "$snapshot" && echo "$finish"; } | kinesis-put --key k --ack-file ack tres
windows --resume "$(cat ack.v)"
wait_for 20 sums_to 0
is "$(sum)" 0 "and of nothing"
kill $reader
wait $reader

# ---- what cannot be told ----

stream cuatro 1
lines 1 3 | kinesis-put --key k --ack-file ack.4 cuatro
lines 4 6 | kinesis-put --key k --name otro cuatro
lines 7 9 | kinesis-put --key k --ack-file ack.4 cuatro
run kinesis-tail --once cuatro
like "$code $(cat err)" '^78 .*the writer put\.N[0-9a-f]* begins anew, and otro\.[0-9a-f]* has put lines too' "lines of two writers"

# Generations are counted where the clock fails.
stream cinco 1
echo '{"@begun":"put.Nfffffffffffffff0"}' >ack.5
lines 1 1 | kinesis-put --key k --ack-file ack.5 cinco
is "$(cat ack.5)" '{"@begun":"put.Nfffffffffffffff1"}' "later than the one before, whatever the clock says"

done_testing
