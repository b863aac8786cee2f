"""_batch.py lake DIR: the rows of a directory of partitions, one a line, sorted: proveedor, day, and what the record
says, in its order. _batch.py sql: the same of json_build_array's on stdin. _batch.py partitions DIR: proveedor, day, rows.
_batch.py states DIR OLD NEW: how many partitions are as in OLD, as in NEW and in neither, by their manifests."""

import glob
import gzip
import hashlib
import json
import os
import re
import sys
import urllib.parse

KEYS = ["cliente_id", "nombre", "apellido", "fecha", "transacciones", "monto_total"]
PATH = re.compile(r"proveedor_([^/]*)/year=(\d{4})/month=(\d\d)/day=(\d\d)$")


def partitions(top):
    for path in glob.glob(f"{glob.escape(top)}/*/*/*/*"):
        proveedor, *day = PATH.search(path).groups()
        yield path, urllib.parse.unquote(proveedor), "-".join(day)


def whole(path):
    """The manifest, and the lines of the objects that it names; all bytes must be the published ones."""
    with open(f"{path}/_manifest", encoding="utf-8") as f:
        manifest = json.load(f, parse_float=str)
    lines = []
    for said in manifest["objects"]:
        with open(f"{path}/{said['name']}", "rb") as f:
            packed = f.read()
        assert hashlib.sha256(packed).hexdigest() == said["sha256"], f"{path}: not what the manifest says"
        lines += gzip.decompress(packed).decode("utf-8").splitlines()
    assert len(lines) == manifest["rows"], f"{path}: {len(lines)} rows, the manifest has {manifest['rows']}"
    return manifest, lines


def finished(path):
    """As whole(), and the directory holds nothing else."""
    manifest, lines = whole(path)
    there = {"_manifest", "_SUCCESS", *(o["name"] for o in manifest["objects"])}
    assert set(os.listdir(path)) == there, f"{path}: {sorted(os.listdir(path))}"
    return lines


def lake(top):
    for path, proveedor, day in partitions(top):
        for line in finished(path):
            pairs = json.loads(line, parse_float=str, object_pairs_hook=list)
            assert [k for k, _ in pairs] == KEYS and '": ' not in line, line
            values = [v for _, v in pairs]
            assert values.pop(3) == day, f"{path}: {line}"
            yield json.dumps([proveedor, day, *values], ensure_ascii=False)


def manifest_of(path):
    try:
        return whole(path)[0]["objects"]
    except FileNotFoundError as e:
        assert not os.path.exists(f"{path}/_manifest"), e  # it names what is not there
        return None


def states(top, old, new):
    counts = [0, 0, 0]
    for path, _, _ in partitions(new):
        below = os.path.relpath(path, new)
        was, will, now = (manifest_of(f"{d}/{below}") for d in (old, new, top))
        counts[1 if now == will else 0 if now == was else 2] += 1
    return f"{counts[0]} old, {counts[1]} new, {counts[2]} other"


what, arguments = sys.argv[1], sys.argv[2:]
if what == "lake":
    print(*sorted(lake(*arguments)), sep="\n")
elif what == "sql":
    print(*sorted(json.dumps(json.loads(line, parse_float=str), ensure_ascii=False) for line in sys.stdin), sep="\n")
elif what == "partitions":
    print(*sorted(json.dumps([p, d, len(finished(path))]) for path, p, d in partitions(*arguments)), sep="\n")
elif what == "states":
    print(states(*arguments))
