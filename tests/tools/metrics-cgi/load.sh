# timeout: 240
# Many clients at once, over FastCGI workers and CGI processes alike: the limit holds, and keys are replaced under
# them without a wrong answer.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_api.sh"
. "$(dirname "$0")/_nginx.sh"

make_store
load() { python3 "$(dirname "$0")/_load.py" "$@" >"$work/load" 2>"$work/load.err"; }
result() { jq -r "$1" "$work/load"; }

# ---- one key, 50 clients, both ways ----

export TUBERIA_API_LIMIT=600 TUBERIA_API_BURST=200
api-key add norte >"$work/one"
fastcgi_start
fcgiwrap_start
nginx_start fastcgi
ports=$port
# The same limit for both, or they would not agree on what is left.
cgi_params='fastcgi_param TUBERIA_API_LIMIT 600; fastcgi_param TUBERIA_API_BURST 200; '
nginx_start fcgiwrap
load 8 50 "$ports,$port" "$work/one"
# 10 a second come to the 200 of the burst.
most=$(jq '200 + 10 * .seconds + 1 | floor' "$work/load")
if [ "$(result .most)" -le "$most" ] && [ "$(result .most)" -ge 200 ]; then
    ok "50 clients of one key: $(result .most) answers"
else
    not_ok "50 clients of one key" "$(result .most), at most $most" "$(cat "$work/load" "$work/load.err")"
fi
is "$(result '.statuses | keys | join(" ")') $(result '.broken | length')" "200 429 0" "answers, or 429"

# ---- keys replaced under load ----

kill $api
wait $api 2>/dev/null
rm -f "$work/limit"
export TUBERIA_API_LIMIT=1000000 TUBERIA_API_BURST=1000000
fastcgi_start
for i in 1 2 3 4; do
    api-key add "n$i"
done >"$work/many"
(for i in $(seq 25); do
    api-key add "x$i" >/dev/null
    api-key revoke "x$i"
done) &
changes=$!
load 6 16 "$ports" "$work/many"
wait $changes
is "$(result '.statuses | keys | join(" ")') $(result '.broken | length')" "200 0" "keys come and go: nobody is turned away wrongly"
# A worker that dies costs its own connections an answer each, at most.
load 4 16 "$ports" "$work/many" &
loading=$!
sleep 1
kill -9 "$(pgrep -P $api | head -n 1)"
wait $loading
is "$(result '[.statuses | to_entries[] | select(.key != "200" and .key != "502") | .key] | join(" ")')" "" "a worker is killed: answers, or 502"
if [ "$(result '.statuses["502"] // 0')" -le 32 ]; then
    ok "of these, few"
else
    not_ok "of these, few" "$(cat "$work/load")"
fi

done_testing
