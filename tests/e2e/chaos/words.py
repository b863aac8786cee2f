"""The last words of the stages (-v): what comes in is accounted for, within a stage and from one to the next."""

import re

SOURCE = re.compile(r"pg-tail: changes (\d+) = inserts (\d+) \+ updates (\d+) \+ deletes (\d+) \+ truncates (\d+)"
                    r" \+ passed over (\d+); records (\d+),")
AGGREGATE = re.compile(r"window-agg: in (\d+) = counted (\d+)(?: \+ replayed (\d+))? \+ late (\d+) \+ rejected (\d+);"
                       r" out (\d+)")
SINK = re.compile(r"ddb-put: in (\d+) = stored (\d+) \+ dropped (\d+) \+ rejected (\d+); epochs (\d+)")
RUN = re.compile(r"realtime-pipeline: (resuming behind epoch|beginning with a snapshot)")
# With these a stage comments on its run, and does not end it. With others it does, or the storm has ended it.
CHATTER = re.compile(r"pg-tail: (snapshot of|connected again|connection lost|publication .* made)")


def numbers(match):
    return [int(n or 0) for n in match.groups()]


def check(lines):
    """(how many words were said, how many whole runs there were, [what does not add up])."""
    said, whole, wrong = 0, 0, []
    run, clean, snapshot = {}, True, False

    def close():
        nonlocal whole
        if not clean or len(run) < 3:
            return
        whole += 1
        source, aggregate, sink = run["source"], run["aggregate"], run["sink"]
        if source[6] != aggregate[0]:
            wrong.append(f"pg-tail sent {source[6]} records, window-agg has seen {aggregate[0]}")
        if aggregate[5] != sink[0]:
            wrong.append(f"window-agg sent {aggregate[5]} records, ddb-put has seen {sink[0]}")
        if sink[2] or sink[3] or aggregate[4]:
            wrong.append(f"dropped or rejected in a whole run: {aggregate} {sink}")

    for line in lines:
        if RUN.match(line):
            close()
            run, clean, snapshot = {}, True, "snapshot" in line
        elif found := SOURCE.match(line):
            run["source"] = n = numbers(found)
            said += 1
            # An update is a record or two, or none when no column of ours has changed.
            if n[0] != sum(n[1:6]) or n[6] < n[1] + n[3] or (n[6] > n[1] + 2 * n[2] + n[3] and not snapshot):
                wrong.append(line)
        elif found := AGGREGATE.match(line):
            run["aggregate"] = n = numbers(found)
            said += 1
            if n[0] != sum(n[1:5]):
                wrong.append(line)
        elif found := SINK.match(line):
            run["sink"] = n = numbers(found)
            said += 1
            if n[0] != sum(n[1:4]):
                wrong.append(line)
        elif re.match(r"(pg-tail|window-agg|ddb-put|storm): ", line) and not CHATTER.match(line):
            clean = False
    close()
    return said, whole, wrong
