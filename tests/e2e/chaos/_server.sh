#!/bin/bash
# _server.sh restart [MODE] | crash: what a fault does to the server of the storm. PG_DIR says which.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
PG_BIN=$(pg_bindir) || exit 1
pg_use "$PG_DIR"
"pg_$1" "${@:2}"
