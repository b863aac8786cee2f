"""The faults: which, when, in what order (a schedule, all from a seed), and how each is done.

An entry of a schedule, which is a line of the log too: "fault" and its arguments; "wait": whether the pipeline must
have committed since the one before; "pause": seconds then.
"""

import os
import random
import resource
import signal
import subprocess

from pipeline import STAGES, sql

HERE = os.path.dirname(os.path.abspath(__file__))
HOUR, DAY = 3600, 86400
# What the gate in front of DynamoDB does to the updates all the while.
DRIZZLE = [{"fault": name, "op": "UpdateItem", "every": every} for name, every in (
    ("reset-after", 61), ("truncate", 73), ("bad-crc", 89), ("error-500", 97), ("throttle", 43), ("reset-before", 101))]


def of_service(chance):
    """Rules for the gate: how it behaves for a while."""
    at = chance.randrange(60)
    yield {"fault": chance.choice(["error-503", "reset-before"])}  # nobody is there
    yield {"fault": chance.choice(["reset-after", "truncate", "bad-crc"]), "op": "UpdateItem"}  # done, and never said
    yield {"fault": "throttle", "every": chance.choice([2, 3])}
    yield {"fault": "delay", "seconds": round(chance.uniform(0.05, 0.5), 2), "every": chance.randint(3, 30)}
    yield {"fault": "hang-after", "op": "UpdateItem", "skip": at, "times": 1}
    yield {"fault": chance.choice(["denied", "expired"]), "skip": at, "times": 1}


def kinds(chance, has_clock, has_disk, has_gate):
    """One entry of each kind, with arguments by chance; (weight, entry)."""
    def some(least, most):
        return round(chance.uniform(least, most), 2)

    for stage in STAGES:
        yield 6, {"fault": "kill", "stages": [stage]}
    yield 4, {"fault": "kill", "stages": sorted(chance.sample(STAGES, 2))}
    yield 4, {"fault": "kill", "stages": list(STAGES)}
    yield 6, {"fault": "kill-group"}
    yield 4, {"fault": "kill-script"}
    yield 4, {"fault": "end-script", "signal": chance.choice(["TERM", "INT", "HUP"])}
    yield 3, {"fault": "end-stage", "stage": chance.choice(STAGES)}
    # Longer than wal_sender_timeout, for the sink at least; then it goes on, or not.
    yield 2, {"fault": "stop", "stage": "ddb-put", "seconds": some(2.5, 4), "signal": "CONT"}
    yield 3, {"fault": "stop", "stage": chance.choice(STAGES), "seconds": some(0.5, 4),
              "signal": chance.choice(["CONT", "KILL"])}
    yield 3, {"fault": "server", "how": "restart fast"}
    yield 3, {"fault": "server", "how": "restart immediate"}
    yield 2, {"fault": "server", "how": "crash"}
    yield 6, {"fault": "terminate-backend"}
    if not has_gate:
        yield 3, {"fault": "no-growth", "seconds": some(0.5, 2)}
    if has_disk:
        yield 4, {"fault": "disk-full", "seconds": some(0.5, 2.5)}
    if has_clock:
        yield 5, {"fault": "clock", "to": chance.choice([0, 0, -HOUR, HOUR, -400 * DAY, 400 * DAY, 90, -90])}
    if has_gate:
        for rule in of_service(chance):
            yield 4, {"fault": "service", "rule": rule, "seconds": some(0.3, 1.5)}
        yield 4, {"fault": "service-clock", "to": chance.choice([0, HOUR, -HOUR, 400 * DAY, -600])}


def schedule(seed, count, *there):
    """count entries: each kind once at least, when there is room for that. there: as of kinds."""
    chance = random.Random(seed)
    entries = [entry for _, entry in kinds(chance, *there)]
    while len(entries) < count:
        weights, fresh = zip(*kinds(chance, *there))
        entries += chance.choices(fresh, weights)
    chance.shuffle(entries)
    for entry in entries[:count]:
        # Some hit a pipe that has not come back from the one before.
        entry["wait"] = chance.random() < 0.8
        entry["pause"] = round(chance.choice([chance.uniform(0, 0.15), chance.uniform(0, 0.8)]), 3)
    return entries[:count]


class Faults:
    def __init__(self, pipeline, disk):
        self.pipeline, self.disk = pipeline, disk
        self.store = pipeline.store
        if self.store.gate:
            self.store.rules(DRIZZLE)

    def inject(self, entry):
        """Returns what it hit, for the log."""
        return getattr(self, "_" + entry["fault"].replace("-", "_"))(**{
            k: v for k, v in entry.items() if k not in ("fault", "wait", "pause")})

    def _signal(self, pids, number):
        hit = []
        for pid in pids:
            try:
                os.kill(pid, number)
                hit.append(pid)
            except ProcessLookupError:
                pass
        return hit

    def _kill(self, stages):
        there = self.pipeline.whole()
        return self._signal([there[name] for name in stages if name in there], signal.SIGKILL)

    def _kill_group(self):
        """The script and its stages in one moment: all of its session."""
        pids = [p.pid for p in self.pipeline.left() if p.session == self.pipeline.process.pid]
        self.pipeline.expected.add(-signal.SIGKILL)
        hit = self._signal([self.pipeline.process.pid, *pids], signal.SIGKILL)
        self.pipeline.process.wait()
        return hit

    def _kill_script(self):
        self.pipeline.expected.add(-signal.SIGKILL)
        self.pipeline.process.kill()
        self.pipeline.process.wait()
        return [self.pipeline.process.pid]

    def _end_script(self, **arguments):
        number = getattr(signal, "SIG" + arguments["signal"])
        self.pipeline.expected |= {0, -number}  # by the signal itself, when it has hardly begun
        return self._signal([self.pipeline.process.pid], number)

    def _end_stage(self, stage):
        self.pipeline.expected.add(0)  # a source that ends on purpose ends them all
        there = self.pipeline.whole()
        self.pipeline.remark(f"SIGTERM for {stage}")
        return self._signal([there[stage]] if stage in there else [], signal.SIGTERM)

    def _stop(self, stage, seconds, **then):
        there = self.pipeline.whole()
        hit = self._signal([there[stage]] if stage in there else [], signal.SIGSTOP)
        self.pipeline.sleep(seconds)
        self._signal(hit, getattr(signal, "SIG" + then["signal"]))
        return hit

    def _server(self, how):
        subprocess.run(["bash", os.path.join(HERE, "_server.sh"), *how.split()], check=True, timeout=120,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return how

    def _terminate_backend(self):
        return sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")

    def _limit(self, size):
        for pid in [self.pipeline.process.pid, *self.pipeline.stages().values()]:
            try:
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
            except ProcessLookupError:
                pass

    def _no_growth(self, seconds):
        """No file may grow: an error of writing, for which the pipe stops."""
        self.pipeline.starving |= {73, 74}
        self._limit(4096)
        self.pipeline.sleep(seconds)
        self._limit(None)
        return seconds

    def _disk_full(self, seconds):
        self.pipeline.starving |= {73, 74}
        path, size = os.path.join(self.disk, "filler"), 0
        try:
            with open(path, "wb", buffering=0) as f:
                for block in (1 << 20, 1 << 12):
                    try:
                        while True:
                            size += f.write(bytes(block))
                    except OSError:
                        pass
            self.pipeline.sleep(seconds)
        finally:
            os.unlink(path)
        return size

    def _clock(self, to):
        self.pipeline.set_clock(to)
        return to

    def _service(self, rule, seconds):
        """What refuses for good ends the pipe, which is started again."""
        if rule["fault"] in ("denied", "expired"):
            self.pipeline.starving.add(77)
        before = self.store.rules([rule, *DRIZZLE]).get(rule["fault"], 0)
        self.pipeline.sleep(seconds)
        return self.store.rules(DRIZZLE).get(rule["fault"], 0) - before

    def _service_clock(self, to):
        self.store.clock(to)
        return to

    def over(self):
        """Of the gate's. Returns which of those that there were all the while it has not done."""
        self.store.clock(0)
        done = self.store.rules([])
        return [rule["fault"] for rule in DRIZZLE if not done.get(rule["fault"])]
