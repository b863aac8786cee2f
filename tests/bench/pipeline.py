"""pipeline.py FILE: see pipeline.sh."""

import sqlite3
import subprocess
import sys

import bench


def sql(text):
    return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text], check=True, capture_output=True,
                          text=True).stdout.strip()


rows = bench.scaled(3_000_000)
sql("INSERT INTO ventas (cliente_id, producto, fecha, monto) SELECT 1 + (i * 7919::bigint) % 20000, 'P' || i % 3,"
    " timestamp '2010-12-01 08:00' + i * interval '1 ms', (i % 50000) / 100.0"
    f" FROM generate_series(1, {rows}) i")
bench.compare("pipeline", f"backlog of {rows} rows in one transaction, into SQLite", rows, "row",
              {"realtime-pipeline --once": "realtime-pipeline --once"}, runs=1)
with sqlite3.connect(sys.argv[1]) as db:
    store = db.execute("SELECT count(*), sum(num_transacciones), sum(CAST(replace(monto_total, '.', '') AS INTEGER))"
                       " FROM metricas WHERE cliente_id <> '*' AND producto <> '*' AND fecha <> '*'").fetchone()
table = sql("SELECT count(*), sum(n), (sum(s) * 100)::bigint FROM (SELECT count(*) n, sum(monto) s FROM ventas"
            " GROUP BY cliente_id, producto, fecha::date) g")
print("pipeline: store", "=" if "|".join(map(str, store)) == table else "≠", "SQL:", table)
if "|".join(map(str, store)) != table:
    sys.exit(1)
