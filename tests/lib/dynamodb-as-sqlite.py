#!/usr/bin/python3
"""dynamodb-as-sqlite.py TABLE FILE: copy a store's items out of DynamoDB into an SQLite file as ddb-put makes it.

For tests that look at a store by SQL. It knows nothing of the tools.
"""

import decimal
import os
import sqlite3
import sys
from decimal import Decimal

import dynamodbcall

everything = list(dynamodbcall.scan(sys.argv[1]))


def value(attribute):
    if "S" in attribute:
        return attribute["S"]
    return int(attribute["N"])


def items(kind):
    return (item for item in everything if kind(item["id"]["S"]))


def checkpoints():
    for item in items(lambda name: name.startswith("@checkpoint#") and name.count("#") == 1):
        yield (item["id"]["S"][12:], item["owner"]["S"], item["host"]["S"], int(item["pid"]["N"]), item["since"]["S"],
               *(value(item[name]) if name in item else None for name in ("epoch", "barrier", "barrier_time")))


def rows():
    for item in items(lambda name: name.count("#") == 2):
        scale = max(int(n) for n in item["escalas"]["NS"])
        amount = Decimal(item["monto_total"]["N"]).quantize(Decimal(1).scaleb(-scale))
        yield (item["id"]["S"], value(item["cliente_id"]), value(item["producto"]), item["fecha"]["S"],
               int(item["num_transacciones"]["N"]), f"{amount:f}", item["fecha_hora"]["S"])


decimal.getcontext().prec = 60
if os.path.exists(sys.argv[2]):
    os.remove(sys.argv[2])
with sqlite3.connect(sys.argv[2]) as db:
    db.execute("CREATE TABLE metricas (id TEXT PRIMARY KEY, cliente_id ANY, producto ANY, fecha TEXT,"
               " num_transacciones INTEGER, monto_total TEXT, fecha_hora TEXT) STRICT, WITHOUT ROWID")
    db.executemany("INSERT INTO metricas VALUES (?, ?, ?, ?, ?, ?, ?)", rows())
    db.execute("CREATE TABLE checkpoint (name TEXT PRIMARY KEY, owner TEXT, host TEXT, pid INTEGER, since TEXT,"
               " epoch INTEGER, barrier TEXT, barrier_time INTEGER)")
    db.executemany("INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?, ?, ?, ?)", checkpoints())
