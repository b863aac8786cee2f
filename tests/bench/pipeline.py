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


COLUMNS = "cliente_id, producto, fecha, monto"
SALES = ("SELECT 1 + (i * 7919::bigint) % 20000, 'P' || i % 3, timestamp '2010-12-01 08:00' + i * interval '1 ms',"
         " (i % 50000) / 100.0 FROM generate_series({first}, {last}) i")


def in_one(first, last):
    sql(f"INSERT INTO ventas ({COLUMNS}) {SALES.format(first=first, last=last)}")


def in_hundreds(first, last):
    sales = SALES.format(first=f"{first} + 100 * t", last=f"{first} + 100 * t + 99")
    sql(f"DO $$ BEGIN FOR t IN 0..{(last - first) // 100} LOOP INSERT INTO ventas ({COLUMNS}) {sales}; COMMIT; END LOOP; END $$")


def check(path):
    with sqlite3.connect(path) as db:
        store = db.execute("SELECT count(*), sum(num_transacciones), sum(CAST(replace(monto_total, '.', '') AS INTEGER))"
                           " FROM metricas WHERE cliente_id <> '*' AND producto <> '*' AND fecha <> '*'").fetchone()
    table = sql("SELECT count(*), sum(n), (sum(s) * 100)::bigint FROM (SELECT count(*) n, sum(monto) s FROM ventas"
                " GROUP BY cliente_id, producto, fecha::date) g")
    equal = "|".join(map(str, store)) == table
    bench.say("pipeline", f"store {'=' if equal else '≠'} SQL: {table}")
    if not equal:
        sys.exit(1)


def measure(path, work, rows, postmaster):
    sql("CHECKPOINT")
    before = server_cpu(postmaster)
    result = bench.compare("pipeline", f"backlog of {rows} rows, {work}", rows, "row",
                           {"realtime-pipeline --once": "realtime-pipeline --once"}, runs=1)
    ours, server = result["realtime-pipeline --once"]["cpu_s"], server_cpu(postmaster) - before
    bench.say("pipeline", f"CPU of all our stages {ours:.2f} s, of the server meanwhile {server:.2f} s: {ours / server:.2f} ×")
    check(path)


def growth(path, first, least):
    """Backlogs of transactions of 100, each read once: the store has all of their items before."""
    amounts = [least, 4 * least, 16 * least]
    begins = {n: first + sum(amounts[:i]) for i, n in enumerate(amounts)}
    bench.grow("pipeline", "backlog in transactions of 100", "row", amounts, lambda n: "realtime-pipeline --once", runs=1,
               before=lambda n: in_hundreds(begins[n], begins[n] + n - 1))
    check(path)


def main():
    path, copied, small = sys.argv[1], bench.scaled(2_000_000), bench.scaled(10_000) * 100
    rows = copied + small
    # The parent of a backend, while that lives.
    with subprocess.Popen(["psql", "-XqAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        session.stdin.write("SELECT pg_backend_pid();\n")
        session.stdin.flush()
        postmaster = stat(int(session.stdout.readline()))[0]
        session.stdin.close()
    in_one(1, copied)
    in_hundreds(copied + 1, rows)
    measure(path, f"{copied} in one transaction, the others in hundreds", rows, postmaster)
    # The worst: nothing of a transaction may leave before its commit, which is at the end here.
    in_one(rows + 1, 2 * rows)
    measure(path, "all in one transaction", rows, postmaster)
    growth(path, 2 * rows + 1, max(100, bench.scaled(2_000) * 100))


main()
