# The examples of the manuals are run: each "$ " line of EXAMPLES, and what stands beneath it is its
# output, exactly. tests/README.md has the convention. The PG* variables name a server for them,
# and the profile "shop" of AWS an emulator of DynamoDB.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$TOP/tests/lib/dynamodb.sh"
pg_start
dynamodb_start
mkdir "$HOME/.aws"
printf '%s\n' '[profile shop]' "region = $AWS_REGION" "endpoint_url = $AWS_ENDPOINT_URL" \
    "aws_access_key_id = $AWS_ACCESS_KEY_ID" "aws_secret_access_key = $AWS_SECRET_ACCESS_KEY" >"$HOME/.aws/config"
unset AWS_REGION AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
/usr/bin/python3 - "$(dirname "$0")/../../../man" <<'PYTHON'
import difflib
import glob
import os
import re
import subprocess
import sys
import tempfile

ESCAPES = {"e": "\\", "-": "-", "&": "", "(aq": "'", "(dq": '"', "(ti": "~", "(ha": "^", "(ga": "`",
           "(rs": "\\", "%": "", " ": " "}
# What a session keeps from one command to the next: exported variables.
SESSION = '[ ! -e "$0" ] || . "$0"; eval "$1"; export -p >"$0"'
count = 0
failed = 0


def unescape(line):
    def one(found):
        name = found.group(1)
        if name not in ESCAPES:
            raise ValueError(f"escape \\{name} in {line!r}")
        return ESCAPES[name]
    return re.sub(r"\\(\(..|.)", one, line)


def blocks(page):
    """The literal blocks of EXAMPLES, as lists of lines."""
    section, block = None, None
    for line in page.split("\n"):
        if line.startswith(".Sh "):
            section = line[4:].strip()
        elif section != "EXAMPLES":
            continue
        elif re.match(r"\.Bd -(literal|unfilled)", line):
            block = []
        elif line.startswith(".Ed"):
            if block is not None:
                yield block
            block = None
        elif block is not None:
            if line.startswith((".", "'")):
                raise ValueError(f"request in a literal block: {line}")
            block.append(unescape(line))


def commands(block):
    """(command, output) of a block; none when no line begins with "$ "."""
    if not any(line.startswith("$ ") for line in block):
        return
    command, output = None, []
    for line in block:
        if line.startswith("$ "):
            if command is not None:
                yield command, output
            command, output = line[2:], []
        elif command is None:
            raise ValueError(f"output before the first command: {line}")
        elif command.endswith("\\") and line.startswith("> ") and not output:
            command += "\n" + line[2:]
        else:
            output.append(line)
    yield command, output


def result(ok, name, detail=()):
    global count, failed
    count += 1
    failed += not ok
    print(f"{'' if ok else 'not '}ok {count} - {name}")
    for line in detail:
        print("# " + line)


def check_page(path):
    name = os.path.basename(path)
    with open(path, encoding="utf-8") as f:
        page = f.read()
    shown = 0
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as beside:
        session = ["bash", "-c", SESSION, os.path.join(beside, "exported")]
        for block in blocks(page):
            for command, expected in commands(block):
                # Two files, so that stderr comes second whatever was written first.
                with tempfile.TemporaryFile() as err:
                    run = subprocess.run(session + [command], cwd=directory, stderr=err,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
                    err.seek(0)
                    got = (run.stdout + err.read()).decode("utf-8", "backslashreplace")
                got = got.removesuffix("\n").split("\n") if got else []
                while expected and not expected[-1]:
                    expected.pop()  # an empty line before the next command is for the eye
                shown += 1
                result(got == expected, f"{name}: {command.splitlines()[0]}",
                       list(difflib.unified_diff(expected, got, "manual", "result", lineterm="")))
    has_section = re.search(r"^\.Sh EXAMPLES", page, re.MULTILINE)
    if name.endswith((".1", ".8")) and not has_section:
        result(False, f"{name} has no EXAMPLES")
    return shown


total = 0
for page in sorted(glob.glob(os.path.join(sys.argv[1], "*.[1-8]"))):
    try:
        total += check_page(page)
    except ValueError as e:
        result(False, f"{os.path.basename(page)}: {e}")
result(total > 0, f"{total} examples")
print(f"1..{count}")
sys.exit(failed > 0)
PYTHON
