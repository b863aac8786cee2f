# shellcheck shell=bash
# ddb-put on SQLite beside Python's sqlite3 doing the same upserts in the same transactions.
. "$(dirname "$0")/../lib/tap.sh"

exec python3 "$TOP/tests/bench/ddb-put.py" "$work"
