# timeout: 300
# once: what differs from a directory is s3-partition, and has its own tests.
# The daily files into a bucket: read back by the AWS CLI they equal SQL, and are the bytes that a directory would have; in spite
# of errors of S3, and after kill -9.
. "$(dirname "$0")/_batch.sh"
. "$TOP/tests/lib/aws.sh"
. "$TOP/tests/lib/s3.sh"

batch_shop
s3_start
batch
is "$code" 0 'into a directory'
directory=$lake
lake=s3://lake/batch/
rm "$log"
batch
is "$code $(cat "$work/err")" '0 ' 'into a bucket'
s3_down batch "$work/down"
rows_of_sql >"$work/expected"
rows_of_lake "$work/down" >"$work/got"
same_files "$work/got" "$work/expected" 'what the AWS CLI reads there equals SQL'
is "$(diff -r "$work/down" "$directory" && echo same)" same 'and is what a directory has'
passes '--verify finds no difference' s3-partition --verify "$lake"
is "$(logged 'select(.status == 0) | .rows' | jq -s add)" "$(wc -l <"$work/expected")" 'the log has all rows'

# S3 that fails more often than s3-partition tries: the partition is tried again.
sql "UPDATE ventas SET monto = monto + 0.01"
gate_rules '[{"fault": "error-503", "op": "PutObject", "every": 9}]'
rm "$log"
AWS_MAX_ATTEMPTS=1 batch --retries 50 --backoff 0
is "$code" 0 'all are published in spite of errors'
is "$(($(logged 'select(.status == 75) | .error' | grep -c .) > 0))" 1 'some at a second try, which the log says'
gate_rules '[{"fault": "error-503", "op": "PutObject"}]'
sql "UPDATE ventas SET monto = monto + 0.01"
AWS_MAX_ATTEMPTS=1 batch --retries 0 --provider 1
is "$code" 75 'S3 does not work at all: temporary'
gate_rules '[]'

# kill -9 in the middle, and the rerun.
published_on_s3() { [ "$(find "$work/s3/lake/batch" -name '*_SUCCESS*object' -newer "$work/mark" | wc -l)" -ge 2 ]; }
: >"$work/mark"
batch_start
wait_for 60 published_on_s3
kill -9 "$batch"
batch_end 2>/dev/null
lock_is_free() { flock -n "${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}/tuberia-$UID-s3___lake_batch.run" true; }
wait_for 30 lock_is_free
batch
is "$code" 0 'killed, and run again'
s3_down batch "$work/down"
rows_of_sql >"$work/expected"
rows_of_lake "$work/down" >"$work/got"
same_files "$work/got" "$work/expected" 'equals SQL'
lake=$directory
batch
is "$(diff -r "$work/down" "$directory" && echo same)" same 'and is what a directory has'
done_testing
