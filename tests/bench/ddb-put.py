"""ddb-put.py DIRECTORY: 1 million deltas over 100,000 ids in 100 epochs, with rollups; see ddb-put.sh.

ddb-put.py --peer each|merged FILE: the peer: reads the same stream and upserts item and rollups, sums as integers, a
transaction an epoch; each delta by itself, or those of an epoch added up in a dict first.
"""

import json
import os
import sqlite3
import sys

import bench

IDS, EPOCHS = 100_000, 100
UPSERT = ("INSERT INTO metricas VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET n = n + excluded.n,"
          " cents = cents + excluded.cents, fecha_hora = excluded.fecha_hora")


def keys_of(ident):
    """The item and its rollups."""
    customer, product, day = ident.split("#")
    return (ident, f"{customer}#{product}#*", f"{customer}#*#{day}", f"{customer}#*#*", f"*#{product}#{day}",
            f"*#{product}#*")


def merged(epoch):
    sums = {}
    for ident, n, cents, when in epoch:
        for key in keys_of(ident):
            have = sums.get(key)
            if have is None:
                sums[key] = [n, cents, when]
            else:
                have[0] += n
                have[1] += cents
                have[2] = max(have[2], when)
    return ((key, *row) for key, row in sorted(sums.items()))


def each(epoch):
    return ((key, n, cents, when) for ident, n, cents, when in epoch for key in keys_of(ident))


def peer(rows_of, path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE metricas (id TEXT PRIMARY KEY, n INTEGER, cents INTEGER, fecha_hora TEXT) WITHOUT ROWID")
    epoch = []
    for line in sys.stdin:
        record = json.loads(line, parse_float=lambda text: int(text.replace(".", "")))
        if "@barrier" in record:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(UPSERT, rows_of(epoch))
            db.execute("COMMIT")
            epoch.clear()
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


def put(work, count):
    return f"rm -f {work}/ours.db*; ddb-put --checkpoint b sqlite:{work}/ours.db <{work}/deltas-{count}"


def main():
    work, count = sys.argv[1], bench.scaled(1_000_000)
    amounts = [count // 4, count, 4 * count]
    for n in amounts:
        stream(f"{work}/deltas-{n}", n)

    def python(kind):
        return (f"rm -f {work}/{kind}.db*; /usr/bin/python3 {os.path.abspath(__file__)} --peer {kind} {work}/{kind}.db"
                f" <{work}/deltas-{count}")
    bench.compare("ddb-put", f"{count} deltas over {IDS} ids, {EPOCHS} epochs, rollups, synchronous=FULL", count,
                  "delta", {"ddb-put": put(work, count), "python3 sqlite3, merged in a dict": python("merged"),
                            "python3 sqlite3, each delta": python("each")})
    for kind in "merged", "each":
        check_equal(f"{work}/ours.db", f"{work}/{kind}.db")
    bench.say("ddb-put", "the stores are equal")
    bench.grow("ddb-put", f"deltas over {IDS} ids, {EPOCHS} epochs, rollups", "delta", amounts, lambda n: put(work, n))


if sys.argv[1] == "--peer":
    peer({"each": each, "merged": merged}[sys.argv[2]], sys.argv[3])
else:
    main()
