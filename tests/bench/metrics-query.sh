# shellcheck shell=bash
# metrics-query's one look-up beside the sqlite3 CLI's, and beside starting any program at all.
. "$(dirname "$0")/../lib/tap.sh"

exec python3 "$TOP/tests/bench/metrics-query.py" "$work"
