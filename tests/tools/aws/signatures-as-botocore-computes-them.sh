# Each request arrives at a gate that computes its signature anew, by botocore, from what was on the wire.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_probe.sh"
gate_start

asks "a JSON protocol" 0 '^200 ' "${LIST[@]}"
asks "a body of many kinds of bytes" 0 '^200 ' dynamodb DynamoDB_20120810.GetItem \
    '{"TableName":"tbl","Key":{"id":{"S":"ñ 漢 \" \\ \u0001 😀"}}}'
asks "another service" 0 '^200 ' kinesis Kinesis_20131202.ListStreams '{}'
asks "S3: encoded paths" 0 '^200' s3 GET '/bucket/a%20b/%C3%B1%2B%26%3D/..%2F./x~_-.txt'
asks "S3: dots in paths" 0 '^200' s3 GET /bucket/a/../b/./c//d
asks "S3: queries" 0 '^200' s3 GET '/bucket?prefix=a%2Fb%20c&list-type=2&delimiter=%2F&uploads=&continuation-token=1%2B%3D'
asks "S3: HEAD" 0 '^200 $' s3 HEAD /bucket/key
head -c 3000000 /dev/urandom >"$work/object"
asks "S3: an object out of a file" 0 '^200' s3 PUT /bucket/object "$work/object"
AWS_SECRET_ACCESS_KEY=wrong asks "a wrong secret is said, with where it is from" 77 \
    'InvalidSignatureException: The request signature .*\(credentials: environment\)' "${LIST[@]}"
is "$(grep -c 'Canonical' "$work/out")" 0 "and nothing of what was signed"
AWS_ACCESS_KEY_ID=NOBODY asks "an unknown key" 77 'UnrecognizedClientException' "${LIST[@]}"
AWS_REGION=eu-west-1 asks "a region that is not the endpoint's" 77 'valid region' "${LIST[@]}"

gate_rules '[]'
asks "a thousand requests" 0 '' "${LIST[@]}" 1000 20
is "$(grep -c '^200 {}$' "$work/out")" 1000 "are answered"
is "$(gate_seen '.connections <= 23')" true "over twenty connections"

done_testing
