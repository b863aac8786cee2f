#!/usr/bin/python3
"""A sink for tests of a source: commits epochs as ddb-put does, into a file of lines.

usage: _sink.py run FILE [ACK]    read a stream from stdin; at each barrier the records since the last
                                  one, and the barrier, are added to FILE by one write
       _sink.py state FILE        the table that the epochs of FILE make, as sorted lines
       _sink.py checkpoint FILE   the last barrier of FILE, or nothing

Strict: an epoch that does not follow the last one by one, or a barrier that comes twice in a way that
it must not, or a record that is taken back without having been there, ends it with a message.
"""
import collections
import json
import os
import sys


def control(line):
    return line.startswith(b'{"@barrier"') or line.startswith(b'{"@end"')


def barriers(path):
    try:
        with open(path, "rb") as f:
            return [json.loads(line)["@barrier"] for line in f if line.startswith(b'{"@barrier"')]
    except FileNotFoundError:
        return []


def run(path, ack):
    committed = barriers(path)
    epoch = committed[-1]["epoch"] if committed else 0
    out = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    held, first = [], True
    for line in sys.stdin.buffer:
        if not line.endswith(b"\n"):
            break
        if line.startswith(b'{"@end"'):
            return
        if not control(line):
            held.append(line)
            continue
        barrier = json.loads(line)["@barrier"]
        if barrier["epoch"] == epoch and epoch > 0:
            # The barrier we resumed behind; and again, where a repetition ends.
            if barrier["pos"] != committed[-1]["pos"]:
                sys.exit(f"epoch {epoch} at another place: {barrier['pos']}")
            if first and held:
                sys.exit("records before the barrier that was resumed")
            held, first = [], False
            continue
        if barrier["epoch"] != epoch + 1:
            sys.exit(f"epoch {barrier['epoch']} behind epoch {epoch}")
        os.write(out, b"".join(held) + line)
        held, epoch, first = [], barrier["epoch"], False
        committed.append(barrier)
        if ack:
            with open(ack + ".new", "wb") as f:
                f.write(line)
            os.rename(ack + ".new", ack)


def state(path):
    rows = collections.Counter()
    epoch = []
    with open(path, "rb") as f:
        for line in f:
            if not control(line):
                epoch.append(line)
                continue
            if json.loads(line).get("@barrier", {}).get("snapshot"):
                rows.clear()
            for record in epoch:
                if record.startswith(b'{"@op":"-",'):
                    rows[b"{" + record[len(b'{"@op":"-",'):]] -= 1
                else:
                    rows[record] += 1
            epoch = []
    if epoch:
        sys.exit("records behind the last barrier")
    for record, count in rows.items():
        if count < 0:
            sys.exit(f"taken back {-count} times too often: {record.decode()}")
    sys.stdout.buffer.writelines(sorted(rows.elements()))


def main():
    command, path = sys.argv[1], sys.argv[2]
    if command == "run":
        run(path, sys.argv[3] if len(sys.argv) > 3 else None)
    elif command == "state":
        state(path)
    elif command == "checkpoint":
        with open(path, "rb") as f:
            last = [line for line in f if line.startswith(b'{"@barrier"')][-1:]
        sys.stdout.buffer.writelines(last)
    else:
        sys.exit(f"{command}: no such command")


main()
