"""What one would write instead of metrics-cgi: FastAPI over the same store, with the same check of keys and the same
answers. Run by metrics-cgi.py, with uvicorn, uvloop and httptools, two workers."""

import hashlib
import hmac
import json
import os
import sqlite3
from datetime import date
from typing import Optional

from fastapi import FastAPI, Header, HTTPException, Response

app = FastAPI()
store = sqlite3.connect(f"file:{os.environ['BENCH_STORE']}?mode=ro", uri=True, check_same_thread=False)
with open(os.environ["BENCH_KEYS"], encoding="utf-8") as f:
    keys = [json.loads(line) for line in f]


@app.get("/metricas/cliente/{cliente_id}")
async def cliente(cliente_id: int, producto: Optional[str] = None, fecha: Optional[date] = None,
                  x_api_key: str = Header()):
    digest = hashlib.sha256(x_api_key.encode()).hexdigest()
    if not any([hmac.compare_digest(digest, k["sha256"]) for k in keys]):
        raise HTTPException(401)
    row = store.execute("SELECT num_transacciones, monto_total FROM metricas WHERE id = ?",
                        (f"{cliente_id}#{producto or '*'}#{fecha or '*'}",)).fetchone()
    if row is None:
        raise HTTPException(404)
    # The amount is a text: a float would not be exact.
    body = f'{{"cliente_id":{cliente_id},"metricas":{{"num_transacciones":{row[0]},"monto_total":{row[1]}}}}}'
    return Response(body, media_type="application/json",
                    headers={"ETag": '"' + hashlib.sha256(body.encode()).hexdigest()[:32] + '"',
                             "Cache-Control": "private, no-cache"})
