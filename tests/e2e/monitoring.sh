# timeout: 300
# Metrics and alerts beside the pipe: they say what SQL says, and nothing that befalls them touches the store.
. "$(dirname "$0")/_lib.sh"

shop
sales 3000
cd "$work" || exit 1
# A value with quotes in it stays one word on its way through two shells.
pipeline_start --metrics "emf:$work/it's.emf" --metrics "textfile:$work/m.prom" --alerts "cat >>'$work/alerts'" \
    --alert-transactions 20 --alert-amount 1000.50 --alert-silence 2s \
    --side 'sleep 1000' --side 'exit 3' --side "echo \$\$ >>'$work/side.pid'; exec cat >>'$work/side'"
reaches_now
equals_sql "with what stands, what dies and what works beside it"

# ---- alerts ----

has() { [ "$(jq -s "map(select($1)) | length" alerts 2>/dev/null)" -ge "${2:-1}" ]; }
sql "INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (7, 'CARO', now(), 1000.50), (7, 'CARO', now(), 1000.51),
     (7, 'CARO', now() - interval '2 hours', 5000)"
passes "a single amount above the threshold" wait_for 20 has '.alerta == "MontoMaximo"'
# All within one minute, wherever the clock stands.
sql "INSERT INTO ventas (cliente_id, producto, fecha, monto)
     SELECT 7, 'MUCHO', date_trunc('minute', now()), 1 FROM generate_series(1, 40)"
passes "more sales in a minute than the threshold" wait_for 20 has '.alerta == "TransaccionesXMinuto" and .nivel == "WARN"'
passes "silence" wait_for 20 has '.alerta == "SinDatos" and .nivel == "WARN"'
sql "INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (8, 'OTRO', now(), 1)"
passes "and its end" wait_for 20 has '.alerta == "SinDatos" and .nivel == "OK"'
is "$(jq -c 'select(.alerta == "MontoMaximo") | [.nivel, .valor, .umbral]' alerts)" '["WARN",1000.51,1000.5]' \
    "once; nor the one at the threshold, nor the old one, nor those of the snapshot"
is "$(jq -s 'map(select(.alerta == "TransaccionesXMinuto" and .nivel == "WARN")) | length' alerts)" 1 "once in a minute"

# ---- what is killed beside it ----

main() { echo "$(stage pg-tail) $(stage side-tee) $(stage window-agg) $(stage ddb-put)"; }
before=$(main)
traffic_start 300
epoch_now=$(epoch)
kill -9 "$(tail -n 1 side.pid)"
again() { [ "$(wc -l <side.pid)" -ge 2 ]; }
passes "a side branch that is killed comes back" wait_for 20 again
passes "the store goes on meanwhile" wait_for 20 epoch_above $((epoch_now + 3))
is "$(main)" "$before" "by the same processes"
traffic_end now
reaches_now
equals_sql "a side branch was killed"

# At the end nobody waits long for a branch. So first those of the metrics must have read what the store's has, but for
# what a pipe holds.
in_branches() {
    local shell
    for shell in $(pgrep -P "$(stage side-tee)"); do
        pgrep -x -P "$shell" "$1"
    done
}
bytes_read() { awk '/^rchar/ { print $2 }' "/proc/$1/io"; }
branches_keep_up() {
    local pid all
    all=$(bytes_read "$(stage window-agg)")
    for pid in $(in_branches window-agg); do
        (($(bytes_read "$pid") > all - 65536)) || return
    done
}
mapfile -t branches < <(in_branches cw-put)
is "${#branches[@]}" 2 "both branches of the metrics are there"
passes "and keep up" wait_for 60 branches_keep_up
pipeline_stop
is "$code" 0 "SIGTERM ends it, whatever stands beside it"
wait_for 20 all_gone "${branches[@]}"
like "$(cat pipeline.err)" 'branch [0-9] ended with status 3' "what died was said"

# ---- metrics ----

# Minute for minute, to the last digit; a sale that was taken back is subtracted.
/usr/bin/python3 - "it's.emf" >got <<'PYTHON'
import json, sys
from datetime import datetime, timezone
from decimal import Decimal
sums = {}
for line in open(sys.argv[1]):
    point = json.loads(line, parse_float=Decimal, parse_int=Decimal)
    directive, = point["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Tuberia" and directive["Dimensions"] == [[]]
    names = [m["Name"] for m in directive["Metrics"]]
    assert set(point) == {"_aws", *names}, "each metric has its member"
    n, s = sums.get(point["_aws"]["Timestamp"], (0, 0))
    sums[point["_aws"]["Timestamp"]] = n + point["TransaccionesXMinuto"], s + point["MontoTotalXMinuto"]
for t, (n, s) in sorted(sums.items()):
    if n or s:
        print(datetime.fromtimestamp(int(t) // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M"), n, f"{s.normalize():f}")
PYTHON
sql "SELECT to_char(fecha, 'YYYY-MM-DD\"T\"HH24:MI'), count(*), trim_scale(sum(monto)) FROM ventas GROUP BY 1 ORDER BY 1" |
    tr '|' ' ' >expected
# Those of --side are branches 1 to 3. What has not ended five seconds after the stream is ended, and lacks the last sales.
if grep -q 'branch 4 ended with signal 15' pipeline.err; then
    skip "the metrics of all minutes, as SQL has them" "five seconds were too short for them here"
else
    same_files got expected "the metrics of all minutes, as SQL has them"
    note "$(tail -n 12 pipeline.err)"
fi
like "$(cat m.prom)" 'tuberia_transacciones_x_minuto [0-9]+' "the textfile"

# What the side branches were given: all that came while they lived.
is "$(jq -c 'select(has("@end"))' side | wc -l)" 1 "the end came to them"

for wrong in '--metrics file' '--metrics emf:' '--alert-amount 1e3' '--alert-amount 01' '--alert-silence 5' '--side='; do
    # shellcheck disable=SC2086 # two words
    fails "$wrong" 64 realtime-pipeline $wrong
done

done_testing
