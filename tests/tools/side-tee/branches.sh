# What commands beside a stream get, and that none of them can disturb it.
. "$(dirname "$0")/../../lib/tap.sh"
cd "$work" || exit 1

N=200000
[ -z "${TUBERIA_SANITIZED:-}" ] || N=100000
barrier='{"@barrier":{"epoch":1,"pos":"p","time":"2024-03-21T10:00:00Z"}}'
end='{"@end":{"records":1}}'
sales() { seq -f '{"n":%.0f,"relleno":"................................................................"}' "$@"; }
gone() { ! kill -0 "$1" 2>/dev/null; }

# ---- copies ----

{ sales 1000 && head -c 300000 /dev/urandom && head -c 3000000 /dev/zero && printf '\nx\n\nlast'; } >in
side-tee 'cat >one' 'cat >two' <in >out
same_files out in "whatever it is, it comes out"
{ sales 1000 && printf 'x\nlast'; } >in
side-tee -v 'cat >one' 'cat >two' <in >out 2>err
same_files one in "a command gets it all"
same_files two in "and so does another"
is "$(grep -c 'in 1002 = given 1002 + lost 0; starts 1$' err)" 2 "and it is counted"
{ sales 2 && head -c 3000000 /dev/zero | tr '\0' x && echo && sales 3 4; } | side-tee 'cat >one' >out 2>err
is "$(wc -c <out) $(jq -c '.n // ."@gap".records' one | tr '\n' ' ')" "$(sales 4 | wc -c | awk '{ print $1 + 3000001 }') 1 2 1 3 4 " \
    "a line of 3 MB is copied, and missing in the branch"
printf '' | side-tee 'cat >one' >out
is "$?$(cat out one)" 0 "nothing"
side-tee 'echo to stdout; cat >/dev/null' <in >out 2>err
same_files out in "what a command writes is not in the stream"
is "$(cat err)" "to stdout" "but on stderr"

# ---- a command that stands ----

sales $N >in
side-tee -v --linger 100ms --buffer 65536 'sleep 1000 & echo $! >sleeper; wait' 'cat >two' <in 2>err | cat >out
same_files out in "a command that does not read does not matter"
wait_for 10 gone "$(cat sleeper)"
passes "it is ended at the end, with its children" gone "$(cat sleeper)"
like "$(cat err)" 'branch 1 does not keep up' "it is said"
like "$(cat err)" "branch 1: in $N = given [0-9]+ \\+ lost [0-9]+; starts 1" "and counted"
read -r given lost < <(sed -n 's/.*branch 1: in [0-9]* = given \([0-9]*\) + lost \([0-9]*\);.*/\1 \2/p' err)
is $((given + lost)) "$N" "to the last line"

# One that stands for a while: what it misses stands in its stream, in its place.
mkfifo go
{ sales $N && echo "$barrier" && cat go && sales $((N + 1)) $((N + 10)) && echo "$end"; } |
    side-tee -v --buffer 65536 'until [ -e wake ]; do sleep 0.05; done; cat >late' 2>err | cat >out &
pid=$!
exec 3>go
complete() { [ "$(wc -l <out)" -gt "$N" ]; }
wait_for 60 complete
touch wake
awake() { [ "$(wc -l <late)" -gt 500 ] && [ "$(tail -n 1 late | tail -c 2 | wc -c)" = 2 ]; }
wait_for 20 awake 2>/dev/null
exec 3>&-
wait $pid
is "$(jq -c 'select(has("n"))' late | wc -l)" "$(($(jq -c .n late | grep -vc null)))" "its lines are whole"
is "$(jq -n '[inputs | if has("n") then 1 else (."@gap".records // 0) end] | add' late)" $((N + 10)) \
    "records and gaps together are all there were"
is "$(jq -c '."@gap"' late | grep -vc null)" 1 "one gap"
is "$(tail -n 1 late)" "$end" "the end is there"
is "$(tail -n 11 late | jq -c .n | tr '\n' ' ')" "$(seq -s ' ' $((N + 1)) $((N + 10))) null " "and what came behind the gap"

# ---- a command that dies ----

mkfifo feed
side-tee -v 'echo $$ >>pids; exec cat >>taken' <feed >out 2>err &
pid=$!
exec 3>feed
sales 10 >&3
has() { [ "$(wc -l <"$1")" -ge "$2" ]; } 2>/dev/null
wait_for 10 has taken 10
kill -9 "$(tail -n 1 pids)"
wait_for 10 grep -q 'ended with signal 9; it is started again' err
sales 11 20 >&3
wait_for 10 has out 20
is "$(wc -l <out)" 20 "the stream goes on"
wait_for 20 has taken 20
exec 3>&-
wait $pid
is "$(jq .n taken | tr '\n' ' ')" "$(seq -s ' ' 1 20) " "the next one gets what waited"
like "$(cat err)" 'in 20 = given 20 \+ lost 0; starts 2' "and it is counted"

sales 10 | side-tee 'head -n 1 >/dev/null' 'exit 64' 'no-such-command' 'cat >four' >out 2>err
is "$? $(wc -l <out) $(wc -l <four)" "0 10 10" "commands that end do not matter to others"
# Of an end that is noticed behind that of the input, whether it is started again is no question.
is "$(sed -n 's/^side-tee: \(branch [23] ended with status [0-9]*\).*/\1/p' err | sort | paste -sd,)" \
    "branch 2 ended with status 64,branch 3 ended with status 127" "and it is said"
is "$(grep -c 'branch [23] .*it is started again' err)" 0 "and not that they are started again"

# ---- the stream's own troubles ----

fails "no command" 64 side-tee
code=0
side-tee 'cat >/dev/null' <&- >out 2>err || code=$?
is "$code" 74 "stdin closed"
sales $N >in
code=0
side-tee 'cat >/dev/null' <in >/dev/full 2>err || code=$?
is "$code $(grep -c 'No space left' err)" "75 1" "/dev/full"
{ side-tee 'cat >/dev/null' <in 2>err; echo $? >code; } | head -n 1 >out
is "$(cat code err)" 74 "the reader goes away: ends, quietly"

# A reader that does not read stops it, in bounded memory; the branch has what was read.
mkfifo slow
side-tee 'cat >/dev/null' <in >slow &
pid=$!
exec 4<slow
cpu() { cut -d ' ' -f 3,14,15 "/proc/$pid/stat"; }
stalled() { local before; before=$(cpu) && [[ $before == S* ]] && sleep 0.3 && [ "$(cpu)" = "$before" ]; }
wait_for 20 stalled
passes "a reader that does not read stops it" stalled
peak=$(awk '/VmHWM/ { print $2 }' /proc/$pid/status)
if [ -n "${TUBERIA_SANITIZED:-}" ]; then
    skip "bounded in memory meanwhile" "sanitizers take memory of their own"
else
    passes "bounded in memory meanwhile ($peak kB)" test "$peak" -lt 32768
fi
cat <&4 >out
exec 4<&-
wait $pid
same_files out in "and goes on when it reads"

for signal in TERM INT; do
    rm -f out
    env --default-signal=INT side-tee 'cat >/dev/null' < <(sales 100000000 2>/dev/null) >out 2>err &
    pid=$!
    wait_for 10 test -s out
    kill -$signal $pid
    code=0
    wait $pid || code=$?
    is "$code$(cat err)" 0 "SIG$signal in mid-stream: ends, quietly"
    is "$(tail -n 1 out | jq -c 'has("n")' 2>&1)" true "SIG$signal: the output ends with a whole record"
done

done_testing
