# shellcheck shell=bash
# metrics-cgi behind nginx, beside FastAPI and a static file behind the same nginx; and as CGI, beside /bin/true.
. "$(dirname "$0")/../lib/tap.sh"

exec python3 "$TOP/tests/bench/metrics-cgi.py" "$work"
