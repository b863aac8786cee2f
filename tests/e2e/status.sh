# timeout: 300
# once: it is about the script, whose stages others run under sanitizers.
# --status, with the pipeline running or not, with the server there or not.
. "$(dirname "$0")/_lib.sh"

shop
status() { realtime-pipeline --status "$@"; }
member() { jq -r "$1" <"$work/out"; }

run status
is "$code" 0 'before the first run: status 0'
is "$(member '[.name, .running, .epoch, .lag_bytes, .slot] | tostring')" '["realtime",false,null,null,null]' 'and there is nothing yet'
[ ! -e "$store" ]
is "$?" 0 'asking makes no store'

sales 500
pipeline_start
wait_for 60 epoch_above 2
reaches_now
run status
is "$code" 0 'running: status 0'
is "$(wc -l <"$work/out")" 1 'in a pipe it is one line'
is "$(member '.running')" true 'running'
is "$(member '.epoch > 0 and .age_seconds < 10 and .lag_seconds < 10')" true 'epoch, age and lag are plausible'
like "$(member .pos)" '^pg1:[0-9]+:[0-9A-F]+/[0-9A-F]+:[0-9]+:[0-9]+:postgres\.public\.ventas$' 'the position'
like "$(member .time)" '^[0-9-]+T[0-9:.]+Z$' 'the time of the last epoch'
is "$(member '[.slot.name, .slot.active, .slot.wal_status] | tostring')" '["tuberia_realtime",true,"reserved"]' 'the slot'
is "$(member '.slot.retained_bytes >= 0 and (.slot.confirmed_flush_lsn | length) > 3')" true 'what the slot retains'
text=$(status --format text)
like "$text" "running, .*pid $pipeline " 'as text: who it is'
like "$text" 'epoch +[0-9]+, of .* s ago' 'as text: the epoch'
like "$text" 'slot +tuberia_realtime: active, confirmed .*, retains .* of WAL \(reserved\)' 'as text: the slot'

pipeline_stop
sales 500
run status
is "$(member '.running')" false 'stopped: not running'
is "$(member '.lag_bytes > 10000 and .lag_seconds > 0')" true 'stopped: the lag grows with what is written'
is "$(member '.slot.active')" false 'stopped: the slot is not in use'
epoch=$(epoch)

pg_stop
run status
is "$code" 69 'the server is down: status 69'
is "$(member '[.server, .epoch, .lag_bytes, .slot] | tostring')" "[\"unavailable\",$epoch,null,null]" "but the store's part is there"
like "$(cat "$work/err")" 'the server cannot be asked' 'and it is said'
done_testing
