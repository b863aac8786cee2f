# once
# timeout: 900
# The tests of whole pipelines with a store, which know of SQLite alone, with a table in DynamoDB as that.
#
# Not here: those of batch-pipeline, which has no store; dynamodb.sh and chaos/dynamodb.sh, which are on it anyway.
. "$(dirname "$0")/../lib/tap.sh"

tests=()
for name in pipeline-equals-sql stream-pipeline real-data filter stop-and-restart clock unfinished-snapshot crash monitoring \
    two-instances once-and-cron poll existing-table bad-records status; do
    tests+=("$TOP/tests/e2e/$name.sh")
done
ON_DYNAMODB=1 TIMEOUT_SCALE=8 "$TOP/tests/run" -v -b "$(dirname "$TUBERIA_BIN")" "${tests[@]}" >"$work/result" 2>&1
like "$(tail -n 1 "$work/result")" '^[1-9][0-9]+ passed, 0 failed(, [1-3] skipped)?$' "on DynamoDB: $(tail -n 1 "$work/result")"
note "$(grep -vE '^ok ' "$work/result" | tail -n 60)" "$(grep '^ok ' "$work/result")"
is "$(grep -cE '^ok |^skip .*(real-data|clock)' "$work/result")" "${#tests[@]}" 'all of them ran'
done_testing
