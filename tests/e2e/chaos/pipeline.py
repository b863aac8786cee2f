"""realtime-pipeline under test: started, started again when a fault has ended it, asked where it stands."""

import glob
import os
import signal
import subprocess
import time

import proc
import store as stores

STAGES = ("pg-tail", "window-agg", "ddb-put")


class Broken(Exception):
    """It did what it must not, whatever the faults."""


def sql(text):
    """Unaligned rows, or None when the server does not answer."""
    run = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=False)
    return run.stdout.decode().strip() if run.returncode == 0 else None


class Pipeline:
    def __init__(self, store, directory, options):
        self.store, self.log = stores.of(store), os.path.join(directory, "pipeline.err")
        self.clock = os.path.join(directory, "clock")
        self.temporary = os.path.join(directory, "tmp")
        os.makedirs(self.temporary, exist_ok=True)
        self.options, self.process, self.sessions, self.starts = options, None, [], 0
        # What faults have made legitimate: statuses with which this process may end, or any until it commits.
        self.expected, self.starving = set(), set()
        self.environ = {**os.environ, "TMPDIR": self.temporary}
        self.shared = []
        library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        if "TUBERIA_SANITIZED" in os.environ:
            library = []  # two that want to be loaded first
        self.has_clock = bool(library)
        if library:
            self.environ |= {"LD_PRELOAD": library[0], "FAKETIME_TIMESTAMP_FILE": self.clock,
                             "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
            self._learn_shared()
        self.set_clock(0)

    def set_clock(self, seconds):
        """The wall clock of the script and all stages, a second later at most."""
        with open(self.clock + ".new", "w", encoding="ascii") as f:
            f.write(f"{seconds:+d}s\n")
        os.replace(self.clock + ".new", self.clock)

    # libfaketime wants a semaphore and some memory that all processes of a tree share: it makes them, and
    # loses them where processes are killed. So each start gets a pair of its own, a copy of what one
    # that was killed at once has left.

    def _learn_shared(self):
        victim = subprocess.Popen(["sh", "-c", "kill -9 $$"], env=self.environ)
        victim.wait()
        self.pristine = []
        for name in (f"sem.faketime_sem_{victim.pid}", f"faketime_shm_{victim.pid}"):
            with open("/dev/shm/" + name, "rb") as f:
                self.pristine.append(f.read())
            os.unlink("/dev/shm/" + name)

    def _make_shared(self):
        name = f"tuberia-{os.getpid()}-{self.starts}"
        paths = [f"/dev/shm/sem.{name}", f"/dev/shm/{name}"]
        for path, content in zip(paths, self.pristine):
            with open(path, "wb") as f:
                f.write(content)
        self.shared += paths
        self.environ["FAKETIME_SHARED"] = f"/{name} /{name}"

    def forget_clock(self):
        for path in self.shared:
            os.unlink(path)
        self.shared = []

    def start(self, *more):
        def prepare():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a limit is an error of writing, then

        if self.has_clock:
            self._make_shared()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["realtime-pipeline", "-v", "--barrier-every", "100ms", "--backoff", "2", *self.options, *more],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environ, start_new_session=True,
                preexec_fn=prepare)
        self.sessions.append(self.process.pid)
        self.starts += 1
        self.expected = set()

    def tend(self):
        """It has ended: start it again, if a fault was the reason."""
        status = self.process.poll()
        if status is None:
            return
        # 75: the stages of a script that was killed still hold the lock.
        if status not in self.expected | self.starving | {75}:
            raise Broken(f"the pipeline has ended with status {status}, for good: {self.last_message()}")
        if status == 75:
            time.sleep(0.1)
        self.start()

    def remark(self, text):
        """A line of ours among what it says."""
        with open(self.log, "a", encoding="utf-8") as f:
            f.write(f"storm: {text}\n")

    def last_message(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return " | ".join(f.read().splitlines()[-4:])

    # ---- its processes ----

    def stages(self):
        """{name: pid} of those that live now."""
        return {p.name: p.pid for p in proc.children(self.process.pid) if p.name in STAGES and p.state != "Z"}

    def whole(self, seconds=10):
        """The stages once all three are there, or those that are after so long."""
        self.wait(lambda: len(self.stages()) == len(STAGES), seconds)
        return self.stages()

    def left(self):
        """What lives on, or waits in vain to be noticed, of all sessions that were started. (One whose
        parent is process 1 is that one's to notice.)"""
        return [p for p in proc.processes() if p.session in self.sessions and not (p.state == "Z" and p.parent == 1)]

    def state(self):
        """What each process waits for, for a human: here, and in the server."""
        def wait_of(pid):
            try:
                with open(f"/proc/{pid}/wchan", encoding="ascii") as f:
                    return f.read() or "-"
            except OSError:
                return "?"
        return "; ".join([f"{p.pid} {p.name} {p.state} {wait_of(p.pid)}" for p in self.left()] + (sql(
            "SELECT concat_ws(' ', pid, application_name, state, wait_event, left(query, 60)) FROM pg_stat_activity"
            " WHERE backend_type IN ('client backend', 'walsender')") or "no answer of the server").splitlines())

    # ---- where it stands ----

    def checkpoint(self):
        return stores.checkpoint(self.store)

    def wait(self, condition, seconds):
        """Until the condition holds; meanwhile it is tended. False when it never did."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                return False
            self.tend()
            time.sleep(0.03)
        return True

    def sleep(self, seconds):
        self.wait(lambda: False, seconds)

    def progress(self, epochs=2):
        """Waits until it commits."""
        base = self.checkpoint()[0]

        def committed():
            nonlocal base
            epoch = self.checkpoint()[0]
            if epoch < base:  # --rebuild counts anew
                base = 0
            return epoch >= base + epochs

        if not self.wait(committed, 90):
            raise Broken(f"no epoch in 90 s: {self.last_message()}; {self.state()}")
        self.starving.clear()

    def stop(self):
        """In order; its exit status, or None when it does not end."""
        self.process.terminate()
        try:
            return self.process.wait(90)
        except subprocess.TimeoutExpired:
            return None

    def abort(self):
        for p in self.left():
            try:
                os.kill(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.process:
            self.process.wait()
        self.forget_clock()
