"""What DynamoDB would charge for, counted by the gate: those units of tables that the upstream tells of, and one for each
entry of an index that a write makes, changes or removes. Indexes are taken to hold keys alone.
"""

import json

READS, WRITES = ("GetItem", "BatchGetItem", "Query", "Scan"), ("UpdateItem", "PutItem", "DeleteItem")


class Units:
    def __init__(self, gate):
        self.gate, self.on, self.indexes = gate, False, {}

    async def aside(self, r, op, params):
        """Another request to the upstream, of one who asks as r does."""
        other = type(r)("POST", "/", {**r.headers, "x-amz-target": f"DynamoDB_20120810.{op}"},
                        json.dumps({"TableName": r.params["TableName"], **params}).encode())
        other.op, other.service = op, r.service
        return json.loads((await self.gate.forward(other))[2])

    async def entries(self, r):
        """{index: key} of those that the item to be written is in."""
        table = r.params["TableName"]
        if table not in self.indexes:
            described = (await self.aside(r, "DescribeTable", {})).get("Table", {})
            self.indexes[table] = {i["IndexName"]: [k["AttributeName"] for k in i["KeySchema"]]
                                   for i in described.get("GlobalSecondaryIndexes", [])}
        key = r.params.get("Key") or {"id": r.params["Item"]["id"]}
        item = (await self.aside(r, "GetItem", {"Key": key, "ConsistentRead": True})).get("Item", {})
        return {name: json.dumps([item[a] for a in attributes]) for name, attributes in self.indexes[table].items()
                if all(a in item for a in attributes)}

    async def forward(self, r):
        """As the gate's, and counts."""
        if r.op not in READS + WRITES or "ReturnConsumedCapacity" in r.params:
            return await self.gate.forward(r)
        writes = r.op in WRITES
        r.body = json.dumps({**json.loads(r.body), "ReturnConsumedCapacity": "TOTAL"}).encode()
        before = await self.entries(r) if writes else {}
        status, headers, body = await self.gate.forward(r)
        answer = json.loads(body)
        consumed = answer.pop("ConsumedCapacity", {"CapacityUnits": 1})  # a condition that fails costs too
        self.gate.count("units", "write" if writes else "read",
                        sum(c["CapacityUnits"] for c in (consumed if isinstance(consumed, list) else [consumed])))
        if writes:
            after = await self.entries(r)
            self.gate.count("units", "index", sum((name in before) + (name in after) for name in {*before, *after}
                                                  if before.get(name) != after.get(name)))
        return status, headers, json.dumps(answer).encode()
