"""_load.py SECONDS CLIENTS PORTS KEYFILE: many clients at once over TLS, as fast as they are answered.

KEYFILE has a key a line; clients take them in turn, and take up the file again when it changes. Prints a JSON object:
how many answers of each status, and the most that one key got with 200.
"""

import http.client
import json
import os
import ssl
import sys
import threading
import time

seconds, clients, ports, keyfile = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4]
context = ssl._create_unverified_context()
until = time.monotonic() + seconds
lock = threading.Lock()
statuses, good, broken = {}, {}, []


def client(number):
    connection = http.client.HTTPSConnection("127.0.0.1", int(ports[number % len(ports)]), context=context, timeout=20)
    while time.monotonic() < until:
        with open(keyfile, encoding="ascii") as f:
            keys = f.read().split()
        key = keys[number % len(keys)]
        try:
            connection.request("GET", "/metricas/cliente/17850", headers={"X-API-Key": key})
            answer = connection.getresponse()
            answer.read()
        except OSError as e:
            broken.append(repr(e))
            connection.close()
            continue
        except http.client.HTTPException as e:
            broken.append(repr(e))
            connection.close()
            continue
        with lock:
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            if answer.status == 200:
                good[key] = good.get(key, 0) + 1


threads = [threading.Thread(target=client, args=(i,)) for i in range(clients)]
begun = time.monotonic()
for t in threads:
    t.start()
for t in threads:
    t.join()
print(json.dumps({"statuses": statuses, "most": max(good.values(), default=0), "broken": broken[:5],
                  "seconds": time.monotonic() - begun, "pid": os.getpid()}))
