# shellcheck shell=bash disable=SC2154,SC2034
# _probe.sh: tests of the AWS client through its probe.
. "$TOP/tests/lib/aws.sh"

PROBE=$(dirname "$TUBERIA_BIN")/unit/probe-aws
LIST=(dynamodb DynamoDB_20120810.ListTables '{}')

# asks NAME STATUS REGEX ARGUMENT...: the probe exits with STATUS and prints what matches.
asks() {
    local name=$1 expected=$2 regex=$3
    shift 3
    run "$PROBE" "$@"
    if [ "$code" = "$expected" ] && [[ $(cat "$work/out" "$work/err") =~ $regex ]]; then
        ok "$name"
    else
        not_ok "$name" "exit status $code, expected $expected" "$(head -c 600 "$work/out" "$work/err")" \
            "expected: $regex"
    fi
}
