# What is run for an alert: its input, its limits, its failures; and that nobody waits for it.
. "$(dirname "$0")/../../lib/tap.sh"

alerts() { seq -f '{"m":%.0f}' "$1"; }
rule=(alert-when --field m --above 0)
cd "$work" || exit 1

# A hostile value stays data.
printf '{"m":1,"t":"2024-03-21T10:00:00","k":"$(touch x) `touch y` '"'"'; touch z"}\n' |
    "${rule[@]}" --window-field t --by k --exec 'cat >got; echo "$#" >arguments' >expected
is "$(cat arguments)" 0 "no argument"
same_files got expected "the record is the input"
is "$(ls x y z 2>/dev/null)" "" "and nothing of it is run"

alerts 5 | "${rule[@]}" --exec 'cat >>all' >out
same_files all out "one run an alert, in their order"
alerts 3 | "${rule[@]}" --exec 'echo to stdout' >out 2>err
is "$(grep -c . out) $(grep -c '^to stdout$' err)" "3 3" "what it writes goes to stderr"

alerts 3 | "${rule[@]}" -v --exec 'exit 3' >out 2>err
is "$? $(grep -c 'ended with status 3' err)" "0 3" "a failure is said, and is not the end"
like "$(cat err)" 'runs of the command 3, failed 3; held back by --limit 0' "and counted"
alerts 1 | "${rule[@]}" --exec 'kill -9 $$' >out 2>err
like "$(cat err)" 'the command was ended by signal 9' "killed"

# 2 in a day: the third is held back, and told to nobody but stdout and the counters.
alerts 5 | "${rule[@]}" -v --limit 2 --limit-per 1d --exec 'cat >>limited' >out 2>err
is "$(grep -c . limited) $(grep -c . out)" "2 5" "--limit"
like "$(cat err)" 'runs of the command 2, failed 0; held back by --limit 3' "held back, counted"
# One in half a second: the next that is run says how many were held back before it.
{
    alerts 3
    wait_for 10 test -s slow
    sleep 0.6
    alerts 1
} | "${rule[@]}" --limit 2 --limit-per 1s --exec 'cat >>slow' >out
is "$(jq -c .omitidas slow | tr '\n' ' ')" "null null 1 " "the next run says how many were held back"

# A command that hangs is ended with all its children; the input is read on meanwhile.
mkfifo fifo
"${rule[@]}" --exec-timeout 500ms --exec 'sleep 1000 & echo $! >child; wait' <fifo >out 2>err &
pid=$!
exec 3>fifo
alerts 2 >&3
wait_for 10 grep -q 2 out
ok "the input is read on while the command runs"
wait_for 10 grep -q 'took longer' err
exec 3>&-
code=0
wait $pid || code=$?
is "$code $(grep -c 'took longer than 500 ms' err)" "0 1" "a command that hangs is ended"
gone() { ! kill -0 "$(cat child)" 2>/dev/null; }
wait_for 5 gone
passes "with its children" gone

# More than may wait: dropped, counted, and the stream never stands.
alerts 2000 | "${rule[@]}" -v --limit 1000000 --exec-timeout 100ms --exec 'sleep 1000' >out 2>err
is "$(grep -c . out)" 2000 "all alerts are on stdout, whatever the command does"
dropped=$(sed -n 's/.*command was not run for: //p' err) ran=$(sed -n 's/.*runs of the command \([0-9]*\),.*/\1/p' err)
held=$(sed -n 's/.*held back by --limit \([0-9]*\)$/\1/p' err)
is $((dropped + ran + held)) 2000 "and each is run, held back or dropped"

# A command that reads nothing does not matter either.
alerts 1 | "${rule[@]}" --exec true >out 2>err
is "$?$(cat err)" 0 "a command that reads nothing"

done_testing
