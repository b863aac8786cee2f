# shellcheck shell=bash disable=SC2154
# dynamodb.sh: a DynamoDB for tests: dynalite behind the gate of aws.sh. Source tap.sh first.
#
#   dynamodb_start [OPTION...]   start both, with options for the gate; UPSTREAM is dynalite's port
#
# dynalite comes from npm, at the version named here, into build/node of the repository.
. "$TOP/tests/lib/aws.sh"

DYNALITE=3.2.2

# One process installs, the others wait for it.
dynalite_install() {
    local home=$TOP/build/node
    [ -e "$home/dynalite-$DYNALITE" ] && return
    mkdir -p "$home"
    (
        flock 9
        [ -e "$home/dynalite-$DYNALITE" ] && exit
        cd "$home" && npm install --silent --no-audit --no-fund --no-package-lock --no-save \
            "dynalite@$DYNALITE" >"$home/npm.log" 2>&1 && : >"dynalite-$DYNALITE"
    ) 9>"$home/lock"
}

dynamodb_start() {
    local pid
    if ! dynalite_install; then
        note "npm cannot install dynalite:" "$(tail -n 5 "$TOP/build/node/npm.log")"
        exit 1
    fi
    UPSTREAM=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    node "$TOP/build/node/node_modules/dynalite/cli.js" --host 127.0.0.1 --port "$UPSTREAM" --createTableMs 0 \
        --updateTableMs 0 --deleteTableMs 0 >"$work/dynalite.log" 2>&1 &
    pid=$!
    at_exit "kill $pid 2>/dev/null; wait $pid 2>/dev/null"
    if ! wait_for 30 bash -c "exec 3<>/dev/tcp/127.0.0.1/$UPSTREAM" 2>/dev/null; then
        note "$(cat "$work/dynalite.log")"
        exit 1
    fi
    gate_start --upstream "$UPSTREAM" "$@"
}
