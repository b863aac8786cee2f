# shellcheck shell=bash
# The whole pipeline on a backlog, into SQLite: rows a second, CPU of our stages and of the server's
# backend that feeds them; ends by comparing store and table.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/postgres.sh"

pg_start 'max_wal_size = 8GB' 'shared_buffers = 512MB' 'fsync = on'
psql -XqAt -v ON_ERROR_STOP=1 -f "$TOP/scripts/deploy/ventas.sql" || exit 1
sql "INSERT INTO clientes SELECT i, 'n', 'a' FROM generate_series(1, 20000) i"
export TUBERIA_STORE=sqlite:$work/m.db
realtime-pipeline --once || exit 1
python3 "$TOP/tests/bench/pipeline.py" "$work/m.db" || exit 1
