"""_check.py DIR [OLD NEW]: is every partition below DIR whole, by its manifest?

Not our own code: digests, sums and counts come from Python. A manifest's objects must all be there, as it says;
where there is _SUCCESS, no other data may be. With OLD and NEW, directories, each manifest must be one of theirs,
byte for byte, and those with _SUCCESS are counted: "3 old, 2 new, 1 without _SUCCESS" goes to stdout.
"""

import decimal
import gzip
import hashlib
import json
import os
import sys

decimal.getcontext().prec = 60


def load(text):
    return json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal)


def content(path):
    with open(path, "rb") as f:
        return f.read()


def check_object(where, entry):
    raw = content(os.path.join(where, entry["name"]))
    assert hashlib.sha256(raw).hexdigest() == entry["sha256"] and len(raw) == entry["bytes"], entry["name"]
    text = gzip.decompress(raw) if entry["name"].endswith(".gz") else raw
    rows = [load(line) for line in text.decode().splitlines()]
    assert len(rows) == entry["rows"] and len(text) == entry["length"], entry["name"]
    for field, total in entry["sums"].items():
        assert sum(r[field] for r in rows) == total, (entry["name"], field)
    return len(rows)


def main():
    top, reference = sys.argv[1], sys.argv[2:]
    tally = {"old": 0, "new": 0, "other": 0}
    unfinished = rows = 0
    for where, _, names in os.walk(top):
        data = {n for n in names if n[0] not in "._"}
        if "_manifest" not in names:
            assert "_SUCCESS" not in names, f"{where}: _SUCCESS without a manifest"
            continue
        raw = content(os.path.join(where, "_manifest"))
        manifest = load(raw)
        assert manifest["partition"] == os.path.relpath(where, top)
        rows += sum(check_object(where, entry) for entry in manifest["objects"])
        listed = {entry["name"] for entry in manifest["objects"]}
        assert listed <= data
        if "_SUCCESS" in names:
            assert data == listed, f"{where}: _SUCCESS beside {data - listed}"
        else:
            unfinished += 1
        kind = "other"
        for name, directory in zip(("old", "new"), reference):
            twin = os.path.join(directory, os.path.relpath(where, top), "_manifest")
            if os.path.exists(twin) and content(twin) == raw:
                kind = name
        tally[kind] += 1
    if reference:
        assert tally["other"] == 0, f"a manifest of neither state: {tally}"
        print(f"{tally['old']} old, {tally['new']} new, {unfinished} without _SUCCESS")
    else:
        print(f"{sum(tally.values())} partitions, {rows} rows, {unfinished} without _SUCCESS")


main()
