"""dynamodb.py DIRECTORY: 20,000 updates over 5,000 keys (items and rollups), and the cost of barriers; see dynamodb.sh.

dynamodb.py --peer THREADS TABLE COUNT: the peer: boto3, the same updates of the same keys.
"""

import concurrent.futures
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request

import bench

ROUNDS, CUSTOMERS, PRODUCTS, DAY = 4, 40, 60, "2024-01-01"  # 40 x 60 items and their rollups are 5,000 keys
KEYS = 2 * (CUSTOMERS * PRODUCTS + CUSTOMERS + PRODUCTS)
PRICE = 0.625  # US dollars a million write request units, on demand, us-east-1


def keys():
    for customer in range(CUSTOMERS):
        for product in range(PRODUCTS):
            yield f"{customer}#p{product}#{DAY}"
            yield f"{customer}#p{product}#*"
        yield f"{customer}#*#{DAY}"
        yield f"{customer}#*#*"
    for product in range(PRODUCTS):
        yield f"*#p{product}#{DAY}"
        yield f"*#p{product}#*"


def peer(threads, table, count):
    import boto3
    from botocore.config import Config
    from decimal import Decimal
    client = boto3.resource("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1",
                            config=Config(max_pool_connections=threads)).Table(table)
    work = (list(keys()) * ROUNDS)[:count]

    def update(key):
        client.update_item(Key={"id": key}, UpdateExpression="ADD num_transacciones :n, monto_total :m SET fecha_hora = :h",
                           ExpressionAttributeValues={":n": 1, ":m": Decimal("15.30"), ":h": "2024-01-01T00:00:00"})

    if threads == 1:
        for key in work:
            update(key)
    else:
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(update, work, chunksize=100):
                pass


def record(customer, product, when):
    return (f'{{"id":"{customer}#p{product}#{DAY}","cliente_id":{customer},"producto":"p{product}",'
            f'"num_transacciones":1,"monto_total":15.30,"fecha_hora":"{when}"}}\n')


def barrier(epoch):
    return f'{{"@barrier":{{"epoch":{epoch},"pos":"{epoch}","time":"2024-01-01T00:00:00Z"}}}}\n'


def stream(path, rounds):
    with open(path, "w", encoding="ascii") as f:
        for epoch in range(1, rounds + 1):
            for customer in range(CUSTOMERS):
                for product in range(PRODUCTS):
                    f.write(record(customer, product, f"2024-01-01T00:{epoch:02}:00"))
            f.write(barrier(epoch))
        f.write(f'{{"@end":{{"records":{rounds * CUSTOMERS * PRODUCTS}}}}}\n')


class Sink:
    def __init__(self, work):
        self.port_file = f"{work}/sink.port"
        if os.path.exists(self.port_file):
            os.remove(self.port_file)
        self.process = subprocess.Popen([f"{work}/http-sink", self.port_file], stdout=subprocess.PIPE, text=True)
        while not os.path.exists(self.port_file) or os.path.getsize(self.port_file) == 0:
            time.sleep(0.01)
        with open(self.port_file, encoding="ascii") as f:
            self.url = f"http://127.0.0.1:{f.read().strip()}"

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return int(self.process.communicate()[0])


def compare(work):
    me = f"/usr/bin/python3 {os.path.abspath(__file__)} --peer"
    stream(f"{work}/stream", ROUNDS)
    count = ROUNDS * KEYS
    sink = Sink(work)
    at = f"AWS_ENDPOINT_URL={sink.url} "
    bench.compare("dynamodb", f"{count} updates over {KEYS} keys, into a sink", count, "update", {
        "ddb-put": f"{at} ddb-put --checkpoint b dynamodb:tbl <{work}/stream",
        "boto3, one after the other": f"{at} {me} 1 tbl {count}",
        "boto3, 10 threads": f"{at} {me} 10 tbl {count}"}, runs=1)
    sink.end()
    at = f"AWS_ENDPOINT_URL=http://127.0.0.1:{os.environ['UPSTREAM']} "
    subprocess.run(f"{at} ddb-put --create-table dynamodb:tbl", shell=True, check=True)
    stream(f"{work}/once", 1)
    bench.compare("dynamodb", f"{KEYS} updates, into dynalite", KEYS, "update", {
        "ddb-put": f"{at} ddb-put --drop-checkpoint b dynamodb:tbl; {at} ddb-put --checkpoint b dynamodb:tbl <{work}/once",
        "boto3, 10 threads": f"{at} {me} 10 tbl {KEYS}"}, runs=1)


def growth(work):
    sink = Sink(work)
    for rounds in (1, 4, 16):
        stream(f"{work}/rounds-{rounds}", rounds)
    bench.grow("dynamodb", f"updates over {KEYS} keys, into a sink", "update", [KEYS * rounds for rounds in (1, 4, 16)],
               lambda n: f"AWS_ENDPOINT_URL={sink.url} ddb-put --checkpoint b dynamodb:tbl <{work}/rounds-{n // KEYS}")
    sink.end()


def write_sales(path, drawn, batch):
    """Sales in epochs of so many; returns how many epochs, and how many ids in all of them."""
    epoch = items = 0
    with open(path, "w", encoding="ascii") as f:
        for begin in range(0, len(drawn), batch):
            part = drawn[begin:begin + batch]
            items += len(set(part))
            f.writelines(record(c, p, "2024-01-01T00:00:00") for c, p in part)
            epoch += 1
            f.write(barrier(epoch))
        f.write(f'{{"@end":{{"records":{len(drawn)}}}}}\n')
    return epoch, items


def index_writes(drawn):
    """A new item is written to an index or two as well: two for an item and a customer's product, else one."""
    return 4 * len(set(drawn)) + 2 * len({c for c, _ in drawn}) + 2 * len({p for _, p in drawn})


def counted(work, drawn, seconds, batch):
    """The same few sales by way of the gate, which counts what DynamoDB would: is that what we reckon with?"""
    def gate(body=None):
        with urllib.request.urlopen(os.environ["GATE"] + "/__gate__", body) as reply:
            return json.load(reply)

    write_sales(f"{work}/few", drawn, batch)
    bench.measure(f"ddb-put --create-table dynamodb:cost{seconds}")
    gate(b'{"reset": true, "measure": true}')
    bench.measure(f"ddb-put --checkpoint b dynamodb:cost{seconds} <{work}/few")
    seen = gate(b'{"measure": false}')
    requests, units = sum(seen["requests"].values()), seen["units"]["write"] + seen["units"]["index"]
    reckoned = seen["requests"]["UpdateItem"] + index_writes(drawn)
    print(f"  {'':>14}   of the first {len(drawn):,} sales the gate counts {requests:,} requests, {units:,} units"
          + ("" if units == reckoned else f": NOT {reckoned:,}, as reckoned here"))
    if units != reckoned:
        sys.exit("dynamodb: what it costs is reckoned wrong")


def costs(work):
    """Sales of a shop: 20 a second, of 4,000 customers and 4,000 products, some of which are bought far more often."""
    sales, rate = bench.scaled(100_000), 20
    rows = {}
    chance = random.Random(7)
    customers = [1 / (n + 10) for n in range(4000)]
    products = [1 / (n + 20) for n in range(4000)]
    drawn = list(zip(chance.choices(range(4000), customers, k=sales), chance.choices(range(4000), products, k=sales)))
    print(f"\ndynamodb: what barriers cost, for a million sales at {rate} a second (on demand, {PRICE} USD a million write units)")
    print(f"  {'barriers every':>16} {'requests':>12} {'write units':>12} {'USD':>8} {'without rollups':>16}")
    for seconds in (1, 5, 60):
        sink = Sink(work)
        epoch, items = write_sales(f"{work}/sales", drawn, rate * seconds)
        bench.measure(f"AWS_ENDPOINT_URL={sink.url} ddb-put --checkpoint b dynamodb:tbl <{work}/sales")
        requests = sink.end() * 1_000_000 // sales
        units = requests + index_writes(drawn) * 1_000_000 // sales
        alone = (items + 2 * epoch) * 1_000_000 // sales
        rows[f"{seconds} s"] = {"requests": requests, "write_units": units, "usd": round(units * PRICE / 1e6, 2),
                                "without_rollups": alone}
        print(f"  {seconds:>14} s {requests:12,} {units:12,} {units * PRICE / 1e6:8.2f} {alone:16,}")
        counted(work, drawn[:bench.scaled(1200)], seconds, rate * seconds)
    bench.keep("dynamodb", "cost of barriers, a million sales", rows)


if sys.argv[1] == "--peer":
    peer(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
else:
    compare(sys.argv[1])
    growth(sys.argv[1])
    costs(sys.argv[1])
