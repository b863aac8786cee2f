# once
# timeout: 600
# Tests of the whole pipe, which know of SQLite alone, with a table in DynamoDB as the store.
#
# Not here: crash, stop-and-restart and clock, of which chaos/dynamodb.sh has more; and what is no matter of the store (bad
# records, filters, monitoring, an existing table, status, data by the hundred thousand).
. "$(dirname "$0")/../lib/tap.sh"

tests=()
for name in pipeline-equals-sql two-instances once-and-cron unfinished-snapshot; do
    tests+=("$TOP/tests/e2e/$name.sh")
done
ON_DYNAMODB=1 TIMEOUT_SCALE=2 "$TOP/tests/run" -v -b "$(dirname "$TUBERIA_BIN")" "${tests[@]}" >"$work/result" 2>&1
like "$(tail -n 1 "$work/result")" '^[1-9][0-9]+ passed, 0 failed$' "on DynamoDB: $(tail -n 1 "$work/result")"
note "$(tail -n 60 "$work/result")"
is "$(grep -c '^ok ' "$work/result")" "${#tests[@]}" 'all of them ran'
done_testing
