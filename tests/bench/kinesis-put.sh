# shellcheck shell=bash
# kinesis-put beside boto3: client CPU for 100,000 records into a stand-in that answers at once, so that the
# client alone is measured. Then what kinesis-put has put is counted by the stand-in.
. "$(dirname "$0")/../lib/tap.sh"

exec python3 "$TOP/tests/bench/kinesis-put.py" "$work"
