# timeout: 300
# Requests that mean no good: each has one right answer, by either way; nobody dies, and nothing leaks.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_api.sh"
. "$(dirname "$0")/_nginx.sh"

export TUBERIA_API_LIMIT=1000000
cgi_params='fastcgi_param TUBERIA_API_LIMIT 1000000; '
make_store
norte=$(api-key add norte)
sur=$(api-key add sur --productos 85123A)
export TUBERIA_API_CORS=https://a.example
fastcgi_start
workers=$(pgrep -P $api | sort | xargs)
fcgiwrap_start
for variant in fastcgi fcgiwrap; do
    nginx_start $variant
    python3 "$(dirname "$0")/_hostile.py" "$port" "$norte" "$sur" "$work" >"$work/hostile"
    asked=$(sed -n 's/ asked, .*//p' "$work/hostile")
    is "$(tail -n 1 "$work/hostile")" "$asked asked, 0 wrong" "$variant: $asked requests"
    grep '^#' "$work/hostile" | head -n 20
    if [ "${asked:-0}" -ge 200 ]; then ok "$variant: more than 200"; else not_ok "$variant: more than 200" "$asked"; fi
done
is "$(pgrep -P $api | sort | xargs)" "$workers" "no worker has died"
is "$(cat "$work/api.err")$(grep -v '^$' "$work/wrap.err" | head -n 3)" "" "and nobody had anything to say"

done_testing
