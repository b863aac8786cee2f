"""kinesis-put.py DIRECTORY: see kinesis-put.sh."""

import json
import os
import subprocess
import sys
import threading
import http.server

import bench

work = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))
count = bench.scaled(100_000)


def sales_of(n):
    path = f"{work}/sales-{n}.ndjson"
    with open(path, "wb") as f:
        subprocess.run([sys.executable, os.path.join(here, "sales.py"), str(n)], stdout=f, check=True)
    return path


sales = sales_of(count)

PEER = """
import sys, json, boto3, botocore.config
client = boto3.client("kinesis", config=botocore.config.Config(retries={"max_attempts": 1}))
batch = []
def send():
    answer = client.put_records(StreamName="ventas", Records=batch)
    assert answer["FailedRecordCount"] == 0
    batch.clear()
for line in sys.stdin.buffer:
    batch.append({"Data": line.rstrip(b"\\n"), "PartitionKey": str(json.loads(line)["cliente_id"])})
    if len(batch) == 500:
        send()
if batch:
    send()
"""
put = {"records": 0}


class Stand(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # an answer in one piece: of two, the second waits 40 ms for a delayed ACK of the first

    def do_POST(self):
        records = self.rfile.read(int(self.headers["Content-Length"])).count(b'"PartitionKey"')
        put["records"] += records
        body = json.dumps({"FailedRecordCount": 0, "Records": [
            {"SequenceNumber": "49680556547632744097789303529934372174809034073925746690",
             "ShardId": "shardId-000000000000"}] * records}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stand)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ.update({"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}", "AWS_REGION": "us-east-1",
                   "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
url = os.environ["AWS_ENDPOINT_URL"]
with open(f"{work}/peer.py", "w", encoding="utf-8") as f:
    f.write(PEER.replace('boto3.client("kinesis",', f'boto3.client("kinesis", endpoint_url="{url}",'))
subprocess.run(f"kinesis-put --key cliente_id ventas <{sales}", shell=True, check=True)
if put["records"] != count:
    sys.exit(f"bench: {put['records']} records of {count} were put")
bench.compare("kinesis-put", f"{count} sales by 500 in a request", count, "record", {
    "kinesis-put": f"kinesis-put --key cliente_id ventas <{sales}",
    "kinesis-put --join": f"kinesis-put --join --key cliente_id ventas <{sales}",
    "boto3": f"/usr/bin/python3 {work}/peer.py <{sales}",
})
growing = {n: sales_of(n) for n in (count // 4, count, 4 * count)}
bench.grow("kinesis-put", "sales by 500 in a request", "record", list(growing),
           lambda n: f"kinesis-put --key cliente_id ventas <{growing[n]}")
