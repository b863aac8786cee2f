# timeout: 240
# Lines out of a stream: all shards, through reshards, each line once whatever was sent twice, and from any
# barrier just what follows it.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/aws.sh"
. "$TOP/tests/lib/kinesis.sh"
cd "$work" || exit 1
kinesis_start

lines() { awk -v a="$1" -v b="$2" 'BEGIN { for (i = a; i <= b; i++) printf "{\"k\":\"c%d\",\"n\":%d}\n", i % 17, i }'; }
barriers() { grep '^{"@barrier"' "$1"; }
data() { grep -v '^{"@' "$1"; }
barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p%d","time":"2024-03-21T10:00:00Z"}}\n' "$1" "$1"; }
# All of the lines are there, each once, in order for each key.
whole() { # FILE N NAME
    is "$(data "$1" | sort | uniq -c | awk '{ print $1 }' | sort | uniq -c | tr -s ' ') $(data "$1" | sed 's/.*c\([0-9]*\)","n":\([0-9]*\)}/\1 \2/' |
        awk '$2 <= last[$1] { bad++ } { last[$1] = $2 } END { print bad + 0 }')" " $2 1 0" "$3"
}

# ---- reshards; what is sent twice ----

stream uno 2
gate_rules '[{"fault": "reset-after", "op": "PutRecords", "every": 3}]'
{ barrier 1 && lines 1 2000 && barrier 2 && echo '{"@end":{"records":2000}}'; } | kinesis-put --key k --ack-file ack uno
split uno shardId-000000000000
{ cat ack && lines 2001 4000 && barrier 3; } | kinesis-put --key k --ack-file ack uno 2>/dev/null
# The acknowledgement is lost: all of it comes again, to other shards.
cp ack ack3
printf '%s\n' "$(jq -c '."@barrier".put.sent = 2001 | ."@barrier".epoch = 2' ack)" >ack
merge uno shardId-000000000002 shardId-000000000003
{ cat ack && lines 2001 4000 && barrier 3 && lines 4001 5000 && barrier 4; } | kinesis-put --key k --ack-file ack uno 2>/dev/null
gate_rules '[]'
run kinesis-tail -v --once uno
is "$code" 0 "two shards, split and merged"
cp out uno.out
whole uno.out 5000 "each line once, in order for each key, through reshards and repetitions"
like "$(cat err)" 'lines out 5000, met before [2-9][0-9]{3}; ' "and what was there twice is counted"
is "$(head -n 1 uno.out | jq -c '."@barrier".epoch') $(tail -n 1 uno.out)" '1 {"@end":{"records":5000}}' "a barrier first, the end last"

gate_rules '[{"fault": "expired-iterator", "op": "GetRecords", "every": 3}, {"fault": "throttle", "op": "GetRecords", "every": 4}]'
run kinesis-tail --once uno
is "$code" 0 "iterators that expire, and throttling"
whole out 5000 "nothing is lost by that"
gate_rules '[]'

# ---- from any barrier ----

stream dos 3
lines 1 3000 | kinesis-put --key k dos
kinesis-tail --barrier-every 50ms dos >live &
pid=$!
has() { [ "$(data live | wc -l)" -ge "$1" ]; }
wait_for 20 has 3000
for i in 1 2 3 4 5 6; do
    lines $((2000 + 1000 * i + 1)) $((3000 + 1000 * i)) | kinesis-put --key k dos
    [ $i != 3 ] || split dos shardId-000000000001
    wait_for 20 has $((3000 + 1000 * i))
done
kill -TERM $pid
code=0
wait $pid || code=$?
is "$code $(tail -n 1 live)" '0 {"@end":{"records":9000}}' "SIGTERM: the last barrier, and the end"
whole live 9000 "live, through a split"
bad=0 tried=0
barriers live | awk 'NR % 4 == 1' | head -n 8 >some
while read -r line; do
    kinesis-tail --once --resume "$line" dos >rest
    [ "$(head -n 1 rest)" = "$line" ] || bad=$((bad + 1))
    cmp -s <(data live | sort) <({ awk -v b="$line" '{ print } $0 == b { exit }' live | grep -v '^{"@'; data rest; } | sort) || bad=$((bad + 1))
    tried=$((tried + 1))
done <some
is "$bad" 0 "from a barrier on, that barrier, and just what follows it"
passes "at several places ($tried)" test "$tried" -ge 4

# A sink's promise, and windows that are open: exactly the same epochs again.
first=$(barriers live | sed -n 2p) third=$(barriers live | tail -n 1)
middle=$(barriers live | sed -n "$(($(barriers live | wc -l) / 2))p")
promise=$(jq -nc --argjson a "$first" --argjson b "$middle" '$a | ."@barrier".pending = $b."@barrier"')
kinesis-tail --once --resume "$promise" dos >rest
between() { awk -v a="$1" -v b="$2" '$0 == a { on = 1; next } $0 == b { exit } on' live | grep -v '^{"@' | sort; }
same_files <(awk -v b="$middle" '$0 == b { exit } { print }' rest | grep -v '^{"@' | sort) <(between "$first" "$middle") \
    "a promised epoch is closed just there"
is "$(barriers rest | sed -n 2p)" "$middle" "by the promised barrier"
open=$(jq -nc --argjson a "$first" --argjson b "$middle" '$b | ."@barrier".resume = $a."@barrier".pos')
kinesis-tail --once --resume "$open" dos >rest
is "$(barriers rest | sed -n 1,2p | uniq)" "$open" "a replay is between the same barrier twice"
same_files <(awk -v b="$open" '$0 == b && ++n == 2 { exit } { print }' rest | grep -v '^{"@' | sort) <(between "$first" "$middle") \
    "and holds what was between"

# ---- where to begin ----

kinesis-tail --from end dos >end.out &
pid=$!
begun() { [ -s end.out ]; }
wait_for 10 begun
lines 1 10 | kinesis-put --key k dos
has_end() { [ "$(data end.out | wc -l)" -ge 10 ]; }
wait_for 20 has_end
kill $pid
wait $pid
is "$(data end.out | wc -l)" 10 "--from end"
is "$(kinesis-tail --once --from "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)" dos | grep -vc '^{"@')" 0 "--from a time to come"
is "$(kinesis-tail --once --from 2020-01-01 dos | grep -vc '^{"@')" 9010 "--from a time of old"
total=0
for shard in 0 1 2 3 4; do
    total=$((total + $(kinesis-tail --once --shard shardId-00000000000$shard dos | grep -vc '^{"@')))
done
is "$total" 9010 "--shard: each by itself"

# ---- what others put there ----

# The Kinesis Producer Library packs records: by its format's description, in Python.
stream kpl 1
/usr/bin/python3 - >packed <<'PYTHON'
import base64, hashlib
def field(number, data): return bytes([number << 3 | 2]) + length(len(data)) + data
def length(n): return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + length(n >> 7)
lines = [b'{"a":1}', b'{"a":2}\n{"a":3}', b'{"a":"' + b"x" * 300 + b'"}\n', b"", b'{"a":4}']
message = field(1, b"key") + field(1, b"k2") + b"".join(field(3, bytes([8, i % 2]) + field(3, x)) for i, x in enumerate(lines))
whole = b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()
print(base64.b64encode(whole).decode())
PYTHON
kinesis PutRecord "{\"StreamName\":\"kpl\",\"PartitionKey\":\"x\",\"Data\":\"$(cat packed)\"}" >/dev/null
is "$(kinesis-tail --once kpl | sed 's/xx*/x/' | grep -v '^{"@' | tr '\n' ' ')" '{"a":1} {"a":2} {"a":3} {"a":"x"} {"a":4} ' "packed by the Kinesis Producer Library"


stream tres 1
put() { kinesis PutRecord "{\"StreamName\":\"tres\",\"PartitionKey\":\"x\",\"Data\":\"$(printf '%s' "$1" | base64 -w 0)\"}" >/dev/null; }
put '{"a":1}'
put $'{"a":2}\n{"a":3}\n'
put '{"@barrier":{"epoch":9,"pos":"evil","time":"2024-03-21T10:00:00Z"}}'
put '{"@op":"-","a":4}'
run kinesis-tail --once tres
is "$(data out | tr '\n' ' ')$(grep -c '^{"@op' out)" '{"a":1} {"a":2} {"a":3} 1' "lines of others come as they are"
like "$(grep -c evil out) $(cat err)" '^0 .*control records of somebody else.* 1' "but none that would be taken for our own"

for wrong in '' 'uno dos' 'a/b' '--from yesterday uno' '--resume x uno' '--poll 1ms uno'; do
    # shellcheck disable=SC2086 # words
    fails "kinesis-tail $wrong" 64 kinesis-tail $wrong
done
run kinesis-tail --once no-such-stream
like "$code $(cat err)" '^78 .*ResourceNotFound' "no such stream"
run kinesis-tail --once --resume "$third" uno
like "$code $(cat err)" '^78 .*position is of the stream dos' "a position of another stream"
run kinesis-tail --once --shard shardId-000000000099 uno
is "$code" 78 "no such shard"
code=0
kinesis-tail uno >/dev/full 2>err || code=$?
is "$code" 75 "/dev/full"

done_testing
