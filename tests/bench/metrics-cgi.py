"""metrics-cgi.py DIRECTORY: see metrics-cgi.sh. BENCH_SECONDS (5) of load for each figure, by wrk with one thread; the
machine is shared by the load, nginx and the servers, so the ratios are what counts. The largest store has ten million
items."""

import atexit
import http.client
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

import bench

work = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))
seconds = int(os.environ.get("BENCH_SECONDS", "5"))
# Sales in each store: a small one, and three that grow.
sales = {f"{work}/small.db": 1000, **{f"{work}/{times}.db": bench.scaled(393_750 * times) for times in (1, 4, 16)}}
small, least, _, large = stores = list(sales)
processes = []


def shell(command):
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, capture_output=True, text=True).stdout


def start(argv, **more):
    process = subprocess.Popen(argv, start_new_session=True, stderr=subprocess.DEVNULL, **more)
    processes.append(process)
    return process


def stop(process):
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    process.wait()


atexit.register(lambda: [stop(p) for p in processes if p.poll() is None])


def family(pid):
    """The process and all that descend from it."""
    found = [pid]
    for p in found:
        try:
            with open(f"/proc/{p}/task/{p}/children", encoding="ascii") as f:
                found += [int(c) for c in f.read().split()]
        except OSError:
            pass
    return found


def cpu(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            total += sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[11:13])
    return total / os.sysconf("SC_CLK_TCK")


def memory(pids):
    """MB that are theirs: shared pages by their part (PSS)."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += int(re.search(r"^Pss: +(\d+)", f.read(), re.MULTILINE)[1])
    return total / 1024


def micros(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def load(port, connections, pids=(), script=None, duration=seconds):
    """Of one customer; or of those that a script of wrk asks for."""
    before = cpu(pids)
    said = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{duration}s", "--latency", "-H", f"X-API-Key: {key}",
                           *(["-s", script] if script else []),
                           f"http://127.0.0.1:{port}/metricas/cliente/10042"], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"bench: port {port}: {said}")
    requests = int(re.search(r"(\d+) requests in", said)[1])
    took = {"rate_per_s": round(float(re.search(r"Requests/sec: +([\d.]+)", said)[1])),
            "p50_us": round(micros(re.search(r"50% +(\S+)", said)[1])),
            "p99_us": round(micros(re.search(r"99% +(\S+)", said)[1]))}
    if pids:
        took["cpu_us"] = round((cpu(pids) - before) * 1e6 / requests, 1)
    return took


def wait_for(port):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            c.request("GET", "/metricas/cliente/10042", headers={"X-API-Key": key})
            answer = c.getresponse()
            body = answer.read()
            if answer.status == 200:
                return body
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit(f"bench: nobody answers at port {port} of {ports}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- stores, keys, servers ----

aggregate = ("window-agg --time fecha --window 1d --by cliente_id,producto --count num_transacciones"
             " --sum monto=monto_total --max-groups 20000000")
items = {}
for store, count in sales.items():
    shell(f"{sys.executable} {here}/sales.py {count} {max(100, count // 4)} 3 | {aggregate} | ddb-put sqlite:{store}")
    items[store] = int(shell(f"sqlite3 {store} 'SELECT count(*) FROM metricas'"))
    # Customers out of all of the store, in no order: no page of it is asked for much more often than another.
    shell(f"""sqlite3 {store} "SELECT cliente_id FROM metricas WHERE id LIKE '%#*#*' AND cliente_id <> '*'" """
          f"| shuf -n 50000 >{store}.customers")
    with open(f"{store}.lua", "w", encoding="ascii") as f:
        f.write(f"""local targets = {{}}
for id in io.lines("{store}.customers") do targets[#targets + 1] = "/metricas/cliente/" .. id end
math.randomseed(1)
request = function() return wrk.format("GET", targets[math.random(#targets)]) end
""")
keys = f"{work}/keys"
key = shell(f"api-key -k {keys} add bench").strip()
limit = shell("mktemp -u /dev/shm/tuberia-bench-XXXXXX").strip()
atexit.register(lambda: os.path.exists(limit) and os.unlink(limit))
environment = dict(os.environ, TUBERIA_API_KEYS=keys, TUBERIA_API_LIMIT="1000000000", TUBERIA_API_LIMIT_FILE=limit,
                   BENCH_STORE=large, BENCH_KEYS=keys, PYTHONPATH=here)
ours = {store: start(["metrics-cgi", "--listen", f"unix:{store}.socket", "--workers", "2", "-s", f"sqlite:{store}"], env=environment)
        for store in stores}
fastapi = start(["/usr/bin/python3", "-m", "uvicorn", "--uds", f"{work}/fastapi.socket", "--workers", "2", "--no-access-log",
                 "--log-level", "error", "fastapi_app:app"], env=environment, stdout=subprocess.DEVNULL)
fcgiwrap = start([shutil.which("fcgiwrap") or "/usr/sbin/fcgiwrap", "-c", "4", "-s", f"unix:{work}/wrap.socket"])
ports = {name: free_port() for name in (*stores, "fastapi", "static", "cgi")}
params = "".join(f"fastcgi_param {a} {b};" for a, b in (
    ("REQUEST_METHOD", "$request_method"), ("REQUEST_URI", "$request_uri"), ("REMOTE_ADDR", "$remote_addr")))
cgi_params = "".join(f"fastcgi_param {a} {b};" for a, b in (
    ("SCRIPT_FILENAME", shutil.which("metrics-cgi")), ("GATEWAY_INTERFACE", "CGI/1.1"), ("TUBERIA_STORE", f"sqlite:{large}"),
    ("TUBERIA_API_KEYS", keys), ("TUBERIA_API_LIMIT", "1000000000"), ("TUBERIA_API_LIMIT_FILE", limit)))
upstreams = "".join(f"""upstream store{n} {{ server unix:{store}.socket; keepalive 64; keepalive_requests 100000000; }}
server {{ listen 127.0.0.1:{ports[store]}; location / {{ fastcgi_pass store{n}; fastcgi_keep_conn on; {params} }} }}
""" for n, store in enumerate(stores))
with open(f"{work}/nginx.conf", "w", encoding="ascii") as f:
    f.write(f"""{'user root;' if os.getuid() == 0 else ''} worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.log;
daemon off; events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {work}/t1; fastcgi_temp_path {work}/t2;
proxy_temp_path {work}/t3; scgi_temp_path {work}/t4; uwsgi_temp_path {work}/t5;
{upstreams}
upstream fastapi {{ server unix:{work}/fastapi.socket; keepalive 64; keepalive_requests 100000000; }}
server {{ listen 127.0.0.1:{ports['fastapi']}; location / {{ proxy_pass http://fastapi; proxy_http_version 1.1;
  proxy_set_header Connection ""; }} }}
server {{ listen 127.0.0.1:{ports['static']}; root {work}/static; default_type application/json; }}
server {{ listen 127.0.0.1:{ports['cgi']}; location / {{ fastcgi_pass unix:{work}/wrap.socket; {params} {cgi_params} }} }}
}}
""")
nginx = start([shutil.which("nginx") or "/usr/sbin/nginx", "-p", work, "-c", f"{work}/nginx.conf"])
body = wait_for(ports[large])
if wait_for(ports["fastapi"]) != body:
    sys.exit("bench: metrics-cgi and FastAPI do not agree")
os.makedirs(f"{work}/static/metricas/cliente")
with open(f"{work}/static/metricas/cliente/10042", "wb") as f:
    f.write(body)
for port in ports.values():
    wait_for(port)

# An epoch a second into the store that is asked, as a pipeline does.
record = ('{"id":"%d#85120A#2010-12-01","cliente_id":%d,"producto":"85120A","num_transacciones":1,"monto_total":1.00,'
          '"fecha_hora":"2010-12-01T09:00:00"}\n')
pipelines = {store: start(["ddb-put", "--checkpoint", "bench", f"sqlite:{store}"], stdin=subprocess.PIPE) for store in stores}
fed = large
ended = threading.Event()


def feed():
    epochs = dict.fromkeys(stores, 0)
    while not ended.is_set():
        store = fed
        epochs[store] += 1
        epoch = epochs[store]
        text = "".join(record % (n, n) for n in range(20000 + epoch % 100, 21000 + epoch % 100))
        text += '{"@barrier":{"epoch":%d,"pos":"p%d","time":"%s"}}\n' % (
            epoch, epoch, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        pipelines[store].stdin.write(text.encode())
        pipelines[store].stdin.flush()
        ended.wait(1)
    for store, pipeline in pipelines.items():
        pipeline.communicate(b'{"@end":{"records":%d}}\n' % (1000 * epochs[store]))


feeder = threading.Thread(target=feed, daemon=True)
feeder.start()

# ---- measuring ----


def table(work_text, rows):
    print(f"\nmetrics-cgi: {work_text}")
    names = list(next(iter(rows.values())))
    print(f"  {'':34}" + "".join(f"{n:>14}" for n in names))
    for name, row in rows.items():
        print(f"  {name:34}" + "".join(f"{row[n]:>14,}" for n in names))
    sys.stdout.flush()
    bench.keep("metrics-cgi", work_text, rows)


servers = {"metrics-cgi, FastCGI": (large, ours[large].pid), "FastAPI, uvicorn": ("fastapi", fastapi.pid), "nginx, a static file": ("static", nginx.pid)}
for connections in (10, 50):
    samples = {name: [] for name in servers}
    for turn in range(bench.RUNS):
        for name, (port, pid) in servers.items():
            samples[name].append(load(ports[port], connections, pids=family(pid)))
    rows = {name: {k: statistics.median(s[k] for s in taken) for k in taken[0]} for name, taken in samples.items()}
    for name, (port, pid) in servers.items():
        rows[name]["memory_mb"] = round(memory(family(pid)), 1)
    table(f"{connections} connections, a store of {items[large]} items, an epoch a second", rows)
# One connection: how long an answer takes. Ten: how many there are when processors have nothing else to do; then all
# that a large store costs is waiting for memory that is in no cache. In many short turns: what else the machine does
# falls on all.
for connections in (1, 10):
    samples = {store: [] for store in stores}
    for turn in range(bench.RUNS * seconds):
        for fed in stores:
            samples[fed].append(load(ports[fed], connections, family(ours[fed].pid), f"{fed}.lua", 1))
    rows = {f"{items[store]} items": {k: statistics.median(s[k] for s in taken) for k in taken[0]} for store, taken in samples.items()}
    for store, row in zip(stores, rows.values()):
        row["memory_mb"] = round(memory(family(ours[store].pid)), 1)
        row["time_x"] = round(rows[f"{items[least]} items"]["rate_per_s"] / row["rate_per_s"], 2)
    table(f"{connections} connection{'' if connections == 1 else 's'}, all customers of a store that is written each second, growing", rows)
fed = large
# And more requests, of one server.
rows = {}
for times in (1, 4, 16):
    taken = load(ports[large], 10, family(ours[large].pid), f"{large}.lua", times)
    rows[f"{times} s of requests"] = {**taken, "memory_mb": round(memory(family(ours[large].pid)), 1)}
table("10 connections, requests one after the other, growing", rows)
table("as CGI, under fcgiwrap, 4 connections", {"metrics-cgi, CGI": load(ports["cgi"], 4)})

# One process after the other, in turn. A static program that does nothing is the least that a process costs: what the C
# library asks the processor at its start, by instructions that a virtual machine stops at, is a large part of it.
empty = f"{work}/an empty program, static"
subprocess.run(["gcc", "-O2", "-static", "-x", "c", "-o", empty, "-"], input=b"int main(void) { return 0; }\n", check=True)
cgi_environment = dict(environment, REQUEST_METHOD="GET", REQUEST_URI="/metricas/cliente/10042", HTTP_X_API_KEY=key,
                       TUBERIA_STORE=f"sqlite:{large}")
null = os.open("/dev/null", os.O_WRONLY)
programs = {"metrics-cgi": shutil.which("metrics-cgi"), os.path.basename(empty): empty, "/bin/true": "/bin/true"}
taken = {name: [] for name in programs}
for turn in range(min(400, bench.scaled(400))):
    for name, times in taken.items():
        program = programs[name]
        begun = time.perf_counter()
        os.waitpid(os.posix_spawn(program, [program], cgi_environment, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)]), 0)
        times.append((time.perf_counter() - begun) * 1e6)
rows = {name: {"p50_us": round(statistics.median(times)), "p10_us": round(statistics.quantiles(times, n=10)[0])}
        for name, times in taken.items()}
for row in rows.values():
    row["x_true"] = round(row["p50_us"] / rows["/bin/true"]["p50_us"], 2)
table("a whole CGI process", rows)
ended.set()
feeder.join()
for store, pipeline in pipelines.items():
    if pipeline.returncode != 0:
        sys.exit(f"bench: ddb-put into {store} ended with status {pipeline.returncode}")
