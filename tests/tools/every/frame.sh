# The frame of every command (l3-stream/tool.h): messages, signals, descriptors, progress.
. "$(dirname "$0")/../../lib/tap.sh"

probe=$(dirname "$TUBERIA_BIN")/unit/probe-tool

run "$probe" say hello
is "$code $(cat "$work/err")" "0 probe-tool: hello" "a message names its command"
run "$probe" say $'a\nb\t\e[31m\x7f'
is "$(cat "$work/err")" 'probe-tool: a\x0ab\x09\x1b[31m\x7f' "control bytes are shown"
run "$probe" say $'\xc2\x9b31m \xc3\xb1'
is "$(cat "$work/err")" $'probe-tool: \\xc2\\x9b31m \xc3\xb1' "C1 control characters too, letters are not"
run "$probe" say '%s%n'
is "$(cat "$work/err")" "probe-tool: %s%n" "a text is no format"
long=$(head -c 10000 /dev/zero | tr '\0' x)
run "$probe" say "$long"
is "$(wc -lc <"$work/err" | tr -s ' ')" " 1 4096" "a long message is cut to one line of PIPE_BUF"
run "$probe" say "$(head -c 5000 /dev/zero | sed 's/\x0/\xc3\xb1/g')"
is "$(iconv -f utf-8 -t utf-8 "$work/err" >/dev/null 2>&1 && echo whole)" whole "never within a character"

# Many at once into one pipe: each line whole.
for _ in $(seq 8); do
    "$probe" say abcdefghijklmnopqrstuvwxyz-{1..200} 2>&1 &
done >"$work/lines"
wait
is "$(grep -cE '^probe-tool: abcdefghijklmnopqrstuvwxyz-[0-9]+$' "$work/lines")" 1600 "lines of several tools do not mix"
strace=$(command -v strace) && {
    # Leaks cannot be looked for while somebody traces.
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
        "$strace" -f -e trace=write -o "$work/trace" "$probe" say hello 2>/dev/null
    is "$(grep -c 'write(2' "$work/trace")" 1 "one write(2) a message"
}

# ---- signals ----

for signal in TERM INT; do
    rm -f "$work/err" # or that of the one before is found waiting
    env --default-signal=INT "$probe" wait 2>"$work/err" &
    pid=$!
    wait_for 10 grep -q waiting "$work/err"
    kill -$signal $pid
    code=0
    wait $pid || code=$?
    is "$code $(tail -n 1 "$work/err")" "0 probe-tool: stopped" "SIG$signal ends a wait"
done
rm -f "$work/err"
"$probe" wait 2>"$work/err" &
pid=$!
wait_for 10 grep -q waiting "$work/err"
kill -INT $pid
kill -0 $pid
is "$(grep -c . "$work/err")" 1 "SIGINT that the parent has ignored stays ignored"
kill -TERM $pid
wait $pid
run "$probe" mask
is "$(cat "$work/err")" "probe-tool: blocked 1 1, in waits 0 0" "signals are let in by waits alone"
# The signal comes at all moments of its start, and between the look and the wait.
ended() { [[ $(cut -d ' ' -f 3 "/proc/$1/stat" 2>/dev/null) != [A-Y] ]]; }
lost=0
for i in $(seq 40); do
    "$probe" wait 2>/dev/null &
    pid=$!
    # Until then it is bash, which may swallow the signal.
    until [ "$(<"/proc/$pid/comm")" = probe-tool ]; do :; done
    for ((spin = 0; spin < i * 50; spin++)); do :; done
    kill -TERM $pid
    if ! wait_for 5 ended $pid; then
        lost=$((lost + 1))
        kill -9 $pid
    fi
    wait $pid 2>/dev/null
done
is "$lost" 0 "no signal is lost, whenever it comes"

# ---- descriptors ----

run "$probe" open "$work/file"
is "$(cat "$work/err")" "probe-tool: 3" "the first file opened is number 3"
"$probe" open "$work/file" 2>"$work/err" <&- >&-
is "$(cat "$work/err")" "probe-tool: 3" "with stdin and stdout closed as well"
"$probe" open "$work/file" <&- >&- 2>&-
is "$(cat "$work/file")" "" "and no message goes into a file"

# ---- progress ----

run "$probe" progress 3
is "$(cat "$work/err")" "probe-tool: no terminal" "no progress without a terminal"
if command -v expect >/dev/null; then
    cat >"$work/progress.exp" <<'EOF'
set stty_init "columns 40 rows 10"
spawn -noecho [lindex $argv 0] progress 60
expect eof
EOF
    TERM=xterm expect "$work/progress.exp" "$probe" >"$work/out"
    shown=$(tr '\r' '\n' <"$work/out" | grep -c ' of 60')
    if [ "$shown" -ge 2 ] && [ "$shown" -le 15 ]; then
        ok "progress on a terminal, at most five times a second"
    else
        not_ok "progress on a terminal, at most five times a second" "$shown times"
    fi
    is "$(tr '\r' '\n' <"$work/out" | sed 's/\x1b\[K//' | awk 'length > 39' | head -n 3)" "" "no wider than the terminal"
    is "$(tail -c 4 "$work/out")" $'\r\e[K' "and wiped at the end"
    TERM=dumb expect "$work/progress.exp" "$probe" >"$work/out"
    like "$(cat "$work/out")" "no terminal" "a dumb terminal has none"
else
    skip "progress on a terminal" "expect is not installed"
fi

done_testing
