#!/usr/bin/python3
"""A round of the chaos run: load and faults, then quiet, and all checks but the comparison with SQL.

usage: storm.py --store URI --directory DIR [--seed N] [--round N] [--faults N] [--rate N] [--copy N] [--disk DIR]
                [--replay LOG] [--rebuild] [--patience SECONDS] [-- PIPELINE-OPTION...]

The server is that of PG*, PG_DIR and PG_BIN. Faults come from the seed and the round, or from LOG, the log of an
earlier run: DIR/faults.log, a line of JSON each, written before the fault is done. Writes DIR/verdicts: "ok" or
"not ok", a tab, what was checked, and on failure a tab and why.
"""

import argparse
import collections
import json
import os
import signal
import sys
import time

import faults
import load
import words
from pipeline import Broken, Pipeline, sql
from store import wal_number

WAL_LEFT = 1 << 20  # what a slot may hold back once all is quiet


class Round:
    def __init__(self, given):
        self.given, self.begun = given, time.monotonic()
        self.pipeline = Pipeline(given.store, given.directory, given.options)
        self.faults = faults.Faults(self.pipeline, given.disk)
        copy = os.path.join(given.directory, "copy.csv") if given.copy else None
        if copy:
            load.write_copy(copy, given.copy, given.seed)
        self.load = load.Load(given.directory, given.seed * 100 + given.round, given.rate, copy=copy)
        self.verdicts = []
        self.done = collections.Counter()

    def verdict(self, good, name, why=""):
        self.verdicts.append("\t".join(["ok", name] if good else ["not ok", name, " ".join(str(why).split())]))

    def schedule(self):
        g = self.given
        if not g.replay:
            return faults.schedule(g.seed * 100 + g.round, g.faults, self.pipeline.has_clock, bool(g.disk),
                                   bool(self.pipeline.store.gate))
        with open(g.replay, encoding="utf-8") as f:
            logged = [json.loads(line) for line in f]
        return [entry["entry"] for entry in logged if entry["round"] == g.round]

    def storm(self):
        with open(os.path.join(self.given.directory, "faults.log"), "a", encoding="utf-8", buffering=1) as log:
            for number, entry in enumerate(self.schedule(), 1):
                if entry["wait"]:
                    self.pipeline.progress()
                self.pipeline.sleep(entry["pause"])
                log.write(json.dumps({"round": self.given.round, "n": number, "at": self.elapsed(),
                                      "epoch": self.pipeline.checkpoint()[0], "entry": entry}) + "\n")
                self.faults.inject(entry)
                self.done[entry["fault"]] += 1

    def elapsed(self):
        return round(time.monotonic() - self.begun, 3)

    # ---- quiet ----

    def settle(self):
        """All faults are over: it comes back, takes the COPY in, and reaches what was committed last."""
        self.pipeline.progress()
        self.pipeline.set_clock(0)
        if self.pipeline.store.gate:
            never = self.faults.over()
            self.verdict(not never, "all the while the service had faults of each kind", never)
        self.pipeline.wait(lambda: self.load.copied, 60)
        self.load.stop()
        quiet = self.pipeline.wait(lambda: sql(
            f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{load.NAME}'") == "0", 60)
        now = wal_number(sql("SELECT pg_current_wal_lsn()"))
        reached = self.pipeline.wait(lambda: self.pipeline.checkpoint()[1] >= now, 120)
        self.verdict(quiet and reached, "the pipeline comes back, and catches up", self.pipeline.last_message())
        if self.given.copy:
            self.verdict(self.load.copied, "a COPY of many rows in one transaction is part of it")

    def check_slot(self):
        def held():
            sql("CHECKPOINT")  # lets the server say which transactions run: the slot's oldest place moves on by that
            return int(sql("SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0)::bigint"
                           " FROM pg_replication_slots") or WAL_LEFT)
        free = self.pipeline.wait(lambda: held() < WAL_LEFT, self.given.patience)
        slots = sql("SELECT string_agg(slot_name, ' ') FROM pg_replication_slots")
        self.verdict(free, "no slot holds WAL back", f"{slots}: {held()} bytes")
        self.verdict(len((slots or "").split()) == 1, "there is one slot", slots)

    def check_end(self):
        status = self.pipeline.stop()
        self.verdict(status == 0, "SIGTERM: exit status 0", f"{status}: {self.pipeline.last_message()}")
        left = self.pipeline.left()
        deadline = time.monotonic() + 5
        while left and time.monotonic() < deadline:
            time.sleep(0.05)
            left = self.pipeline.left()
        self.verdict(not left, "no process is left, and no zombie", left)
        litter = [name for name in os.listdir(self.pipeline.store.directory) if name not in self.pipeline.store.files]
        self.verdict(not litter, "no file but the store is left beside it", litter)
        litter = os.listdir(self.pipeline.temporary)
        self.verdict(not litter, "no temporary file is left", litter)

    def check_words(self):
        with open(self.pipeline.log, encoding="utf-8", errors="replace") as f:
            said, whole, wrong = words.check(f.read().splitlines())
        self.verdict(said >= 3 and whole >= 1 and not wrong, "in = out + rejected in all last words",
                     f"{said} said, {whole} whole runs; {'; '.join(wrong[:5])}")
        return said, whole

    def run(self):
        said = (0, 0)
        self.load.start()
        try:
            self.pipeline.start(*(["--rebuild"] if self.given.rebuild else []))
            self.storm()
            self.settle()
            zombies = [p for p in self.pipeline.left() if p.state == "Z"]
            self.verdict(not zombies, "no zombie while it runs", zombies)
            self.check_slot()
            self.check_end()
            said = self.check_words()
        except Broken as e:
            self.verdict(False, "the pipeline lives through all faults", e)
        finally:
            self.load.stop()
            self.pipeline.abort()
            with open(os.path.join(self.given.directory, "verdicts"), "w", encoding="utf-8") as f:
                f.writelines(line + "\n" for line in self.verdicts)
        print(f"round {self.given.round}: {sum(self.done.values())} faults in {self.elapsed():.0f} s ("
              + ", ".join(f"{kind} {n}" for kind, n in sorted(self.done.items()))
              + f"), {self.pipeline.starts} starts, {said[0]} last words, {said[1]} whole runs")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", required=True)
    parser.add_argument("--directory", required=True, type=os.path.abspath)
    for name, value in (("seed", 1), ("round", 1), ("faults", 60), ("rate", 300), ("copy", 0),
                        ("patience", 20)):
        parser.add_argument("--" + name, type=int, default=value)
    for name in ("disk", "replay"):
        parser.add_argument("--" + name, default="")
    parser.add_argument("--rebuild", action="store_true")
    parser.add_argument("options", nargs="*")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of what ends all that was started
    Round(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
