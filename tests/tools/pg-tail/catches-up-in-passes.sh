#!/bin/bash
# A backlog read in large passes is the same to the byte as one that is followed, positions included:
# with savepoints, rollbacks, transactions streamed in progress, interleaved, DDL and TRUNCATE in the
# midst; and so is what is read partly in one way and partly in the other.
# timeout: 300
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

# With so large buffers, there are two parts.
pg_start 'logical_decoding_work_mem = 64kB' 'shared_buffers = 256MB'
make_ventas
sql "CREATE TABLE otra (LIKE ventas INCLUDING ALL); ALTER TABLE otra REPLICA IDENTITY FULL;
     CREATE PUBLICATION juntas FOR TABLE ventas, otra"
sell 2000
slot=(-t ventas --slot s --publication juntas)
pg-tail "${slot[@]}" --create 2>/dev/null
start=$(slot_confirmed s)
begin='{"@barrier":{"epoch":1,"pos":"'$(sql "SELECT 'pg1:' || system_identifier FROM pg_control_system()"):$start:0:$(sql "SELECT 'ventas'::regclass::oid"):postgres.public.ventas'","time":"2024-03-21T10:00:05.123Z"}}'

# ---- the backlog ----
# Each session: small transactions, and some of 64 kB and more, of which the parts that are rolled back
# have been streamed by then.
cat >"$work/load.sql" <<'END'
\set id random(1, 4000)
\set kind random(1, 12)
\set many random(1, 3)
BEGIN;
INSERT INTO ventas (cliente_id, producto, fecha, monto) SELECT :id, 'L' || i, now(), i FROM generate_series(1, :kind * :kind) i;
SAVEPOINT a;
UPDATE ventas SET monto = monto + 1, producto = 'U' || :kind WHERE id BETWEEN :id AND :id + 3;
\if :many = 1
INSERT INTO ventas (cliente_id, producto, fecha, monto) SELECT :id, repeat('x', 90), now(), i FROM generate_series(1, 700) i;
SAVEPOINT b;
INSERT INTO otra (cliente_id, producto, fecha, monto) SELECT :id, repeat('y', 90), now(), i FROM generate_series(1, 500) i;
DELETE FROM ventas WHERE cliente_id = :id AND monto > 600;
RELEASE SAVEPOINT b;
\endif
\if :kind > 8
ROLLBACK TO a;
\endif
DELETE FROM ventas WHERE id = :id + 5;
\if :many = 2
SAVEPOINT c;
INSERT INTO ventas (cliente_id, producto, fecha, monto) SELECT :id, repeat('z', 80), now(), i FROM generate_series(1, 900) i;
\endif
\if :kind = 5
ROLLBACK;
\else
COMMIT;
\endif
END
load() { "$PG_BIN/pgbench" -n -c 4 -t "$1" --random-seed=20240321 -f "$work/load.sql" >"$work/pgbench" 2>&1; }
large() { printf "INSERT INTO ventas (cliente_id, producto, fecha, monto) SELECT 1, 'G%s', now(), i FROM generate_series(1, %s) i;" "$1" "$2"; }
passes 'transactions' load 25
# Open over all that follows, and committed near its end: held for long.
mkfifo "$work/open"
psql -Xq -v ON_ERROR_STOP=1 -f "$work/open" >/dev/null 2>"$work/open.err" &
open=$!
at_exit "kill $open 2>/dev/null; wait $open 2>/dev/null"
exec {session}>"$work/open"
# Its columns are told in the part that is rolled back, and to nothing else of it.
printf '%s\n' "BEGIN; SAVEPOINT s; $(large 0 3000) ROLLBACK TO s; $(large 1 40000)" >&"$session"
is_open() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%G1%'")" = 1 ]; }
wait_for 60 is_open || not_ok 'a transaction stays open'
load 10
printf '%s\n' "$(large 2 1000) COMMIT;" >&"$session"
exec {session}>&-
wait "$open" || not_ok 'the open transaction' "$(<"$work/open.err")"
# The table changes: inside a transaction; inside a part that is rolled back; for good.
sql "BEGIN; $(large 3 2000) ALTER TABLE ventas ADD COLUMN nota text DEFAULT 'n'; $(large 4 2000) COMMIT"
sql "BEGIN; $(large 5 2000) SAVEPOINT s; ALTER TABLE ventas DROP COLUMN monto, ADD COLUMN \"@x\" integer;
     INSERT INTO ventas (cliente_id, producto, fecha) SELECT 2, 'never', now() FROM generate_series(1, 2000);
     ROLLBACK TO s; $(large 6 2000) COMMIT"
sql "ALTER TABLE ventas DROP COLUMN nota"
passes 'and more transactions' load 5
sql "BEGIN; $(large 7 2000) TRUNCATE ventas, otra; $(large 8 3000) COMMIT"
sql "BEGIN; $(large 9 3000) ROLLBACK"
passes 'behind a TRUNCATE too' load 5
sql 'ANALYZE ventas' # there are no large rows: so two passes at once
end=$(sql 'SELECT pg_current_wal_lsn()')

# ---- both ways ----
times='s/"time":"[^"]*"/"time":""/'
# read_all NAME OPTION...: all of it into NAME, without the times of barriers, and without the position of the last
# one: the server also writes what is no transaction, and that may be counted in or not.
read_all() {
    run pg-tail "${slot[@]}" -v --until "$end" --resume "$begin" --barrier-every 1h "${@:2}"
    sed "$times" "$work/out" | tac | sed '0,/^{"@barrier"/ s/"pos":"[^"]*"/"pos":""/' | tac >"$1"
    cp "$work/err" "$1.err"
}
read_all "$work/followed" --catch-up never
is "$code $(grep -c 'by a pass' "$work/err")" '0 0' 'it can be followed alone'
read_all "$work/passed" --catch-up always
like "$code $(<"$work/err")" "^0 pg-tail: catching up by a pass, from $start to (0/[0-9A-F]+)
pg-tail: catching up by a pass, from (0/[0-9A-F]+) to $end
pg-tail: changes" 'two passes come as far'
is "${BASH_REMATCH[2]-none}" "${BASH_REMATCH[1]-some}" 'one behind the other'
same_files "$work/passed" "$work/followed" "both are the same, $(records "$work/followed" | wc -l) records"
sql "SELECT pg_create_physical_replication_slot('x' || i) FROM generate_series(1, 8) i" >/dev/null
read_all "$work/alone" --catch-up always
like "$code $(<"$work/err")" "^0 pg-tail: catching up by a pass, from $start to $end
pg-tail: changes" 'one slot left: one pass'
same_files "$work/alone" "$work/followed" 'which gives the same'
sql "SELECT pg_drop_replication_slot('x' || i) FROM generate_series(1, 8) i" >/dev/null
same_files <(grep ' = ' "$work/passed.err") <(grep ' = ' "$work/followed.err") 'and counted in the same way'
read_all "$work/a" --catch-up never --columns id,monto
read_all "$work/b" --catch-up always --columns id,monto
same_files "$work/b" "$work/a" 'a column that was dropped in what was rolled back is missed by neither'
read_all "$work/a" --catch-up never --inserts-only
read_all "$work/b" --catch-up always --inserts-only
same_files "$work/b" "$work/a" 'nor is there another insert'

# ---- from any place, across the hand-over ----
# Rows inside transactions, too; what is committed behind the end is followed.
sell 3
followed() { has_lines "$work/rest" 3 '"P[123]"' && has_lines "$work/rest.err" 1 'following'; }
# A barrier every 10 ms, wherever that is.
pg-tail "${slot[@]}" --once --barrier-every 10ms --resume "$begin" --catch-up never >"$work/every" 2>/dev/null
grep -n '^{"@barrier"' "$work/every" | sed '1d; $d' | sed -n '1p; 4p; 7p' >"$work/positions"
passes 'there are barriers enough' test "$(wc -l <"$work/positions")" = 3
while IFS=: read -r line barrier; do
    tail_in_background "$work/rest" "${slot[@]}" -v --resume "$barrier" --catch-up always
    wait_for 60 followed || not_ok 'behind the pass the log is followed' "$(<"$work/rest.err")"
    stop_tail
    records "$work/rest" >"$work/got"
    tail -n "+$((line + 1))" "$work/every" | records /dev/stdin >"$work/expected"
    same_files "$work/got" "$work/expected" "resumed behind $(member pos <<<"$barrier" | cut -d: -f3,4)"
    wait_for 30 slot_is_free s
done <"$work/positions"
is "$(sql "SELECT count(*) FROM pg_replication_slots WHERE slot_name <> 's'")" 0 'no copy of the slot is left'

# ---- where there cannot be any ----
no_pass() { # NAME, REASON
    run pg-tail "${slot[@]}" -v --once --resume "$barrier" --catch-up always
    like "$code $(<"$work/err")" "^0 .*pg-tail: no passes over the log: $2; following it from" "$1: said with -v"
    records "$work/out" >"$work/got"
    same_files "$work/got" "$work/expected" "$1: it is followed"
}
barrier=$(tail -n 1 "$work/positions" | cut -d: -f2-)
run pg-tail "${slot[@]}" --once --resume "$barrier" --catch-up never
records "$work/out" >"$work/expected"
sql "REVOKE EXECUTE ON FUNCTION pg_copy_logical_replication_slot(name, name, boolean) FROM PUBLIC; CREATE ROLE r LOGIN REPLICATION"
PGUSER=r no_pass 'not allowed' 'server: permission denied for function pg_copy_logical_replication_slot'
sql "SELECT pg_create_physical_replication_slot('x' || i) FROM generate_series(1, 9) i" >/dev/null
no_pass 'no slot left' 'server: all replication slots are in use'
sql "SELECT pg_drop_replication_slot('x' || i) FROM generate_series(1, 9) i" >/dev/null
# A file of the server beyond its limit: what it says in the midst of the pass.
sql "ALTER SYSTEM SET temp_file_limit = '64kB'"
sql "SELECT pg_reload_conf()" >/dev/null
PGUSER=r
sql -U postgres "GRANT EXECUTE ON FUNCTION pg_copy_logical_replication_slot(name, name, boolean) TO r"
no_pass 'too large for the server' 'server: temporary file size exceeds temp_file_limit .64kB.'

done_testing
