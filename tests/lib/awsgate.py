#!/usr/bin/python3
"""awsgate.py: stands in front of an emulator of AWS and is as strict, and as unreliable, as AWS itself.

usage: awsgate.py [--upstream PORT] [--region REGION] [--port-file FILE] [--tls PEM]

Each request's signature is computed anew from the bytes on the wire by botocore, the body is checked against
botocore's model of the service; then a fault may happen, and what is left goes to the upstream. Without
--upstream it answers {} itself. It also plays STS, the endpoint of a container and that of an instance, so that
every source of credentials can be tried. It is a proxy too. --tls: key and certificates of a port that speaks
TLS, which stands in FILE as well, behind the other one.

Keys that it knows: AKIDEXAMPLE with the secret of AWS's documentation, READONLY (may not write) and whatever it
has given out itself. Control, all JSON:

  GET  /__gate__         what it has seen: requests and refusals by operation, faults, connections
  POST /__gate__         {"rules": [...], "clock": seconds, "reset": true, "measure": true (awsgate_units.py)}

A rule: {"fault": NAME, "op": OPERATION or absent, "stream": NAME or absent, "every": N (each Nth that matches),
"times": K (so often at most), "skip": M (first let M pass)}. Faults: throttle, error-500, error-503, reset-before,
reset-after (the connection breaks before or after the upstream has done it), truncate (half of the reply), bad-crc,
delay ("seconds"), partial (a batch is done in half), expired, expired-iterator, denied, no-date (the reply has no
Date), hang-before and hang-after (never an answer), kill-before and kill-after ("pid": a file with the number of the
process that gets SIGKILL), late-error (status 200, but the body is an error), conflict (S3's 409).

"release" lets those go on that hang, "reset" breaks them off. S3 is in awsgate_s3.py; for it also {"page": N}: lists come in pages of
so many.
"""

import argparse
import asyncio
import base64
import datetime
import email.utils
import gzip
import json
import os
import re
import socket
import ssl
import struct
import sys
import time
import urllib.parse
import zlib

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.loaders
import botocore.model
import botocore.validate

from awsgate_s3 import S3
from awsgate_units import Units

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PREFIXES = {"DynamoDB_20120810": "dynamodb", "Kinesis_20131202": "kinesis",
            "GraniteServiceVersion20100801": "cloudwatch"}
WRITES = re.compile(r"^(Put|Update|Delete|BatchWrite|Create|Record|TransactWrite|Upload|Complete|Abort)")


class Refused(Exception):
    def __init__(self, status, code, message, more=""):
        super().__init__(code)
        self.status, self.code, self.message, self.more = status, code, message, more


class Cut(Exception):
    """The connection breaks."""


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, _, self.query = target.partition("?")
        self.service = self.op = self.key = None
        self.xml = False


class Gate:
    def __init__(self, options):
        self.options = options
        self.loader = botocore.loaders.create_loader()
        self.models = {}
        self.keys = {"AKIDEXAMPLE": {"secret": SECRET}, "READONLY": {"secret": SECRET}}
        self.given = 0
        self.pool = []
        self.clock = 0
        self.s3, self.units = S3(self, Refused), Units(self)
        self.busy = 0
        self.hanging = asyncio.get_running_loop().create_future()
        self.reset()

    def reset(self):
        self.rules = []
        self.seen = {"requests": {}, "refused": {}, "faults": {}, "connections": 0, "units": {}, "hosts": {},
                     "most": 0}

    def count(self, what, name, n=1):
        self.seen[what][name] = self.seen[what].get(name, 0) + n

    def now(self):
        return time.time() + self.clock

    # ---- signatures ----

    def authenticate(self, r):
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
                             r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})", r.headers.get("authorization", ""))
        if not found:
            raise Refused(403, "MissingAuthenticationTokenException", "Request is missing Authentication Token")
        key, day, region, r.service, names, signature = found.groups()
        names = names.split(";")
        r.key = key
        r.xml = r.service in ("s3", "sts") or (r.service == "monitoring" and "x-amz-target" not in r.headers)
        if key not in self.keys:
            raise Refused(403, "InvalidAccessKeyId" if r.service == "s3" else "UnrecognizedClientException",
                          "The security token included in the request is invalid.")
        if region != self.options.region and r.service == "s3":
            raise Refused(400, "AuthorizationHeaderMalformed", f"The authorization header is malformed; the region"
                          f" '{region}' is wrong; expecting '{self.options.region}'",
                          f"<Region>{self.options.region}</Region>")
        if region != self.options.region:
            raise Refused(400, "InvalidSignatureException",
                          f"Credential should be scoped to a valid region, not '{region}'.")
        for header in r.headers:
            if (header.startswith("x-amz-") or header in ("host", "content-type")) and header not in names:
                raise Refused(403, "InvalidSignatureException", f"'{header}' must be a signed header")
        self.check_time(r, day)
        known = self.keys[key]
        if r.headers.get("x-amz-security-token") != known.get("token"):
            raise Refused(403, "UnrecognizedClientException", "The security token included in the request is invalid")
        if known.get("expires", self.now() + 1) < self.now():
            raise Refused(400, "ExpiredToken" if r.xml else "ExpiredTokenException",
                          "The security token included in the request is expired")
        if signature != self.signature(r, key, day, region, names):
            raise Refused(403, "SignatureDoesNotMatch" if r.xml else "InvalidSignatureException",
                          "The request signature we calculated does not match the signature you provided."
                          f"\n\nThe Canonical String for this request should have been\n'{self.canonical}'")

    def check_time(self, r, day):
        at = r.headers.get("x-amz-date", "")
        try:
            signed = datetime.datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        except ValueError:
            raise Refused(403, "InvalidSignatureException", "no X-Amz-Date") from None
        off = signed.timestamp() - self.now()
        if at[:8] != day:
            raise Refused(403, "InvalidSignatureException", "Date in Credential scope does not match")
        if abs(off) > 300:
            text = f"Signature {'expired' if off < 0 else 'not yet current'}: {at}"
            raise Refused(403, "RequestTimeTooSkewed" if r.service == "s3" else "SignatureDoesNotMatch" if r.xml
                          else "InvalidSignatureException", text)

    def signature(self, r, key, day, region, names):
        known = self.keys[key]
        credentials = botocore.credentials.Credentials(key, known["secret"], known.get("token"))
        kind = botocore.auth.S3SigV4Auth if r.service == "s3" else botocore.auth.SigV4Auth
        auth = kind(credentials, r.service, region)
        q = botocore.awsrequest.AWSRequest(
            method=r.method, url=f"http://{r.headers['host']}{r.path}", data=r.body,
            params=urllib.parse.parse_qsl(r.query, keep_blank_values=True) if r.query else None,
            headers={n: r.headers[n] for n in names if n in r.headers})
        if q.params:
            q.params = dict(q.params)
        q.context["timestamp"] = r.headers["x-amz-date"]
        q.context["payload_signing_enabled"] = True
        if r.service == "s3":
            wanted = r.headers.get("x-amz-content-sha256", "")
            if wanted not in ("UNSIGNED-PAYLOAD", botocore.auth.sha256(r.body).hexdigest()):
                raise Refused(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not"
                              " match what was computed.")
        self.canonical = auth.canonical_request(q)
        return auth.signature(auth.string_to_sign(q, self.canonical), q)

    # ---- models ----

    def model(self, service):
        if service not in self.models:
            data = self.loader.load_service_model(service, "service-2")
            self.models[service] = botocore.model.ServiceModel(data, service)
        return self.models[service]

    @staticmethod
    def check_sizes(records):
        """Of PutRecords: what the API reference says, and the model does not."""
        sizes = [len(base64.b64decode(x["Data"], validate=True)) + len(x["PartitionKey"].encode()) for x in records]
        if len(sizes) > 500 or max(sizes) > 1 << 20 or sum(sizes) > 5 << 20:
            raise Refused(400, "InvalidArgumentException",
                          f"{len(sizes)} records of at most {max(sizes)} bytes, {sum(sizes)} together")

    def validate(self, r):
        prefix, _, op = r.headers.get("x-amz-target", "").partition(".")
        if r.service == "s3" and self.options.upstream:
            self.s3.understand(r)
        elif prefix in PREFIXES:
            service = PREFIXES[prefix]
            r.op = op
            try:
                shape = self.model(service).operation_model(op).input_shape
                params = json.loads(r.body)
            except (botocore.model.OperationNotFoundError, ValueError) as e:
                raise Refused(400, "SerializationException", str(e)) from None
            r.params = params
            report = botocore.validate.ParamValidator().validate(params, shape) if shape else None
            if report and report.has_errors():
                raise Refused(400, "ValidationException", "botocore: " + report.generate_report())
            if op == "PutRecords":
                self.check_sizes(params["Records"])
        elif r.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            text = gzip.decompress(r.body) if r.headers.get("content-encoding") == "gzip" else r.body
            r.params = dict(urllib.parse.parse_qsl(text.decode(), keep_blank_values=True, strict_parsing=True))
            r.op = r.params.get("Action")
        else:
            r.op = r.method
        if r.key == "READONLY" and WRITES.match(r.op or ""):
            raise Refused(403 if r.xml else 400, "AccessDenied" if r.xml else "AccessDeniedException",
                          f"User: arn:aws:iam::123456789012:user/reader is not authorized to perform: {r.op}")

    # ---- faults ----

    def fault(self, r):
        for rule in self.rules:
            if rule.get("op", r.op) != r.op or rule.get("times") == 0:
                continue
            if "stream" in rule and rule["stream"] != getattr(r, "params", {}).get("StreamName"):
                continue
            if rule.get("skip", 0) > 0:
                rule["skip"] -= 1
                continue
            rule["met"] = rule.get("met", 0) + 1
            if rule["met"] % rule.get("every", 1) != 0:
                continue
            if "times" in rule:
                rule["times"] -= 1
            self.count("faults", rule["fault"])
            return rule
        return {"fault": None}

    async def before(self, r, fault):
        name = fault["fault"]
        if name in ("throttle", "error-500", "error-503") and r.service == "s3":
            raise Refused(*{"throttle": (503, "SlowDown", "Please reduce your request rate."),
                            "error-500": (500, "InternalError", "We encountered an internal error."),
                            "error-503": (503, "ServiceUnavailable", "Please try again later.")}[name])
        if name == "denied" and r.service == "s3":
            raise Refused(403, "AccessDenied", "Access Denied")
        if name == "conflict":
            raise Refused(409, "ConditionalRequestConflict", "A conflicting operation occurred.")
        if name == "late-error":
            raise Refused(200, "InternalError", "We encountered an internal error.")
        if name == "throttle":
            raise Refused(400, "ProvisionedThroughputExceededException", "The level of configured provisioned"
                          " throughput for the table was exceeded.")
        if name == "error-500":
            raise Refused(500, "InternalServerError", "Internal Server Error")
        if name == "error-503":
            raise Refused(503, "ServiceUnavailable", "Please try again later.")
        if name == "expired":
            raise Refused(400, "ExpiredTokenException", "The security token included in the request is expired")
        if name == "expired-iterator":
            raise Refused(400, "ExpiredIteratorException", "Iterator expired.")
        if name == "denied":
            raise Refused(400, "AccessDeniedException", "User is not authorized to perform this")
        if name == "reset-before":
            raise Cut("reset")
        if name == "hang-before":
            await self.hang()
        if name == "kill-before":
            await self.kill(fault)
        if name == "delay":
            await asyncio.sleep(fault["seconds"])

    async def hang(self):
        if not await asyncio.shield(self.hanging):
            raise Cut("close")

    @staticmethod
    async def kill(fault):
        while not os.path.exists(fault["pid"]):
            await asyncio.sleep(0.001)
        with open(fault["pid"], encoding="ascii") as f:
            os.kill(int(f.read()), 9)
        raise Cut("reset")

    @staticmethod
    def halve(r):
        """A batch of which the second half is left undone; returns what is to be given back."""
        tables = r.params.get("RequestItems", {})
        left = {}
        for table, wanted in list(tables.items()):
            rest = dict(wanted) if isinstance(wanted, dict) else None
            entries = wanted["Keys"] if rest is not None else wanted
            half = len(entries) // 2
            if half == 0:
                continue
            if rest is not None:
                rest["Keys"] = entries[half:]
                left[table] = rest
            else:
                left[table] = entries[half:]
            del entries[half:]
        r.body = json.dumps(r.params).encode()
        return left

    @staticmethod
    def every_other(r):
        """PutRecords of which each second record fails; returns how many there were, 0 when none does."""
        records = r.params["Records"]
        if len(records) < 2:
            return 0
        r.body = json.dumps({**r.params, "Records": records[::2]}).encode()
        return len(records)

    @staticmethod
    def put_failures(body, count):
        answer = json.loads(body)
        stored = iter(answer["Records"])
        answer["Records"] = [next(stored) if i % 2 == 0 else
                             {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
                             for i in range(count)]
        answer["FailedRecordCount"] = count // 2
        return json.dumps(answer).encode()

    # ---- upstream ----

    async def forward(self, r):
        if r.op == "UpdateTimeToLive":  # dynalite does not know it
            return 200, [("Content-Type", "application/x-amz-json-1.0")], json.dumps(
                {"TimeToLiveSpecification": r.params["TimeToLiveSpecification"]}).encode()
        if not self.options.upstream:
            return 200, [("Content-Type", "application/x-amz-json-1.0")], b"{}"
        if r.service == "s3":
            return await self.s3.forward(r)
        return await self.upstream(r.method, r.target, r.headers, r.body)

    async def upstream(self, method, target, headers, body):
        head = [f"{method} {target} HTTP/1.1"]
        head += [f"{n}: {v}" for n, v in headers.items()
                 if n not in ("content-length", "connection", "accept-encoding", "expect", "transfer-encoding")]
        head.append(f"Content-Length: {len(body)}")
        text = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body
        for fresh in (False, True):
            if fresh or not self.pool:
                connection = await asyncio.open_connection("127.0.0.1", self.options.upstream, limit=1 << 24)
            else:
                connection = self.pool.pop()
            reader, writer = connection
            try:
                writer.write(text)
                answer = await read_message(reader, method == "HEAD")
                if answer is None:
                    raise ConnectionError
            except (ConnectionError, asyncio.IncompleteReadError):
                writer.close()
                continue
            first, headers, body = answer
            self.pool.append(connection)
            keep = [(n, v) for n, v in headers.items() if n == "content-length" and method == "HEAD" or
                    n not in ("connection", "content-length", "date", "keep-alive", "transfer-encoding")]
            return int(first.split()[1]), keep, body
        raise Cut("the upstream is gone")

    # ---- credentials that it gives ----

    def give(self, seconds):
        self.given += 1
        key, token = f"ASIATEMP{self.given:08d}", base64.b64encode(os.urandom(60)).decode()
        self.keys[key] = {"secret": f"secret/{self.given}+{os.urandom(8).hex()}", "token": token,
                          "expires": self.now() + seconds}
        return {"AccessKeyId": key, "SecretAccessKey": self.keys[key]["secret"], "Token": token,
                "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.keys[key]["expires"]))}

    def sts(self, r):
        c = self.give(int(r.params.get("DurationSeconds", 3600)))
        if r.op == "AssumeRoleWithWebIdentity" and r.params.get("WebIdentityToken") != "identity-token":
            raise Refused(400, "InvalidIdentityToken", "No OpenIDConnect provider found")
        self.count("requests", f"{r.op} {r.params.get('RoleArn')}")
        return 200, [("Content-Type", "text/xml")], (
            f'<{r.op}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{r.op}Result><Credentials>'
            f"<AccessKeyId>{c['AccessKeyId']}</AccessKeyId><SecretAccessKey>{c['SecretAccessKey']}</SecretAccessKey>"
            f"<SessionToken>{c['Token']}</SessionToken><Expiration>{c['Expiration']}</Expiration></Credentials>"
            f"</{r.op}Result></{r.op}Response>").encode()

    def metadata(self, r):
        if r.path == "/container":
            if r.headers.get("authorization") != "container-token":
                return 403, [], b""
            self.count("requests", "container")
            return 200, [], json.dumps(self.give(3600)).encode()
        if r.path == "/latest/api/token" and r.method == "PUT":
            if "x-amz-forwarded-for" in r.headers or not r.headers.get("x-aws-ec2-metadata-token-ttl-seconds"):
                return 400, [], b""
            return 200, [], b"metadata-token"
        if r.headers.get("x-aws-ec2-metadata-token") != "metadata-token":
            return 401, [], b""
        self.count("requests", "instance")
        if r.path.endswith("/security-credentials/"):
            return 200, [], b"role-of-the-instance\n"
        if r.path.endswith("/security-credentials/role-of-the-instance"):
            return 200, [], json.dumps({"Code": "Success", **self.give(3600)}).encode()
        return 404, [], b""

    # ---- one request ----

    def control(self, r):
        if r.method == "POST":
            asked = json.loads(r.body)
            if asked.get("reset"):
                self.reset()
            self.rules = asked.get("rules", self.rules)
            self.clock, self.units.on = asked.get("clock", self.clock), asked.get("measure", self.units.on)
            self.s3.page = asked.get("page", self.s3.page)
            if asked.get("release") or asked.get("reset"):
                self.hanging.set_result(bool(asked.get("release")))
                self.hanging = asyncio.get_running_loop().create_future()
        seen = {**self.seen, "busy": self.busy, "uploads": sorted(u["key"] for u in self.s3.uploads.values())}
        return 200, [("Content-Type", "application/json")], json.dumps(seen).encode()

    def error(self, r, e):
        if r.xml:
            body = f"<Error><Code>{e.code}</Code><Message>{e.message}</Message>{e.more}</Error>"
            if r.service != "s3":
                body = f"<ErrorResponse>{body}</ErrorResponse>"
            return e.status, [("Content-Type", "text/xml")], body.encode()
        body = json.dumps({"__type": f"com.amazonaws.coral.service#{e.code}", "message": e.message})
        return e.status, [("Content-Type", "application/x-amz-json-1.0")], body.encode()

    async def checked(self, r):
        """Returns the fault that is due, and the answer."""
        fault = {"fault": None}
        try:
            if r.params_of_identity():
                r.xml, r.service = True, "sts"
                self.validate(r)
                return fault, self.sts(r)
            self.authenticate(r)
            self.validate(r)
            self.count("requests", r.op)
            self.count("hosts", r.headers["host"])
            if r.service == "sts":
                return fault, self.sts(r)
            fault = self.fault(r)
            await self.before(r, fault)
            partial = fault["fault"] == "partial"
            failing = self.every_other(r) if partial and r.op == "PutRecords" else 0
            left = self.halve(r) if partial and r.op != "PutRecords" else {}
            status, headers, body = await (self.units if self.units.on else self).forward(r)
            if failing and status == 200:
                body = self.put_failures(body, failing)
            if left:
                answer = json.loads(body)
                answer["UnprocessedKeys" if r.op == "BatchGetItem" else "UnprocessedItems"] = left
                body = json.dumps(answer).encode()
            headers = [(n, v) for n, v in headers if n.lower() != "x-amz-crc32"]
            if r.service == "dynamodb":
                crc = zlib.crc32(body) ^ (fault["fault"] == "bad-crc")
                headers.append(("x-amz-crc32", str(crc)))
            return fault, (status, headers, body)
        except Refused as e:
            self.count("refused", e.code)
            return fault, self.error(r, e)

    async def answer(self, r, writer):
        if r.path == "/__gate__":
            fault, answer = {"fault": None}, self.control(r)
        elif r.path.startswith("/latest/") or r.path == "/container":
            fault, answer = {"fault": None}, self.metadata(r)
        else:
            fault, answer = await self.checked(r)
        status, headers, body = answer
        name = fault["fault"]
        if name == "reset-after":
            raise Cut("reset")
        if name == "kill-after":
            await self.kill(fault)
        if name == "hang-after":
            await self.hang()
        head = [f"HTTP/1.1 {status} .", "x-amzn-RequestId: 0"]
        if not any(n == "content-length" for n, v in headers):
            head.append(f"Content-Length: {len(body)}")
        if name != "no-date" and not any(rule["fault"] == "no-date" for rule in self.rules):
            head.append("Date: " + email.utils.formatdate(self.now(), usegmt=True))
        head += [f"{n}: {v}" for n, v in headers]
        text = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        if name == "truncate":
            writer.write(text + body[:len(body) // 2])
            await writer.drain()
            raise Cut("close")
        writer.write(text if r.method == "HEAD" else text + body)
        await writer.drain()

    async def tunnel(self, target, reader, writer):
        """A proxy's part: bytes, until one side has no more."""
        async def copy(source, sink):
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
            sink.close()
        self.count("requests", "CONNECT")
        host, _, port = target.rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 .\r\n\r\n")
        await asyncio.gather(copy(reader, back), copy(there, writer))

    async def serve(self, reader, writer):
        self.seen["connections"] += 1
        try:
            while (message := await read_message(reader, client=writer)) is not None:
                first, headers, body = message
                method, target, _ = first.split(" ", 2)
                if method == "CONNECT":
                    await self.tunnel(target, reader, writer)
                    return
                if target.startswith("http://"):
                    self.count("requests", "by proxy")
                    target = "/" + target.split("/", 3)[3]
                if headers.get("expect") and "ws-cli" not in headers.get("user-agent", ""):
                    raise Cut("close")
                r = Request(method, target, headers, body)
                self.busy += r.path != "/__gate__"
                self.seen["most"] = max(self.seen["most"], self.busy)
                try:
                    await self.answer(r, writer)
                finally:
                    self.busy -= r.path != "/__gate__"
        except Cut as e:
            if str(e) == "reset":
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


def params_of_identity(self):
    return b"Action=AssumeRoleWithWebIdentity" in self.body and "authorization" not in self.headers


Request.params_of_identity = params_of_identity


async def read_message(reader, no_body=False, client=None):
    """First line, headers (lower case), body; None at the end of the connection. A client may want to be told that
    it may go on."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as e:
        if e.partial:
            raise
        return None
    lines = head[:-4].decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        name = name.lower()
        headers[name] = f"{headers[name]},{value.strip()}" if name in headers else value.strip()
    body = b""
    if no_body:
        return lines[0], headers, body
    if client is not None and headers.get("expect", "").lower() == "100-continue":
        client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while (size := int((await reader.readline()).split(b";")[0], 16)) > 0:
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    return lines[0], headers, body


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--upstream", type=int)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--port-file")
    parser.add_argument("--tls")
    options = parser.parse_args()
    gate = Gate(options)
    server = await asyncio.start_server(gate.serve, "127.0.0.1", 0, limit=1 << 26, backlog=1000)
    port = server.sockets[0].getsockname()[1]
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls)
        secure = await asyncio.start_server(gate.serve, "127.0.0.1", 0, limit=1 << 26, ssl=context)
        port = f"{port} {secure.sockets[0].getsockname()[1]}"
    if options.port_file:
        with open(options.port_file + ".new", "w", encoding="ascii") as f:
            f.write(f"{port}\n")
        os.rename(options.port_file + ".new", options.port_file)
    else:
        print(port, flush=True)
    await server.serve_forever()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(130)
