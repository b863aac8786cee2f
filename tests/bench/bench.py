"""What the bench entries share: commands measured in turn, medians, tables, build/bench.json.

A measurement is a whole command, as time(1) has it from the kernel: wall time, CPU (user + system, children
included), and the peak memory of its largest process, bash (3 MB) among them. Ours and the peers run A B C A B C, so that a
machine whose speed drifts does so for all; ratios are those of medians.
"""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RESULTS = os.environ.get("BENCH_JSON", os.path.join(TOP, "build", "bench.json"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
SCALE = float(os.environ.get("BENCH_SCALE", "1"))


def scaled(n):
    return max(1, int(n * SCALE))


def measure(command, **popen):
    """Run a shell command; returns (wall s, CPU s, peak MB). A status other than 0 ends the bench."""
    with tempfile.NamedTemporaryFile("r") as said:
        # Not by wait4(2) from here: a child's peak begins with its parent's size, and Python is large.
        begun = time.monotonic()
        status = subprocess.run(["time", "-q", "-o", said.name, "-f", "%U %S %M", "bash", "-o", "pipefail", "-c", command],
                                check=False, **popen).returncode
        wall = time.monotonic() - begun
        if status != 0:
            sys.exit(f"bench: status {status}: {command}")
        user, system, kilobytes = map(float, said.read().split())
    return wall, user + system, kilobytes / 1024


def measure_in_turn(commands, runs, before):
    """The counted samples of each command, after a round that warms the caches (none of it with runs=1)."""
    samples = {name: [] for name in commands}
    for number in range(runs if runs == 1 else runs + 1):
        for name, command in commands.items():
            if before:
                before(name)
            sample = measure(command)
            if number > 0 or runs == 1:
                samples[name].append(sample)
    return samples


def row_of(taken, amount):
    wall, cpu, memory = (statistics.median(column) for column in zip(*taken))
    spread = (max(t[0] for t in taken) - min(t[0] for t in taken)) / wall
    return {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mb": round(memory, 1),
            "rate_per_s": round(amount / wall), "spread": round(spread, 2)}


def compare(entry, work, amount, unit, commands, runs=RUNS, before=None):
    """Measure commands, a dict of name to shell command, ours first, in turn; print and keep the results.

    amount, unit: what one run handles, for the rate. before: called with the name before each run.
    """
    rows = {name: row_of(taken, amount) for name, taken in measure_in_turn(commands, runs, before).items()}
    ours = next(iter(rows))
    print(f"\n{entry}: {work}")
    print(f"  {'':32} {'wall s':>8} {'CPU s':>8} {'peak MB':>8} {unit + '/s':>12} {'spread':>7}"
          f" {'wall ×':>7} {'CPU ×':>7}")
    for name, row in rows.items():
        row["unit"] = unit
        row["wall_ratio"] = round(row["wall_s"] / rows[ours]["wall_s"], 2)
        row["cpu_ratio"] = round(row["cpu_s"] / max(rows[ours]["cpu_s"], 0.001), 2)
        print(f"  {name:32} {row['wall_s']:8.2f} {row['cpu_s']:8.2f} {row['peak_mb']:8.1f} {row['rate_per_s']:12,}"
              f" {row['spread']:7.0%} {row['wall_ratio']:7.2f} {row['cpu_ratio']:7.2f}")
    sys.stdout.flush()
    keep(entry, work, rows)
    return rows


def grow(entry, work, unit, amounts, command_of, runs=RUNS, before=None):
    """One command at growing amounts of work: does its time grow faster than the work, and its memory at all?

    amounts: the least first, the others multiples of it. command_of: the shell command for an amount; before: called
    with the amount before each run.
    """
    rows = {amount: row_of(taken, amount) for amount, taken in
            measure_in_turn({n: command_of(n) for n in amounts}, runs, before).items()}
    least = amounts[0]
    print(f"\n{entry}: {work}, growing")
    print(f"  {unit + 's':>20} {'work ×':>8} {'time ×':>8} {'time ÷ work':>12} {'wall s':>8} {'peak MB':>8}")
    for amount, row in rows.items():
        times = row["wall_s"] / rows[least]["wall_s"]
        row["growth"] = round(times / (amount / least), 2)
        print(f"  {amount:20,} {amount / least:8.0f} {times:8.2f} {row['growth']:12.2f} {row['wall_s']:8.2f}"
              f" {row['peak_mb']:8.1f}")
    sys.stdout.flush()
    keep(entry, work + ", growing", {f"{amount} {unit}s": row for amount, row in rows.items()})
    return rows


def say(entry, text):
    """What was found besides numbers of time: that results are equal, and where a peer's are not."""
    print(f"{entry}: {text}", flush=True)


def keep(entry, work, rows):
    """Put the rows of a piece of work into the results file."""
    try:
        with open(RESULTS, encoding="utf-8") as f:
            results = json.load(f)
    except (OSError, ValueError):
        results = {}
    results.setdefault("about", {})[entry] = {"date": datetime.date.today().isoformat(), "machine": machine(), "runs": RUNS,
                                              "scale": SCALE}
    results.setdefault(entry, {})[work] = rows
    os.makedirs(os.path.dirname(RESULTS), exist_ok=True)
    with open(RESULTS + ".new", "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1, ensure_ascii=False)
        f.write("\n")
    os.replace(RESULTS + ".new", RESULTS)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}"


def peer(name):
    """A program that the bench's set-up has made (tests/bench/peers), or None."""
    path = os.path.join(TOP, "build", "bench", name)
    return path if os.path.exists(path) else None
