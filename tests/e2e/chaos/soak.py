#!/usr/bin/python3
"""A steady load for a long time: does memory grow, in any stage, or the log that the server keeps for the slot?

usage: soak.py --store URI --directory DIR [--seconds N] [--rows N] [--every N]

Prints a line of figures every so often: seconds, MiB in memory of each stage and the script, KiB of WAL that the slot
retains, how far the store is behind (KiB), MiB of the store, rows in the table. Writes DIR/verdicts, as storm.py.
"""

import argparse
import os
import signal
import statistics
import sys
import time

import load
import proc
from pipeline import STAGES, Broken, Pipeline, sql
from store import wal_number

BATCH = 100
# The median of the last quarter may lie so far above that of the second: a factor, and MiB or KiB for what is small.
GROWTH = 1.1
SMALL = dict.fromkeys((*STAGES, "script"), 4) | {"retained": 32 << 10, "behind": 8 << 10}


class Soak:
    def __init__(self, given):
        self.given = given
        self.pipeline = Pipeline(given.store, given.directory, [])
        # Batches of new rows, one of 20 rows changed for each: an update is two records, a row less and a row more.
        load.SCRIPTS = {"batch": (10, load.SCRIPTS["batch"][1]), "amount": (2, load.SCRIPTS["amount"][1]),
                        "delete": (1, load.SCRIPTS["delete"][1])}
        self.load = load.Load(given.directory, 1, given.rows * 13 // (BATCH * 10))
        self.samples, self.begun = [], time.monotonic()

    def sample(self):
        stages = self.pipeline.stages()
        wal, retained, rows = (sql(
            "SELECT pg_current_wal_lsn(), (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))::bigint"
            " FROM pg_replication_slots), (SELECT max(id) FROM ventas)") or "0/0|0|0").split("|")
        row = {"s": round(time.monotonic() - self.begun)}
        row |= {name: proc.resident(stages.get(name, 0)) / 1024 for name in STAGES}
        row |= {"script": proc.resident(self.pipeline.process.pid) / 1024, "retained": int(retained or 0) / 1024,
                "behind": max(0, wal_number(wal) - self.pipeline.checkpoint()[1]) / 1024,
                "store": sum(os.path.getsize(self.pipeline.store.path + end) for end in ("", "-wal")) / (1 << 20),
                "rows": int(rows or 0)}
        if not self.samples:
            print("memory and store in MiB, what is retained and behind in KiB")
            print("  ".join(f"{name:>10}" for name in row))
        self.samples.append(row)
        print("  ".join(f"{value:10.1f}" if isinstance(value, float) else f"{value:10}" for value in row.values()),
              flush=True)

    def verdicts(self):
        quarter = len(self.samples) // 4
        first, last = self.samples[quarter:2 * quarter], self.samples[-quarter:]
        for name, small in SMALL.items():
            before, after = (statistics.median(row[name] for row in rows) for rows in (first, last))
            good = after <= before * GROWTH + small
            what = f"{name}: flat ({before:.1f} in the second quarter, {after:.1f} in the last)"
            yield f"ok\t{what}" if good else f"not ok\t{what}\tit grows"
        pace = (self.samples[-1]["rows"] - self.samples[0]["rows"]) / (self.samples[-1]["s"] - self.samples[0]["s"])
        good = pace >= 0.9 * self.given.rows
        yield f"{'ok' if good else 'not ok'}\tthe load was {pace:.0f} rows/s of {self.given.rows}" + (
            "" if good else "\tthe machine is too slow for it")

    def run(self):
        lines = []
        try:
            self.pipeline.start()
            self.pipeline.progress()
            self.load.start()
            self.pipeline.sleep(2)
            self.begun = time.monotonic()
            while time.monotonic() - self.begun < self.given.seconds:
                self.sample()
                self.pipeline.sleep(self.given.every)
            lines = list(self.verdicts())
            self.load.stop()
            now = wal_number(sql("SELECT pg_current_wal_lsn()"))
            caught_up = self.pipeline.wait(lambda: self.pipeline.checkpoint()[1] >= now, 60)
            lines.append("ok\tit catches up" if caught_up else "not ok\tit catches up\t")
            lines.append("ok\tone start" if self.pipeline.starts == 1 else "not ok\tone start\t")
            self.pipeline.stop()
        except Broken as e:
            lines.append(f"not ok\tthe pipeline lives\t{e}")
        finally:
            self.load.stop()
            self.pipeline.abort()
            with open(os.path.join(self.given.directory, "verdicts"), "w", encoding="utf-8") as f:
                f.writelines(line + "\n" for line in lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", required=True)
    parser.add_argument("--directory", required=True, type=os.path.abspath)
    for name, value in (("seconds", 1800), ("rows", 5000), ("every", 10)):
        parser.add_argument("--" + name, type=int, default=value)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    Soak(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
