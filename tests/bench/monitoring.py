"""monitoring.py DIRECTORY: see monitoring.sh."""

import os
import subprocess
import sys

import bench

work = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))
count = bench.scaled(1_000_000)
sales, windows = f"{work}/sales.ndjson", f"{work}/windows.ndjson"
with open(sales, "wb") as f:
    subprocess.run([sys.executable, os.path.join(here, "sales.py"), str(count)], stdout=f, check=True)

bench.compare("side-tee", f"{count} sales to a main branch and one beside it", count, "line", {
    "side-tee": f"cat {sales} | side-tee 'cat >/dev/null' | cat >/dev/null",
    "tee (waits for its slowest)": f"cat {sales} | tee >(cat >/dev/null) | cat >/dev/null",
    "cat (nothing beside)": f"cat {sales} | cat | cat >/dev/null",
})

ALERT = "alert-when --field monto --above 490 --time fecha"
JQ = "jq -c 'select(.monto > 490)'"
MAWK = r"""mawk -F'[:,"]+' '$7 > 490'"""
for peer in (JQ, MAWK):
    if subprocess.run(f"[ $({ALERT} <{sales} | wc -l) = $({peer} <{sales} | wc -l) ]", shell=True).returncode:
        sys.exit("bench: alert-when and a peer do not agree")
bench.compare("alert-when", f"{count} sales, 2% of them above the threshold", count, "line", {
    "alert-when": f"cat {sales} | {ALERT} >/dev/null",
    "mawk (by position, doubles)": f"cat {sales} | {MAWK} >/dev/null",
    "jq select (doubles)": f"cat {sales} | {JQ} >/dev/null",
})

with open(windows, "wb") as f:
    subprocess.run(f"window-agg --time fecha --window 1m --by producto,cliente_id --no-id --count num_transacciones"
                   f" --sum monto=monto_total --max monto=monto_maximo <{sales}", shell=True, stdout=f, check=True)
with open(windows, "rb") as f:
    lines = sum(1 for _ in f)
bench.compare("cw-put", f"{lines} windows into minutes and products", lines, "line", {
    "cw-put --emf": f"cat {windows} | cw-put --emf --by producto >/dev/null",
    "jq -n reduce (doubles)": f"cat {windows} | jq -nc 'reduce inputs as $r ({{}}; .[$r.fecha_hora + $r.producto] |="
                              " [.[0] + $r.num_transacciones, .[1] + $r.monto_total,"
                              " ([.[2], $r.monto_maximo] | max)]) | to_entries[]' >/dev/null",
})
