# A bucket of S3: who may, where it is, what is sent, and what other programs see of it.
# timeout: 300
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/aws.sh"
. "$TOP/tests/lib/s3.sh"
s3_start

sales() { awk -v n="$1" -v f="${2:-1}" 'BEGIN { for (i = 0; i < n; i++) printf "{\"p\":\"p %d\",\"m\":%d.%02d,\"t\":\"2024-03-%02dT10:00:00\"}\n", i % 3, i * f, i % 100, 1 + i % 5 }'; }
how=(--layout 'prov={p}/day=%F' --time t --sum m --plain)
to() { s3-partition "${how[@]}" --to "$@"; } # PLACE [OPTION...]
sales 300 >"$work/in"

# ---- as a directory ----

to "$work/dir" <"$work/in" >"$work/dir.out"
passes 'records go to a bucket' to s3://lake/a <"$work/in"
same_files "$work/.out" "$work/dir.out" 'and the same is said of them'
s3_down a "$work/down"
passes 'the AWS CLI reads the same files' diff -r "$work/down" "$work/dir"
s3_cli s3 cp --quiet --recursive "$work/dir" s3://lake/by-cli
run s3-partition --verify s3://lake/by-cli -v
is "$code $(cat "$work/out" "$work/err")" '0 s3-partition: verified 15 partitions, 15 objects, 300 rows' 'what the AWS CLI wrote is read'
gate_rules '[]'
passes 'a rerun' to s3://lake/a <"$work/in"
is "$(gate_seen '.requests.PutObject')" 15 'puts the same objects, and neither manifests nor _SUCCESS'
passes 'the whole bucket is a place, too' to s3://lake --compress none <"$work/in"
is "$(s3_cli s3 ls --recursive s3://lake | grep -c ' prov=')" 45 'objects at its root'

# ---- where the bucket is in a URL ----

AWS_S3_ADDRESSING_STYLE=virtual AWS_ENDPOINT_URL_S3=${GATE/127.0.0.1/localhost} \
    passes 'the bucket in front of the host' to s3://lake/virtual <"$work/in"
is "$(gate_seen '.hosts | keys[]' | grep -c '^lake\.localhost')" 1 'is there'
passes 'a bucket with dots, behind it' to s3://lake.dots/x <"$work/in"
mkdir -p "$work/home/.aws"
printf '[default]\ns3 =\n  addressing_style = virtual\n' >"$work/home/.aws/config"
gate_rules '[]'
AWS_ENDPOINT_URL_S3=${GATE/127.0.0.1/localhost} passes 'by the file of settings' to s3://lake/virtual <"$work/in"
is "$(gate_seen '.hosts | keys[]' | sed 's/:.*//')" lake.localhost 'as it says'
rm "$work/home/.aws/config"
AWS_S3_ADDRESSING_STYLE=x fails 'a style that there is not' 78 to s3://lake/a <"$work/in"

# ---- many keys ----

gate_control '{"page": 7}' >"$work/page"
s3_cli s3 cp --quiet "$work/in" "s3://lake/a/prov=p%200/day=2024-03-01/other <&>'+ %.gz"
run s3-partition --verify s3://lake/a
is "$code $(cat "$work/out")" "65 prov=p%200/day=2024-03-01/other <&>'+ %.gz: in no manifest" 'a list of many pages, and an odd key'
passes 'which replace removes' to s3://lake/a <"$work/in"
passes 'and only that' s3-partition --verify s3://lake/a
gate_control '{"page": null}' >"$work/page"

# ---- large objects ----

awk 'BEGIN { srand(1); for (i = 0; i < 500000; i++) printf "{\"p\":\"big\",\"m\":%d.%02d,\"x\":\"%s\",\"t\":\"2024-03-21T10:00:00\"}\n", i, i % 100, rand() rand() }' >"$work/big"
gate_rules '[{"fault": "late-error", "op": "CompleteMultipartUpload", "times": 1}]'
passes 'a large object' to s3://lake/big --compress none <"$work/big"
is "$(gate_seen '[.requests.CreateMultipartUpload, .requests.UploadPart > 3, .requests.CompleteMultipartUpload, .faults["late-error"]] | @csv')" \
    '1,true,2,1' 'goes in parts, and an error in an answer that is 200 is one'
s3_down big "$work/down"
passes 'and arrives' cmp "$work/big" "$work"/down/prov=big/day=2024-03-21/part-*
passes 'and is read again in pieces' s3-partition --verify s3://lake/big
is "$(gate_seen '[.requests.GetObject > 3, .uploads] | tostring')" '[true,[]]' 'no upload is left'

gate_rules '[{"fault": "denied", "op": "CompleteMultipartUpload"}]'
fails 'a run that fails' 77 to s3://lake/big --compress none --roll 40 <"$work/big"
is "$(gate_seen '[.requests.AbortMultipartUpload, .uploads] | tostring')" '[1,[]]' 'gives its upload up'
gate_rules '[{"fault": "hang-after", "op": "CompleteMultipartUpload"}]'
s3-partition "${how[@]}" --to s3://lake/big --compress none --roll 40 <"$work/big" >"$work/out" 2>&1 &
pid=$!
in_parts() { [ "$(gate_seen '.faults["hang-after"] // 0')" != 0 ]; }
wait_for 60 in_parts
kill -9 $pid
wait $pid 2>/dev/null
s3_cli s3api create-multipart-upload --bucket lake --key big/prov=big/day=2024-03-21/part-00007-0123456789abcdef.json >"$work/out"
s3_cli s3api create-multipart-upload --bucket lake --key big/prov=big/day=2024-03-21/of-others >"$work/out"
s3_cli s3api create-multipart-upload --bucket lake --key big/prov=big/part-00007-0123456789abcdef.json >"$work/out"
gate_rules '[]'
gate_control '{"page": 1}' >"$work/page"
passes 'one that was killed' to s3://lake/big --compress none --roll 40 <"$work/big"
gate_control '{"page": null}' >"$work/page"
is "$(gate_seen '.uploads | tostring')" '["big/prov=big/day=2024-03-21/of-others","big/prov=big/part-00007-0123456789abcdef.json"]' \
    'leaves an upload that the next run of its name gives up, and no other'
passes 'the rerun is whole' s3-partition --verify s3://lake/big
gate_rules '[{"fault": "denied", "op": "ListMultipartUploads"}]'
passes 'who may not list uploads does without' to s3://lake/big <"$work/in"

# ---- two at once ----

to s3://lake/two --name h --mode append <"$work/in" >"$work/out"
sales 30 2 >"$work/in2"
sales 30 3 >"$work/in3"
gate_rules '[{"fault": "hang-before", "op": "PutObject", "skip": 15, "times": 1}]'
s3-partition "${how[@]}" --to s3://lake/two --name i --mode append <"$work/in2" >"$work/out.i" 2>"$work/err.i" &
pid=$!
hangs() { [ "$(gate_seen '.faults["hang-before"] // 0')" != 0 ]; }
passes 'a run that hangs before one of its manifests' wait_for 30 hangs
alone() { [ "$(gate_seen .busy)" = 1 ]; }
passes 'while its other ones are there' wait_for 20 alone
passes 'and another one meanwhile' to s3://lake/two --name j --mode append <"$work/in3"
gate_control '{"release": true}' >"$work/page"
wait $pid
is "$? $(grep -c 'another run has published it meanwhile' "$work/err.i")" '75 1' 'ends: it was overtaken'
passes 'its rerun adds what it has' to s3://lake/two --name i --mode append <"$work/in2"
run s3-partition --verify s3://lake/two -v
is "$code $(cat "$work/out" "$work/err")" '0 s3-partition: verified 15 partitions, 45 objects, 360 rows' 'and all three are there'
gate_rules '[{"fault": "reset-after", "op": "PutObject"}]'
AWS_MAX_ATTEMPTS=3 fails 'answers that never arrive' 69 to s3://lake/lost --mode fail <"$work/in"
gate_rules '[{"fault": "reset-after", "op": "PutObject", "skip": 23, "times": 15},
    {"fault": "conflict", "op": "PutObject", "times": 8}]'
passes 'an answer that was lost is no other run' to s3://lake/lost --mode fail <"$work/in"
is "$(gate_seen '[.faults["reset-after"], .faults.conflict, .refused.PreconditionFailed > 0] | tostring')" '[15,8,true]' \
    'though it looks so'
fails 'what is there is there' 73 to s3://lake/lost --mode fail <"$work/in"

# ---- what is wrong ----

refused() { # NAME STATUS REGEX PLACE
    fails "$1" "$2" to "$4" <"$work/in"
    like "$(cat "$work/.err")" "^s3-partition: s3 at $GATE: $3" "$1: is said"
}
gate_rules '[]'
refused 'no such bucket' 78 'there is no bucket "none"$' s3://none/a
AWS_REGION=eu-west-1 refused 'another region' 78 'the bucket "lake" is in region us-east-1 \(AWS_REGION=us-east-1\)$' s3://lake/a
AWS_ACCESS_KEY_ID=READONLY refused 'who may only read' 77 \
    'PutObject s3://lake/b/prov=p%20[0-2]/day=2024-03-0[1-5]/part-.*: AccessDenied: .*\(credentials: environment\)$' s3://lake/b
AWS_ACCESS_KEY_ID=READONLY passes 'may verify' s3-partition --verify s3://lake/a
AWS_SECRET_ACCESS_KEY=wrong refused 'a wrong secret' 77 'ListObjectsV2 s3://lake/a/: SignatureDoesNotMatch: ' s3://lake/a
gate_rules '[{"fault": "denied", "op": "ListObjectsV2"}]'
refused 'who may not list' 77 'ListObjectsV2 s3://lake/a/: AccessDenied: Access Denied' s3://lake/a
gate_rules '[]'
AWS_ENDPOINT_URL_S3=http://127.0.0.1:1 AWS_MAX_ATTEMPTS=2 fails 'nobody there' 69 to s3://lake/a <"$work/in"
AWS_ACCESS_KEY_ID='' AWS_SECRET_ACCESS_KEY='' fails 'no keys' 78 to s3://lake/a <"$work/in"
AWS_REGION='' fails 'no region' 78 to s3://lake/a <"$work/in"
fails 'a bucket without partitions' 65 s3-partition --verify s3://lake/nothing

# ---- several at once ----

gate_rules '[]'
passes 'by one connection' to s3://lake/one -j 1 <"$work/in"
is "$(gate_seen '.connections')" 2 'that is kept' # the other one is ours
gate_rules '[{"fault": "hang-before", "op": "PutObject", "times": 8}]'
s3-partition "${how[@]}" --to s3://lake/eight -j 8 <"$work/in" >"$work/out" 2>"$work/err" &
pid=$!
busy() { [ "$(gate_seen .busy)" = "$1" ]; }
passes 'by eight' wait_for 30 busy 8
gate_control '{"release": true}' >"$work/page"
wait $pid
is "$? $(gate_seen .most)" '0 8' 'and never more'

# ---- signals ----

gate_rules '[{"fault": "hang-before", "op": "PutObject"}]'
s3-partition "${how[@]}" --to s3://lake/term <"$work/in" >"$work/out" 2>"$work/err" &
pid=$!
wait_for 30 hangs
kill -TERM $pid
wait $pid
is "$?" 75 'SIGTERM while it publishes is temporary'
like "$(cat "$work/err")" 'stopped before all was done' 'says so'
gate_rules '[]'
passes 'and the rerun does it' to s3://lake/term <"$work/in"

done_testing
