"""freshness.py EVERY: commit sales one by one, and wait until metrics-query sees each, and another lot until the API
(metrics-cgi, as CGI) does. See freshness.sh."""

import os
import random
import subprocess
import sys
import time

import bench

every = sys.argv[1]
sales = bench.scaled(40)
psql = subprocess.Popen(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        text=True, bufsize=1)


def commit(customer):
    psql.stdin.write("INSERT INTO ventas (cliente_id, producto, fecha, monto)"
                     f" VALUES ({customer}, '85123A', localtimestamp, 15.30);\n\\echo committed\n")
    psql.stdin.flush()
    if psql.stdout.readline() != "committed\n":
        sys.exit("bench: the sale was not committed")


def seen_by_query(customer):
    return subprocess.run(["metrics-query", "cliente", str(customer)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def seen_by_api(customer):
    answer = subprocess.run(["metrics-cgi"], stdout=subprocess.PIPE, check=True, env=dict(
        os.environ, REQUEST_METHOD="GET", REQUEST_URI=f"/metricas/cliente/{customer}", TUBERIA_API_LIMIT="1000000")).stdout
    return answer.startswith(b"Status: 200 ")


def measure(observer, seen, customers):
    delays = []
    for customer in customers:
        time.sleep(random.random())  # anywhere between two barriers
        commit(customer)
        begun = time.monotonic()
        while not seen(customer):
            if time.monotonic() - begun > 60:
                sys.exit("bench: a sale was not seen within 60 s")
            time.sleep(0.002)
        delays.append((time.monotonic() - begun) * 1000)
    delays.sort()
    row = {"p50_ms": round(delays[len(delays) // 2]), "p95_ms": round(delays[int(len(delays) * 0.95)]),
           "max_ms": round(delays[-1]), "sales": len(delays)}
    print(f"\nfreshness: COMMIT to {observer}, --barrier-every {every}, {row['sales']} sales:"
          f" p50 {row['p50_ms']} ms, p95 {row['p95_ms']} ms, greatest {row['max_ms']} ms", flush=True)
    bench.keep("freshness", f"{observer}, --barrier-every {every}", row)


picked = random.Random(1).sample(range(1, 1001), 2 * sales)
measure("metrics-query", seen_by_query, picked[:sales])
measure("the API", seen_by_api, picked[sales:])
psql.stdin.close()
