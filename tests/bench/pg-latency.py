"""pg-latency.py: from COMMIT acknowledged to a line on the follower's stdout; single INSERTs, 200 a second, synchronous.

One process waits for both at once (the server's answer, by the protocol itself, and the line), and takes the time of
either when it is there: a line that comes first counts as 0.
"""

import os
import select
import socket
import struct
import subprocess
import sys
import time

import bench

RATE = 200
INSERT = "INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (1, '85123A', '2010-12-01 08:26', {n})"


class Session:
    """One connection, simple queries. Source: PostgreSQL manual, 55.2 "Message Flow"."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{os.environ['PGHOST']}/.s.PGSQL.{os.environ['PGPORT']}")
        names = f"user\0{os.environ['PGUSER']}\0database\0{os.environ['PGDATABASE']}\0\0".encode()
        self.socket.sendall(struct.pack("!II", len(names) + 8, 196608) + names)
        self.buffer = b""
        while not self.is_ready():
            pass

    def is_ready(self):
        """Read what is there: is it all of the answer?"""
        self.buffer += self.socket.recv(65536)
        while len(self.buffer) >= 5:
            size = 1 + struct.unpack("!I", self.buffer[1:5])[0]
            if len(self.buffer) < size:
                return False
            kind, self.buffer = self.buffer[:1], self.buffer[size:]
            if kind == b"E":
                sys.exit("bench: pg-latency: the server refuses")
            if kind == b"Z":
                return True
        return False

    def send(self, text):
        self.socket.sendall(b"Q" + struct.pack("!I", len(text) + 5) + text.encode() + b"\0")


def latencies(command, row, count):
    """Milliseconds, sorted."""
    session = Session()
    follower = subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = follower.stdout.fileno()
    poll = select.poll()
    for fd in out, session.socket.fileno():
        poll.register(fd, select.POLLIN)
    found, warm = [], 20
    for n in range(-warm, count):
        due = time.monotonic() + 1 / RATE
        session.send(INSERT.format(n=n + warm))
        at = {}
        while len(at) < 2:
            for fd, _ in poll.poll(30000) or sys.exit(f"bench: pg-latency: no line within 30 s: {command}"):
                if fd != out:
                    if session.is_ready():
                        at["commit"] = time.monotonic()
                elif row in os.read(out, 1 << 20):
                    at["line"] = time.monotonic()
        if n >= 0:
            found.append(max(0.0, at["line"] - at["commit"]) * 1000)
        time.sleep(max(0.0, due - time.monotonic()))
    follower.terminate()
    follower.wait()
    follower.stdout.close()
    session.socket.close()
    return sorted(found)


def main():
    count = bench.scaled(2000)
    for slot, plugin in ("l_ours", "pgoutput"), ("l_test", "test_decoding"):
        subprocess.run(["psql", "-XqAt", "-c", f"SELECT pg_create_logical_replication_slot('{slot}', '{plugin}')"],
                       check=True, stdout=subprocess.DEVNULL)
    rows = {}
    for name, command, row in (
            ("pg-tail", "exec pg-tail -t ventas --slot l_ours --publication tuberia_ventas --follow", b'{"id":'),
            ("pg_recvlogical test_decoding", 'exec pg_recvlogical -S l_test --start -d "$PGDATABASE" -f -', b" INSERT: ")):
        taken = latencies(command, row, count)
        rows[name] = {f"p{p:g}_ms": round(taken[min(len(taken) - 1, int(len(taken) * p / 100))], 3) for p in (50, 99)}
        rows[name]["max_ms"] = round(taken[-1], 3)
        print(f"pg-tail: COMMIT acknowledged to a line, {count} sales at {RATE}/s: {name}: p50 {rows[name]['p50_ms']} ms,"
              f" p99 {rows[name]['p99_ms']} ms, greatest {rows[name]['max_ms']} ms", flush=True)
    bench.keep("pg-tail", f"latency, {RATE} sales a second", rows)


main()
