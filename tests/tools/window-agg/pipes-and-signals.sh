#!/usr/bin/env bash
# What needs a second process: output that comes while input is still open, signals, slow readers.
# shellcheck disable=SC2317 # functions are called by wait_for
. "$(dirname "$0")/../../lib/tap.sh"

agg=(window-agg --time t --window 1m --by k --count n)
barrier='{"@barrier":{"epoch":1,"pos":"p1","time":"2024-03-21T10:00:00Z"}}'
first='{"k":1,"t":"2024-03-21T10:00:00"}'
second='{"k":1,"t":"2024-03-21T10:01:00"}'
closed='{"id":"1#2024-03-21","k":1,"n":1,"fecha_hora":"2024-03-21T10:00:00"}'
open='{"id":"1#2024-03-21","k":1,"n":1,"fecha_hora":"2024-03-21T10:01:00"}'

# start OPTIONS...: runs it with a pipe that stays open; feed LINE; finish: closes the pipe. stop: SIGTERM.
mkfifo "$work/in"
start() {
    "${agg[@]}" "$@" <"$work/in" >"$work/out" 2>"$work/err" &
    pid=$!
    exec 3>"$work/in"
}
feed() { printf '%s\n' "$@" >&3; }
finish() {
    exec 3>&-
    code=0
    wait "$pid" || code=$?
}
has() { [ "$(cat "$work/out")" = "$1" ]; }
catches() { [ "$(awk '/^SigCgt/ { print $2 }' "/proc/$pid/status")" != 0000000000000000 ]; }
stop() {
    wait_for 10 catches # its handler is there
    kill -TERM "$pid"
    code=0
    wait "$pid" || code=$?
    exec 3>&-
}

start
feed "$first" "$second"
passes "a closed window is out while the input waits" wait_for 10 has "$closed"
finish
is "$code $(cat "$work/out")" "0 $closed
$open" "and the open one at the end"

start
feed "$barrier"
passes "a barrier is out while the input waits" wait_for 10 has "$barrier"
feed '{"@end":{"records":0}}'
finish
is "$code" 0 "and it ends"

start --late "$work/late"
feed "$second" "$first" "$barrier"
late_has() { [ "$(cat "$work/late")" = "$first" ]; }
passes "a late record is in its file when the barrier has come" wait_for 10 late_has
finish
is "$code" 75 "end of input without @end"

start
feed "$first" "$second"
wait_for 10 has "$closed"
stop
is "$code $(cat "$work/out")" "0 $closed
$open" "SIGTERM in a plain stream: what is there is printed, status 0"

start
feed "$barrier" "$first" "$second"
wait_for 10 has "$barrier
$closed"
stop
is "$code $(cat "$work/out")" "0 $barrier
$closed" "SIGTERM in a stream with barriers: open windows are the next run's, status 0"

start --emit delta
feed "$barrier" "$first"
wait_for 10 has "$barrier"
stop
is "$code $(cat "$work/out")" "0 $barrier" "SIGTERM in deltas: what no barrier has closed is the next run's"

# Many more bytes than pipes hold, and a reader that takes them in small sips after a start that waits
# for the writer to be stuck.
mkfifo "$work/slow"
awk 'BEGIN { for (i = 0; i < 200000; i++) printf "{\"k\":%d,\"t\":\"2024-03-21T10:00:00\"}\n", i }' |
    "${agg[@]}" >"$work/slow" &
exec 4<"$work/slow"
stuck() { [ "$(cut -d' ' -f3 /proc/$!/stat 2>/dev/null)" = S ]; }
wait_for 10 stuck
is "$(dd bs=512 status=none <&4 | wc -l)" 200000 "a slow reader gets every record"
exec 4<&-

# Memory: 60 minutes of 2,000 groups each, one at a time. 20 MB would be 120,000 groups at once.
awk 'BEGIN { for (i = 0; i < 600000; i++)
    printf "{\"k\":%d,\"t\":\"2024-03-21T10:%02d:00\"}\n", i % 2000, i / 10000 }' >"$work/records"
peak() { /usr/bin/time -f %M -o "$work/peak" "$@" >/dev/null && cat "$work/peak"; }
if [ -x /usr/bin/time ] && ! grep -q __asan_init "$TUBERIA_BIN/window-agg"; then
    kb=$(peak "${agg[@]}" <"$work/records")
    passes "memory is that of the open windows ($kb kB)" test "$kb" -lt 12000
else
    skip "memory is that of the open windows" "no /usr/bin/time, or a sanitizer's build"
fi
done_testing
