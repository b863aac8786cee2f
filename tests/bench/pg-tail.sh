# shellcheck shell=bash
# pg-tail on two backlogs, by passes and followed, beside pg_recvlogical with raw pgoutput, test_decoding and
# wal2json, and psql peeking by SQL; its snapshot beside COPY; growth; and how long after COMMIT a line is there.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/postgres.sh"

pg_start 'max_wal_size = 8GB' 'shared_buffers = 512MB'
psql -XqAt -v ON_ERROR_STOP=1 -f "$TOP/scripts/deploy/ventas.sql" || exit 1
sql "INSERT INTO clientes SELECT i, 'n', 'a' FROM generate_series(1, 20000) i"
export PATH=$PATH:$PG_BIN
python3 "$TOP/tests/bench/pg-tail.py" "$work" && python3 "$TOP/tests/bench/pg-latency.py" || exit 1
