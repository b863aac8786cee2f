"""ddb-put.py DIRECTORY: 1 million deltas over 100,000 ids in 100 epochs, with rollups; see ddb-put.sh.

ddb-put.py --peer FILE: the peer: reads the same stream and upserts item and rollups, sums as integers.
"""

import json
import os
import sqlite3
import sys

import bench

IDS, EPOCHS = 100_000, 100
UPSERT = ("INSERT INTO metricas VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET n = n + excluded.n,"
          " cents = cents + excluded.cents, fecha_hora = excluded.fecha_hora")


def peer(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE metricas (id TEXT PRIMARY KEY, n INTEGER, cents INTEGER, fecha_hora TEXT) WITHOUT ROWID")
    epoch = []

    def commit():
        merged = {}
        for ident, n, cents, when in epoch:
            customer, product, day = ident.split("#")
            for key in (ident, f"{customer}#{product}#*", f"{customer}#*#{day}", f"{customer}#*#*",
                        f"*#{product}#{day}", f"*#{product}#*"):
                have = merged.get(key)
                if have is None:
                    merged[key] = [n, cents, when]
                else:
                    have[0] += n
                    have[1] += cents
                    have[2] = max(have[2], when)
        db.execute("BEGIN IMMEDIATE")
        db.executemany(UPSERT, ((key, *row) for key, row in sorted(merged.items())))
        db.execute("COMMIT")
        epoch.clear()

    for line in sys.stdin:
        record = json.loads(line, parse_float=lambda text: int(text.replace(".", "")))
        if "@barrier" in record:
            commit()
        elif "@end" not in record:
            epoch.append((record["id"], record["num_transacciones"], record["monto_total"], record["fecha_hora"]))


def stream(path, count):
    state = 1
    with open(path, "w", encoding="utf-8") as f:
        for epoch in range(1, EPOCHS + 1):
            for _ in range(count // EPOCHS):
                state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
                pick = (state >> 33) % IDS
                customer, product, day = 10000 + pick % 5000, 85000 + pick // 5000 % 10, 1 + pick // 50000
                cents = (state >> 40) % 90000
                f.write(f'{{"id":"{customer}#{product}A#2010-12-{day:02d}","cliente_id":{customer},'
                        f'"producto":"{product}A","num_transacciones":1,"monto_total":{cents // 100}.{cents % 100:02d},'
                        f'"fecha_hora":"2010-12-{day:02d}T08:{epoch % 60:02d}:00"}}\n')
            f.write(f'{{"@barrier":{{"epoch":{epoch},"pos":"{epoch}","time":"2010-12-01T08:00:00.000Z"}}}}\n')
        f.write(f'{{"@end":{{"records":{count}}}}}\n')


def check_equal(ours, theirs):
    def totals(path, query):
        with sqlite3.connect(path) as db:
            return db.execute(query).fetchall()
    if totals(ours, "SELECT id, num_transacciones, CAST(replace(monto_total, '.', '') AS INTEGER) FROM metricas"
                    " ORDER BY id") != totals(theirs, "SELECT id, n, cents FROM metricas ORDER BY id"):
        sys.exit("bench: the stores are not equal")


def main():
    work, count = sys.argv[1], bench.scaled(1_000_000)
    stream(f"{work}/deltas", count)
    remove = f"rm -f {work}/ours.db* {work}/peer.db*; "
    commands = {
        "ddb-put": f"{remove} ddb-put --checkpoint b sqlite:{work}/ours.db <{work}/deltas",
        "python3 sqlite3": f"rm -f {work}/peer.db*; /usr/bin/python3 {os.path.abspath(__file__)} --peer {work}/peer.db"
                           f" <{work}/deltas",
    }
    bench.compare("ddb-put", f"{count} deltas over {IDS} ids, {EPOCHS} epochs, rollups, synchronous=FULL", count,
                  "delta", commands)
    check_equal(f"{work}/ours.db", f"{work}/peer.db")


if sys.argv[1] == "--peer":
    peer(sys.argv[2])
else:
    main()
