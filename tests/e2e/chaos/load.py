"""The load: concurrent sessions that sell, change their mind, and take back, for as long as they are told to.

pgbench does the work, seeded; when the server goes away its sessions die, and others take their place. One more
session brings in a file by a single COPY, once.
"""

import os
import random
import subprocess
import threading

# NAME: (weight, script). A row is found from the end of the table, where the traffic is. Amounts, products (with
# what must be escaped in an id), customers and days vary; most sales are of three days, some of any past or future.
ROW = "INSERT INTO ventas (cliente_id, producto, fecha, monto)"
PRODUCT = "(ARRAY['NORTE-1', 'SUR 2', 'ESTE#3', '50%', '*', 'ñandú \"x\"', 'a\\b'])[1 + (:p + {0}) % 7] || (:p + {0}) % 3"
RECENT = "(SELECT max(id) - :back FROM ventas)"
VARIABLES = r"""
\set c random(1, 50)
\set p random(0, 20)
\set day random(0, 2)
\set second random(0, 86399)
\set cents random(-5000, 90000)
\set back random_exponential(0, 3000, 6)
"""
ONE = f"""{ROW}
VALUES (:c, {PRODUCT.format(0)}, date '2024-02-28' + :day + :second * interval '1 s', :cents * 0.01);
"""
SCRIPTS = {
    "single": (30, ONE),
    "batch": (4, f"""{ROW}
SELECT 1 + (:c + i) % 50, {PRODUCT.format("i")}, date '2024-02-28' + :day + (:second + i) * interval '1 s',
       (:cents + i) * 0.01 FROM generate_series(1, 100) i;
"""),
    "any-day": (3, rf"""\set far random(-20000, 30000)
{ROW}
VALUES (:c, {PRODUCT.format(0)}, date '2024-02-29' + :far + :second * interval '1 s', :cents * 0.01);
"""),
    "amount": (8, f"UPDATE ventas SET monto = monto + :cents * 0.01 WHERE id = {RECENT};\n"),
    "product": (4, f"UPDATE ventas SET producto = {PRODUCT.format(0)} WHERE id = {RECENT};\n"),
    "customer": (4, f"UPDATE ventas SET cliente_id = :c WHERE id = {RECENT};\n"),
    "date": (4, f"UPDATE ventas SET fecha = fecha + (:day - 1) * interval '1 day' WHERE id = {RECENT};\n"),
    "all-at-once": (1, f"""UPDATE ventas SET monto = monto + 0.01, cliente_id = 1 + (cliente_id + :c) % 50,
    fecha = fecha + interval '1 h' WHERE id > {RECENT} - 200 AND id <= {RECENT};
"""),
    "delete": (8, f"DELETE FROM ventas WHERE id = {RECENT};\n"),
    "rollback": (3, f"""BEGIN;
{ROW} VALUES (1, 'NEVER', '2024-02-28', 1000000);
DELETE FROM ventas WHERE id > {RECENT} - 50 AND id <= {RECENT};
ROLLBACK;
"""),
    "savepoint": (5, f"""BEGIN;
{ONE}SAVEPOINT a;
{ROW} VALUES (:c, 'NEVER', '2024-02-28', 1000000);
SAVEPOINT b;
UPDATE ventas SET monto = 0 WHERE id = {RECENT};
ROLLBACK TO b;
DELETE FROM ventas WHERE id = {RECENT};
ROLLBACK TO a;
{ONE}RELEASE a;
COMMIT;
"""),
}
NAME = "load"  # how its sessions call themselves


def write_copy(path, rows, seed):
    """A file for COPY: rows of the last days, of another five products."""
    chance = random.Random(seed)
    with open(path, "w", encoding="ascii") as f:
        for _ in range(rows):
            f.write(f"{chance.randint(1, 50)},COPY {chance.randint(1, 5)},2024-02-{chance.randint(26, 29)} "
                    f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:00,{chance.randint(1, 99999) / 100:.2f}\n")


class Load:
    """start() to stop(); .copied: whether the COPY is in."""

    def __init__(self, directory, seed, rate, sessions=4, copy=None):
        self.seed, self.rate, self.sessions, self.copy = seed, rate, sessions, copy
        self.environ = {**os.environ, "PGAPPNAME": NAME}
        self.copied = copy is None
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.running = set()
        self.arguments = []
        for name, (weight, script) in SCRIPTS.items():
            path = os.path.join(directory, name + ".sql")
            with open(path, "w", encoding="utf-8") as f:
                f.write(VARIABLES + script)
            self.arguments += ["-f", f"{path}@{weight}"]
        self.threads = [threading.Thread(target=self._sell)]
        if copy:
            self.threads.append(threading.Thread(target=self._copy))

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Ends all sessions; those of the server may need a moment more."""
        self.stopping.set()
        with self.lock:
            for process in self.running:
                process.terminate()
        for thread in self.threads:
            thread.join()

    def _run(self, command):
        with self.lock:
            if self.stopping.is_set():
                return 1
            process = subprocess.Popen(command, env=self.environ, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.running.add(process)
        code = process.wait()
        with self.lock:
            self.running.discard(process)
        return code

    def _sell(self):
        pgbench = os.path.join(os.environ["PG_BIN"], "pgbench")
        turn = 0
        while not self.stopping.is_set():
            self._run([pgbench, "-n", "-c", str(self.sessions), "-T", "3600", "-R", str(self.rate), "--max-tries=10",
                       f"--random-seed={self.seed * 1000 + turn}", *self.arguments])
            turn += 1
            self.stopping.wait(0.1)

    def _copy(self):
        # Not acknowledged is not the same as not committed: then it may come in twice, which is as good.
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c",
                   rf"\copy ventas (cliente_id, producto, fecha, monto) FROM '{self.copy}' CSV"]
        while not self.stopping.wait(0.5):
            if self._run(command) == 0:
                self.copied = True
                return
