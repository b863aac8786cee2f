#!/usr/bin/python3
"""_on_s3.py: s3-partition for tests that know directories only, at S3 in truth.

usage: TOOL AS... : stands as "s3-partition" on PATH; S3_TOOL, S3_PORT and S3_GATE were written into its first lines.

What is below the directory of --to or --verify goes to the server, by its back door; the tool does what it is asked
for there, through the gate; and what is at the server then is the directory's content.
"""

import hashlib
import html
import http.client
import os
import re
import subprocess
import sys
import urllib.parse

TOOL, PORT, GATE = os.environ["S3_TOOL"], int(os.environ["S3_PORT"]), os.environ["S3_GATE"]
BUCKET = "/lake"
server = http.client.HTTPConnection("127.0.0.1", PORT)


def ask(method, path, body=None):
    server.request(method, path, body, {"x-amz-date": ""})
    answer = server.getresponse()
    content = answer.read()
    assert answer.status < 300, (method, path, answer.status, content)
    return content


def path_of(key):
    return f"{BUCKET}/{urllib.parse.quote(key)}"


def there(prefix):
    """The keys below; they are fewer than a page."""
    text = ask("GET", f"{BUCKET}?list-type=2&prefix={urllib.parse.quote(prefix)}").decode()
    return [html.unescape(key) for key in re.findall("<Key>([^<]*)</Key>", text)]


def local(directory):
    for where, _, names in os.walk(directory):
        for name in names:
            yield os.path.relpath(os.path.join(where, name), directory)


def push(directory, prefix):
    mine = set(local(directory))
    for name in mine:
        with open(os.path.join(directory, name), "rb") as f:
            ask("PUT", path_of(prefix + name), f.read())
    for key in there(prefix):
        if key[len(prefix):] not in mine:
            ask("DELETE", path_of(key))


def pull(directory, prefix):
    theirs = {key[len(prefix):] for key in there(prefix)}
    for name in theirs:
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(ask("GET", path_of(prefix + name)))
    for name in set(local(directory)) - theirs:
        os.remove(os.path.join(directory, name))


arguments = sys.argv[1:]
at = next((i + 1 for i, a in enumerate(arguments) if a in ("--to", "--verify") and i + 1 < len(arguments)), None)
environment = {**os.environ, "AWS_ENDPOINT_URL_S3": GATE, "AWS_REGION": "us-east-1",
               "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
if at is None or not arguments[at] or "://" in arguments[at]:
    sys.exit(subprocess.run([TOOL, *arguments], env=environment, check=False).returncode)
place = arguments[at]
prefix = hashlib.sha256(os.path.abspath(place).encode()).hexdigest()[:16] + "/"
arguments[at] = "s3:/" + BUCKET + "/" + prefix
push(place, prefix)
status = subprocess.run([TOOL, *arguments], env=environment, check=False).returncode
pull(place, prefix)
sys.exit(status if status >= 0 else 128 - status)
