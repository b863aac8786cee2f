#!/bin/bash
# Tables that change while they are followed, that are partitioned, inherited from, or named so that they
# need quotes; and those whose changes cannot be followed.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start

# begin TABLE [OPTION...]: slot, publication, snapshot; options for it and for what follows.
begin() {
    table=$1 options=("${@:2}")
    run pg-tail -t "$table" "${options[@]}" --create --snapshot --once
    barrier=$(barriers "$work/out")
    [ "$code" = 0 ] || not_ok "$table: snapshot" "$(<"$work/err")"
}
# changes NAME <expected: what came since.
changes() {
    run pg-tail -t "$table" "${options[@]}" --once --resume "$barrier"
    cat >"$work/expected"
    records "$work/out" >"$work/got"
    if [ "$code" = 0 ]; then
        same_files "$work/got" "$work/expected" "$1"
    else
        not_ok "$1" "exit status $code" "$(<"$work/err")"
    fi
    barrier=$(barriers "$work/out" | tail -n 1)
}
# stops CODE REGEX NAME OPTION...
stops() {
    run pg-tail "${@:4}"
    is "$code" "$1" "$3"
    like "$(<"$work/err")" "$2" '... and says why'
}

# ---- ALTER TABLE in mid-stream, and in mid-transaction ----
sql "CREATE TABLE d (id integer PRIMARY KEY, a text, b integer); ALTER TABLE d REPLICA IDENTITY FULL; INSERT INTO d VALUES (1, 'x', 1)"
begin d
tail_in_background "$work/live" -t d --resume "$barrier"
wait_for 30 slot_is_active tuberia_d
sql "INSERT INTO d VALUES (2, 'x', 2)"
sql "ALTER TABLE d ADD COLUMN c numeric(6,2) DEFAULT 7"
sql "INSERT INTO d VALUES (3, 'x', 3); UPDATE d SET b = 10 WHERE id = 1"
sql "BEGIN; INSERT INTO d VALUES (4, 'x', 4, 4); ALTER TABLE d DROP COLUMN a; INSERT INTO d VALUES (5, 5, 5);
     ALTER TABLE d RENAME COLUMN b TO \"B \"\"uno\"\"\"; INSERT INTO d VALUES (6, 6, 6); COMMIT"
sql "ALTER TABLE d ALTER COLUMN c TYPE text USING 'c=' || c"
sql "DELETE FROM d WHERE id = 1; CREATE TYPE color AS ENUM ('rojo'); ALTER TABLE d ADD COLUMN e color[] DEFAULT '{rojo}', ADD COLUMN a date"
sql "INSERT INTO d VALUES (7, 7, 'z', '{rojo,NULL}', '2024-02-29')"
sql "ALTER TABLE d RENAME TO d2; CREATE SCHEMA s; ALTER TABLE d2 SET SCHEMA s; INSERT INTO s.d2 VALUES (8, 8)"
cat >"$work/altered" <<'END'
{"id":2,"a":"x","b":2}
{"id":3,"a":"x","b":3,"c":7.00}
{"@op":"-","id":1,"a":"x","b":1,"c":7.00}
{"id":1,"a":"x","b":10,"c":7.00}
{"id":4,"a":"x","b":4,"c":4.00}
{"id":5,"b":5,"c":5.00}
{"id":6,"B \"uno\"":6,"c":6.00}
{"@op":"-","id":1,"B \"uno\"":10,"c":"c=7.00"}
{"id":7,"B \"uno\"":7,"c":"z","e":["rojo",null],"a":"2024-02-29"}
{"id":8,"B \"uno\"":8,"c":"7","e":["rojo"],"a":null}
END
wait_for 30 has_lines "$work/live" 1 '"id":8'
stop_tail
records "$work/live" >"$work/got"
same_files "$work/got" "$work/altered" 'columns added, dropped, renamed, of another type; the table renamed and moved'
# The same once more, from the log: rows come as the table was when they were written.
table=s.d2 options=(--slot tuberia_d --publication tuberia_d)
changes 'and again, from the log' <"$work/altered"
sql "ALTER TABLE s.d2 DROP COLUMN e"
options+=(--columns 'id, "B ""uno"""')
sql "INSERT INTO s.d2 VALUES (9, 9)"
changes 'with --columns, others may come and go' <<'END'
{"id":9,"B \"uno\"":9}
END
tail_in_background "$work/live" -t s.d2 "${options[@]}" --resume "$barrier"
wait_for 30 slot_is_active tuberia_d
sql "INSERT INTO s.d2 VALUES (10, 10); ALTER TABLE s.d2 RENAME COLUMN \"B \"\"uno\"\"\" TO b"
sql "INSERT INTO s.d2 VALUES (11, 11)"
code=0
wait "$tail_pid" || code=$?
is "$code $(records "$work/live")" '78 {"id":10,"B \"uno\"":10}' 'a column of --columns that is no more ends it, at that row'
like "$(<"$work/live.err")" 'postgres.s.d2: the table has no column "B "uno"" here' 'and says which'
barrier=$(barriers "$work/live" | tail -n 1)
options=(--slot tuberia_d --publication tuberia_d --columns 'id,b')
changes 'it goes on with the new name' <<'END'
{"id":11,"b":11}
END
sql "ALTER TABLE s.d2 REPLICA IDENTITY DEFAULT; INSERT INTO s.d2 VALUES (12, 12); UPDATE s.d2 SET b = 13 WHERE id = 12"
options=(--slot tuberia_d --publication tuberia_d)
stops 78 'an UPDATE or DELETE of s.d2 does not say what the row was before: ALTER TABLE s.d2 REPLICA IDENTITY FULL \(or --inserts-only\)' \
    'the identity is taken away' -t s.d2 "${options[@]}" --once --resume "$barrier"
sql "ALTER TABLE s.d2 REPLICA IDENTITY FULL"
run pg-tail -t s.d2 "${options[@]}" --columns id,b --once --resume "$barrier"
is "$code $(records "$work/out")" '78 {"id":12,"b":12}' 'and given back: what happened meanwhile is not in the log'
like "$(<"$work/err")" 'the old row is not in the log: ALTER TABLE .* REPLICA IDENTITY FULL .*and rebuild; or --inserts-only' '... and says so'
sql "DROP TABLE s.d2; CREATE TABLE s.d2 (id integer PRIMARY KEY)"
stops 78 'publication tuberia_d does not publish s.d2: ALTER PUBLICATION' 'a table dropped and made anew' -t s.d2 "${options[@]}" --once --resume "$barrier"
sql "ALTER PUBLICATION tuberia_d ADD TABLE s.d2"
stops 78 'the position is of another table, .* was it made anew\?' 'and published' -t s.d2 "${options[@]}" --once --resume "$barrier"

# ---- identities ----
sql "CREATE TABLE i (id integer PRIMARY KEY, v text); CREATE TABLE nada (v text); ALTER TABLE nada REPLICA IDENTITY NOTHING"
stops 78 'UPDATE or DELETE of public.i does not say' 'the key alone is no identity' -t i --create
stops 78 'UPDATE or DELETE of public.nada does not say' 'none at all' -t nada --create
# A publication would keep everybody from updating such a table.
is "$(sql "SELECT count(*) FROM pg_publication WHERE pubname = 'tuberia_nada'")" 0 'and no publication is made that would do harm'
begin i --columns id
sql "INSERT INTO i VALUES (1, 'x'); UPDATE i SET v = 'y'; UPDATE i SET id = 2; DELETE FROM i"
changes 'but it is for its own columns' <<'END'
{"id":1}
{"@op":"-","id":1}
{"id":1}
{"@op":"-","id":1}
{"id":2}
{"@op":"-","id":2}
END
begin nada --inserts-only
sql "INSERT INTO nada VALUES ('x'); UPDATE nada SET v = 'y'; DELETE FROM nada"
changes 'and with --inserts-only nothing needs one' <<'END'
{"v":"x"}
END

# ---- names ----
feo=$'"Año 2024, ""feo"""."Ventas; -- \'ñ\'"'
sql "CREATE SCHEMA ${feo%%.*}; CREATE TABLE $feo (\"select\" integer PRIMARY KEY, \"€uro, \$1\" text);
     ALTER TABLE $feo REPLICA IDENTITY FULL; INSERT INTO $feo VALUES (1, 1)"
begin "$feo"
is "$(records "$work/out")" '{"select":1,"€uro, $1":"1"}' 'names that need quotes, in a snapshot'
is "$(sql 'SELECT slot_name FROM pg_replication_slots ORDER BY slot_name LIMIT 1')" 'tuberia_a__o_2024___feo__ventas_________' 'its slot has a name of its own'
sql "UPDATE $feo SET \"select\" = 2"
changes 'and in the stream' <<'END'
{"@op":"-","select":1,"€uro, $1":"1"}
{"select":2,"€uro, $1":"1"}
END
pg-tail -t "$table" --drop 2>/dev/null
sql "CREATE SCHEMA s2; CREATE TABLE s2.i (v integer); ALTER TABLE s2.i REPLICA IDENTITY FULL; INSERT INTO s2.i VALUES (7)"
begin s2.i
is "$(records "$work/out")" '{"v":7}' 'a table of the same name in another schema'
PGOPTIONS="-c search_path=s2" begin i --slot otro --publication tuberia_s2_i
is "$(records "$work/out")" '{"v":7}' 'the search_path'
stops 78 'table nope: does not exist in this database' 'no such table' -t nope --create
stops 78 'table a\.b\.c\.d: ' 'no name of a table' -t a.b.c.d --create
sql 'CREATE VIEW vista AS SELECT 1; CREATE UNLOGGED TABLE u (i integer); CREATE TABLE arroba ("@op" text, v text); ALTER TABLE arroba REPLICA IDENTITY FULL'
stops 78 'vista is a view: only a table can be followed' 'a view' -t vista --create
stops 78 'u is an unlogged table: its changes are not in the log' 'an unlogged table' -t u --create
stops 78 'column "@op": records keep names that begin with @ for control' 'a column that would forge a retraction' -t arroba --create --snapshot --once
pg-tail -t arroba --drop 2>/dev/null

# ---- partitions ----
sql "CREATE TABLE p (id integer, dia date, monto numeric(12,2), PRIMARY KEY (id, dia)) PARTITION BY RANGE (dia);
     CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
     CREATE TABLE p2 (nota text DEFAULT 'x', monto numeric(12,2), dia date NOT NULL, id integer NOT NULL); ALTER TABLE p2 DROP COLUMN nota;
     ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
     ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE p1 REPLICA IDENTITY FULL"
stops 78 'UPDATE or DELETE of public.p does not say .*: ALTER TABLE public.p2 REPLICA IDENTITY FULL' 'each partition needs its identity' -t p --create
sql "ALTER TABLE p2 REPLICA IDENTITY FULL; INSERT INTO p VALUES (1, '2024-01-05', 1.5), (2, '2024-02-05', 2.5)"
begin p
is "$(records "$work/out" | sort)" '{"id":1,"dia":"2024-01-05","monto":1.50}
{"id":2,"dia":"2024-02-05","monto":2.50}' 'a partitioned table is one table in a snapshot'
sql "UPDATE p SET dia = '2024-02-06' WHERE id = 1; UPDATE p2 SET monto = 3; INSERT INTO p2 VALUES (4, '2024-02-07', 3); DELETE FROM p WHERE id = 2"
sql "CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2024-03-01') TO ('2024-04-01'); ALTER TABLE p3 REPLICA IDENTITY FULL;
     INSERT INTO p VALUES (5, '2024-03-01', 5); ALTER TABLE p DETACH PARTITION p1; INSERT INTO p VALUES (6, '2024-03-02', 6)"
changes 'and in the stream; a row that moves from one to the other; a partition that is added' <<'END'
{"@op":"-","id":1,"dia":"2024-01-05","monto":1.50}
{"id":1,"dia":"2024-02-06","monto":1.50}
{"@op":"-","id":2,"dia":"2024-02-05","monto":2.50}
{"id":2,"dia":"2024-02-05","monto":3.00}
{"@op":"-","id":1,"dia":"2024-02-06","monto":1.50}
{"id":1,"dia":"2024-02-06","monto":3.00}
{"id":3,"dia":"2024-02-07","monto":4.00}
{"@op":"-","id":2,"dia":"2024-02-05","monto":3.00}
{"id":5,"dia":"2024-03-01","monto":5.00}
{"id":6,"dia":"2024-03-02","monto":6.00}
END
sql "TRUNCATE p"
run pg-tail -t p --once --resume "$barrier"
like "$(<"$work/out")" '"snapshot":true' 'TRUNCATE of all'
barrier=$(barriers "$work/out" | tail -n 1)
sql "CREATE TABLE p4 PARTITION OF p FOR VALUES FROM ('2024-04-01') TO ('2024-05-01'); INSERT INTO p VALUES (7, '2024-04-01', 7)"
tail_in_background "$work/live" -t p --resume "$barrier"
code=0
sql "UPDATE p SET monto = 8; DELETE FROM p4"
wait "$tail_pid" || code=$?
is "$code" 78 'a partition that is added without its identity'
stops 78 'ALTER TABLE public.p4 REPLICA IDENTITY FULL' 'at the start it is found, too' -t p --once --resume "$barrier"
sql "CREATE PUBLICATION hojas FOR TABLE p2"
stops 78 'publication hojas has the partitions of public.p under names of their own|publication hojas does not publish public.p' \
    'a publication of the leaves' -t p --publication hojas --once
sql "ALTER PUBLICATION hojas ADD TABLE p"
stops 78 'publication hojas has the partitions of public.p under names of their own: ALTER PUBLICATION .* SET \(publish_via_partition_root = true\)' \
    'and of the root, not by it' -t p --publication hojas --once
sql "CREATE PUBLICATION poco FOR TABLE i WITH (publish = 'insert, update')"
stops 78 'publication poco does not publish delete: the records would not follow the table' 'a publication of some changes' \
    -t i --publication poco --columns id --once
# Rows of a table that inherits are its own.
sql "CREATE TABLE padre (id integer); CREATE TABLE hija () INHERITS (padre); ALTER TABLE padre REPLICA IDENTITY FULL; INSERT INTO padre VALUES (1); INSERT INTO hija VALUES (2)"
begin padre
is "$(records "$work/out")" '{"id":1}' 'rows of a table that inherits are not in the snapshot'
sql "INSERT INTO hija VALUES (3); INSERT INTO padre VALUES (4)"
changes 'nor in the stream' <<'END'
{"id":4}
END

done_testing
