#!/usr/bin/env bash
# With a second thread, which adds up and prints while the first one reads on, everything is as with one.
# shellcheck disable=SC2317 # functions are called by wait_for
. "$(dirname "$0")/../../lib/tap.sh"

# 150,000 records, most in order of time; some minutes late, some bad, some taken back, some with amounts that
# do not fit 64 bits or have many decimals; a barrier now and then, another control record in between.
awk 'BEGIN {
    srand(7)
    print "{\"@barrier\":{\"epoch\":1,\"pos\":\"p0\",\"time\":\"2024-03-21T09:00:00Z\"}}"
    for (i = 0; i < 150000; i++) {
        second = int(i * 3600 / 150000)
        if (rand() < 0.01) second -= int(rand() * 150)
        if (second < 0) second = 0
        amount = rand() < 0.001 ? "123456789012345678901.5" : rand() < 0.001 ? "0.00000001" : int(rand() * 10000) / 100
        if (rand() < 0.0005) amount = "\"bad\""
        printf "{%s\"k\":%d,\"p\":\"P%d\",\"m\":%s,\"t\":\"2024-03-21T10:%02d:%02d\"}\n", rand() < 0.05 ? "\"@op\":\"-\"," : "",
            rand() * 3000, rand() * 3, amount, second / 60, second % 60
        if (i % 20011 == 0)
            printf "{\"@barrier\":{\"epoch\":%d,\"pos\":\"p%d\",\"time\":\"2024-03-21T10:%02d:%02dZ\"}}\n", i / 20011 + 2, i, second / 60, second % 60
        if (i % 30011 == 0) print "{\"@note\":\"" i "\"}"
    }
    print "{\"@end\":{\"records\":150000}}"
}' >"$work/records"

agg=(window-agg --time t --window 1m --by 'k,p' --count n --sum m=s)
# run THREADS NAME OPTIONS...: leaves NAME.THREADS.out, .late, .bad, and what it says.
run() {
    local at=$work/$2.$1 threads=$1
    shift 2
    "${agg[@]}" --threads "$threads" --verbose --rejects "$at.bad" "$@" <"$work/records" >"$at.out" 2>"$at.err"
}
same() {
    for what in out bad err; do
        same_files "$work/$1.2.$what" "$work/$1.1.$what" "$1: $what"
    done
    passes "$1: there is much of it" test "$(wc -l <"$work/$1.2.out")" -gt 50000
}
for threads in 1 2; do
    run "$threads" final --lateness 30s --late "$work/final.$threads.late"
    run "$threads" limited --lateness 30s --max-groups 9000
    run "$threads" delta --emit delta --max-groups 5000
    run "$threads" extreme --min m=lo --max m=hi
done
same final
same_files "$work/final.2.late" "$work/final.1.late" "final: late records"
passes "some are late" test -s "$work/final.2.late"
passes "some are bad" test -s "$work/final.2.bad"
same limited
same delta
same extreme

# The limit ends both at the same line.
for threads in 1 2; do
    grep -v @ "$work/records" | grep -v bad |
        "${agg[@]}" --threads "$threads" --window 1h --max-groups 7777 >"$work/over.out" 2>"$work/over.$threads" || true
done
same_files "$work/over.2" "$work/over.1" "more groups than allowed: the same line"
like "$(cat "$work/over.2")" "<stdin>:[0-9]+: more than 7777 groups" "and it says so"

# Threads come when there is work for them; and what is done goes out while the input is open.
mkfifo "$work/in"
threads_of() { find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l; }
start() {
    "${agg[@]}" "$@" <"$work/in" >"$work/out" 2>"$work/err" &
    pid=$!
    exec 3>"$work/in"
}
sales() { # of minutes $1 to $2, 5000 groups in each
    awk -v from="$1" -v to="$2" 'BEGIN { for (m = from; m <= to; m++) for (i = 0; i < 5000; i++)
        printf "{\"k\":%d,\"p\":1,\"m\":1,\"t\":\"2024-03-21T10:%02d:00\"}\n", i, m }'
}
lines() { [ "$(wc -l <"$work/out")" -eq "$1" ]; }
finish() {
    exec 3>&-
    code=0
    wait "$pid" || code=$?
}
start --threads 2
sales 0 0 | head -n 5 >&3
sales 1 1 | head -n 5 >&3
wait_for 10 lines 5
is "$(threads_of "$pid")" 1 "a few records: one thread"
sales 2 21 >&3
passes "windows of a burst come out while the input waits" wait_for 20 lines $((10 + 19 * 5000))
is "$(threads_of "$pid")" 2 "many at once: two"
sales 22 23 >&3
passes "and those of the next one" wait_for 20 lines $((10 + 21 * 5000))
kill -TERM "$pid"
finish
is "$code $(wc -l <"$work/out")" "0 $((10 + 22 * 5000))" "SIGTERM: the rest is printed, status 0"

start --threads 1
sales 0 20 >&3
wait_for 20 lines $((20 * 5000))
is "$(threads_of "$pid")" 1 "--threads 1: one"
finish

all=$(taskset -cp $$ | sed 's/.*: //')
for processors in "${all%%[,-]*}" "$all"; do
    taskset -c "$processors" "${agg[@]}" <"$work/in" >"$work/out" &
    pid=$!
    exec 3>"$work/in"
    sales 0 20 >&3
    wait_for 20 lines $((20 * 5000))
    expected=1
    case $processors in *[,-]*) expected=2 ;; esac
    is "$(threads_of "$pid")" "$expected" "on processors $processors: $expected"
    finish
done

# What the second thread meets, the first one tells.
sales 0 59 >"$work/many"
code=0
"${agg[@]}" --threads 2 <"$work/many" >/dev/full 2>"$work/err" || code=$?
is "$code $(cat "$work/err")" "75 window-agg: cannot write: No space left on device" "a full disk"
code=0
{ "${agg[@]}" --threads 2 <"$work/many" 2>"$work/err" || echo "$?" >"$work/code"; } | head -n 1 >"$work/one"
is "$(cat "$work/code") $(cat "$work/err")" "74 " "a reader that goes away ends it, without a message"
done_testing
