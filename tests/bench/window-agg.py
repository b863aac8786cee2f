"""window-agg.py DIRECTORY: see window-agg.sh."""

import collections
import json
import os
import subprocess
import sys

import bench

work = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))

OURS = ("window-agg --time fecha --window 1m --by cliente_id,producto --count num_transacciones"
        " --sum monto=monto_total --no-id")
# Sums are printed with two decimals, as a user would who knows that these are money.
JQ = ("""jq -rn '[inputs | ["\\(.cliente_id)\\t\\(.producto)\\t\\(.fecha[0:16])", .monto]] | group_by(.[0])[]"""
      """ | "\\(.[0][0])\\t\\(length)\\t\\(map(.[1]) | add * 100 | round / 100)"'""")
MLR = ("mlr --ijson --otsv --ofmt %.2f put -q '@n[$cliente_id][$producto][substr($fecha,0,15)] += 1;"
       " @s[$cliente_id][$producto][substr($fecha,0,15)] += $monto;"
       " end { emit (@n, @s), \"cliente_id\", \"producto\", \"minuto\" }'")
MAWK = (r"""mawk -F'[:,"]+' '{ k = $3 "\t" $5 "\t" substr($9, 1, 13) ":" $10; n[k]++; s[k] += $7 }"""
        r""" END { for (k in n) printf "%s\t%d\t%.2f\n", k, n[k], s[k] }'""")
SIMDJSON = bench.peer("simdjson")


def duckdb(path):
    sql = ("COPY (SELECT cliente_id, producto, count(*) AS num_transacciones, sum(monto) AS monto_total,"
           " strftime(time_bucket(INTERVAL 1 MINUTE, fecha), ''%Y-%m-%dT%H:%M:%S'') AS fecha_hora"
           " FROM sales GROUP BY ALL) TO ''/dev/stdout'' (FORMAT json)").replace("''", "'\\''")
    return f"node {bench.peer('duckdb.mjs')} {path} 2 '{sql}'"


def lines_of(name, count, *arguments):
    path = f"{work}/{name}.ndjson"
    if not os.path.exists(path):
        with open(path, "wb") as f:
            subprocess.run([sys.executable, os.path.join(here, "sales.py"), str(count), *arguments], stdout=f, check=True)
    return path


# ---- results ----

def exact_sums(path):
    """By Python's integers: {(customer, product, minute): (count, cents)}."""
    sums = collections.defaultdict(lambda: [0, 0])
    with open(path, encoding="utf-8") as f:
        for line in f:
            sale = json.loads(line, parse_float=str, parse_int=str)
            group = sums[(sale["cliente_id"], sale["producto"], sale["fecha"][:16])]
            group[0] += 1
            group[1] += int(sale["monto"].replace(".", ""))
    return {k: tuple(v) for k, v in sums.items()}


def cents(text):
    """Of an amount as it was printed: 12.3 and 1230e-2 are 1230."""
    if "e" in text.lower():
        return text
    whole, _, fraction = text.partition(".")
    return int(whole + (fraction + "00")[:2]) if set(fraction[2:]) <= {"0"} else text


def sums_of(command):
    """The same, out of what a command prints: records of JSON, or lines of tabs."""
    sums = {}
    for line in subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout.splitlines():
        if line.startswith("{"):
            r = json.loads(line, parse_float=str, parse_int=str)
            fields = [r["cliente_id"], r["producto"], r["fecha_hora"], r["num_transacciones"], r["monto_total"]]
        else:
            fields = line.split("\t")
        if fields[0] != "cliente_id":
            sums[(fields[0], fields[1], fields[2][:16])] = (int(fields[3]), cents(fields[4]))
    return sums


def check(what, path, peers):
    """Ours must be exact. Where a peer is not, say so: it is measured all the same."""
    exact = exact_sums(path)
    for name, command in peers.items():
        found = sums_of(command)
        wrong = [k for k in exact if found.get(k) != exact[k]]
        if len(found) != len(exact):
            sys.exit(f"bench: window-agg: {name}: {len(found)} groups instead of {len(exact)}")
        text = "equal to the exact sums"
        if wrong:
            text = (f"{len(wrong)} of {len(exact)} sums are wrong, such as"
                    f" {found[wrong[0]][1]} cents instead of {exact[wrong[0]][1]}")
        bench.say("window-agg", f"{what}: {name}: {text}")
        if wrong and name.startswith("window-agg"):
            sys.exit(1)


def readers(path):
    """All that compute the same, of a file on a pipe."""
    peers = {"window-agg": f"cat {path} | {OURS}", "mawk, by position": f"cat {path} | {MAWK}",
             "mlr": f"cat {path} | {MLR}", "jq": f"cat {path} | {JQ}"}
    if SIMDJSON:
        peers["simdjson, a loop of its own"] = f"cat {path} | {SIMDJSON}"
    if bench.peer("duckdb.mjs"):
        peers["DuckDB, 2 threads, the pipe"] = f"cat {path} | {duckdb('/dev/stdin')}"
        peers["DuckDB, 2 threads, the file"] = duckdb(path)
    peers["window-agg, the file"] = f"{OURS} < {path}"
    return peers


def large_amounts(path):
    """Thousand sales of what a bank may have: 15 digits before the point."""
    with open(path, "w", encoding="utf-8") as f:
        for i in range(1000):
            f.write(f'{{"cliente_id":{i % 500},"producto":"85123A","monto":{90071992547409 + i * 7}.{i % 100:02d},'
                    '"fecha":"2010-12-01T08:26:00"}\n')
    return path


def quiet(commands, names=None):
    return {name: command + " >/dev/null" for name, command in commands.items() if not names or name in names}


# ---- speed ----

n = bench.scaled(300_000)
small = lines_of("small", n)
check(f"{n} sales below 500", small, readers(small))
check("1000 sales of 15 digits before the point", *[(p := large_amounts(f"{work}/wide.ndjson")), readers(p)])
bench.compare("window-agg", f"{n} sales on a pipe, 1-minute windows", n, "line",
              quiet(readers(small), ["window-agg", "mawk, by position", "mlr", "jq"]))

n = bench.scaled(5_000_000)
large = lines_of("large", n)
commands = quiet(readers(large), ["window-agg", "simdjson, a loop of its own", "DuckDB, 2 threads, the pipe",
                                  "DuckDB, 2 threads, the file", "window-agg, the file"])
commands["cat"] = f"cat {large} | cat >/dev/null"
commands["wc -l"] = f"cat {large} | wc -l >/dev/null"
bench.compare("window-agg", f"{n} sales on a pipe, 1-minute windows, beside what the pipe itself costs", n, "line",
              commands)
os.unlink(large)

unique = lines_of("unique", n, "200000", "500")
bench.compare("window-agg", f"{n} sales of 200,000 customers and 500 products: nearly every group unique", n, "line",
              quiet(readers(unique), ["window-agg", "DuckDB, 2 threads, the pipe", "DuckDB, 2 threads, the file",
                                      "window-agg, the file"]))
os.unlink(unique)

amounts = [bench.scaled(300_000) * times for times in (1, 4, 16)]
for title, groups in (("sales on a pipe, 1-minute windows", []), ("sales, nearly every group unique", ["200000", "500"])):
    for n in amounts:
        lines_of(f"growing-{len(groups)}-{n}", n, *groups)
    bench.grow("window-agg", title, "line", amounts,
               lambda n, groups=groups: f"cat {work}/growing-{len(groups)}-{n}.ndjson | {OURS} >/dev/null")
