# once
# timeout: 400
# The chaos run with DynamoDB as the store (make chaos STORE=dynamodb is the long one): besides all that happens to the
# pipe, answers get lost in every way all the while, and now and then the service is gone, slow, or denies; then the store
# equals SQL in every item and rollup.
. "$(dirname "$0")/_chaos.sh"

chaos_shop 300 dynamodb
storm --seed "${CHAOS_SEED:-1}" --faults 26 --copy "$copy"
! failed || note "$(tail -n 20 "$work/faults.log")" "$(tail -n 40 "$work/pipeline.err")" "$(tail -n 5 "$work/gate.log")"
done_testing
