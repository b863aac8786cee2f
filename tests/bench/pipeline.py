"""pipeline.py FILE: see pipeline.sh."""

import os
import sqlite3
import subprocess
import sys

import bench

TICKS = os.sysconf("SC_CLK_TCK")


def sql(text):
    return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text], check=True, capture_output=True,
                          text=True).stdout.strip()


def stat(pid):
    """Parent, CPU seconds of its own, and of its children that have ended."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[1]), sum(map(int, fields[11:13])) / TICKS, sum(map(int, fields[13:15])) / TICKS


def server_cpu(postmaster):
    """CPU seconds of the server's processes, those that have ended among them."""
    _, own, ended = stat(postmaster)
    total = own + ended
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent, own, _ = stat(pid)
        except OSError:
            continue
        if parent == postmaster:
            total += own
    return total


def main():
    path, rows = sys.argv[1], bench.scaled(3_000_000)
    # The parent of a backend, while that lives.
    with subprocess.Popen(["psql", "-XqAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        session.stdin.write("SELECT pg_backend_pid();\n")
        session.stdin.flush()
        postmaster = stat(int(session.stdout.readline()))[0]
        session.stdin.close()
    sql("INSERT INTO ventas (cliente_id, producto, fecha, monto) SELECT 1 + (i * 7919::bigint) % 20000, 'P' || i % 3,"
        " timestamp '2010-12-01 08:00' + i * interval '1 ms', (i % 50000) / 100.0"
        f" FROM generate_series(1, {rows}) i")
    sql("CHECKPOINT")
    before = server_cpu(postmaster)
    result = bench.compare("pipeline", f"backlog of {rows} rows in one transaction, into SQLite", rows, "row",
                           {"realtime-pipeline --once": "realtime-pipeline --once"}, runs=1)
    ours, server = result["realtime-pipeline --once"]["cpu_s"], server_cpu(postmaster) - before
    bench.say("pipeline", f"CPU of all our stages {ours:.2f} s, of the server meanwhile {server:.2f} s: {ours / server:.2f} ×")
    with sqlite3.connect(path) as db:
        store = db.execute("SELECT count(*), sum(num_transacciones), sum(CAST(replace(monto_total, '.', '') AS INTEGER))"
                           " FROM metricas WHERE cliente_id <> '*' AND producto <> '*' AND fecha <> '*'").fetchone()
    table = sql("SELECT count(*), sum(n), (sum(s) * 100)::bigint FROM (SELECT count(*) n, sum(monto) s FROM ventas"
                " GROUP BY cliente_id, producto, fecha::date) g")
    equal = "|".join(map(str, store)) == table
    bench.say("pipeline", f"store {'=' if equal else '≠'} SQL: {table}")
    if not equal:
        sys.exit(1)


main()
