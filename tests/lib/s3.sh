# shellcheck shell=bash disable=SC2154
# s3.sh: a private S3 for a test: s3rver (npm) behind the gate of aws.sh, which checks every signature, has what s3rver
# lacks (see awsgate_s3.py), and injects faults. Source tap.sh and aws.sh first.
#
#   s3_start [OPTION...]   start both, with options for the gate; there are the buckets "lake" and "lake.dots"
#   s3_alone               s3rver without the gate: the environment points there
#   s3_idle                wait until no request is on its way any more
#   s3_down PREFIX DIR     read all objects below s3://lake/PREFIX into DIR, by the AWS CLI
#   s3_copy PREFIX DIR     the same, from the server's disk: quickly
#   s3_keep FILE           what is there, into FILE; s3_back FILE: as it was then

S3RVER=3.7.1

# Into build/, once for all tests; the package's name and version are all that is written down here.
s3_install() {
    local at=$TOP/build/s3rver
    mkdir -p "$at"
    (
        flock 9
        [ "$(node -p 'require(process.argv[1]).version' "$at/node_modules/s3rver/package.json" 2>/dev/null)" = $S3RVER ] ||
            npm install --prefix "$at" --silent --no-audit --no-fund --no-save --no-package-lock "s3rver@$S3RVER" >&2
    ) 9>"$at/lock" || {
        echo "Bail out! s3rver cannot be installed (scripts/install-deps check)"
        exit 1
    }
}

s3_server() {
    local pid
    s3_install
    mkdir -p "$work/s3"
    cat >"$work/s3rver.js" <<'JS'
const fs = require('fs');
const [at, directory, file] = process.argv.slice(2);
const S3rver = require(at + '/node_modules/s3rver');
new S3rver({ directory, address: '127.0.0.1', port: 0, silent: true, vhostBuckets: false,
  configureBuckets: [{ name: 'lake' }, { name: 'lake.dots' }] }).run().then(({ port }) => {
  fs.writeFileSync(file + '.new', port + '\n');
  fs.renameSync(file + '.new', file);
});
JS
    # Its tokens of lists are made by DES.
    node --openssl-legacy-provider "$work/s3rver.js" "$TOP/build/s3rver" "$work/s3" "$work/s3rver.port" >"$work/s3rver.log" 2>&1 &
    pid=$!
    at_exit "kill $pid 2>/dev/null; wait $pid 2>/dev/null"
    if ! wait_for 30 test -s "$work/s3rver.port"; then
        note "$(cat "$work/s3rver.log")"
        exit 1
    fi
}

s3_start() {
    s3_server
    gate_start --upstream "$(cat "$work/s3rver.port")" "$@"
    unset AWS_ENDPOINT_URL
    export AWS_ENDPOINT_URL_S3=$GATE
}

s3_alone() {
    s3_server
    mkdir -p "$work/home"
    AWS_ENDPOINT_URL_S3=http://127.0.0.1:$(cat "$work/s3rver.port")
    export AWS_ENDPOINT_URL_S3 AWS_REGION=us-east-1 HOME=$work/home
    export AWS_ACCESS_KEY_ID=S3RVER AWS_SECRET_ACCESS_KEY=S3RVER AWS_EC2_METADATA_DISABLED=true
    unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy AWS_CA_BUNDLE
}

s3_is_idle() { [ "$(gate_seen .busy)" = 0 ]; }
s3_idle() { wait_for 30 s3_is_idle; }

# Debian's, whatever else is called aws.
s3_cli() { /usr/bin/aws --endpoint-url "$AWS_ENDPOINT_URL_S3" --region "$AWS_REGION" "$@"; }
s3_down() {
    rm -rf "$2"
    mkdir -p "$2"
    s3_cli s3 cp --quiet --recursive "s3://lake/$1" "$2"
}
s3_copy() {
    local suffix=._S3rver_object file
    rm -rf "$2"
    mkdir -p "$2"
    [ -d "$work/s3/lake/$1" ] || return 0
    cp -a "$work/s3/lake/$1/." "$2"
    find "$2" -type f ! -name "*$suffix" -delete
    find "$2" -type f | while IFS= read -r file; do mv "$file" "${file%"$suffix"}"; done
}
s3_keep() { tar -C "$work/s3" -cf "$1" lake; }
s3_back() { find "$work/s3/lake" -mindepth 1 -delete && tar -C "$work/s3" -xf "$1"; }
