"""s3-partition.py DIRECTORY: see s3-partition.sh."""

import collections
import glob
import gzip
import json
import os
import re
import shutil
import sys
import urllib.parse

import bench

work = sys.argv[1]
lake = f"{work}/lake"
PARTITIONS = 180


def sales(count, whole=500):
    """Lines of NDJSON, the same every time; amounts below `whole`."""
    state = 1
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF  # Knuth's MMIX
        pick = state >> 24
        second = pick % 86400
        yield (f'{{"cliente_id":{10000 + pick % 20011},"proveedor":"p{pick % 6}","producto":"{85120 + (pick >> 8) % 97}A",'
               f'"monto":{(state >> 8) % whole}.{(pick >> 5) % 100:02d},'
               f'"fecha":"2024-04-{(pick >> 7) % 30 + 1:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"}}\n')


def file_of(name, count, *arguments):
    path = f"{work}/{name}.ndjson"
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as f:
            f.writelines(sales(count, *arguments))
    return path


# ---- those who are compared ----

def ours(path, *options):
    return (f"s3-partition --plain --to {lake} --layout 'proveedor={{proveedor}}/day=%F' --time fecha --sum monto --level 6"
            f" --threads 2 {' '.join(options)} <{path} >/dev/null")


def duckdb(sql):
    return f"node {bench.peer('duckdb-run.mjs')} 2 \"{sql}\""


# DuckDB partitions no FORMAT json, so what it writes is CSV of one column, that of lines, which needs no quotes.
def duckdb_copy(select, path):
    return duckdb(f"COPY ({select.replace('PATH', path)}) TO '{lake}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\\x01',"
                  " COMPRESSION gzip, PARTITION_BY (proveedor, day), FILE_EXTENSION 'json.gz')")


# Read as JSON, with its columns given, and written as such.
def duckdb_json(path):
    return duckdb_copy("SELECT to_json({cliente_id: cliente_id, proveedor: proveedor, producto: producto, monto: monto, fecha: fecha}) AS line,"
                       " proveedor, fecha[:10] AS day FROM read_json('PATH', format = 'newline_delimited', columns = {cliente_id: 'BIGINT',"
                       " proveedor: 'VARCHAR', producto: 'VARCHAR', monto: 'DECIMAL(38,2)', fecha: 'VARCHAR'})", path)


# The lines as they are, and two fields out of them.
def duckdb_lines(path):
    return duckdb_copy("SELECT line, line->>'proveedor' AS proveedor, (line->>'fecha')[:10] AS day FROM read_csv('PATH',"
                       " columns = {line: 'VARCHAR'}, header = false, auto_detect = false, quote = '', escape = '', delim = E'\\x01')", path)


def miller(path):
    return (f"mkdir {lake} && cd {lake} && mlr --ijsonl --ojsonl put '$day = substr($fecha, 0, 9)' then split -g proveedor,day {path}"
            " && ls | xargs -P 2 -n 45 gzip -6")


def commands(path):
    all_of_them = {"s3-partition": ours(path)}
    if bench.peer("duckdb-run.mjs"):
        all_of_them["DuckDB, lines as they are"] = duckdb_lines(path)
        all_of_them["DuckDB, read and written as JSON"] = duckdb_json(path)
    all_of_them["mlr split, then gzip"] = miller(path)
    return all_of_them


def empty(_name=None):
    shutil.rmtree(lake, ignore_errors=True)


# ---- results ----

def fields(line):
    """What a record says, whatever it looks like; an amount as it is written."""
    record = json.loads(line, parse_float=str, parse_int=str)
    return tuple(record[k] for k in ("cliente_id", "proveedor", "producto", "monto", "fecha"))


def lake_rows():
    """{(proveedor, day): the records there, counted}."""
    found = collections.defaultdict(collections.Counter)
    for path in glob.glob(f"{lake}/**/*.gz", recursive=True):
        below = urllib.parse.unquote(os.path.relpath(path, lake))
        key = re.search(r"(p\d)\D*(2024-\d\d-\d\d)", below).groups()
        with gzip.open(path, "rt", encoding="utf-8") as f:
            found[key].update(fields(line) for line in f)
    return found


def check(what, path, peers):
    expected = collections.defaultdict(collections.Counter)
    with open(path, encoding="utf-8") as f:
        for line in f:
            row = fields(line)
            expected[(row[1], row[4][:10])][row] += 1
    for name, command in peers.items():
        empty()
        bench.measure(command)
        found = lake_rows()
        if name == "s3-partition":
            if found != expected:
                sys.exit(f"bench: s3-partition: {what}: the files do not hold what came in")
            bench.measure(f"s3-partition --verify {lake}")
        if {k: sum(v.values()) for k, v in found.items()} != {k: sum(v.values()) for k, v in expected.items()}:
            sys.exit(f"bench: s3-partition: {name}: other numbers of records in {what}")
        changed = sum(sum((expected[k] - found[k]).values()) for k in expected)
        same_value = sum(sum((values(expected[k]) - values(found[k])).values()) for k in expected)
        text = "what came in" if not changed else (f"{changed} of {sum(sum(v.values()) for v in expected.values())} records have changed,"
                                                   f" {same_value} of them in value")
        bench.say("s3-partition", f"{what}: {name}: {text}; {size() // 1024} KB")


def values(rows):
    """Amounts by value: 1.5 and 1.50 are one."""
    found = collections.Counter()
    for (client, provider, product, amount, when), count in rows.items():
        if "." in amount and "e" not in amount:
            amount = amount.rstrip("0").rstrip(".")
        found[(client, provider, product, amount, when)] += count
    return found


def size():
    return sum(os.path.getsize(p) for p in glob.glob(f"{lake}/**/*.gz", recursive=True))


def large_amounts(path):
    """Ten thousand sales of what a bank may have: 16 digits before the point."""
    with open(path, "w", encoding="ascii") as f:
        f.writelines(sales(10_000, 9_007_199_254_740_993))
    return path


# ---- speed ----

n = bench.scaled(300_000)
check(f"{n} sales below 500", p := file_of("small", n), commands(p))
check("10000 sales of up to 16 digits before the point", p := large_amounts(f"{work}/wide.ndjson"), commands(p))

n = bench.scaled(5_000_000)
large = file_of("large", n)
bench.compare("s3-partition", f"{n} sales into {PARTITIONS} partitions of gzip", n, "line", commands(large), before=empty)
os.unlink(large)

amounts = [bench.scaled(300_000) * times for times in (1, 4, 16)]
for n in amounts:
    file_of(f"growing-{n}", n)
bench.grow("s3-partition", f"sales into {PARTITIONS} partitions of gzip", "line", amounts,
           lambda n: ours(f"{work}/growing-{n}.ndjson"), before=empty)
