# shellcheck shell=bash
# ddb-put on SQLite beside Python's sqlite3 doing the same upserts in the same transactions, and doing
# fewer of them, with the deltas of a transaction added up first.
. "$(dirname "$0")/../lib/tap.sh"

exec python3 "$TOP/tests/bench/ddb-put.py" "$work"
