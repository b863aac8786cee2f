#!/bin/bash
# --poll, for servers without logical replication: each row once, in whatever order the transactions
# commit; resumed behind any barrier.
# timeout: 180
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start 'wal_level = replica' 'max_prepared_transactions = 4' 'max_wal_senders = 0'
sql "CREATE TABLE ventas (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cliente_id integer NOT NULL,
         producto varchar(100) NOT NULL, fecha timestamp NOT NULL, monto numeric(12,2) NOT NULL)"
# What the manual asks for: to connect, and to read.
sql "CREATE ROLE lector LOGIN; GRANT SELECT ON ventas TO lector"

# begin_session NAME: a psql of its own; in_session NAME TEXT: and what it does, done when this returns.
declare -A to_session
begin_session() {
    local fd
    mkfifo "$work/$1.in"
    psql -Xq -v ON_ERROR_STOP=1 <"$work/$1.in" >"$work/$1.out" 2>&1 &
    at_exit "kill $! 2>/dev/null; wait $! 2>/dev/null"
    exec {fd}>"$work/$1.in"
    to_session[$1]=$fd
}
in_session() {
    rm -f "$work/done"
    printf '%s;\n\\! touch %s\n' "$2" "$work/done" >&"${to_session[$1]}"
    wait_for 30 test -e "$work/done" || not_ok "session $1" "$(<"$work/$1.out")"
}
sale="INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (1, 'P', '2024-03-21 10:00', 1.50)"
ids() { records "$1" | sed 's/{"id":\([0-9]*\),.*/\1/' | paste -sd ' '; }
rounds() { # N: that many barriers more
    local n
    n=$(barriers "$work/live" | wc -l)
    wait_for 30 has_lines "$work/live" $((n + $1)) '@barrier'
}
comes() { # ID [NAME]: sooner or later
    if ! wait_for 30 has_lines "$work/live" 1 "^{\"id\":$1,"; then not_ok "id $1 was skipped" "$(last "$work/live")"; elif [ $# -gt 1 ]; then ok "$2"; fi
}
last() { barriers "$1" | tail -n 1; }
poll() { env PGUSER=lector pg-tail -t ventas --poll id "$@"; }

# ---- an empty table, a first row ----
run poll --once
is "$code $(wc -l <"$work/out") $(<"$work/err")" '0 2 ' 'an empty table has a barrier and an end'
like "$(last "$work/out")" '"pos":"pgk1:[0-9]+:[0-9]+:-9223372036854775808:[0-9]+:postgres.public.ventas"' 'nothing was given'
barrier=$(last "$work/out")
sell 3
run poll --once --resume "$barrier"
is "$code $(records "$work/out" | head -n 1)" '0 {"id":1,"cliente_id":17001,"producto":"P1","fecha":"2024-03-21T10:00:01","monto":1.25}' 'rows as pg-tail has them'
is "$(ids "$work/out")" '1 2 3' 'all of them'
is "$(head -n 1 "$work/out")" "$barrier" 'the barrier resumed behind comes first'
barrier=$(last "$work/out")
like "$barrier" '"epoch":2,"pos":"pgk1:[0-9]+:[0-9]+:3:' 'its position is the key'

# ---- a transaction that is open across many polls ----
PGUSER=lector tail_in_background "$work/live" -t ventas --poll id --barrier-every 50ms --resume "$barrier"
for s in a b c d; do begin_session $s; done
in_session a "BEGIN; $sale" # 4
in_session b "BEGIN; $sale" # 5
in_session c "BEGIN"        # it has done nothing yet: nobody knows it by a transaction's number
in_session d "$sale"        # 6
comes 6
is "$(ids "$work/live")" '6' 'what is committed comes at once, though others are open'
sell 2 # 7 8
comes 8
rounds 20
like "$(last "$work/live")" '"pos":"pgk1:[0-9]+:[0-9]+:8~4\.\.5:' 'the gaps are in the position, for as long as it takes'
in_session b "COMMIT"
comes 5
in_session d "BEGIN; SAVEPOINT s; $sale; RELEASE s; SAVEPOINT s2; $sale; ROLLBACK TO s2" # 9, and 10 that will never be
sell 1                                                                                  # 11
comes 11
rounds 5
kill -9 "$tail_pid" # and on with a new one, behind the last barrier
wait "$tail_pid" 2>/dev/null
sed '$!b; /}$/!d' "$work/live" >"$work/before"
PGUSER=lector tail_in_background "$work/live" -t ventas --poll id --barrier-every 50ms --resume "$(last "$work/before")"
rounds 5
is "$(records "$work/live" | wc -l)" 0 'resumed, nothing comes twice'
in_session a "COMMIT"
in_session d "COMMIT"
comes 4
comes 9
is "$(ids "$work/live" | tr ' ' '\n' | sort -n | paste -sd ' ')" '4 9' 'and what was open comes when it is committed; its savepoints too'
rounds 20
like "$(last "$work/live")" ':11~10:' 'a gap stays while a transaction from before is open, even one that has done nothing'
in_session c "COMMIT"
settled() { last "$work/live" | grep -q ':11:'; }
if wait_for 30 settled; then ok 'once they all have ended, it is none'; else not_ok 'the gap stays' "$(last "$work/live")"; fi

# A transaction that took its key early, and writes late.
in_session a "BEGIN; SELECT nextval('ventas_id_seq')" # 12
sell 1                                                          # 13
comes 13
rounds 10
in_session a "INSERT INTO ventas OVERRIDING SYSTEM VALUE VALUES (currval('ventas_id_seq'), 1, 'tarde', '2024-03-21', 1)"
rounds 5
in_session a "COMMIT"
comes 12 'a key that was taken early, for a row that is written late'

# A transaction that is prepared has no session any more.
in_session a "BEGIN; $sale" # 14
in_session a "PREPARE TRANSACTION 'p'"
sell 1 # 15
comes 15
in_session b "BEGIN; $sale" # 16
sell 1                      # 17
comes 17
rounds 5
in_session b "PREPARE TRANSACTION 'q'"
rounds 10
sql "COMMIT PREPARED 'p'"
comes 14
rounds 5
sql "COMMIT PREPARED 'q'"
comes 16 'transactions in two phases'
# What was given is given: what others do with it later is not seen.
sql "UPDATE ventas SET monto = 9 WHERE id = 17; DELETE FROM ventas WHERE id = 15"
rounds 5
stop_tail
is "$code $(tail -n 1 "$work/live")" '0 {"@end":{"records":8}}' 'ended by a signal'
is "$(cat "$work/before" "$work/live" | records /dev/stdin | sort | uniq -d)" '' 'nothing came twice'
is "$(cat "$work/before" "$work/live" | records /dev/stdin | sed 's/{"id":\([0-9]*\),.*/\1/' | sort -n | paste -sd ' ')" \
    '4 5 6 7 8 9 11 12 13 14 15 16 17' 'and all of them did'

# ---- everybody at once, and pg-tail killed again and again ----
sql "TRUNCATE ventas"
run poll --once --resume "$(last "$work/live")"
is "$code" 78 'a table that was truncated'
like "$(<"$work/err")" 'postgres.public.ventas was truncated or rewritten since .*rebuild: --snapshot' '... and what to do'
run poll --once --snapshot
like "$(<"$work/out")" '^\{"@barrier":\{"epoch":1,"pos":"pgk1:[^"]*","time":"[^"]*","snapshot":true\}\}' 'an empty snapshot'
records "$work/out" | wc -l | grep -qx 0 || not_ok 'rows of an empty table'
sed '/^{"@end"/d' "$work/out" >"$work/sunk"
cat >"$work/load.sql" <<'END'
\set kind random(1, 10)
\set n random(1, 30)
BEGIN;
INSERT INTO ventas (cliente_id, producto, fecha, monto) SELECT :kind, 'L', now(), i FROM generate_series(1, :n) i;
SAVEPOINT s;
INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (:kind, 'S', now(), 1);
\if :kind > 8
SELECT pg_sleep(0.1);
\endif
\if :kind > 6
ROLLBACK TO s;
\endif
INSERT INTO ventas (cliente_id, producto, fecha, monto) SELECT :kind, 'L', now(), i FROM generate_series(1, :n) i;
\if :kind = 1
ROLLBACK;
\else
COMMIT;
\endif
END
pgbench -n -c 8 -t 20 -f "$work/load.sql" >/dev/null 2>"$work/load.err" &
load=$!
at_exit "kill $load 2>/dev/null; wait $load 2>/dev/null"
RANDOM=20240321
cycles=0
while kill -0 "$load" 2>/dev/null && [ $cycles -lt 20 ]; do
    env PGUSER=lector pg-tail -t ventas --poll id --barrier-every 20ms --resume "$(sink checkpoint "$work/sunk")" 2>>"$work/live.err" > >(exec "$here/_sink.py" run "$work/sunk") &
    pid=$!
    sleep "0.$((RANDOM % 6 + 2))"
    kill -9 "$pid"
    wait "$pid" 2>/dev/null
    sunk_is_free() { ! fuser "$work/sunk" >/dev/null 2>&1; }
    wait_for 10 sunk_is_free
    cycles=$((cycles + 1))
done
wait "$load"
poll --once --resume "$(sink checkpoint "$work/sunk")" | sink run "$work/sunk"
sink state "$work/sunk" >"$work/state" 2>&1
rows ventas >"$work/expected"
same_files "$work/state" "$work/expected" "8 sessions, $cycles kills: the table, each row once"

# ---- a snapshot and pages; keys with steps; more gaps than are kept ----
sql "CREATE TABLE pasos (k integer PRIMARY KEY, v text); INSERT INTO pasos SELECT i * 3, 'x' FROM generate_series(1, 60000) i; DELETE FROM pasos WHERE k < 30000;
     GRANT SELECT ON pasos TO lector"
run env PGUSER=lector pg-tail -t pasos --poll K --snapshot --once
is "$code $(records "$work/out" | wc -l) $(barriers "$work/out" | wc -l)" '0 50001 1' 'a snapshot is one epoch'
sql "INSERT INTO pasos SELECT i * 3 + 1, 'y' FROM generate_series(60001, 70000) i"
PGUSER=lector tail_in_background "$work/pasos" -t pasos --poll k --barrier-every 50ms --resume "$(last "$work/out")"
wait_for 60 has_lines "$work/pasos" 10000 '"y"'
in_session a "BEGIN; INSERT INTO pasos VALUES (300000, 'late')"
sql "INSERT INTO pasos SELECT 300000 + i * 3, 'z' FROM generate_series(1, 30000) i"
wait_for 60 has_lines "$work/pasos" 5000 '"z"'
in_session a "COMMIT"
wait_for 60 has_lines "$work/pasos" 30000 '"z"'
wait_for 60 has_lines "$work/pasos" 1 '"late"'
stop_tail
is "$(records "$work/pasos" | sort | uniq | wc -l) $(records "$work/pasos" | wc -l)" '40001 40001' 'gaps without number hold it up, and no longer than there are open transactions'

# ---- the replay that a stage asks for ----
sql "CREATE TABLE r (k integer PRIMARY KEY); INSERT INTO r VALUES (1), (2), (5)"
run pg-tail -t r --poll k --once
first=$(last "$work/out")
pos() { sed -E "s/(\"pos\":\"pgk1:[0-9]+:[0-9]+):[^:]*:/\\1:$1:/" <<<"$first"; }
sql "INSERT INTO r VALUES (3), (4), (7), (9)"
resumed=$(pos '7~4,6' | sed "s/\"epoch\":1/\"epoch\":5/; s/}}\$/,\"resume\":$(pos '2' | sed 's/.*"pos":\("[^"]*"\).*/\1/')}}/")
run pg-tail -t r --poll k --once --resume "$resumed"
is "$code $(sed 's/"epoch":\([0-9]*\).*/\1/; s/^{"@barrier":{/barrier /' "$work/out" | paste -sd ' ')" \
    '0 barrier 5 {"k":3} {"k":5} {"k":7} barrier 5 {"k":4} {"k":9} barrier 6 {"@end":{"records":5}}' 'a replay ends at its own barrier'

# ---- what cannot be ----
refused() { # CODE REGEX NAME OPTION...
    run pg-tail "${@:4}"
    is "$code" "$1" "$3"
    like "$(<"$work/err")" "$2" '... and says why'
}
sql "CREATE TABLE malo (t text PRIMARY KEY, n integer UNIQUE, m integer NOT NULL, u integer NOT NULL, UNIQUE (u, m), s bigserial, g bigint GENERATED ALWAYS AS IDENTITY (CACHE 20) UNIQUE);
     CREATE UNIQUE INDEX ON malo (s); ALTER SEQUENCE malo_s_seq CACHE 10"
refused 78 'column "t" of public.malo is no key to read by: it must be an integer, NOT NULL, and the only column of a unique index' 'text' -t malo --poll t
refused 78 'no key to read by' 'NULLs' -t malo --poll n
refused 78 'no key to read by' 'a part of a key' -t malo --poll u
refused 78 'has no column "zz"' 'no such column' -t malo --poll zz
refused 78 'sequence malo_s_seq does not hand out the keys of public.malo in their order: it has a CACHE' 'a sequence with a cache' -t malo --poll s
refused 78 'sequence malo_g_seq does not hand out' 'an identity with a cache' -t malo --poll g
refused 64 'poll has no slot, no publication' 'a slot' -t ventas --poll id --create
refused 78 'not a position of pg-tail --poll: pg1:1:0/0' 'a position in the log' -t ventas --poll id --once --resume '{"@barrier":{"epoch":1,"pos":"pg1:1:0/0:0:1:x","time":"2024-03-21T10:00:05.123Z"}}'
refused 78 'position is of another table' 'of another table' -t ventas --poll id --once --resume "$first"
refused 64 'one column' 'two columns' -t ventas --poll id,monto

# ---- the connection ----
run poll --once --snapshot
PGUSER=lector tail_in_background "$work/live" -t ventas --poll id --barrier-every 50ms --resume "$(last "$work/out")"
rounds 2
pg_restart immediate
sql "$sale"
wait_for 30 has_lines "$work/live" 1 '^{"id"' || not_ok 'nothing comes behind a restart'
like "$(<"$work/live.err")" 'connection lost: .*; trying again.*connected again' 'a restart of the server'
kill -STOP "$tail_pid"
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'lector'; TRUNCATE ventas" >/dev/null
kill -CONT "$tail_pid"
code=0
wait "$tail_pid" || code=$?
is "$code" 78 'truncated in mid-stream'
like "$(<"$work/live.err")" 'postgres.public.ventas was truncated or rewritten' '... and says so'

done_testing
