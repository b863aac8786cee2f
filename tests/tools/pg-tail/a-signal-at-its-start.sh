#!/bin/bash
# SIGTERM and SIGINT while pg-tail is still connecting, or waits for a server: a run without a goal ends as it
# does later, and those behind it know that it meant to; one that was to reach something has not.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start
make_ventas
run pg-tail -t ventas --create --snapshot --once
barrier=$(barriers "$work/out")
# As a sink that stored less than it had promised would ask for it.
repeated=${barrier/'"time"'/'"resume":"pg1:1:0/1:0:16384:public.ventas","time"'}

# It is pg-tail by now, and SIGTERM is handled.
listens() { [ "$(<"/proc/$tail_pid/comm")" = pg-tail ] && ((0x$(awk '/^SigCgt/ { print $2 }' "/proc/$tail_pid/status") & 1 << 14)); }
is_connecting() { listens && find "/proc/$tail_pid/fd" -lname 'socket:*' 2>/dev/null | grep -q .; }

# stopped SIGNAL OPTION...: the server takes connections, and does not answer; sets code, and the output
# is in $work/early.
stopped() {
    local signal=$1
    env --default-signal=INT pg-tail -t ventas "${@:2}" >"$work/early" 2>"$work/early.err" & # bash ignores it there
    tail_pid=$!
    at_exit "kill -9 $tail_pid 2>/dev/null"
    wait_for 30 is_connecting || not_ok 'it connects'
    stop_tail "$signal"
}

postmaster=$(head -n 1 "$PG_DIR/data/postmaster.pid")
at_exit "kill -CONT $postmaster 2>/dev/null"
kill -STOP "$postmaster"
for signal in TERM INT; do
    stopped "$signal"
    is "$code $(<"$work/early") $(<"$work/early.err")" '0 {"@end":{"records":0}} ' "SIG$signal: the end, and nothing to say"
done
stopped TERM --resume "$barrier"
is "$code $(<"$work/early") $(<"$work/early.err")" "0 $barrier"$'\n{"@end":{"records":0}} ' '--resume: behind that barrier'
stopped TERM --resume "$repeated"
is "$code $(<"$work/early") $(<"$work/early.err")" "0 $repeated " 'no end within a repetition: the next run goes on with it'
stopped TERM --poll id
is "$code $(<"$work/early")" '0 {"@end":{"records":0}}' '--poll'
stopped TERM --create --follow
is "$code $(<"$work/early")" '0 {"@end":{"records":0}}' '--create --follow'
for options in --once '--until 2099-01-01T00:00:00Z' --create --drop '--create --snapshot --slot other' '--poll id --snapshot'; do
    # shellcheck disable=SC2086 # several words
    stopped TERM $options
    is "$code $(<"$work/early")" '75 ' "$options: that was not reached"
    like "$(<"$work/early.err")" '^pg-tail: .*stopped by a signal$' '... and it is said'
done
# The stages behind it have lost nothing, and say nothing.
mkfifo "$work/in"
window-agg --emit delta --time fecha --window 1d --by cliente_id --count n --sum monto=monto_total <"$work/in" 2>"$work/stages" |
    ddb-put --checkpoint ventas "sqlite:$work/metricas.db" 2>>"$work/stages" &
stages=$!
pg-tail -t ventas --resume "$barrier" >"$work/in" 2>"$work/early.err" &
tail_pid=$!
at_exit "kill -9 $tail_pid $stages 2>/dev/null; wait 2>/dev/null"
wait_for 30 is_connecting || not_ok 'it connects'
stop_tail TERM
sink=0
wait "$stages" || sink=$?
is "$code $sink $(<"$work/stages")" '0 0 ' 'window-agg and ddb-put end with it'
kill -CONT "$postmaster"

# No server at all, and told to wait for one.
pg_stop
tail_in_background "$work/early" -t ventas --wait 1h
wait_for 30 listens || not_ok 'it has begun'
stop_tail TERM
is "$code $(<"$work/early") $(<"$work/early.err")" '0 {"@end":{"records":0}} ' '--wait for a server that is not there'

done_testing
