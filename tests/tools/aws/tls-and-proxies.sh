# TLS: who is trusted by what. And through a proxy.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_probe.sh"

# key NAME OPTION...: NAME.key, and what openssl req makes of it.
key() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.key" -subj "/CN=$1" "${@:2}" 2>>"$work/openssl.log"
}
key ca -x509 -days 2 -out "$work/ca.pem"
key other -x509 -days 2 -out "$work/other.pem"
key server -out "$work/server.csr"
openssl x509 -req -in "$work/server.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
    -extfile <(echo 'subjectAltName=DNS:localhost') -out "$work/server.pem" 2>>"$work/openssl.log" || note "$(cat "$work/openssl.log")"
cat "$work/server.key" "$work/server.pem" >"$work/gate.pem"

gate_start --tls "$work/gate.pem"
export AWS_ENDPOINT_URL=https://localhost:$TLS_PORT
export AWS_MAX_ATTEMPTS=2

AWS_CA_BUNDLE=$work/ca.pem asks "a certificate of who is trusted" 0 '^200 ' "${LIST[@]}"
gate_rules '[]'
AWS_CA_BUNDLE=$work/ca.pem asks "many calls" 0 '' "${LIST[@]}" 200 4
is "$(grep -c '^200 ' "$work/out") $(gate_seen '.connections <= 6')" "200 true" "over few connections"
gate_rules '[]'
AWS_CA_BUNDLE=$work/other.pem asks "of somebody else: a matter of configuration" 78 'ertificate' "${LIST[@]}"
asks "without AWS_CA_BUNDLE, the system's are asked" 78 'ertificate' "${LIST[@]}"
AWS_CA_BUNDLE=$work/none.pem asks "a bundle that is not there" 78 'none\.pem|CA' "${LIST[@]}"
AWS_CA_BUNDLE=$work/server.key asks "one that holds no certificate" 78 'server\.key|CA|ertificate' "${LIST[@]}"
AWS_CA_BUNDLE=$work/ca.pem AWS_ENDPOINT_URL=https://127.0.0.1:$TLS_PORT \
    asks "a certificate for another name" 78 'ertificate|SSL' "${LIST[@]}"
is "$(gate_seen '.requests | length')" 0 "none of them has sent a request"
AWS_CA_BUNDLE=$work/ca.pem AWS_ENDPOINT_URL=https://${GATE#http://} \
    asks "TLS where there is none" 69 'SSL|TLS' "${LIST[@]}"
printf '[default]\nca_bundle = %s\n' "$work/ca.pem" >"$work/config"
AWS_CONFIG_FILE=$work/config asks "ca_bundle of the profile" 0 '^200 ' "${LIST[@]}"

# A proxy sees where it goes, and no more.
export AWS_CA_BUNDLE=$work/ca.pem
gate_rules '[]'
for name in https_proxy HTTPS_PROXY; do
    export $name="$GATE"
    asks "$name" 0 '^200 ' "${LIST[@]}"
    no_proxy=localhost asks "no_proxy goes past it" 0 '^200 ' "${LIST[@]}"
    unset $name
done
is "$(gate_seen '[.requests.CONNECT, .requests.ListTables] | tostring')" '[2,4]' "by CONNECT"
https_proxy=http://127.0.0.1:1 asks "a proxy that is not there" 69 '[Cc]onnect' "${LIST[@]}"
http_proxy=$GATE AWS_ENDPOINT_URL=$GATE asks "http_proxy" 0 '^200 ' "${LIST[@]}"
is "$(gate_seen '.requests["by proxy"]')" 1 "which has seen the request"
HTTP_PROXY=http://127.0.0.1:1 AWS_ENDPOINT_URL=$GATE asks "HTTP_PROXY, which a CGI program gets from its client, is none" 0 '^200 ' "${LIST[@]}"
done_testing
