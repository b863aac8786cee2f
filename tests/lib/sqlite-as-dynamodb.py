#!/usr/bin/python3
"""sqlite-as-dynamodb.py FILE TABLE: put the items of a store in an SQLite file into a table that ddb-put has made.

The other way round than dynamodb-as-sqlite.py; for tests that change a store by SQL. Attributes that a check of the store
does not look at (months, the keys of the indexes) are left out.
"""

import sqlite3
import sys

import dynamodbcall


def value(part):
    return {"N": str(part)} if isinstance(part, int) else {"S": part}


with sqlite3.connect(sys.argv[1]) as db:
    for row in db.execute("SELECT id, cliente_id, producto, fecha, num_transacciones, monto_total, fecha_hora FROM metricas"):
        dynamodbcall.call("PutItem", TableName=sys.argv[2], Item={
            "id": value(row[0]), "cliente_id": value(row[1]), "producto": value(row[2]), "fecha": value(row[3]),
            "num_transacciones": {"N": str(row[4])}, "monto_total": {"N": row[5]}, "fecha_hora": value(row[6]),
            "escalas": {"NS": [str(len(row[5].partition(".")[2]))]}})
