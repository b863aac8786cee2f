"""window-agg.py DIRECTORY: see window-agg.sh."""

import os
import subprocess
import sys

import bench

work = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))

OURS = ("window-agg --time fecha --window 1m --by cliente_id,producto --count num_transacciones"
        " --sum monto=monto_total --no-id")
JQ = r"""[inputs | ["\(.cliente_id)\t\(.producto)\t\(.fecha[0:16])", .monto]] | group_by(.[0])[]
         | "\(.[0][0])\t\(length)\t\(map(.[1]) | add)" """
MLR = ("mlr --ijson --otsv put -q '@n[$cliente_id][$producto][substr($fecha,0,15)] += 1;"
       " @s[$cliente_id][$producto][substr($fecha,0,15)] += $monto;"
       " end { emit (@n, @s), \"cliente_id\", \"producto\", \"minuto\" }'")
MAWK = (r"""mawk -F'[:,"]+' '{ k = $3 "\t" $5 "\t" substr($9, 1, 13) ":" $10; n[k]++; s[k] += $7 }"""
        r""" END { for (k in n) printf "%s\t%d\t%.2f\n", k, n[k], s[k] }'""")


def lines_of(path, count):
    if not os.path.exists(path):
        with open(path, "wb") as f:
            subprocess.run([sys.executable, os.path.join(here, "sales.py"), str(count)], stdout=f, check=True)
    return path


def check_equal(path):
    """The cheapest peer, and ours, as sorted lines with sums in cents."""
    ours = subprocess.run(f"{OURS} <{path} | jq -r '[.cliente_id, .producto, .fecha_hora[0:16], .num_transacciones,"
                          " (.monto_total * 100 | round)] | @tsv' | LC_ALL=C sort | sha256sum",
                          shell=True, check=True, capture_output=True).stdout
    peer = subprocess.run(f"{MAWK} <{path} | mawk -F'\t' '{{ printf \"%s\\t%s\\t%s\\t%d\\t%.0f\\n\", $1, $2, $3, $4, $5 * 100 }}'"
                          " | LC_ALL=C sort | sha256sum", shell=True, check=True, capture_output=True).stdout
    if ours != peer:
        sys.exit("bench: window-agg and mawk do not agree")


small = lines_of(f"{work}/small.ndjson", bench.scaled(300_000))
check_equal(small)
bench.compare("window-agg", f"{bench.scaled(300_000)} sales on a pipe, 1-minute windows", bench.scaled(300_000), "line", {
    "window-agg": f"cat {small} | {OURS} >/dev/null",
    "mawk (by position, doubles)": f"cat {small} | {MAWK} >/dev/null",
    "mlr": f"cat {small} | {MLR} >/dev/null",
    "jq -n group_by": f"cat {small} | jq -rn '{JQ}' >/dev/null",
})
large = lines_of(f"{work}/large.ndjson", bench.scaled(5_000_000))
bench.compare("window-agg", f"{bench.scaled(5_000_000)} sales on a pipe, beside what a pipe costs",
              bench.scaled(5_000_000), "line", {
                  "window-agg": f"cat {large} | {OURS} >/dev/null",
                  "cat": f"cat {large} | cat >/dev/null",
                  "wc -l": f"cat {large} | wc -l >/dev/null",
              })
