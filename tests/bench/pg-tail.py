"""pg-tail.py: see pg-tail.sh. A slot can be read again and again, as long as nobody confirms anything: each run
reads the same backlog up to the same position."""

import os
import subprocess

import bench


def sql(text):
    return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text], check=True, capture_output=True,
                          text=True).stdout.strip()


INSERT = ("INSERT INTO ventas (cliente_id, producto, fecha, monto) SELECT 1 + i % 20000, 'P' || i % 3,"
          " timestamp '2010-12-01 08:00' + i * interval '1 ms', (i % 50000) / 100.0 FROM generate_series(1, {n}) i")

rows, single = bench.scaled(1_000_000), bench.scaled(2_000)
slots = {"ours": "pgoutput", "raw": "pgoutput", "test": "test_decoding"}
if os.path.exists(subprocess.run(["pg_config", "--pkglibdir"], capture_output=True, text=True, check=False).stdout.strip()
                  + "/wal2json.so") or os.path.exists("/usr/lib/postgresql/15/lib/wal2json.so"):
    slots["json"] = "wal2json"
for slot, plugin in slots.items():
    sql(f"SELECT pg_create_logical_replication_slot('{slot}', '{plugin}')")
sql(INSERT.format(n=rows))
sql(f"DO $$ BEGIN FOR t IN 1..{single} LOOP {INSERT.format(n=100)}; COMMIT; END LOOP; END $$")
rows += single * 100
end = sql("SELECT pg_current_wal_lsn()")


def recvlogical(slot, options=""):
    # -F 0 and -s 0: it confirms nothing on the way; what it confirms at its end is before its endpos.
    return (f"pg_recvlogical -S {slot} --start --endpos={end} -s 0 -F 0 --no-loop -d \"$PGDATABASE\" {options} -f - "
            "| cat >/dev/null")


commands = {
    "pg-tail": f"pg-tail -t ventas --slot ours --publication tuberia_ventas --until {end} | cat >/dev/null",
    "pg-tail --catch-up never": "pg-tail -t ventas --slot ours --publication tuberia_ventas --catch-up never"
                                f" --until {end} | cat >/dev/null",
    "pg_recvlogical pgoutput, raw": recvlogical("raw", "-o proto_version=1 -o publication_names=tuberia_ventas"),
    "pg_recvlogical test_decoding": recvlogical("test"),
    # As fast as a server gives the changes to anybody, in one go.
    "psql peeking test_decoding": f"psql -Xqc \"COPY (SELECT data FROM pg_logical_slot_peek_changes('test', '{end}', NULL))"
                                  " TO STDOUT\" | cat >/dev/null",
}
if "json" in slots:
    commands["pg_recvlogical wal2json 2"] = recvlogical("json", "-o format-version=2")
start = sql("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'ours'")


def rewind(name):
    """A follower confirms what it has had; for the next run, a copy of the slot as it was."""
    slot = {"pg-tail": "ours", "pg-tail --catch-up never": "ours", "pg_recvlogical pgoutput, raw": "raw",
            "pg_recvlogical test_decoding": "test", "psql peeking test_decoding": "test",
            "pg_recvlogical wal2json 2": "json"}[name]
    if sql(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{slot}_0'") == "":
        sql(f"SELECT pg_copy_logical_replication_slot('{slot}', '{slot}_0')")
    sql(f"SELECT pg_drop_replication_slot('{slot}')")
    sql(f"SELECT pg_copy_logical_replication_slot('{slot}_0', '{slot}')")


bench.compare("pg-tail", f"backlog of {rows} rows: one transaction of {rows - single * 100}, {single} of 100", rows, "row",
              commands, before=rewind)


def forget(name):
    if name == "pg-tail --snapshot":
        subprocess.run("pg-tail -t ventas --slot snap --publication tuberia_ventas --drop 2>/dev/null;"
                       " psql -Xq -c 'CREATE PUBLICATION tuberia_ventas FOR TABLE ventas'", shell=True, check=True)


bench.compare("pg-tail", f"snapshot of {rows} rows", rows, "row", {
    "pg-tail --snapshot": "pg-tail -t ventas --slot snap --publication tuberia_ventas --create --snapshot --once"
                          " 2>/dev/null | cat >/dev/null",
    "psql COPY TO STDOUT": "psql -Xqc 'COPY ventas TO STDOUT' | cat >/dev/null",
}, before=forget)
