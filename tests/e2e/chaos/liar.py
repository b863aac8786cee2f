#!/usr/bin/python3
"""A stand-in that breaks the protocol on purpose, once or again and again: what the chaos run must catch.

usage: liar.py honest|drop|double|forget|overtake|swallow|acknowledge   a filter in front of a stage
       ddb-put ARGUMENT...           by that name instead of the sink: what has to be one transaction is two

environment: ACK_FILE, for acknowledge; HONEST, the directory of the tools, for the sink
"""

import json
import os
import subprocess
import sys
import time


def resumed(lines):
    """Each line, and whether it is the first record behind the barrier from which a run goes on."""
    first, fresh = True, False
    for line in lines:
        control = line.startswith(b'{"@')
        yield line, fresh and not control
        fresh = control and (fresh or first and b'"@barrier"' in line)
        first = False


def honest(lines):
    """The control: with it the run must pass."""
    yield from lines


def drop(lines):
    """The first record behind the place of a restart is lost: off by one."""
    return (line for line, first in resumed(lines) if not first)


def double(lines):
    """It comes twice."""
    for line, first in resumed(lines):
        yield line
        if first:
            yield line


def forget(lines):
    """After a restart the first retraction is lost."""
    armed = False
    for number, line in enumerate(lines):
        armed = armed or number == 0 and line.startswith(b'{"@barrier"')
        if armed and b'"@op":"-"' in line:
            armed = False
            continue
        yield line


def overtake(lines):
    """Barriers overtake the record before them, as with a stage that forwards before it has flushed."""
    held = b""
    for line in lines:
        if line.startswith(b'{"@barrier"'):
            yield line
        else:
            yield held
            held = line
    yield held


def swallow(lines):
    """A barrier is lost."""
    barriers = 0
    for line in lines:
        barriers += line.startswith(b'{"@barrier"')
        if barriers != 3 or not line.startswith(b'{"@barrier"'):
            yield line


def acknowledge(lines):
    """What the sink has not committed yet is acknowledged."""
    path = os.environ["ACK_FILE"]
    for line in lines:
        if line.startswith(b'{"@barrier"'):
            with open(path + ".early", "wb") as f:
                f.write(line)
            os.replace(path + ".early", path)
        yield line


def apart(program, arguments):
    """Records and barriers are committed, but not in one transaction; the first of a run are slow."""
    begun = 0
    records = subprocess.Popen([program, os.environ["TUBERIA_STORE"]], stdin=subprocess.PIPE)
    barriers = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE)
    for line in sys.stdin.buffer:
        if line.startswith(b'{"@barrier"'):
            barrier = json.loads(line)
            barrier["@barrier"].pop("snapshot", None)
            line = json.dumps(barrier, separators=(",", ":")).encode() + b"\n"
            begun += 1
            time.sleep(0.3 if begun < 8 else 0)
        target = barriers if line.startswith(b'{"@') else records
        target.stdin.write(line)
        target.stdin.flush()
    records.communicate()
    barriers.communicate()
    return barriers.returncode


def main():
    name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
    if name == "ddb-put":
        program = os.path.join(os.environ["HONEST"], name)
        if "--checkpoint" not in arguments:
            os.execv(program, [program, *arguments])
        return apart(program, arguments)
    try:
        for line in globals()[arguments[0]](iter(sys.stdin.buffer.readline, b"")):
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(1)
    return 0


sys.exit(main())
