"""awsgate_s3.py: what awsgate.py needs to know about S3, and what s3rver does not do.

s3rver checks no signature of version 4 and no checksum, has no conditions, lists no uploads and aborts none, answers
before an object is on its disk, and replaces one in place. Here: checksums are compared, If-Match and If-None-Match
hold, uploads are kept account of, and of requests to s3rver there is one at a time, so that an object is the old one
or the new one, as on S3.
"""

import asyncio
import base64
import hashlib
import html
import re
import urllib.parse
import xml.etree.ElementTree
from xml.sax.saxutils import escape

PART_LEAST = 5 << 20
OPERATIONS = [  # method, a parameter of the query, of an object?, name
    ("GET", "uploads", False, "ListMultipartUploads"), ("GET", "list-type", False, "ListObjectsV2"),
    ("GET", "location", False, "GetBucketLocation"), ("GET", None, False, "ListObjects"),
    ("HEAD", None, False, "HeadBucket"), ("POST", "delete", False, "DeleteObjects"),
    ("POST", "uploads", True, "CreateMultipartUpload"), ("PUT", "uploadId", True, "UploadPart"),
    ("POST", "uploadId", True, "CompleteMultipartUpload"), ("DELETE", "uploadId", True, "AbortMultipartUpload"),
    ("GET", None, True, "GetObject"), ("HEAD", None, True, "HeadObject"), ("PUT", None, True, "PutObject"),
    ("DELETE", None, True, "DeleteObject"),
]
DROPPED = re.compile(r"authorization|if-match|if-none-match|x-amz-(checksum|sdk|security)-.*|x-amz-date|host|expect")


class S3:
    def __init__(self, gate, refused):
        self.gate, self.refused = gate, refused
        self.lock = asyncio.Lock()
        self.uploads = {}
        self.page = None

    # ---- what is asked for ----

    def understand(self, r):
        """Sets r.bucket, r.object, r.params, r.op; refuses what S3 would."""
        host = r.headers["host"].split(":")[0]
        path = urllib.parse.unquote(r.path)
        if host.endswith(".localhost"):
            r.bucket, r.object = host[:-len(".localhost")], path[1:]
            r.target = f"/{r.bucket}{r.target}"
        else:
            _, r.bucket, *rest = path.split("/", 2)
            r.object = rest[0] if rest else ""
        r.params = dict(urllib.parse.parse_qsl(r.query, keep_blank_values=True))
        r.op = next((name for method, parameter, of_object, name in OPERATIONS
                     if method == r.method and (parameter is None or parameter in r.params)
                     and of_object == bool(r.object)), None)
        if r.op is None:
            raise self.refused(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        self.check_body(r)
        upload = r.params.get("uploadId")
        if upload is not None and self.uploads.get(upload, {}).get("key") != r.object:
            raise self.refused(404, "NoSuchUpload", "The specified upload does not exist.")
        if r.op == "CompleteMultipartUpload":
            self.check_parts(r, self.uploads[upload]["parts"])

    def check_body(self, r):
        sha256 = base64.b64encode(hashlib.sha256(r.body).digest()).decode()
        if r.headers.get("x-amz-checksum-sha256", sha256) != sha256:
            raise self.refused(400, "BadDigest", "The SHA256 you specified did not match what we received.")
        md5 = base64.b64encode(hashlib.md5(r.body).digest()).decode()
        if r.headers.get("content-md5", md5) != md5:
            raise self.refused(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
        if r.op == "UploadPart" and r.headers.get("user-agent") == "tuberia" \
                and "x-amz-checksum-sha256" not in r.headers:
            raise self.refused(400, "InvalidRequest", "a part without the checksum its upload was begun with")

    def check_parts(self, r, have):
        root = xml.etree.ElementTree.fromstring(r.body)
        strip = {"{http://s3.amazonaws.com/doc/2006-03-01/}": ""}
        named = []
        for part in root:
            named.append({e.tag.replace(*next(iter(strip.items()))): e.text for e in part})
        numbers = [int(p["PartNumber"]) for p in named]
        if numbers != sorted(set(numbers)) or not numbers:
            raise self.refused(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
        for i, p in enumerate(named):
            stored = have.get(int(p["PartNumber"]))
            if stored is None or p["ETag"].strip('"') != stored["tag"].strip('"') \
                    or p.get("ChecksumSHA256", stored["sha256"]) != stored["sha256"]:
                raise self.refused(400, "InvalidPart", "One or more of the specified parts could not be found.")
            if stored["size"] < PART_LEAST and i + 1 < len(named):
                raise self.refused(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed.")

    # ---- what is answered ----

    async def forward(self, r):
        async with self.lock:
            await self.check_conditions(r)
            if r.op == "ListMultipartUploads":
                return 200, [("Content-Type", "application/xml")], self.list_uploads(r)
            if r.op == "AbortMultipartUpload":
                del self.uploads[r.params["uploadId"]]
                return 204, [], b""
            answer = await self.ask(r.method, self.paged(r), r.headers, r.body)
            return await self.after(r, *answer)

    def ask(self, method, target, headers, body=b""):
        kept = {n: v for n, v in headers.items() if not DROPPED.fullmatch(n)}
        return self.gate.upstream(method, target, {"host": "127.0.0.1", **kept}, body)

    async def head(self, r):
        return await self.ask("HEAD", r.target.split("?")[0], {"x-amz-date": ""})

    async def check_conditions(self, r):
        none, match = r.headers.get("if-none-match"), r.headers.get("if-match")
        if (none, match) == (None, None):
            return
        status, headers, _ = await self.head(r)
        tag = dict(headers).get("etag")
        if r.op in ("PutObject", "CompleteMultipartUpload") and status == 404 and match:
            raise self.refused(404, "NoSuchKey", "The specified key does not exist.")
        if (none == "*" and status == 200) or (match and status == 200 and match != tag):
            raise self.refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not"
                               " hold")

    def paged(self, r):
        if self.page is None or not r.op.startswith("ListObjects"):
            return r.target
        return f"{r.target}&max-keys={self.page}"

    async def after(self, r, status, headers, body):
        if r.op == "PutObject" and status == 200:
            while dict((await self.head(r))[1]).get("content-length") != str(len(r.body)):
                await asyncio.sleep(0.001)
        elif r.op == "CreateMultipartUpload" and status == 200:
            upload = re.search(rb"<UploadId>([^<]+)<", body).group(1).decode()
            self.uploads[upload] = {"key": r.object, "parts": {}}
        elif r.op == "UploadPart" and status == 200:
            self.uploads[r.params["uploadId"]]["parts"][int(r.params["partNumber"])] = {
                "tag": dict(headers)["etag"], "size": len(r.body),
                "sha256": base64.b64encode(hashlib.sha256(r.body).digest()).decode()}
        elif r.op == "CompleteMultipartUpload" and status == 200:
            size = sum(p["size"] for p in self.uploads.pop(r.params["uploadId"])["parts"].values())
            while dict((await self.head(r))[1]).get("content-length") != str(size):
                await asyncio.sleep(0.001)
        elif r.op.startswith("ListObjects") and r.params.get("encoding-type") == "url" and status == 200:
            body = self.encoded(body)
        return status, headers, body

    @staticmethod
    def encoded(body):
        text = re.sub(r"<(Key|Prefix)>([^<]*)</", lambda m: f"<{m[1]}>" + urllib.parse.quote_plus(
            html.unescape(m[2]), safe="/") + "</", body.decode())
        return re.sub(r"(<ListBucketResult[^>]*>)", r"\1<EncodingType>url</EncodingType>", text, count=1).encode()

    def list_uploads(self, r):
        wanted = sorted((u["key"], i) for i, u in self.uploads.items()
                        if u["key"].startswith(r.params.get("prefix", "")))
        marker = (r.params.get("key-marker", ""), r.params.get("upload-id-marker", ""))
        wanted = [w for w in wanted if w > marker]
        page = wanted[:self.page or 1000]
        more = len(page) < len(wanted)
        text = f"<IsTruncated>{str(more).lower()}</IsTruncated><EncodingType>url</EncodingType>"
        if more:
            text += (f"<NextKeyMarker>{escape(urllib.parse.quote_plus(page[-1][0]))}</NextKeyMarker>"
                     f"<NextUploadIdMarker>{page[-1][1]}</NextUploadIdMarker>")
        for key, upload in page:
            text += f"<Upload><Key>{escape(urllib.parse.quote_plus(key, safe='/'))}</Key>" \
                    f"<UploadId>{upload}</UploadId></Upload>"
        return ('<?xml version="1.0"?><ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"{text}</ListMultipartUploadsResult>").encode()
