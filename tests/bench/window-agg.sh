# shellcheck shell=bash
# window-agg beside jq, Miller and mawk: the same sums by customer, product and minute. The peers add
# in doubles; that their sums are equal here, to the cent, is because these are small.
. "$(dirname "$0")/../lib/tap.sh"

exec python3 "$TOP/tests/bench/window-agg.py" "$work"
