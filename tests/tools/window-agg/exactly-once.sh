#!/usr/bin/env bash
# timeout: 300
# Final mode, exactly once: streams are cut at every barrier and resumed from what a sink would have as
# its checkpoint, the way pg-tail resumes; and killed again and again at random places. What has been
# committed must be what one uncut run prints, byte for byte. The streams are random, the seeds fixed;
# SEEDS=1000 tries more of them.
. "$(dirname "$0")/../../lib/tap.sh"

cat >"$work/cut.py" <<'PYTHON'
import json, os, random, re, subprocess, sys

os.chdir(sys.argv[1])


def text(line):
    return json.dumps(line, separators=(",", ":"))


def clock(seconds):
    day, rest = divmod(seconds, 86400)
    return "2024-03-%02dT%02d:%02d:%02d" % (21 + day, rest // 3600, rest // 60 % 60, rest % 60)


def stream(rng, fresh_start):
    """Lines as a source would send them: records, barriers, now and then a TRUNCATE."""
    lines, epoch, wall, event, serial = [], 0, 36000, 36000, 0

    def barrier(snapshot=False):
        nonlocal epoch
        epoch += 1
        b = {"epoch": epoch, "pos": "at:%d:%d" % (epoch, serial), "time": clock(wall) + ".250Z"}
        if snapshot:
            b["snapshot"] = True
        lines.append(text({"@barrier": b}))

    if not fresh_start:
        barrier()
    for _ in range(rng.randrange(3, 25)):
        for _ in range(rng.choice([0, 0, 1, 2, 5, 9])):
            serial += 1
            event += rng.choice([0, 0, 1, 3, 20])
            at = event + rng.choice([0, 0, 0, -5, -30, -100])
            r = {"i": serial, "k": rng.choice([1, 2, "1", "b"]), "m": rng.randrange(-50, 500),
                 "t": clock(86400 * 3 if rng.random() < 0.03 else at)}
            if rng.random() < 0.2:
                r["@op"] = "-"
            if rng.random() < 0.03:
                r["m"] = None
            lines.append(text(r))
        wall += rng.choice([0, 1, 1, 7, 40])
        barrier()
        if rng.random() < 0.05:
            barrier(snapshot=True)
    lines.append(text({"@end": {"records": serial}}))
    return lines


def run(options, lines, code):
    for name in ("late", "bad"):
        if os.path.exists(name):
            os.remove(name)
    p = subprocess.run(["window-agg", "--time", "t", "--by", "k", "--count", "n", "--sum", "m=s", "--max",
                        "m=hi", "--late", "late", "--rejects", "bad"] + options,
                       input="".join(x + "\n" for x in lines), capture_output=True, text=True)
    if p.returncode != code:
        raise SystemExit("exit status %d: %s" % (p.returncode, p.stderr))
    late, bad = open("late").read().split("\n"), open("bad").read().split("\n")
    return p.stdout.split("\n")[:-1], late[:-1], [x.split("\t")[1] for x in bad[:-1]]


def is_barrier(line):
    return line.startswith('{"@barrier"')


def place(lines, key, value):
    for i, x in enumerate(lines):
        if is_barrier(x) and json.loads(x)["@barrier"][key] == value:
            return i
    raise SystemExit("no barrier with %s %s" % (key, value))


def resume(lines, checkpoint):
    """What pg-tail --resume sends. Also how many lines of it are what the sink has already."""
    if checkpoint is None:
        return lines, 0
    b = json.loads(checkpoint)["@barrier"]
    here = place(lines, "epoch", b["epoch"])
    if b.get("resume", b["pos"]) == b["pos"]:
        return [checkpoint] + lines[here + 1:], 1
    again = [x for x in lines[place(lines, "pos", b["resume"]):here] if not x.startswith('{"@')]
    return [checkpoint] + again + [checkpoint] + lines[here + 1:], 2


def plain(lines):
    """Without resume: a run that was resumed itself may name an earlier place than the uncut one."""
    return [re.sub(r',"resume":"[^"]*"', "", x) for x in lines]


def check(truth, what, *details):
    if not truth:
        raise SystemExit("\n".join([what] + ["# " + str(d) for d in details]))


def difference(got, expected):
    for i, (a, b) in enumerate(zip(got + ["-"], expected + ["-"])):
        if a != b:
            return "line %d\n#   got      %s\n#   expected %s" % (i, a, b)
    return "length %d, expected %d" % (len(got), len(expected))


def cut_everywhere(options, lines):
    """Resume from every barrier that was ever forwarded."""
    whole, late, bad = run(options, lines, 0)
    resumed = replayed = 0
    for i, line in enumerate(whole):
        if not is_barrier(line):
            continue
        again, known = resume(lines, line)
        got, got_late, got_bad = run(options, again, 0)
        check(got[:known] == [line] * known, "the checkpoint comes back", line, got[:3])
        rest, expected = plain(got[known:-1]), plain(whole[i + 1:-1])
        check(rest == expected, "the rest is that of the uncut run", difference(rest, expected), line, *again)
        sent = json.loads(got[-1])["@end"]["records"]
        check(sent == sum(not x.startswith('{"@') for x in got), "@end counts what was sent", got[-1])
        behind = lines[place(lines, "epoch", json.loads(line)["@barrier"]["epoch"]):]
        check(got_late == [x for x in late if x in behind], "late records stay late", line)
        check([x for x in got_bad if x in behind] == [x for x in bad if x in behind],
              "bad records stay bad", line)
        resumed += 1
        replayed += known == 2
    return resumed, replayed


def crash_on(rng, options, lines):
    """Die at a random place, commit up to the last barrier, resume; over and over."""
    whole = run(options, lines, 0)[0]
    committed, checkpoint, crashes = [], None, 0
    while True:
        feed, known = resume(lines, checkpoint)
        n = rng.randrange(1, len(feed) + 1)
        died = n < len(feed)
        # A stream that dies before its first barrier looks like a plain one: nothing of it is committed.
        code = 75 if died and any(map(is_barrier, feed[:n])) else 0
        out = run(options, feed[:n], code)[0][known if n >= known else 0:]
        crashes += died
        if not died:
            got, expected = plain(committed + out[:-1]), plain(whole[:-1])
            check(got == expected, "what was committed is the uncut run", difference(got, expected))
            return crashes
        last = max((i for i, x in enumerate(out) if is_barrier(x)), default=-1)
        if last >= 0 and out[last] != checkpoint:
            committed += out[:last + 1]
            checkpoint = out[last]


settings = [["--window", "1m"], ["--window", "1m", "--lateness", "30s"],
            ["--window", "10s", "--lateness", "1500ms", "--max-ahead", "1h"],
            ["--window", "10s", "--lateness", "2m"], ["--window", "1h", "--max-ahead", "12h"], ["--window", "90m"], ["--window", "1d"]]
cuts = replays = crashes = 0
for seed in range(int(os.environ.get("SEEDS", "14"))):
    rng = random.Random(seed)
    options, lines = settings[seed % len(settings)], stream(rng, seed % 4 == 0)
    try:
        c, r = cut_everywhere(options, lines)
        crashes += crash_on(rng, options, lines)
    except SystemExit as e:
        print("not ok - seed %d, %s: %s" % (seed, " ".join(options), e))
        raise SystemExit(1)
    cuts, replays = cuts + c, replays + r
print(cuts, replays, crashes)
PYTHON

result=$(/usr/bin/python3 "$work/cut.py" "$work" 2>&1)
if read -r cuts replays crashes <<<"$result" && [[ $cuts$replays$crashes =~ ^[0-9]+$ ]]; then
    ok "a restart from any of $cuts barriers goes on as the uncut run ($replays with a replay)"
    ok "what is committed over $crashes crashes is the uncut run"
    # So that the test cannot become empty unnoticed.
    passes "enough of each was met" test "$cuts" -gt 100 -a "$replays" -gt 50 -a "$crashes" -gt 50
else
    not_ok "exactly once" "$result"
fi
done_testing
