#!/usr/bin/python3
"""cloudwatch.py PORT-FILE: as much of CloudWatch as tests need, to stand behind awsgate.py.

No emulator of its metrics exists that could be installed here. Requests of the query protocol are read into the
structures of botocore's own model of the service and checked by botocore's validator; then by the rules that
the API reference states and the model does not. What is accepted adds up as in CloudWatch.

  GET /__data__   {"metrics": [{namespace, name, dimensions, timestamp, sum, max, ...}], "alarms", "dashboards",
                  "requests": [{"op", "metrics", "bytes", "sent", "encoding"}]}: bytes of the form, and on the wire
"""

import datetime
import gzip
import http.server
import json
import math
import os
import re
import sys
import time
import urllib.parse
import zlib

import botocore.loaders
import botocore.model
import botocore.validate

model = botocore.model.ServiceModel(botocore.loaders.create_loader().load_service_model("cloudwatch", "service-2"),
                                    "cloudwatch")
metrics, alarms, dashboards, requests = {}, {}, {}, []


class Refused(Exception):
    pass


def tree(pairs):
    """A.member.1.B=x as {"A": {"1": {"B": "x"}}}, "member" left out."""
    root = {}
    for name, value in pairs:
        at, *path = root, *[part for part in name.split(".") if part != "member"]
        for part in path[:-1]:
            at = at.setdefault(part, {})
        if path[-1] in at:
            raise Refused("InvalidParameterValue", f"{name} twice")
        at[path[-1]] = value
    return root


def typed(value, shape, where):
    kind = shape.type_name
    try:
        if kind == "structure":
            return {k: typed(v, shape.members[k], f"{where}.{k}") for k, v in value.items()}
        if kind == "list":
            if sorted(map(int, value)) != list(range(1, len(value) + 1)):
                raise Refused("MalformedInput", f"{where}: members are not 1 to {len(value)}")
            return [typed(value[str(i)], shape.member, f"{where}.{i}") for i in range(1, len(value) + 1)]
        if kind == "timestamp":
            if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
                raise ValueError
            return datetime.datetime.fromisoformat(value[:-1] + "+00:00")
        if kind in ("double", "float"):
            number = float(value)
            if not math.isfinite(number):
                raise ValueError
            return number
        if kind in ("integer", "long"):
            return int(value)
        if kind == "boolean":
            return {"true": True, "false": False}[value]
        return value
    except KeyError as e:
        raise Refused("InvalidParameterValue", f"{where}: unknown {e}") from None
    except (ValueError, AttributeError):
        raise Refused("InvalidParameterValue", f"{where}: {value!r} is no {kind}") from None


def check_datum(d):
    now = time.time()
    at = d["Timestamp"].timestamp()
    if at < now - 14 * 86400 or at > now + 2 * 3600:
        raise Refused("InvalidParameterValue", f"The parameter Timestamp {d['Timestamp']} is out of range")
    if ("Value" in d) + ("StatisticValues" in d) + ("Values" in d) != 1:
        raise Refused("InvalidParameterCombination", "Value, Values or StatisticValues")
    if len(d.get("Dimensions", [])) > 30:
        raise Refused("InvalidParameterValue", "more than 30 dimensions")
    for dimension in d.get("Dimensions", []):
        for text in dimension.values():
            if not re.fullmatch(r"[ -~]{1,1024}", text) or text.startswith(":") or not text.strip():
                raise Refused("InvalidParameterValue", f"dimension {text!r}")
    s = d.get("StatisticValues")
    if s and (s["Minimum"] > s["Maximum"] or s["SampleCount"] <= 0):
        raise Refused("InvalidParameterValue", f"statistics {s}")


def put_metric_data(params):
    if len(params["MetricData"]) > 1000:
        raise Refused("InvalidParameterValue", "The collection MetricData must not have a size greater than 1000.")
    if params["Namespace"].startswith(("AWS/", ":")):
        raise Refused("InvalidParameterValue", "namespace")
    for d in params["MetricData"]:
        check_datum(d)
    for d in params["MetricData"]:
        s = d.get("StatisticValues") or dict.fromkeys(("Sum", "Minimum", "Maximum"), d.get("Value")) | {"SampleCount": 1}
        minute = int(d["Timestamp"].timestamp()) // 60 * 60
        key = (params["Namespace"], d["MetricName"], minute,
               tuple(sorted((x["Name"], x["Value"]) for x in d.get("Dimensions", []))))
        m = metrics.setdefault(key, {"count": 0, "sum": 0.0, "min": math.inf, "max": -math.inf})
        m["count"] += s["SampleCount"]
        m["sum"] += s["Sum"]
        m["min"] = min(m["min"], s["Minimum"])
        m["max"] = max(m["max"], s["Maximum"])


def put_metric_alarm(params):
    if params.get("TreatMissingData") not in (None, "breaching", "notBreaching", "ignore", "missing"):
        raise Refused("ValidationError", "TreatMissingData")
    alarms[params["AlarmName"]] = params


def put_dashboard(params):
    body = json.loads(params["DashboardBody"])
    for widget in body["widgets"]:
        if set(widget) != {"type", "x", "y", "width", "height", "properties"} or widget["type"] != "metric":
            raise Refused("InvalidParameterInput", "The dashboard body is invalid")
        if not {"metrics", "region"} <= set(widget["properties"]):
            raise Refused("InvalidParameterInput", "The dashboard body is invalid")
    dashboards[params["DashboardName"]] = body


DO = {"PutMetricData": put_metric_data, "PutMetricAlarm": put_metric_alarm, "PutDashboard": put_dashboard}


def unpacked(headers, body):
    encoding = headers.get("content-encoding")
    if encoding is None:
        return body
    if encoding != "gzip":
        raise Refused("InvalidParameterValue", f"Content-Encoding {encoding!r}")
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as e:
        raise Refused("MalformedInput", f"not gzip: {e}") from None


def carry_out(headers, sent):
    body = unpacked(headers, sent)
    # The reference does not say which of the two is limited.
    if max(len(sent), len(body)) > 1_000_000:
        raise Refused("RequestEntityTooLarge", "more than 1 MB")
    pairs = urllib.parse.parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    root = tree(pairs)
    op, version = root.pop("Action"), root.pop("Version")
    if version != model.api_version or op not in DO:
        raise Refused("InvalidAction", f"{op} of {version}")
    shape = model.operation_model(op).input_shape
    params = typed(root, shape, op)
    report = botocore.validate.ParamValidator().validate(params, shape)
    if report.has_errors():
        raise Refused("ValidationError", "botocore: " + report.generate_report())
    # botocore's model has "requestcompression" with this operation alone, since 1.31.
    if "content-encoding" in headers and op != "PutMetricData":
        raise Refused("MalformedInput", f"{op} takes no Content-Encoding")
    DO[op](params)
    requests.append({"op": op, "metrics": len(params.get("MetricData", [])), "bytes": len(body), "sent": len(sent),
                     "encoding": headers.get("content-encoding")})
    return (f'<{op}Response xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><ResponseMetadata><RequestId>0'
            f"</RequestId></ResponseMetadata></{op}Response>").encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        data = {"metrics": [{"namespace": n, "name": m, "timestamp": t, "dimensions": dict(d), **v}
                            for (n, m, t, d), v in sorted(metrics.items())],
                "alarms": alarms, "dashboards": dashboards, "requests": requests}
        self.answer(200, "application/json", json.dumps(data, default=str).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.answer(200, "text/xml", carry_out(self.headers, body))
        except (Refused, ValueError, KeyError) as e:
            code, message = e.args if isinstance(e, Refused) else ("MalformedInput", repr(e))
            self.answer(400, "text/xml", (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>"
                                          f"{message}</Message></Error></ErrorResponse>").encode())

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w", encoding="ascii") as f:
    f.write(f"{server.server_address[1]}\n")
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
