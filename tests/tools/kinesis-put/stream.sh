# timeout: 240
# Lines into a stream: order for each key, resends, labels, acknowledgements; against kinesalite, behind a gate
# that checks each signature and each body by botocore, and fails as Kinesis does.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/aws.sh"
. "$TOP/tests/lib/kinesis.sh"
cd "$work" || exit 1
kinesis_start

# raw STREAM: what is stored, in order of each shard, by python and base64: "SHARD KEY DATA",
# without the marks by which generations begin.
raw() {
    local shard iterator
    for shard in $(kinesis ListShards "{\"StreamName\":\"$1\"}" | jq -r '.Shards[].ShardId'); do
        iterator=$(kinesis GetShardIterator "{\"StreamName\":\"$1\",\"ShardId\":\"$shard\",\"ShardIteratorType\":\"TRIM_HORIZON\"}" | jq -r .ShardIterator)
        kinesis GetRecords "{\"ShardIterator\":\"$iterator\"}" |
            jq -r --arg shard "${shard: -1}" '.Records[] | $shard + " " + .PartitionKey + " " + (.Data | @base64d)' | grep -v '{"@anew":{}'
    done
}
lines() { awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) printf "{\"k\":\"c%d\",\"n\":%d}\n", i % 10, i }'; }

printf '{"k":"ñ","g":{"p":7},"n":1.50}\n{ "n" : 2, "k" : "a#b", "g":{"p":"x"} }\n' | kinesis-put --key k,g.p --create-stream --shards 3 uno
is "$?" 0 "a stream is created, and written"
is "$(raw uno | cut -d ' ' -f 2- | sed 's/put\.[0-9a-f]\{16\}/put.G/' | LC_ALL=C sort)" \
    'a%23b#x { "n" : 2, "k" : "a#b", "g":{"p":"x"} ,"@put":"put.G:2"}
ñ#7 {"k":"ñ","g":{"p":7},"n":1.50,"@put":"put.G:1"}' "keys and labels"
printf '{"k":"a#b","g":{"p":"x"},"n":1}\n{"k":"a","n":2}\n{"k":"","g":{"p":""},"n":3}\n' >templates
kinesis-put --key '{{{k}}}/{g.p}#{k}' --rejects rejects --create-stream plantilla <templates
is "$? $(raw plantilla | cut -d ' ' -f 2 | tr '\n' ' ')$(cut -f 1 rejects)" '0 {a%23b}/x#a%23b {}/# <stdin>:2: g.p: missing' "a key by a template"
kinesis-put --key '{k}' --rejects /dev/null --create-stream sola <templates
is "$(raw sola | cut -d ' ' -f 2 | tr '\n' ' ')" 'a#b a - ' "of one field: its value as it is, and something for nothing"
rm rejects
run kinesis-put --key '{k}{' uno </dev/null
like "$code $(cat err)" '^64 .*--key: \{k\}\{: "\{" without its "\}"' "half a template"
is "$(kinesis ListShards '{"StreamName":"uno"}' | jq '.Shards | length')" 3 "as many shards as wanted"
fails "it is there already: no error" 0 kinesis-put --key k --create-stream uno </dev/null

# ---- partial failures, throttling, broken connections: nothing lost, order for each key ----

stream dos 2
lines 3000 >in
gate_rules '[{"fault": "partial", "every": 2}, {"fault": "throttle", "every": 5}, {"fault": "error-500", "every": 7}]'
run kinesis-put -v --key k dos <in
is "$code" 0 "half of each second request fails"
like "$(cat err)" 'in 3000 = put 3000 \+ dropped 0 \+ rejected 0; stored 3000, sent again [1-9]' "only what failed is sent again, and counted"
raw dos >stored
is "$(wc -l <stored)" 3000 "each line is stored once"
is "$(awk '{ print $2, $3 }' stored | sed 's/.*c\([0-9]\) .*"n":\([0-9]*\).*/\1 \2/' | awk '$2 <= last[$1] { bad++ } { last[$1] = $2 } END { print bad + 0 }')" 0 \
    "in order for each key"
gate_rules '[{"fault": "partial", "every": 2}]'
stream tres 2
run kinesis-put -v --join --key k tres <in
raw tres | grep -o '"k":"c[0-9]*","n":[0-9]*' >stored
is "$(wc -l <stored) $(sed 's/"k":"c\([0-9]\)","n":/\1 /' stored | awk '$2 <= last[$1] { bad++ } { last[$1] = $2 } END { print bad + 0 }')" \
    "3000 0" "--join: the same"
requests=$(sed -n 's/.*requests \([0-9]*\),.*/\1/p' err)
passes "in few requests ($requests)" test "$requests" -lt 60
gate_rules '[{"fault": "reset-after", "every": 3}]'
stream cuatro 2
run kinesis-put --key k cuatro <in
is "$code $(raw cuatro | grep -o '"@put".*' | sort -u | wc -l)" "0 3000" "connections that break after the fact: nothing is lost"
passes "though some are there twice" test "$(raw cuatro | wc -l)" -gt 3000

export AWS_MAX_ATTEMPTS=2
gate_rules '[{"fault": "throttle"}]'
run kinesis-put --key k dos < <(lines 1)
like "$code $(cat err)" '^75 .*PutRecords: ProvisionedThroughputExceeded' "throttled for good"
unset AWS_MAX_ATTEMPTS
gate_rules '[]'
run kinesis-put --key k no-such-stream < <(lines 1)
like "$code $(cat err)" '^78 .*ResourceNotFound' "no such stream"
code=0
lines 1 | AWS_ACCESS_KEY_ID=READONLY kinesis-put --key k dos 2>err || code=$?
like "$code $(cat err)" '^77 .*AccessDenied' "not allowed"

# ---- the limits of a request: 500 records, 5 MiB, keys counted ----

# wide N KEY DATA: lines of different keys, so many bytes each.
wide() { awk -v n="$1" -v key="$2" -v data="$3" 'BEGIN { for (i = 0; i < n; i++) { k = sprintf("%0*d", key, i); f = sprintf("{\"k\":\"%s\",\"x\":\"", k); printf "%s%0*d\"}\n", f, data - length(f) - 2, 0 } }'; }
gate_rules '[]'
stream anchos 1
for shape in '1200 4 60 1200 3' '600 256 10300 600 2' '40 200 400000 40 4'; do
    # shellcheck disable=SC2086 # words
    set -- $shape
    wide "$1" "$2" "$3" >in
    run kinesis-put -v --key k anchos <in
    like "$code $(cat err)" "^0 .*stored $4, sent again 0, requests $5" "$1 lines of $3 bytes, keys of $2: $5 requests"
done
is "$(gate_seen '.refused | length')" 0 "none was too large"

# ---- bad records ----

{ lines 1 && printf '{"n":1}\n{"k":null}\n{"k":"a","@put":"x"}\n[1]\n' && lines 1; } >bad
run kinesis-put -v --key k --rejects rejects dos <bad
is "$code $(cut -f 2 rejects | wc -l)" "0 4" "bad records go to the rejects"
like "$(cat err)" 'in 6 = put 2 \+ dropped 0 \+ rejected 4' "and are counted"
run kinesis-put --key k dos <bad
like "$code $(cat err)" '^65 .*<stdin>:2: k: missing' "or stop it"
{ head -c 1100000 /dev/zero | tr '\0' x | sed 's/.*/{"k":"a","x":"&"}/'; } >long
run kinesis-put --key k dos <long
like "$code $(cat err)" '^65 .*1 MiB' "a line longer than a record"

# ---- barriers and acknowledgements ----

barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p%d","time":"2024-03-21T10:00:0%dZ"%s}}\n' "$1" "$1" "$1" "${2:-}"; }
stream cinco 2
{ barrier 1 && lines 10 && barrier 2 && lines 5 && echo '{"@end":{"records":15}}'; } | kinesis-put --key k --ack-file ack cinco
is "$(jq -c '."@barrier" | [.epoch, .pos, .put.sent]' ack)" '[2,"p2",11]' "the last barrier is acknowledged, with how many there were before it"
{ cat ack && lines 5 && barrier 3 && echo '{"@end":{"records":5}}'; } | kinesis-put --key k --ack-file ack cinco
is "$(jq -c '."@barrier" | [.epoch, .put.sent]' ack)" '[3,16]' "resumed from it, counting goes on"
is "$(raw cinco | grep -o '"@put".*' | sort -u | wc -l) $(raw cinco | wc -l)" "15 20" "what came again has its labels again"
run kinesis-put --key k --name otro --ack-file ack2 cinco <ack
like "$code $(cat err)" '^78 .*not acknowledged by --name otro' "another writer's barrier"
{ barrier 1 && lines 2 && barrier 2; } | kinesis-put --key k --ack-file ack cinco 2>err
is "$? $(jq -c '."@barrier".epoch' ack)" "75 2" "an end without @end"
run kinesis-put --key k cinco < <(barrier 1 && barrier 2 ',"snapshot":true')
like "$code $(cat err)" '^78 .*emptied.*--ack-file' "without acknowledgements a table that is emptied cannot be told"
run kinesis-put --key k --ack-file ack3 cinco < <(barrier 1 && lines 2 && barrier 2 ',"snapshot":true')
like "$code $(cat err)" '^78 .*--whole-epochs' "nor a snapshot whose lines are out"
{ barrier 1 && lines 2 && barrier 2 && lines 1 && barrier 3 ',"snapshot":true' && echo '{"@end":{"records":3}}'; } | kinesis-put --key k --ack-file ack4 --whole-epochs cinco
is "$? $(jq -c '."@barrier" | [.epoch, .put.sent]' ack4)" '0 [3,2]' "which whole epochs can tell"

# Whole epochs: the intent is on disk before the first line of it, and a repetition has the same labels in
# whatever order its lines come.
stream seis 2
gate_rules '[{"fault": "hang-before", "op": "PutRecords", "skip": 1}]'
mkfifo feed
kinesis-put --key k --ack-file ack --whole-epochs seis <feed &
pid=$!
exec 3>feed
{ barrier 1 && lines 20 && barrier 2; } >&3
promised() { [ "$(jq -c '."@barrier" | [.epoch, .pending.epoch]' ack 2>/dev/null)" = '[1,2]' ]; }
wait_for 10 promised
passes "the epoch is promised before it is put" promised
kill -9 $pid
exec 3>&-
wait $pid 2>/dev/null
cp ack promise
gate_rules '[]'
for order in cat tac; do
    { cat promise && lines 20 | $order && barrier 2 && echo '{"@end":{"records":20}}'; } | kinesis-put --key k --ack-file ack --whole-epochs seis
done
is "$(jq -c '."@barrier" | [.epoch, .pending, .put.sent]' ack)" '[2,null,21]' "kept, and acknowledged"
is "$(raw seis | wc -l) $(raw seis | cut -d ' ' -f 3- | sort -u | wc -l)" "40 20" "twice the same lines with the same labels"

for wrong in '--key {} uno' '--key a, uno' '--key x{{ uno' '' 'uno dos --key k' '--key k a/b' '--key k --name a.b uno' 'uno' '--key k --whole-epochs uno'; do
    # shellcheck disable=SC2086 # words
    fails "kinesis-put $wrong" 64 kinesis-put $wrong
done

done_testing
