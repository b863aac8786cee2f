#!/bin/bash
# once
# timeout: 300
# A transaction of 2,000,000 rows: bounded memory, barriers inside it, a resume inside it; and a snapshot
# while others write, without gap or overlap.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

ROWS=2000000
pg_start 'logical_decoding_work_mem = 4MB' 'max_wal_size = 4GB' 'autovacuum = off'
make_ventas

# ---- a snapshot, and those who write meanwhile ----
sell 50000
cat >"$work/load.sql" <<'END'
\set id random(1, 60000)
BEGIN;
INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (:id, 'N', now(), 1.25), (:id, 'M', now(), 2.25);
UPDATE ventas SET monto = monto + 1 WHERE id = :id;
DELETE FROM ventas WHERE id = :id + 1;
COMMIT;
END
for round in 1 2; do
    pgbench -n -c 4 -T 60 -f "$work/load.sql" >/dev/null 2>&1 &
    load=$!
    at_exit "kill $load 2>/dev/null; wait $load 2>/dev/null"
    before=$(sql 'SELECT count(*) FROM ventas')
    writing() { [ "$(sql 'SELECT count(*) FROM ventas')" -gt "$((before + 100))" ]; }
    wait_for 30 writing || not_ok 'nobody writes'
    run pg-tail -t ventas --create --snapshot --once
    cp "$work/out" "$work/snapshot"
    kill "$load"
    wait "$load" 2>/dev/null
    run pg-tail -t ventas --once --resume "$(barriers "$work/snapshot" | tail -n 1)"
    cat "$work/snapshot" <(tail -n +2 "$work/out") | sed '/^{"@end"/d' >"$work/sunk"
    sink state "$work/sunk" >"$work/state" 2>&1
    rows ventas >"$work/expected"
    same_files "$work/state" "$work/expected" "snapshot under concurrent writes, $round: no gap, no overlap ($(records "$work/out" | wc -l) records behind it)"
    pg-tail -t ventas --drop 2>/dev/null
done
sql "TRUNCATE ventas RESTART IDENTITY"

# ---- millions of rows ----
run pg-tail -t ventas --create
sell $ROWS
begin='{"@barrier":{"epoch":1,"pos":"'$(sql "SELECT 'pg1:' || system_identifier FROM pg_control_system()"):$(slot_confirmed):0:$(sql "SELECT 'ventas'::regclass::oid"):postgres.public.ventas'","time":"2024-03-21T10:00:05.123Z"}}'
measured() { # COMMAND...: what it needed goes to $work/memory, in kB
    /usr/bin/python3 -c 'import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)' "$work/memory" "$@"
}
run measured pg-tail -t ventas --once --barrier-every 1h --resume "$begin"
mv "$work/out" "$work/whole"
is "$code $(records "$work/whole" | wc -l)" "0 $ROWS" 'all of it'
passes "in bounded memory ($(<"$work/memory") kB)" test "$(<"$work/memory")" -lt "$memory_limit"
is "$(barriers "$work/whole" | wc -l)" $((ROWS / 100000 + 2)) 'a barrier every 100000 rows'
is "$(barriers "$work/whole" | sed -n 3p | member pos | cut -d: -f4)" 200000 'each says how many rows'
is "$(records "$work/whole" | sha256sum)" \
    "$(sql 'COPY (SELECT row_to_json(v) FROM ventas v ORDER BY id) TO STDOUT (FORMAT csv, QUOTE E'"'\\x02'"', DELIMITER E'"'\\x03'"')' | sha256sum)" 'as SQL has it'
inside=$(barriers "$work/whole" | sed -n 14p)
# Resumed inside, its reader leaves in the middle; what was committed goes on behind the last barrier.
printf '%s\n' "$inside" >"$work/sunk"
pg-tail -t ventas --resume "$inside" --ack-file "$work/ack" | sed -u '330000q' | sink run "$work/sunk" "$work/ack"
passes 'resumed inside, its reader left' test "$(sink checkpoint "$work/sunk" | member pos | cut -d: -f4)" -gt 1300000
pg-tail -t ventas --once --resume "$(sink checkpoint "$work/sunk")" | sink run "$work/sunk"
is "$(records "$work/sunk" | sha256sum)" "$(records "$work/whole" | tail -n $((ROWS - 1300000)) | sha256sum)" \
    'and again: nothing is missing or doubled'
pg-tail -t ventas --drop 2>/dev/null

done_testing
