# shellcheck shell=bash
# What monitoring beside a stream costs: side-tee beside tee and cat; alert-when beside jq and mawk; cw-put
# beside jq.
. "$(dirname "$0")/../lib/tap.sh"

exec python3 "$TOP/tests/bench/monitoring.py" "$work"
