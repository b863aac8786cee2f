"""metrics-query.py DIRECTORY: 200 look-ups one after the other, a process each; see metrics-query.sh."""

import os
import sqlite3
import subprocess
import sys

import bench

work = sys.argv[1]
times = 200


def store_of(items):
    """A store of so many items, put there by SQL: as many as these are not to be had in short time from records."""
    path = f"{work}/{items}.db"
    if os.path.exists(path):
        return path
    subprocess.run(["ddb-put", f"sqlite:{path}"], stdin=subprocess.DEVNULL, check=True)
    with sqlite3.connect(path, isolation_level=None) as db:
        index, = db.execute("SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").fetchone()
        name, = db.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").fetchone()
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute(f"DROP INDEX {name}")
        db.execute("BEGIN")
        db.execute("INSERT INTO metricas WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)"
                   " SELECT printf('%08d#*#*', i), printf('%08d', i), '*', '*', 3, '45.90', '2010-12-01T08:26:00' FROM n",
                   (items,))
        db.execute(index)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")
    return path


def repeat(command):
    return f"for ((i = 0; i < {times}; i++)); do {command} >/dev/null; done"


def look_up(path, customer="00004242"):
    return f"metrics-query -s sqlite:{path} cliente {customer}"


amounts = [bench.scaled(625_000) * n for n in (1, 4, 16)]
largest = store_of(amounts[-1])
query = "SELECT num_transacciones, monto_total FROM metricas WHERE id = '00004242#*#*'"
ours = subprocess.run(look_up(largest) + " --format tsv", shell=True, check=True, capture_output=True, text=True).stdout
theirs = subprocess.run(["sqlite3", largest, query], check=True, capture_output=True, text=True).stdout.strip()
if any(text not in ours.split() for text in theirs.split("|")):
    sys.exit("bench: metrics-query and sqlite3 do not agree")
bench.compare("metrics-query", f"{times} look-ups of a key among {amounts[-1]:,}, a process each", times, "look-up", {
    "metrics-query": repeat(look_up(largest)),
    "sqlite3": repeat(f"sqlite3 {largest} \"{query}\""),
    "/bin/true": repeat("/bin/true"),
})
bench.grow("metrics-query", f"{times} look-ups of a key", "item", amounts, lambda n: repeat(look_up(store_of(n))))
