"""dynamodbcall.py: requests to DynamoDB, signed by botocore.

Its client, which reads the description of the whole service, takes most of a second to begin; tests look at a table
hundreds of times.
"""

import json
import os
import time
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ENDPOINT = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or os.environ["AWS_ENDPOINT_URL"]
CREDENTIALS = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])


def once(operation, body):
    request = AWSRequest("POST", ENDPOINT + "/", data=body, headers={
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810." + operation})
    SigV4Auth(CREDENTIALS, "dynamodb", os.environ["AWS_REGION"]).add_auth(request)
    request = urllib.request.Request(ENDPOINT + "/", data=body, headers=dict(request.headers.items()))
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def call(operation, **members):
    """The answer, as Python sees JSON. A gate may let a request fail: it is tried ten times."""
    body = json.dumps(members).encode()
    for attempt in range(10):
        try:
            return once(operation, body)
        except urllib.error.HTTPError as e:
            if attempt == 9:
                raise SystemExit(f"{operation}: {e.read().decode(errors='replace')}") from e
        except (OSError, ValueError):
            if attempt == 9:
                raise
        time.sleep(0.05 * 2 ** attempt)
    return None


def scan(table):
    start = {}
    while True:
        page = call("Scan", TableName=table, ConsistentRead=True, **start)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
