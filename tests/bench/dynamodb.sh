# shellcheck shell=bash
# ddb-put on DynamoDB beside boto3: the same updates, into a sink that does nothing (what the client costs), and into
# dynalite; and what barriers cost, which the gate counts too.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/dynamodb.sh"

gcc -O2 -D_GNU_SOURCE -o "$work/http-sink" "$TOP/tests/bench/http-sink.c" || exit 1
dynamodb_start
export UPSTREAM GATE
/usr/bin/python3 "$TOP/tests/bench/dynamodb.py" "$work"
exit $?
