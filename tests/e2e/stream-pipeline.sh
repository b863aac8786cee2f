# timeout: 400
# once
# Three machines on one: source, windows and store with Kinesis between them. Each process is killed, shards are
# split and merged, requests fail, and the store equals SQL.
. "$(dirname "$0")/_lib.sh"
. "$TOP/tests/lib/aws.sh"
. "$TOP/tests/lib/kinesis.sh"

shop
cd "$work" || exit 1
kinesis_start
stream ventas 2
stream metricas 2
sales 300

declare -A stages
launch() {
    stream-pipeline "$1" --state "$work/state" --store "$TUBERIA_STORE" --barrier-every 100ms 2>>"$work/$1.err" &
    stages[$1]=$!
}
abort() {
    for name in source windows store; do
        kill "${stages[$name]}" 2>/dev/null
        wait "${stages[$name]}" 2>/dev/null
    done
}
at_exit abort
for name in source windows store; do
    launch $name
done
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
counted() { [ "$(sqlite3 -readonly "$store" "SELECT sum(num_transacciones) FROM metricas WHERE cliente_id <> '*' AND producto <> '*' AND fecha <> '*'" 2>/dev/null)" = "$(sql 'SELECT count(*) FROM ventas')" ]; }
settled() { counted && store_metrics >got.now && sql_metrics true ventas >expected.now && cmp -s got.now expected.now; }
wait_for 60 settled || note "$(tail -n 5 ./*.err)"
equals_sql "the snapshot, through two streams"

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
    'windows window-agg') split metricas shardId-000000000001 ;;
    'windows kinesis-put') merge ventas shardId-000000000002 shardId-000000000003 ;;
    'store kinesis-tail') gate_rules '[{"fault": "partial", "op": "PutRecords", "every": 3}, {"fault": "reset-after", "op": "PutRecords", "every": 7}, {"fault": "throttle", "every": 11}, {"fault": "expired-iterator", "op": "GetRecords", "every": 13}]' ;;
    esac
    before=$(epoch)
    wait_for 60 epoch_above "$((before + 3))" || note "$victim: no further epoch: $(tail -n 3 ./*.err)"
done
is "$killed" 7 "each process was killed once, with reshards between, and trouble at the end"
traffic_end now
gate_rules '[]'
wait_for 90 settled || note "$(tail -n 5 ./*.err)"
equals_sql "after all that"

for name in source windows store; do
    kill -TERM "${stages[$name]}"
    code=0
    wait "${stages[$name]}" || code=$?
    is "$code" 0 "SIGTERM ends $name"
done
is "$(grep -c 'starting again' source.err) $(grep -c 'starting again' windows.err) $(grep -c 'starting again' store.err)" "2 3 2" \
    "each death is one restart"

fails "no stage" 64 stream-pipeline
fails "two stages" 64 stream-pipeline source store
fails "no such option" 64 stream-pipeline source --no-such-option
done_testing
