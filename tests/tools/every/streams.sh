# timeout: 240
# What becomes of every filter when its descriptors and its neighbours do: closed pipes, full disks,
# slow readers, signals.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_filters.sh"

N=20000
[ -z "${TUBERIA_SANITIZED:-}" ] || N=5000

# cpu PID: its state, and the time it has spent.
cpu() { cut -d ' ' -f 3,14,15 "/proc/$1/stat" 2>/dev/null; }
# stalled PID: it sleeps, and has done nothing for a while.
stalled() {
    local before
    before=$(cpu "$1")
    [[ $before == S* ]] || return 1
    sleep 0.3
    [ "$(cpu "$1")" = "$before" ]
}
ended() { [[ $(cpu "$1") != [A-Y]* ]]; }
# works PID: it catches SIGTERM (15, which is bit 14), so it is no shell any more, nor a program that is being loaded; and
# has spent some time since then: it is in mid-stream.
catches() { (((0x$(awk '/^SigCgt/ { print $2 }' "/proc/$1/status" 2>/dev/null || echo 0) >> 14) & 1)); }
works() {
    catches "$1" || return 1
    [ -n "$at_first" ] || at_first=$(cpu "$1")
    [ "$(cpu "$1" | cut -d ' ' -f 2,3)" != "${at_first#* }" ]
}
# finish PID: waits for it; sets code. When it has not ended within 20 seconds: "still running".
finish() {
    if wait_for 20 ended "$1"; then
        code=0
        wait "$1" || code=$?
    else
        code="still running "
        kill -9 "$1"
        wait "$1"
    fi
}

for path in "$TUBERIA_BIN"/*; do
    use "${path##*/}" || continue
    records $N >"$work/in"

    # ---- stdin ----
    forget
    code=0
    "${argv[@]}" <&- >"$work/out" 2>"$work/err" || code=$?
    is "$code" 74 "$tool: stdin closed"
    like "$(cat "$work/err")" "^$tool: .*Bad file descriptor" "$tool: says so"
    run "${argv[@]}" <"$work"
    is "$code" 74 "$tool: stdin is a directory"
    like "$(cat "$work/err")" "^$tool: .*Is a directory" "$tool: says so"

    # ---- signals ----
    for signal in TERM INT; do
        forget
        mkfifo "$work/fifo"
        records 100000000 >"$work/fifo" 2>/dev/null &
        # A shell has SIGINT ignored in what runs in the background, and tools respect that.
        env --default-signal=INT "${argv[@]}" <"$work/fifo" >"$work/out" 2>"$work/err" &
        pid=$!
        at_first=''
        wait_for 10 works $pid
        kill -$signal $pid
        finish $pid
        wait
        rm "$work/fifo"
        is "$code$(cat "$work/err")" "$stops" "$tool: SIG$signal in mid-stream: ends, quietly"
        [ -z "$out" ] || is "$(jq -c . <"$work/out" 2>&1 | grep -c '')" "$(grep -c '' "$work/out")" \
            "$tool: SIG$signal in mid-stream: the output ends with a whole record"

        forget
        mkfifo "$work/fifo"
        env --default-signal=INT "${argv[@]}" <"$work/fifo" >"$work/out" 2>"$work/err" &
        pid=$!
        exec 3>"$work/fifo"
        head -n 1 "$work/in" >&3
        wait_for 10 stalled $pid
        kill -$signal $pid
        finish $pid
        exec 3>&-
        rm "$work/fifo"
        is "$code$(cat "$work/err")" "$stops" "$tool: SIG$signal while it waits for input: ends, quietly"
    done

    # ---- two at once, one rejects file ----
    rm -f "$work/rejects"
    sed 's/}$//' "$work/in" | head -n 2000 >"$work/bad"
    for _ in 1 2; do
        "${argv[@]}" --rejects "$work/rejects" <"$work/bad" >/dev/null 2>"$work/err" &
    done
    wait
    is "$(cut -f 2- "$work/rejects" | sort | uniq -c | awk '$1 == 2' | wc -l)" 2000 \
        "$tool: two at once, one rejects file: no line is torn or lost"

    [ -n "$out" ] || continue

    # ---- stdout ----
    forget
    "${argv[@]}" <"$work/in" >"$work/whole"
    is "$?" 0 "$tool: $N records"
    code=0
    "${argv[@]}" <"$work/in" >&- 2>"$work/err" || code=$?
    is "$code" 74 "$tool: stdout closed"
    like "$(cat "$work/err")" "^$tool: .*Bad file descriptor" "$tool: says so"
    code=0
    "${argv[@]}" <"$work/in" >/dev/full 2>"$work/err" || code=$?
    is "$code" 75 "$tool: /dev/full"
    like "$(cat "$work/err")" "^$tool: .*No space left" "$tool: says so"
    code=0
    head -n 1 "$work/in" | "${argv[@]}" >/dev/full 2>"$work/err" || code=$?
    is "$code" 75 "$tool: /dev/full, met by the last flush only"

    {
        "${argv[@]}" <"$work/in" 2>"$work/err"
        echo $? >"$work/code"
    } | head -n 1 >"$work/first"
    is "$(cat "$work/code" "$work/err")" 74 "$tool: the reader goes away: ends, quietly"
    is "$(cat "$work/first")" "$(head -n 1 "$work/whole")" "$tool: what that had read is right"

    mkfifo "$work/fifo"
    "${argv[@]}" <"$work/in" >"$work/fifo" 2>"$work/err" &
    pid=$!
    exec 4<"$work/fifo"
    if wait_for 20 stalled $pid; then
        ok "$tool: a reader that does not read stops it"
    else
        not_ok "$tool: a reader that does not read stops it"
    fi
    peak=$(awk '/VmHWM/ { print $2 }' /proc/$pid/status)
    if [ -n "${TUBERIA_SANITIZED:-}" ]; then
        skip "$tool: bounded in memory meanwhile" "sanitizers take memory of their own"
    elif [ "$peak" -lt 65536 ]; then
        ok "$tool: bounded in memory meanwhile"
    else
        not_ok "$tool: bounded in memory meanwhile" "$peak kB"
    fi
    cat <&4 >"$work/slow"
    exec 4<&-
    finish $pid
    rm "$work/fifo"
    is "$code$(cat "$work/err")" 0 "$tool: and goes on when it reads"
    same_files "$work/slow" "$work/whole" "$tool: with nothing lost"
done

done_testing
