# timeout: 400
# once
# Three machines on one: source, windows and store with Kinesis between them. The first snapshot is cut off twice,
# each process is killed, shards are split and merged, requests fail, the table is emptied, and the store equals
# SQL.
. "$(dirname "$0")/_lib.sh"
. "$TOP/tests/lib/aws.sh"
. "$TOP/tests/lib/kinesis.sh"

shop
cd "$work" || exit 1
kinesis_start
stream ventas 2
stream metricas 2
sales 3000

declare -A stages
launch() {
    stream-pipeline "$1" --state "$work/state" --store "$TUBERIA_STORE" --barrier-every 100ms --rejects "$work/rejects" 2>>"$work/$1.err" &
    stages[$1]=$!
}
abort() {
    for name in source windows store; do
        kill "${stages[$name]}" 2>/dev/null
        wait "${stages[$name]}" 2>/dev/null
    done
}
at_exit abort
# process STAGE COMMAND: its pid.
process() {
    local child
    for child in $(pgrep -P "${stages[$1]}"); do
        pgrep -P "$child" -x "$2" && return
    done
    return 1
}

TUBERIA_CHECKPOINT=stream
export TUBERIA_CHECKPOINT
# How many sales the store has counted; a product may be called *, and an id has that encoded.
counted() { store_sql "SELECT coalesce(sum(num_transacciones), 0) FROM metricas WHERE id NOT LIKE '*#%' AND id NOT LIKE '%#*%'" 2>/dev/null; }
settled() { [ "$(counted)" = "$(sql 'SELECT count(*) FROM ventas')" ] && store_metrics >got.now && sql_metrics true ventas >expected.now && cmp -s got.now expected.now; }

# ---- a first snapshot that is cut off when part of it is in the store already ----

hangs() { [ "$(gate_seen '.faults."hang-before" // 0')" -ge 1 ]; }
part() { [ "$(counted)" -gt 0 ] 2>/dev/null; }
hang() { gate_rules "[{\"fault\": \"hang-before\", \"op\": \"PutRecords\", \"stream\": \"ventas\", \"skip\": $1, \"times\": 1}]"; }
hang 4
for name in source windows store; do
    launch $name
done
wait_for 60 hangs || note "$(tail -n 5 ./*.err)"
wait_for 60 part || note "$(tail -n 5 ./*.err)"
passes "part of a snapshot is in the store" part
# The source goes on by itself, from the beginning; there it is cut off again, and its script with it.
hang 2
for name in pg-tail kinesis-put; do
    kill -9 "$(process source $name)"
done
wait_for 60 hangs || note "$(tail -n 5 source.err)"
worker=$(pgrep -P "${stages[source]}")
kill -9 "${stages[source]}" "$worker" $(pgrep -P "$worker")
wait "${stages[source]}" 2>/dev/null
launch source
wait_for 60 settled || note "$(tail -n 5 ./*.err)"
gate_rules '[]'
equals_sql "the third snapshot, through two streams, and nothing of the two before it"
like "$(cat source.err)" 'starting again' "it was begun again"
kill -TERM "${stages[source]}"
wait "${stages[source]}"
for name in source windows store; do
    : >$name.err
done
launch source

# ---- everything is killed ----

# What was killed is there again; what it left behind may be on its way for a while, in epochs.
anew() {
    local now
    # shellcheck disable=SC2086 # two words
    now=$(process $victim) && [ "$now" != "$pid" ]
}
traffic_start 600
killed=0
for victim in 'source pg-tail' 'source kinesis-put' 'windows kinesis-tail' 'windows window-agg' 'windows kinesis-put' \
    'store kinesis-tail' 'store ddb-put'; do
    # shellcheck disable=SC2086 # two words
    if wait_for 30 process $victim >/dev/null && pid=$(process $victim) && kill -9 "$pid"; then
        killed=$((killed + 1))
    fi
    case $victim in
    'source kinesis-put') split ventas shardId-000000000000 ;;
    'windows kinesis-tail' | 'store ddb-put') sql 'TRUNCATE ventas' ;;
    'windows window-agg') split metricas shardId-000000000001 ;;
    'windows kinesis-put') merge ventas shardId-000000000002 shardId-000000000003 ;;
    'store kinesis-tail') gate_rules '[{"fault": "partial", "op": "PutRecords", "every": 3}, {"fault": "reset-after", "op": "PutRecords", "every": 7}, {"fault": "throttle", "every": 11}, {"fault": "expired-iterator", "op": "GetRecords", "every": 13}]' ;;
    esac
    wait_for 60 anew || note "$victim: not started again: $(tail -n 3 ./*.err)"
    before=$(epoch)
    wait_for 60 epoch_above "$((before + 3))" || note "$victim: no further epoch: $(tail -n 3 ./*.err)"
done
is "$killed" 7 "each process was killed once, with reshards and TRUNCATE between, and trouble at the end"
busy() { [ "$(sql "SELECT count(*) > 200 FROM ventas WHERE producto LIKE 'P%'")" = t ]; }
wait_for 60 busy
traffic_end now
gate_rules '[]'
wait_for 90 settled || note "$(tail -n 5 ./*.err)"
equals_sql "after all that"
sql "INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (1, 'P1', '2024-03-02 10:00', 'NaN')"
rejected() { grep -q NaN rejects/window-agg.rejects; }
wait_for 30 rejected
sql 'TRUNCATE ventas' && sales 40
wait_for 60 settled || note "$(tail -n 5 ./*.err)"
equals_sql "emptied and filled again, behind a bad record"
is "$(cat rejects/*.rejects | wc -l) $(wc -l <rejects/window-agg.rejects)" "1 1" "which is in the rejects"

for name in source windows store; do
    kill -TERM "${stages[$name]}"
    code=0
    wait "${stages[$name]}" || code=$?
    is "$code" 0 "SIGTERM ends $name"
done
# A slot that the server still holds for a process that was killed may take another one.
restarted() { [ "$(grep -c 'starting again' "$1.err")" -ge "$2" ]; }
passes "each death is a restart: of the source" restarted source 2
passes "of the windows" restarted windows 3
passes "of the store" restarted store 2

# Between two attempts it ends at once, and leaves nothing that keeps the next one out.
PGHOST=127.0.0.1 PGPORT=1 stream-pipeline source --state nobody 2>nobody.err &
pid=$!
pauses() { grep -q 'starting again in 4 s' nobody.err 2>/dev/null; }
wait_for 30 pauses
kill -TERM $pid
code=0
wait $pid || code=$?
is "$code $(grep -c pkill nobody.err)" "0 0" "SIGTERM in a pause"
passes "the place is free" flock -n nobody/stream.source.lock true

fails "no stage" 64 stream-pipeline
fails "two stages" 64 stream-pipeline source store
fails "no such option" 64 stream-pipeline source --no-such-option
done_testing
