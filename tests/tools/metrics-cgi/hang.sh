# timeout: 180
# What hangs is not waited for: a worker in a call that does not come back, one that stands still, a log that nobody
# reads.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_api.sh"
. "$(dirname "$0")/_nginx.sh"

make_store
norte=$(api-key add norte)

# Whoever opens the file waits until its lease is given back: as in the hands of a file server that does not answer.
cat >"$work/lease.py" <<'EOF'
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fcntl.fcntl(os.open(sys.argv[1], os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
time.sleep(100)
EOF
lease() {
    : >"$work/leased"
    python3 "$work/lease.py" "$1" >"$work/leased" &
    lease=$!
    at_exit "kill $lease 2>/dev/null"
    wait_for 10 grep -q leased "$work/leased"
}
give_back() {
    kill "$lease"
    wait "$lease" 2>/dev/null
}
workers() { pgrep -P "$api" | sort | xargs; }
# replaced PID: it is gone, and there are two again.
replaced() { ! kill -0 "$1" 2>/dev/null && [ "$(pgrep -c -P "$api")" = 2 ]; }

# ---- in a call ----

fastcgi_start --deadline 200ms
nginx_start fastcgi
lease "$work/store/m.db"
before=$(workers)
ask /metricas/cliente/17850 -H "X-API-Key: $norte"
like "$status $(header Content-Type)" '^50[24] application/problem\+json$' "a worker that hangs in a call: the web server answers"
wait_for 30 grep -q 'has hung' "$work/api.err"
like "$(cat "$work/api.err")" 'worker [0-9]+ has hung for 4 s: it is killed' "the supervisor has seen it"
hung=$(sed -n 's/.*worker \([0-9]*\) has hung.*/\1/p' "$work/api.err")
like " $before " " $hung " "it was one of the two"
give_back
wait_for 10 replaced "$hung"
ask /metricas/cliente/17850 -H "X-API-Key: $norte"
is "$status" 200 "and has a successor"

# ---- stopped ----

stopped=$(pgrep -P "$api" | head -n 1)
kill -STOP "$stopped"
if wait_for 30 replaced "$stopped"; then ok "a worker that stands still is replaced"; else not_ok "a worker that stands still is replaced"; fi
# All of them at once, with whoever watches: nobody has lived through that time.
: >"$work/api.err"
before=$(workers)
pids="$api $before"
# shellcheck disable=SC2086
kill -STOP $pids
sleep 6
# shellcheck disable=SC2086
kill -CONT $pids
ask /health
is "$status $(workers)$(cat "$work/api.err")" "200 $before" "a machine that was asleep kills nobody"

# ---- CGI ----

cp "$work/store/m.db" "$work/other.db"
lease "$work/other.db"
by_hand /metricas/cliente/17850 HTTP_X_API_KEY="$norte" TUBERIA_STORE="sqlite:$work/other.db" TUBERIA_API_DEADLINE=200ms
is "$code $status $(header Content-Type)" "0 504 application/problem+json" "a CGI process that hangs in a call says so"
give_back

# ---- the log ----

mkfifo "$work/pipe"
by_hand /health TUBERIA_API_ACCESS_LOG="$work/pipe"
is "$code $status" "0 200" "a pipe that nobody reads"
like "$(cat "$work/err")" "No such device" "and that is said"
kill "$api"
wait "$api" 2>/dev/null
# One who has it open, and never reads; of a page, the least that a pipe can hold.
python3 -c '
import fcntl, os, sys, time
fcntl.fcntl(os.open(sys.argv[1], os.O_RDWR), 1031, 4096)
print("open", flush=True)
time.sleep(1000)' "$work/pipe" >"$work/idle" &
idle=$!
at_exit "kill $idle 2>/dev/null"
wait_for 10 grep -q open "$work/idle"
export TUBERIA_API_LIMIT=1000000
: >"$work/api.err"
fastcgi_start --access-log "$work/pipe"
echo "$norte" >"$work/keys.now"
python3 "$(dirname "$0")/_load.py" 3 8 "$port" "$work/keys.now" >"$work/load"
is "$(jq -r '.statuses | keys | join(" ")' "$work/load")" 200 "a pipe that is full keeps nobody waiting"
like "$(cat "$work/api.err")" "pipe: access log: Resource temporarily unavailable" "and lines are lost aloud"
cat "$work/pipe" >"$work/lines" &
reader=$!
wait_for 10 eval '[ -s "$work/lines" ] && tail -c 1 "$work/lines" | grep -q "^$"'
kill $reader $idle
is "$(jq -es 'length > 9' "$work/lines")" true "what the pipe took are whole lines"

done_testing
