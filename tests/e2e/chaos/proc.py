"""Processes, as /proc tells of them."""

import collections
import os

Process = collections.namedtuple("Process", "pid name state parent session")


def processes():
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                before, after = f.read().rsplit(")", 1)
        except OSError:
            continue
        fields = after.split()
        yield Process(int(entry), before.split("(", 1)[1], fields[0], int(fields[1]), int(fields[3]))


def children(pid):
    return [p for p in processes() if p.parent == pid]


def resident(pid):
    """KiB in memory, or 0 when it has gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as f:
            return next((int(line.split()[1]) for line in f if line.startswith("VmRSS:")), 0)
    except OSError:
        return 0
