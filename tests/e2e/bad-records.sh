# timeout: 300
# A row that is no sale (numeric knows NaN) stops the pipe with status 65 and a line that says where; with
# --rejects it is put aside and the pipe goes on. Never is it lost in silence.
. "$(dirname "$0")/_lib.sh"

shop
sales 100
pipeline_start
wait_for 60 epoch_above 0
sql "INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (1, 'NAN', '2024-03-01 10:00', 'NaN')"
pipeline_end
is "$code" 65 'a bad record stops the pipe: status 65'
like "$(cat "$work/pipeline.err")" 'window-agg: <stdin>:[0-9]+: .*monto: not a decimal' 'the stage says where and why'
like "$(cat "$work/pipeline.err")" 'realtime-pipeline: window-agg ended with status 65; stopped' 'the script says which stage'
equals_sql 'what came before it is in the store' "monto <> 'NaN'"

sales 50
pipeline_start --rejects "$work/rejects"
reaches_now
sql "INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (2, 'NAN', '2024-03-01 10:00', 5)"
reaches_now
equals_sql 'with --rejects the pipe goes on behind it' "monto <> 'NaN'"
pipeline_stop
is "$code" 0 'SIGTERM: exit status 0'
is "$(sort -u "$work/rejects/window-agg.rejects" | cut -f2- | jq -c '[.producto, .monto]')" '["NAN","NaN"]' \
    'the record is among the rejects, whole'
done_testing
