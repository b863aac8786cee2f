"""metrics-query.py DIRECTORY: 200 look-ups one after the other, a process each; see metrics-query.sh."""

import os
import subprocess
import sys

import bench

work = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))
count, times = bench.scaled(1_000_000), 200
store = f"{work}/m.db"
subprocess.run(f"{sys.executable} {here}/sales.py {count} 100000 10"
               " | window-agg --time fecha --window 1h --by cliente_id,producto --count num_transacciones"
               f" --sum monto=monto_total | ddb-put sqlite:{store}", shell=True, check=True)


def repeat(command):
    return f"for ((i = 0; i < {times}; i++)); do {command} >/dev/null; done"


query = "SELECT num_transacciones, monto_total FROM metricas WHERE id = '10042#*#*'"
ours = subprocess.run(["metrics-query", "-s", f"sqlite:{store}", "--format", "tsv", "cliente", "10042"], check=True,
                      capture_output=True, text=True).stdout
theirs = subprocess.run(["sqlite3", store, query], check=True, capture_output=True, text=True).stdout.strip()
if any(text not in ours for text in theirs.split("|")):
    sys.exit("bench: metrics-query and sqlite3 do not agree")
bench.compare("metrics-query", f"{times} look-ups in a store of {count} sales", times, "look-up", {
    "metrics-query": repeat(f"metrics-query -s sqlite:{store} cliente 10042"),
    "sqlite3": repeat(f"sqlite3 {store} \"{query}\""),
    "/bin/true": repeat("/bin/true"),
})
