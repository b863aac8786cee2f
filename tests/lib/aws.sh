# shellcheck shell=bash disable=SC2154
# aws.sh: a place that is as strict as AWS, for tests. Source tap.sh first.
#
#   gate_start [OPTION...]   start tests/lib/awsgate.py; the environment points there, with good keys
#   gate_rules JSON          faults, a list of rules; forgets what it has seen, and sets its clock right
#   gate_clock SECONDS       its clock is so far ahead of ours
#   gate_measures            it counts units from now on
#   gate_seen FILTER         what it has seen, by jq
#
# GATE is its URL, TLS_PORT the port of --tls. The environment it sets: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID,
# AWS_SECRET_ACCESS_KEY, AWS_EC2_METADATA_DISABLED, HOME (an empty directory).

gate_control() {
    /usr/bin/python3 -c 'import sys, urllib.request as u
print(u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode() if len(sys.argv) > 2 else None)).read().decode())' \
        "$GATE/__gate__" "$@"
}

gate_start() {
    local pid port
    rm -f "$work/gate.port" # of another one
    /usr/bin/python3 "$TOP/tests/lib/awsgate.py" --port-file "$work/gate.port" "$@" >"$work/gate.log" 2>&1 &
    pid=$!
    at_exit "kill $pid 2>/dev/null; wait $pid 2>/dev/null"
    if ! wait_for 30 test -s "$work/gate.port"; then
        note "$(cat "$work/gate.log")"
        exit 1
    fi
    # shellcheck disable=SC2034
    read -r port TLS_PORT <"$work/gate.port"
    GATE=http://127.0.0.1:$port
    mkdir -p "$work/home"
    export AWS_ENDPOINT_URL=$GATE AWS_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true HOME=$work/home
    export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
    unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
}

gate_rules() { gate_control "{\"reset\": true, \"clock\": 0, \"rules\": $1}" >/dev/null; }
gate_clock() { gate_control "{\"clock\": $1}" >/dev/null; }
gate_measures() { gate_control '{"reset": true, "measure": true}' >/dev/null; }
gate_seen() { gate_control | jq -r "$1"; }
