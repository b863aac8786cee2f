# shellcheck shell=bash
# window-agg beside jq, Miller, mawk, DuckDB and a loop over simdjson: the same sums by customer, product
# and minute. The peers add in doubles or read through them, but for the loop, which knows that there
# are two decimals: at the beginning it is said whose sums are right.
. "$(dirname "$0")/../lib/tap.sh"

exec python3 "$TOP/tests/bench/window-agg.py" "$work"
