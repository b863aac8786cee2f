# shellcheck shell=bash disable=SC2154
# kinesis.sh: a private Kinesis for a test: kinesalite (npm) behind the gate of aws.sh, which checks every
# signature and injects what Kinesis does and kinesalite does not. Source tap.sh and aws.sh first.
#
#   kinesis_start           start both; the environment points to the gate
#   stream NAME SHARDS      create a stream and wait until it is there
#   split NAME SHARD        split a shard in the middle; merge NAME SHARD SHARD; each waits until it is done
#   kinesis OP JSON         ask kinesalite itself, which looks at no signature; prints the answer

KINESALITE=3.3.3

# Into build/, once for all tests; the package's name and version are all that is written down here.
kinesis_install() {
    local at=$TOP/build/kinesalite # alone there: npm removes what it was not asked for
    mkdir -p "$at"
    (
        flock 9
        [ "$(node -p 'require(process.argv[1]).version' "$at/node_modules/kinesalite/package.json" 2>/dev/null)" = $KINESALITE ] ||
            npm install --prefix "$at" --silent --no-audit --no-fund --no-save --no-package-lock "kinesalite@$KINESALITE" >&2
    ) 9>"$at/lock" || {
        echo "Bail out! kinesalite cannot be installed (scripts/install-deps check)"
        exit 1
    }
}

kinesis_start() {
    local pid
    kinesis_install
    cat >"$work/kinesalite.js" <<'JS'
const fs = require('fs');
const at = process.argv[2], options = { createStreamMs: 20, deleteStreamMs: 20, updateStreamMs: 20, shardLimit: 1000 };
const server = require(at + '/node_modules/kinesalite')(options);
server.listen(0, '127.0.0.1', () => {
  fs.writeFileSync(process.argv[3] + '.new', server.address().port + '\n');
  fs.renameSync(process.argv[3] + '.new', process.argv[3]);
});
JS
    node "$work/kinesalite.js" "$TOP/build/kinesalite" "$work/kinesalite.port" >"$work/kinesalite.log" 2>&1 &
    pid=$!
    at_exit "kill $pid 2>/dev/null; wait $pid 2>/dev/null"
    if ! wait_for 30 test -s "$work/kinesalite.port"; then
        note "$(cat "$work/kinesalite.log")"
        exit 1
    fi
    gate_start --upstream "$(cat "$work/kinesalite.port")"
}

kinesis() {
    /usr/bin/python3 - "$(cat "$work/kinesalite.port")" "$1" "$2" <<'PYTHON'
import sys, urllib.request, urllib.error
request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/", sys.argv[3].encode(), {
    "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202." + sys.argv[2],
    "X-Amz-Date": "20240321T100000Z", "Authorization": "AWS4-HMAC-SHA256 Credential=a/20240321/us-east-1/kinesis/"
    "aws4_request, SignedHeaders=host, Signature=0"})
try:
    print(urllib.request.urlopen(request).read().decode())
except urllib.error.HTTPError as e:
    sys.exit(e.read().decode())
PYTHON
}

stream_active() { [ "$(kinesis DescribeStreamSummary "{\"StreamName\":\"$1\"}" | jq -r .StreamDescriptionSummary.StreamStatus)" = ACTIVE ]; }
stream() {
    kinesis CreateStream "{\"StreamName\":\"$1\",\"ShardCount\":$2}" >/dev/null
    wait_for 10 stream_active "$1"
}
split() {
    local range middle
    range=$(kinesis ListShards "{\"StreamName\":\"$1\"}" | jq -r ".Shards[] | select(.ShardId == \"$2\") | .HashKeyRange | .StartingHashKey + \" \" + .EndingHashKey")
    middle=$(/usr/bin/python3 -c 'import sys; a, b = map(int, sys.argv[1:]); print((a + b) // 2)' "${range% *}" "${range#* }")
    kinesis SplitShard "{\"StreamName\":\"$1\",\"ShardToSplit\":\"$2\",\"NewStartingHashKey\":\"$middle\"}" >/dev/null
    wait_for 10 stream_active "$1"
}
merge() {
    kinesis MergeShards "{\"StreamName\":\"$1\",\"ShardToMerge\":\"$2\",\"AdjacentShardToMerge\":\"$3\"}" >/dev/null
    wait_for 10 stream_active "$1"
}
