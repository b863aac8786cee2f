# timeout: 300
# once
# The whole pipe into DynamoDB: answers that get lost and kill -9 of ddb-put while sales go on; the store equals SQL in
# every item and rollup.
. "$(dirname "$0")/_lib.sh"

shop
on_dynamodb

pipeline_start
pipeline_end
is "$code" 78 'without a table the pipeline ends, and is not started again'
like "$(cat "$work/pipeline.err")" 'ddb-put --create-table dynamodb:metricas_tiempo_real' 'saying what to do'
passes 'the table is made' ddb-put --create-table

sales 500
gate_rules '[{"fault": "reset-after", "op": "UpdateItem", "every": 41}, {"fault": "throttle", "op": "UpdateItem", "every": 29},
    {"fault": "error-500", "op": "UpdateItem", "every": 97}, {"fault": "truncate", "op": "UpdateItem", "every": 53}]'
pipeline_start --barrier-every 500ms
wait_for 60 epoch_above 0 || note "no epoch: $(cat "$work/pipeline.err")"
traffic_start 60 60

pending() { ddb-put --show-checkpoint realtime "$TUBERIA_STORE" | grep -q '"pending"'; }
for round in 1 2 3; do
    before=$(epoch)
    wait_for 60 epoch_above "$before"
    # In the middle of an epoch, if it can be met there.
    ! wait_for 3 pending || met=1
    kill -9 "$(stage ddb-put)"
    before=$(epoch)
    wait_for 60 epoch_above $((before + 1))
    is "$?" 0 "round $round: kill -9 of ddb-put: the pipe is back, and commits"
done
is "${met:-0}" 1 'an epoch was begun and not committed, and gone on with'
wait_for 30 [ "$(sql "SELECT count(*) > 100 FROM ventas WHERE producto LIKE 'P%'")" = t ]
traffic_end now
reaches_now
is "$(gate_seen '[.faults[] > 10] | all')" true "there were faults: $(gate_seen .faults | tr -d '\n')"
equals_sql 'after all of it the store equals SQL'
sql 'TRUNCATE ventas'
sales 20
reaches_now
equals_sql 'and after a TRUNCATE'
pipeline_stop
is "$code" 0 'SIGTERM: exit status 0'
done_testing
