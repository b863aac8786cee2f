# timeout: 240
# metrics-cgi behind a real nginx with the configuration that is shipped, as a FastCGI server and under fcgiwrap.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_api.sh"
. "$(dirname "$0")/_nginx.sh"

make_store
norte=$(api-key add norte)
sur=$(api-key add sur --productos 85123A)

is_problem() {
    if [ "$status" = "$1" ] && [ "$(header Content-Type)" = application/problem+json ] &&
        [ "$(jq -r .status "$work/body")" = "$1" ] && [ "$(jq -r '.title | length > 3' "$work/body")" = true ]; then
        ok "$variant: $2"
    else
        not_ok "$variant: $2" "$(cat "$work/head" "$work/body")"
    fi
}

fastcgi_start --access-log "$work/access"
fcgiwrap_start
for variant in fastcgi fcgiwrap; do
    nginx_start $variant
    ask /metricas/cliente/17850 -H "X-API-Key: $norte"
    is "$status $body" '200 {"cliente_id":17850,"metricas":{"num_transacciones":4,"monto_total":66.24}}' "$variant: an answer"
    tag=$(header ETag)
    ask /metricas/cliente/17850 -H "X-API-Key: $norte" -H "If-None-Match: $tag"
    is "$status $(header ETag)" "304 $tag" "$variant: 304"
    ask /metricas/cliente/17850 -H "X-API-Key: $norte" -I
    is "$status $(header Content-Length)" "200 75" "$variant: HEAD"
    ask /metricas/cliente/17850 -H "X-API-Key: $sur" --http1.1
    is "$status $body" '200 {"cliente_id":17850,"metricas":{"num_transacciones":3,"monto_total":45.90}}' "$variant: a limited key, HTTP/1.1"
    ask /metricas/producto/a%20b%23c%2A?fecha=2010-12-03 -H "X-API-Key: $norte"
    is "$status" 200 "$variant: the address as it was sent"
    ask /metricas/cliente/17850 -H "X-API-Key: $norte" -H "X-API-Key: $norte"
    is_problem 401 "two headers"
    ask /metricas/cliente/17850 -H "X_API_Key: $norte"
    is_problem 401 "a header with underscores"
    ask /x/../metricas/cliente/17850 -H "X-API-Key: $norte"
    is_problem 404 "an address that leads around"
    ask /../metricas/cliente/17850 --http1.1 -H "X-API-Key: $norte"
    is_problem 404 "one that leads above the root"
    ask /../metricas/cliente/17850 --http2 -H "X-API-Key: $norte"
    is_problem 404 "whatever protocol is offered"
    ask / -X OPTIONS
    is "$status" 204 "$variant: OPTIONS"
    ask /metricas/cliente/17850 -X POST -d x=1 -H "X-API-Key: $norte"
    is_problem 405 "POST"
    ask /metricas/cliente/17850 -X POST -d "$(head -c 2000 /dev/zero | tr '\0' a)"
    is_problem 413 "a body that is too long, by nginx"
    is "$(header Access-Control-Allow-Origin)" "" "$variant: which no page of another origin may read"
    ask /metricas/cliente/17850 -X POST -d "$(head -c 2000 /dev/zero | tr '\0' a)" -H "Origin: https://a.example"
    is "$status $(header Access-Control-Allow-Origin)" "413 https://a.example" "$variant: but of one that may"
    ask "/$(head -c 9000 /dev/zero | tr '\0' a)"
    is_problem 414 "an address that nginx does not take"
    ask "/$(head -c 4000 /dev/zero | tr '\0' a)"
    is_problem 414 "an address that the API does not take"
    ask / --http1.1 -H "X-Long: $(head -c 20000 /dev/zero | tr '\0' a)"
    is_problem 431 "a header that nginx does not take"
    printf 'GET / HTTP/1.1\r\nno header\r\n\r\n' | openssl s_client -quiet -connect "127.0.0.1:$port" >"$work/raw" 2>/dev/null
    like "$(tr -d '\r' <"$work/raw")" $'^HTTP/1.1 400 .*\nContent-Type: application/problem\\+json\n.*"status":400' "$variant: what is no HTTP"
    ask /openapi.json -H 'Accept-Encoding: gzip'
    is "$status $(header Content-Encoding) $(gzip -dc <"$work/body" | jq -r .openapi)" "200 gzip 3.1.0" "$variant: compressed"
    like "$(header Vary)" Accept-Encoding "$variant: and it says so"
    is "$(curl -s -o "$work/body" -w '%{http_code} %{redirect_url}' -H 'Host: x' "$plain_url/health?a")" "308 https://x/health?a" "$variant: TLS only"
    is "$(grep -c tub_ "$work/nginx-$variant/tuberia-api.log")$(jq -es 'length > 9' "$work/nginx-$variant/tuberia-api.log")" 0true \
        "$variant: nginx's log is JSON, and has no key"
    ask /health -H 'X-Request-Id: find-me'
    is "$(header X-Request-Id)" find-me "$variant: the client's id"
    wait_for 5 grep -q find-me "$work/nginx-$variant/tuberia-api.log" # written behind the answer
    is "$(grep -c find-me "$work/nginx-$variant/tuberia-api.log")" 1 "$variant: is in its log"
    [ $variant = fcgiwrap ] || is "$(grep -c find-me "$work/access")" 1 "$variant: and in ours"
done

# A web server that loses us says so in the same form.
variant=fcgiwrap
fcgiwrap_stop
ask /health
is_problem 502 "nobody is there"
is "$(header Retry-After)" 2 "$variant: and when to come again"

# ---- a server that lives ----

variant=fastcgi
nginx_start fastcgi
new=$(api-key add nuevo)
ask /metricas/cliente/17850 -H "X-API-Key: $new"
is "$status" 200 "a new key is good at once"
api-key revoke nuevo
ask /metricas/cliente/17850 -H "X-API-Key: $new"
is "$status" 401 "and one that was revoked, no longer"
metric 17850 85123A 2010-12-05 1 0.05 | epoch 2 0
ask /metricas/cliente/17850 -H "X-API-Key: $norte"
is "$body" '{"cliente_id":17850,"metricas":{"num_transacciones":5,"monto_total":66.29}}' "a new epoch is seen at once"
mv "$work/store" "$work/away"
ask /metricas/cliente/17850 -H "X-API-Key: $norte"
is_problem 503 "a store that has gone"
mkdir "$work/store"
metric 17850 85123A 2010-12-01 1 7.00 | epoch 1 0
ask /metricas/cliente/17850 -H "X-API-Key: $norte"
is "$body" '{"cliente_id":17850,"metricas":{"num_transacciones":1,"monto_total":7.00}}' "another one in its place"

for child in $(pgrep -P $api); do
    kill -9 "$child"
done
wait_for 10 eval "[ \"\$(pgrep -c -P $api)\" = 2 ]"
ask /health
is "$status" 200 "workers that were killed have successors"
like "$(cat "$work/api.err")" 'was killed by signal 9' "and that is said"

# Asked while it is told to end: all that was asked is answered.
python3 - "$work/api.socket" $api >"$work/drain" <<'EOF'
import os, signal, socket, struct, sys, time
def record(kind, content): return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content
def pair(n, v): return bytes([len(n), len(v)]) + n + v
begin = record(1, struct.pack(">HB5x", 1, 1))
params = record(4, pair(b"REQUEST_METHOD", b"GET") + pair(b"REQUEST_URI", b"/openapi.json"))
rest = record(4, b"") + record(5, b"")
half, idle, full = [], [], []
for group in (half, idle, full):
    for i in range(8):
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        s.settimeout(15)
        group.append(s)
for s in half:
    s.sendall(begin + params)
for s in full:
    s.sendall(begin + params + rest)
def answer(s):
    got = b""
    while True:
        piece = s.recv(65536)
        if not piece:
            return got
        got += piece
        if b"\x01\x03\x00\x01" in got:
            return got
answers = [answer(s) for s in full]
os.kill(int(sys.argv[2]), signal.SIGTERM)
for s in idle:  # they are closed: all workers know
    assert s.recv(1) == b""
for s in half:
    s.sendall(rest)
answers += [answer(s) for s in half]
print(sum(b"Status: 200" in a and b"\x01\x03\x00\x01" in a for a in answers))
EOF
is "$(cat "$work/drain")" 16 "SIGTERM: what has begun is finished"
code=0
wait $api || code=$?
is "$code" 0 "and then it ends"
ask /health
is_problem 502 "nobody is there"

done_testing
