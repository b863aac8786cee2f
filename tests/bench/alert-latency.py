"""alert-latency.py ALERTS: commit what breaks a rule, and wait until the alert stands in the file. See alert-latency.sh."""

import json
import os
import random
import subprocess
import sys
import time

import bench

path = sys.argv[1]
psql = subprocess.Popen(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        text=True, bufsize=1)


def commit(statement):
    psql.stdin.write(statement + ";\n\\echo committed\n")
    psql.stdin.flush()
    if psql.stdout.readline() != "committed\n":
        sys.exit("bench: the sales were not committed")


def alerts(name):
    """So many of this name are in the file."""
    if not os.path.exists(path):
        return 0
    with open(path, encoding="utf-8") as f:
        return sum(line.endswith("}\n") and json.loads(line)["alerta"] == name and json.loads(line)["nivel"] == "WARN"
                   for line in f)


def latency(name, statements):
    delays = []
    for statement in statements:
        before = alerts(name)
        time.sleep(random.random())  # anywhere between two barriers
        commit(statement)
        begun = time.monotonic()
        while alerts(name) == before:
            if time.monotonic() - begun > 60:
                sys.exit("bench: no alert within 60 s")
            time.sleep(0.002)
        delays.append((time.monotonic() - begun) * 1000)
        time.sleep(6)  # its command may be run ten times a minute
    delays.sort()
    row = {"p50_ms": round(delays[len(delays) // 2]), "max_ms": round(delays[-1]), "alerts": len(delays)}
    print(f"\nalert-latency: COMMIT to {name}, default barrier, {row['alerts']} alerts:"
          f" p50 {row['p50_ms']} ms, greatest {row['max_ms']} ms", flush=True)
    bench.keep("alert-latency", name, row)


random.seed(1)
trials = bench.scaled(8)
INSERT = "INSERT INTO ventas (cliente_id, producto, fecha, monto) "
latency("MontoMaximo", [INSERT + f"VALUES (1, '85123A', localtimestamp, {2000 + i}.01)" for i in range(trials)])
# Minutes to come, one after the other: those that are over would be late.
latency("TransaccionesXMinuto", [INSERT + f"SELECT 1, '85123A', localtimestamp + interval '{1 + i} minutes', 1.50"
                                 " FROM generate_series(1, 11)" for i in range(trials)])
