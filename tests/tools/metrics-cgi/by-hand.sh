# timeout: 180
# metrics-cgi as CGI, run by hand: what it answers, byte for byte, and what it says of itself.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_api.sh"

make_store
norte=$(api-key add norte)
sur=$(api-key add sur --productos 85123A,big --producto 'a b#c*')
nada=$(api-key add nada --productos none)
uno=$(api-key add uno --productos 71053)
api-key rotate uno >"$work/uno2"

# answers URI KEY STATUS BODY
answers() {
    by_hand "$1" ${2:+HTTP_X_API_KEY="$2"}
    is "$code $status $body$(cat "$work/err")" "0 $3 $4" "$3 $1"
}
# refuses STATUS URI [NAME=VALUE...]: a problem document that says so too, and has all of its members.
refuses() {
    local expected=$1
    shift
    by_hand "$@"
    length=$(($(wc -c <"$work/out") - $(sed '/^\r$/q' "$work/out" | wc -c)))
    if [ "$code$(cat "$work/err")" = 0 ] && [ "$status" = "$expected" ] &&
        [ "$(header Content-Type)" = application/problem+json ] && [ "$(header Cache-Control)" = no-store ] &&
        [ "$(header Content-Length)" = $length ] &&
        [ "$(jq -r '[.type, .status, (.title | length > 3), (.detail | length > 9), .request_id] | join(" ")' "$work/body")" = \
            "about:blank $expected true true $(header X-Request-Id)" ]; then
        ok "$expected $1 ${*:2}"
    else
        not_ok "$expected $1 ${*:2}" "exit status $code" "$(cat "$work/out" "$work/err")"
    fi
}

# ---- metrics ----

answers /metricas/cliente/17850 "$norte" 200 '{"cliente_id":17850,"metricas":{"num_transacciones":4,"monto_total":66.24}}'
answers '/metricas/cliente/17850?fecha=2010-12-01' "$norte" 200 '{"cliente_id":17850,"metricas":{"num_transacciones":3,"monto_total":50.94}}'
answers '/metricas/cliente/17850?producto=85123A' "$norte" 200 '{"cliente_id":17850,"metricas":{"num_transacciones":3,"monto_total":45.90}}'
answers '/metricas/cliente/17850?fecha=2010-12-02&producto=85123A' "$norte" 200 '{"cliente_id":17850,"metricas":{"num_transacciones":1,"monto_total":15.30}}'
answers /metricas/producto/85123A "$norte" 200 '{"producto":"85123A","metricas":{"num_transacciones":4,"monto_total":30.60}}'
answers '/metricas/producto/85123A?fecha=2010-12-03' "$norte" 200 '{"producto":"85123A","metricas":{"num_transacciones":1,"monto_total":-15.30}}'
answers /metricas/producto/a%20b%23c%2A "$norte" 200 '{"producto":"a b#c*","metricas":{"num_transacciones":1,"monto_total":99999999999999999999999999999999.99}}'
answers /metricas/cliente/9007199254740993 "$norte" 200 '{"cliente_id":9007199254740993,"metricas":{"num_transacciones":1,"monto_total":0.1}}'
refuses 404 /metricas/cliente/99 HTTP_X_API_KEY="$norte"
refuses 404 /metricas/producto/nothing HTTP_X_API_KEY="$norte"
refuses 404 '/metricas/cliente/17850?fecha=2011-01-01' HTTP_X_API_KEY="$norte"
refuses 404 /metricas/producto/%2A HTTP_X_API_KEY="$norte"

# A key sees its own products alone, in every sum.
answers /metricas/cliente/17850 "$sur" 200 '{"cliente_id":17850,"metricas":{"num_transacciones":3,"monto_total":45.90}}'
answers '/metricas/cliente/17850?fecha=2010-12-01' "$sur" 200 '{"cliente_id":17850,"metricas":{"num_transacciones":2,"monto_total":30.60}}'
answers /metricas/cliente/13047 "$sur" 200 '{"cliente_id":13047,"metricas":{"num_transacciones":2,"monto_total":99999999999999999999999999999984.69}}'
answers /metricas/producto/85123A "$sur" 200 '{"producto":"85123A","metricas":{"num_transacciones":4,"monto_total":30.60}}'
refuses 403 /metricas/producto/71053 HTTP_X_API_KEY="$sur"
there=$(jq -c 'del(.request_id)' "$work/body")$(grep -v X-Request-Id "$work/head" | sed 's/RateLimit: .*/RateLimit/')
refuses 403 /metricas/producto/nothing HTTP_X_API_KEY="$sur"
is "$(jq -c 'del(.request_id)' "$work/body")$(grep -v X-Request-Id "$work/head" | sed 's/RateLimit: .*/RateLimit/')" "$there" \
    "nothing tells whether a product exists"
refuses 403 '/metricas/cliente/17850?producto=71053' HTTP_X_API_KEY="$sur"
refuses 404 /metricas/cliente/17850 HTTP_X_API_KEY="$nada"
answers /metricas/cliente/17850 "$uno" 200 '{"cliente_id":17850,"metricas":{"num_transacciones":1,"monto_total":20.34}}'
answers /metricas/cliente/17850 "$(cat "$work/uno2")" 200 '{"cliente_id":17850,"metricas":{"num_transacciones":1,"monto_total":20.34}}'

# ---- keys ----

refuses 401 /metricas/cliente/17850
is "$(header WWW-Authenticate)" 'ApiKey realm="metricas"' "401 says how"
refuses 401 /metricas/cliente/17850 HTTP_X_API_KEY=
refuses 401 /metricas/cliente/17850 HTTP_X_API_KEY="$norte,$norte"
refuses 401 /metricas/cliente/17850 HTTP_X_API_KEY=" $norte"
refuses 401 /metricas/cliente/17850 HTTP_X_API_KEY="$(head -c 100000 /dev/zero | tr '\0' a)"
api-key revoke uno
refuses 401 /metricas/cliente/17850 HTTP_X_API_KEY="$uno"
chmod 666 "$work/keys"
by_hand /metricas/cliente/17850 HTTP_X_API_KEY="$norte"
is "$status $(header Retry-After)" "503 2" "keys that anybody may write are none"
like "$(cat "$work/err")" "others than its owner may write" "and that is said"
is "$(grep -c "$work" "$work/out")" 0 "but not to the client"
by_hand /health
is "$status" 200 "/health needs none"
chmod 600 "$work/keys"

# ---- HTTP ----

by_hand /metricas/cliente/17850 HTTP_X_API_KEY="$norte" REQUEST_METHOD=HEAD
length=$(header Content-Length)
is "$status $length $(cat "$work/body")" "200 75 " "HEAD has the length of GET, and no body"
by_hand /metricas/cliente/17850 HTTP_X_API_KEY="$norte"
tag=$(header ETag)
is "$(header Cache-Control) / $(header Vary)" "private, no-cache / X-API-Key" "for the client alone"
for condition in "$tag" "W/$tag" "\"x\", $tag" '*'; do
    by_hand /metricas/cliente/17850 HTTP_X_API_KEY="$norte" HTTP_IF_NONE_MATCH="$condition"
    is "$code $status $(header ETag)$(cat "$work/body")" "0 304 $tag" "304 If-None-Match: $condition"
done
by_hand /metricas/cliente/17850 HTTP_X_API_KEY="$norte" HTTP_IF_NONE_MATCH="${tag%?}"
is "$status" 200 "200 If-None-Match: a tag without its end"
by_hand /metricas/cliente/17850 HTTP_X_API_KEY="$norte" HTTP_RANGE=bytes=0-3 HTTP_IF_MODIFIED_SINCE='Wed, 21 Oct 2099 07:28:00 GMT'
is "$status $(wc -c <"$work/body" | tr -d ' ')" "200 76" "ranges and dates are ignored"
for method in POST PUT DELETE PATCH TRACE CONNECT PROPFIND get ''; do
    refuses 405 /metricas/cliente/17850 REQUEST_METHOD="$method" HTTP_X_API_KEY="$norte"
    is "$(header Allow)" "GET, HEAD, OPTIONS" "and says what is allowed"
done
refuses 404 /no/such/place REQUEST_METHOD=POST
by_hand /metricas/cliente/17850 REQUEST_METHOD=OPTIONS
is "$code $status $(header Allow)$(header Access-Control-Allow-Origin)$body" "0 204 GET, HEAD, OPTIONS" "OPTIONS needs no key"
by_hand '*' REQUEST_METHOD=OPTIONS
is "$status" 204 "OPTIONS *"

by_hand /health HTTP_X_REQUEST_ID=aZ0._-
is "$(header X-Request-Id)" aZ0._- "the client's own id"
for id in '' 'a b' 'a"b' "$(head -c 65 /dev/zero | tr '\0' a)" $'a\r\nX: y' 'ñ'; do
    by_hand /health HTTP_X_REQUEST_ID="$id"
    like "$(header X-Request-Id)" '^[0-9a-f]{24}$' "one of ours instead of '$(printf '%.9q' "$id")'"
done

export TUBERIA_API_CORS=https://a.example,https://b.example
by_hand /metricas/cliente/17850 REQUEST_METHOD=OPTIONS HTTP_ORIGIN=https://b.example HTTP_ACCESS_CONTROL_REQUEST_METHOD=GET
is "$status $(header Access-Control-Allow-Origin) $(header Access-Control-Allow-Methods) $(header Vary)" \
    "204 https://b.example GET, HEAD Origin" "preflight of an origin that may"
like "$(header Access-Control-Allow-Headers)" X-API-Key "and it may send a key"
for origin in https://evil.example 'https://a.example,' https://a.exampl ',' '*' null; do
    by_hand /health HTTP_ORIGIN="$origin"
    is "$status$(header Access-Control-Allow-Origin) $(header Vary)" "200 Origin" "no other: $origin"
done
by_hand /metricas/cliente/17850 HTTP_ORIGIN=https://a.example
is "$status $(header Access-Control-Allow-Origin) $(header Vary)" "401 https://a.example X-API-Key, Origin" "on errors too"
by_hand /health HTTP_ORIGIN=https://any.example TUBERIA_API_CORS='*'
is "$(header Access-Control-Allow-Origin)$(header Vary)" "*" "all of them"
unset TUBERIA_API_CORS

by_hand /openapi.json
is "$status $(header Content-Type) $(jq -r .openapi "$work/body")" "200 application/json 3.1.0" "/openapi.json"
by_hand /
is "$status $(header Content-Type)" "200 text/html; charset=utf-8" "the page"
like "$(header Content-Security-Policy)" "^default-src 'none'; style-src 'self'; script-src 'self'; " "and its policy"
is "$(grep -cE '(src|href)="?(https?:)?//' "$work/body")" 0 "nothing in it is from elsewhere"
by_hand /api/health TUBERIA_API_BASE=/api
is "$status" 200 "behind a base"
by_hand /health TUBERIA_API_BASE=/api
is "$status" 404 "and there alone"

# ---- freshness ----

by_hand /health
like "$body" '^\{"status":"ok","as_of":"20[0-9T:.-]+Z","age_seconds":[0-9.]+,"epoch":1\}$' "/health"
is "$(header X-Data-As-Of)" "$(jq -r .as_of "$work/body")" "as X-Data-As-Of has it"
metric 1 a 2010-12-01 1 1 | epoch 2 3600
refuses 503 /health
like "$(header X-Data-As-Of) $(header Retry-After)" '^20[0-9T:.-]+Z 2$' "how old they are"
by_hand /health TUBERIA_API_STALE=2h
is "$status" 200 "an hour may be fresh enough"

# ---- the limit ----

for i in 1 2 3 4; do
    by_hand /metricas/cliente/17850 HTTP_X_API_KEY="$norte" TUBERIA_API_LIMIT=60 TUBERIA_API_BURST=3 TUBERIA_API_LIMIT_FILE="$work/limit3"
    results+="$status,$(header RateLimit) "
done
is "$results" '200,"default";r=2;t=1 200,"default";r=1;t=2 200,"default";r=0;t=3 429,"default";r=0;t=3 ' "a burst of three"
is "$(header RateLimit-Policy) $(header Retry-After)" '"default";q=60;w=60 1' "what the limit is, and when to go on"
by_hand /metricas/cliente/17850 HTTP_X_API_KEY="$sur" TUBERIA_API_LIMIT=60 TUBERIA_API_BURST=3 TUBERIA_API_LIMIT_FILE="$work/limit3"
is "$status" 200 "another key has its own"
for i in 1 2 3 4; do
    by_hand /metricas/cliente/17850 HTTP_X_API_KEY="tub_$i" HTTP_X_FORWARDED_FOR="10.0.0.$i" TUBERIA_API_LIMIT=60 TUBERIA_API_BURST=3 TUBERIA_API_LIMIT_FILE="$work/limit3"
done
is "$status" 429 "who has no key is limited by address, whatever the headers say"
by_hand /metricas/cliente/17850 REMOTE_ADDR=127.0.0.2 TUBERIA_API_LIMIT=60 TUBERIA_API_BURST=3 TUBERIA_API_LIMIT_FILE="$work/limit3"
is "$status" 401 "and only that address"

# ---- the access log ----

by_hand '/metricas/cliente/17850?fecha=2010-12-01' HTTP_X_API_KEY="$norte" HTTP_X_REQUEST_ID=abc TUBERIA_API_ACCESS_LOG="$work/log"
by_hand /no/such/place TUBERIA_API_ACCESS_LOG="$work/log"
is "$(jq -c 'del(.fecha, .milisegundos, .peticion)' "$work/log")" '{"ruta":"/metricas/cliente/{cliente_id}","metodo":"GET","estado":200,"clave":"norte"}
{"ruta":"-","metodo":"GET","estado":404,"clave":"-"}' "a line a request"
is "$(head -n 1 "$work/log" | jq -r .peticion)$(grep -c tub_ "$work/log")" abc0 "with its id, without the key"
like "$(window-agg --time fecha --window 1m --by ruta,estado --count peticiones --sum milisegundos=ms <"$work/log" | wc -l)" '2' \
    "window-agg eats it"
by_hand /openapi.json TUBERIA_API_ACCESS_LOG=/dev/full
is "$code $status" "0 200" "a log that cannot be written is no reason not to answer"

# ---- stores that cannot be read ----

for kind in missing empty junk truncated other directory; do
    broken=$work/$kind/m.db
    mkdir "$work/$kind"
    case $kind in
    empty) : >"$broken" ;;
    junk) head -c 20000 /dev/urandom >"$broken" ;;
    truncated) head -c 5000 "$work/store/m.db" >"$broken" ;;
    other) sqlite3 "$broken" 'CREATE TABLE metricas (x)' ;;
    directory) mkdir "$broken" ;;
    esac
    for uri in /health /metricas/cliente/17850; do
        by_hand $uri HTTP_X_API_KEY="$norte" TUBERIA_STORE="sqlite:$broken"
        is "$code $status $(header Retry-After) $(header Content-Type)" "0 503 2 application/problem+json" "a store that is $kind: $uri"
        is "$(grep -ciE "sql|$work|m\.db" "$work/out")" 0 "the client learns nothing of it"
    done
    is "$(grep -c . "$work/err")" 1 "who runs it does"
done
# A reader needs what lies beside the store, and cannot make it where it may not write.
mkdir "$work/unwritable"
cp "$work"/store/m.db* "$work/unwritable"
cp "$work/keys" "$TUBERIA_BIN/metrics-cgi" "$work/unwritable"
chmod 644 "$work"/unwritable/m.db* "$work/unwritable/keys"
chmod 755 "$work" "$work/unwritable/metrics-cgi"
chmod 555 "$work/unwritable"
: >"$work/limit.other"
chmod 666 "$work/limit.other"
as_other=()
if [ "$(id -u)" -eq 0 ]; then as_other=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
unwritable() {
    run "${as_other[@]}" env REQUEST_METHOD=GET REQUEST_URI=/metricas/cliente/17850 HTTP_X_API_KEY="$norte" REMOTE_ADDR=127.0.0.1 \
        TUBERIA_STORE="sqlite:$work/unwritable/m.db" TUBERIA_API_KEYS="$work/unwritable/keys" \
        TUBERIA_API_LIMIT_FILE="$work/limit.other" "$work/unwritable/metrics-cgi"
    tr -d '\r' <"$work/out" >"$work/head"
    status=$(sed -n 's/^Status: \([0-9]*\) .*/\1/p' "$work/head")
}
unwritable
is "$code $status$(cat "$work/err")" "0 200" "a directory that it may not write"
chmod 755 "$work/unwritable"
rm "$work"/unwritable/m.db-*
chmod 555 "$work/unwritable"
unwritable
is "$code $status $(header Retry-After) $(header Content-Type)" "0 503 2 application/problem+json" "and nothing beside the store"
is "$(grep -ciE "sql|$work|m\.db" "$work/out") $(grep -c . "$work/err")" "0 1" "which is told to who runs it alone"
chmod 755 "$work/unwritable"

# What a key may not see: neither the time it takes nor anything else can depend on the store, which is not asked.
refuses 403 /metricas/producto/71053 HTTP_X_API_KEY="$sur" TUBERIA_STORE="sqlite:$work/missing/m.db"
by_hand /health TUBERIA_STORE=nonsense
is "$code $status" "0 503" "no such kind of store"

cp "$work/store/m.db" "$work/locked.db"
python3 - "$work/locked.db" >"$work/locker" <<'EOF' &
import sqlite3, sys, time
d = sqlite3.connect(sys.argv[1], isolation_level=None)
d.execute("PRAGMA locking_mode = EXCLUSIVE")
d.execute("BEGIN IMMEDIATE")
d.execute("DELETE FROM metricas")
print("locked", flush=True)
time.sleep(30)
EOF
locker=$!
wait_for 10 grep -q locked "$work/locker"
begun=$(date +%s%N)
by_hand /metricas/cliente/17850 HTTP_X_API_KEY="$norte" TUBERIA_STORE="sqlite:$work/locked.db" TUBERIA_API_DEADLINE=300ms
waited=$((($(date +%s%N) - begun) / 1000000))
is "$code $status $(header Retry-After) $(header Content-Type)" "0 504 2 application/problem+json" "a store that is locked"
if [ $waited -ge 300 ] && [ $waited -lt 25000 ]; then ok "after its deadline"; else not_ok "after its deadline" "$waited ms"; fi
kill $locker
wait $locker 2>/dev/null

# ---- stdout ----

export REQUEST_METHOD=GET REQUEST_URI=/openapi.json
code=0
metrics-cgi >/dev/full 2>"$work/err" || code=$?
is "$code" 75 ">/dev/full"
code=0
metrics-cgi >&- 2>"$work/err" || code=$?
is "$code" 74 ">&-"
fails "a reader that went away" 74 python3 -c '
import os, subprocess, sys
r, w = os.pipe()
os.close(r)
sys.exit(subprocess.call(["metrics-cgi"], stdout=w))'

# ---- set up wrongly ----

run env GATEWAY_INTERFACE=CGI/1.1 TUBERIA_API_LIMIT=0 metrics-cgi
is "$code" 64 "an option that is wrong"
run env GATEWAY_INTERFACE=CGI/1.1 TUBERIA_STORE= metrics-cgi
is "$code $(head -n 1 "$work/out" | tr -d '\r')" "64 Status: 503 Service Unavailable" "no store: even then an answer"
echo hello >"$work/nolimit"
run env GATEWAY_INTERFACE=CGI/1.1 TUBERIA_API_LIMIT_FILE="$work/nolimit" metrics-cgi
is "$code $(head -n 1 "$work/out" | tr -d '\r')" "78 Status: 503 Service Unavailable" "no limit can be kept: no answer without one"
run env -u REQUEST_METHOD metrics-cgi
is "$code" 64 "started by nobody"

done_testing
