"""pg-tail.py DIRECTORY: see pg-tail.sh. A slot is copied for each run, so that all of them read the same backlog, up to
the same position, whatever is confirmed on the way."""

import os
import subprocess
import sys

import bench

WORKING = "bench_run"  # the copy that is read


def sql(text):
    return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text], check=True, capture_output=True,
                          text=True).stdout.strip()


def shell(command):
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, capture_output=True, text=True).stdout


COLUMNS = "cliente_id, producto, fecha, monto"
SALES = ("SELECT 1 + i % 20000, 'P' || i % 3, timestamp '2010-12-01 08:00' + i * interval '1 ms',"
         " (i % 50000) / 100.0 FROM generate_series(1, {n}) i")


def one_copy(rows):
    shell(f"psql -Xqc \"COPY ({SALES.format(n=rows)}) TO STDOUT\" | psql -Xqc 'COPY ventas ({COLUMNS}) FROM STDIN'")


def hundreds(transactions):
    sql(f"DO $$ BEGIN FOR t IN 1..{transactions} LOOP INSERT INTO ventas ({COLUMNS}) {SALES.format(n=100)}; COMMIT;"
        " END LOOP; END $$")


# ---- slots ----

PLUGINS = {"pgoutput": "pgoutput", "test": "test_decoding"}
if os.path.exists(f"{shell('pg_config --pkglibdir').strip()}/wal2json.so"):
    PLUGINS["json"] = "wal2json"


class Backlog:
    """What `fill` writes, and a slot of each plugin that stands before it."""

    def __init__(self, name, fill, plugins):
        self.name, self.plugins = name, plugins
        for plugin in plugins:
            sql(f"SELECT pg_create_logical_replication_slot('{name}_{plugin}', '{PLUGINS[plugin]}')")
        fill()
        self.end = sql("SELECT pg_current_wal_lsn()")

    def ours(self, options=""):
        return f"pg-tail -t ventas --slot {WORKING} --publication tuberia_ventas --until {self.end} {options}"

    def recvlogical(self, options=""):
        # -F 0 and -s 0: it confirms nothing on the way.
        return f"pg_recvlogical -S {WORKING} --start --endpos={self.end} -s 0 -F 0 --no-loop -d \"$PGDATABASE\" {options} -f -"

    def commands(self):
        """Name: plugin of the slot, command, how a row looks that it prints."""
        found = {
            "pg-tail": ("pgoutput", self.ours(), '^{"id":'),
            "pg-tail --catch-up never": ("pgoutput", self.ours("--catch-up never"), '^{"id":'),
            "pg_recvlogical pgoutput, raw": ("pgoutput", self.recvlogical(
                "-o proto_version=1 -o publication_names=tuberia_ventas"), None),
            "pg_recvlogical test_decoding": ("test", self.recvlogical(), " INSERT: "),
            # As fast as a server gives the changes to anybody, in one go.
            "psql peeking test_decoding": ("test", "psql -Xqc \"COPY (SELECT data FROM pg_logical_slot_peek_changes("
                                           f"'{WORKING}', '{self.end}', NULL)) TO STDOUT\"", " INSERT: "),
        }
        if "json" in PLUGINS:
            found["pg_recvlogical wal2json 2"] = ("json", self.recvlogical("-o format-version=2"), '"action":"I"')
        return found

    def rewind(self, plugin):
        sql(f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{WORKING}'")
        sql(f"SELECT pg_copy_logical_replication_slot('{self.name}_{plugin}', '{WORKING}')")

    def forget(self):
        sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            f" WHERE slot_name IN ('{WORKING}', {', '.join(repr(f'{self.name}_{p}') for p in self.plugins)})")


# ---- the same rows from all ----

def check(rows):
    backlog = Backlog("small", lambda: hundreds(rows // 100), PLUGINS)
    for name, (plugin, command, row) in backlog.commands().items():
        backlog.rewind(plugin)
        if row and (found := int(shell(f"{command} | grep -c '{row}' || true"))) != rows:
            sys.exit(f"bench: pg-tail: {name}: {found} rows instead of {rows}")
    texts = []
    for options in "--catch-up never", "--catch-up always":
        backlog.rewind("pgoutput")
        texts.append(shell(f"{backlog.ours(options)} | grep -v '^{{\"@'"))
    if texts[0] != texts[1]:
        sys.exit("bench: pg-tail: passes give other records than the stream")
    table = sql(f"SELECT count(*), sum(monto) FROM (SELECT * FROM ventas ORDER BY id DESC LIMIT {rows}) v")
    cents = sum(int(line.split('"monto":')[1].split("}")[0].split(",")[0].replace(".", "")) for line in texts[0].splitlines())
    if f"{rows}|{cents // 100}.{cents % 100:02d}" != table:
        sys.exit(f"bench: pg-tail: {rows} rows of {cents} cents, not {table}")
    backlog.forget()
    bench.say("pg-tail", f"all give {rows} rows; ours, in both ways, the same to the byte, and the sum that SQL has")


def backlog_of(name, work, rows, fill):
    backlog = Backlog(name, fill, PLUGINS)
    commands = backlog.commands()
    bench.compare("pg-tail", work, rows, "row", {n: f"{c} | cat >/dev/null" for n, (_, c, _) in commands.items()},
                  before=lambda n: backlog.rewind(commands[n][0]))
    backlog.forget()


def snapshot():
    def ours(table):
        return f"pg-tail -t {table} --slot snap --publication snap --create --snapshot --once 2>/dev/null | cat >/dev/null"

    def forget(_):
        sql("DROP PUBLICATION IF EXISTS snap; SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name = 'snap'")
    rows = int(sql("SELECT count(*) FROM ventas"))
    bench.compare("pg-tail", f"snapshot of {rows} rows", rows, "row", {
        "pg-tail --snapshot": ours("ventas"),
        "psql COPY TO STDOUT": "psql -Xqc 'COPY ventas TO STDOUT' | cat >/dev/null",
    }, before=forget)
    amounts = [rows // 16, rows // 4, rows]
    for n in amounts:
        sql(f"CREATE TABLE v{n} AS SELECT * FROM ventas LIMIT {n}; ALTER TABLE v{n} ADD PRIMARY KEY (id);"
            f" ALTER TABLE v{n} REPLICA IDENTITY FULL")
        sql(f"VACUUM ANALYZE v{n}")
    bench.grow("pg-tail", "snapshot", "row", amounts, lambda n: ours(f"v{n}"), before=forget)
    forget(None)
    sql("; ".join(f"DROP TABLE v{n}" for n in amounts))


def growth(least):
    backlogs = {n: Backlog(f"g{n}", lambda n=n: hundreds(n // 100), ["pgoutput"]) for n in (least, 4 * least, 16 * least)}
    for options in "", "--catch-up never":
        bench.grow("pg-tail", f"backlog in transactions of 100 {options}".strip(), "row", list(backlogs),
                   lambda n, options=options: backlogs[n].ours(options) + " | cat >/dev/null",
                   before=lambda n: backlogs[n].rewind("pgoutput"))


def main():
    copied, small = bench.scaled(2_000_000), bench.scaled(10_000)
    check(max(100, bench.scaled(100_000) // 100 * 100))

    def both():
        one_copy(copied)
        hundreds(small)
    backlog_of("large", f"backlog of {copied + 100 * small} rows: a COPY of {copied}, {small} transactions of 100",
               copied + 100 * small, both)
    backlog_of("hundreds", f"backlog of {100 * small} rows, in transactions of 100", 100 * small, lambda: hundreds(small))
    snapshot()
    growth(max(100, bench.scaled(100_000) // 100 * 100))


main()
