# shellcheck shell=bash
# s3-partition beside DuckDB's COPY … PARTITION_BY and Miller's split: sales of six proveedores and 30 days, in no order, into
# 180 directories of gzip. At the beginning it is said whose files hold what came in.
. "$(dirname "$0")/../lib/tap.sh"

exec python3 "$TOP/tests/bench/s3-partition.py" "$work"
