#!/bin/bash
# Where going on would leave changes out, pg-tail stops with 78 and says what is lost, and how to begin
# anew; where another try may help, with 75. It never goes on in silence.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start 'max_slot_wal_keep_size = 16MB' 'min_wal_size = 32MB' 'max_wal_size = 32MB'
make_ventas
sell 3
lsn='[0-9A-F]+/[0-9A-F]+'
rebuild='rebuild: --drop, then --create --snapshot'

# refused CODE REGEX NAME OPTION...: pg-tail says so, and prints nothing.
refused() {
    run timeout 60 pg-tail -t ventas "${@:4}"
    if [ "$code" = "$1" ] && [[ $(<"$work/err") =~ $2 ]] && [ ! -s "$work/out" ]; then
        ok "$3"
    else
        not_ok "$3" "exit status $code, expected $1" "$(head -c 1000 "$work/err")" "expected: $2" "$(head -n 3 "$work/out")"
    fi
}

# ---- what is missing from the beginning ----
refused 78 'publication tuberia_ventas does not exist \(--create makes it\)' 'no publication' --once
sql "CREATE PUBLICATION tuberia_ventas FOR TABLE ventas"
refused 78 'slot tuberia_ventas does not exist \(--create makes it\)' 'no slot' --once
run pg-tail -t ventas --create --snapshot --once
first=$(barriers "$work/out")
is "$code $(records "$work/out" | wc -l)" '0 3' 'begun'
refused 78 'slot tuberia_ventas exists, and a snapshot is that of a new one' 'no second snapshot beside the slot' --create --snapshot --once

# ---- the slot is in use ----
tail_in_background "$work/stream" -t ventas --resume "$first"
wait_for 30 slot_is_active
refused 75 'slot tuberia_ventas is in use by process [0-9]+ of the server' 'a second pg-tail on the slot in use' --once
refused 75 'slot tuberia_ventas is in use' 'and one that resumes' --once --resume "$first"
refused 75 'slot tuberia_ventas cannot be dropped: server: .*is active' 'nor is a slot in use dropped' --drop
sell 1
wait_for 30 has_lines "$work/stream" 1 '"id":4' || not_ok 'the first one goes on'
stop_tail
is "$code $(tail -n 1 "$work/stream.err")" '0 ' 'the first one was not disturbed'

# ---- positions ----
refused 78 "position is of another server .system identifier 1, here it is [0-9]+" 'a position of another server' \
    --once --resume "$(sed -E 's/pg1:[0-9]+/pg1:1/' <<<"$first")"
sql "CREATE TABLE otra (LIKE ventas); ALTER TABLE otra REPLICA IDENTITY FULL"
run pg-tail -t otra --create
run pg-tail -t otra --once --resume "$first"
is "$code" 78 'a position of another table'
like "$(<"$work/err")" 'position is of another table, postgres.public.ventas .OID [0-9]+.; postgres.public.otra has OID [0-9]+' 'says of which'
pg-tail -t otra --drop 2>/dev/null
refused 78 'not a position of pg-tail: shop42' "another program's position" --once \
    --resume '{"@barrier":{"epoch":3,"pos":"shop42","time":"2024-03-21T10:00:05.123Z"}}'
refused 64 'resume: ' 'no barrier at all' --once --resume '{"id":1}'
# The sink confirmed more than this position: the server would begin at the slot's, silently.
sell 2
pg-tail -t ventas --once --resume "$first" --ack-file "$work/ack" | sink run "$work/sunk" "$work/ack"
is "$?" 0 'the sink has told how far it is'
refused 78 "position $lsn is older than slot tuberia_ventas, which begins at $lsn: the changes between them would be lost; $rebuild" \
    "a position older than the slot's" --once --resume "$first"
refused 78 "position FF/0 is beyond the end of the server's log, $lsn: the server was set back" 'a position from the future' \
    --once --resume "$(sed -E 's,[0-9A-F]+/[0-9A-F]+,FF/0,' <<<"$first")"
# A row that the transaction of the position does not have.
last=$(sed -E 's,("pos":"pg1:[0-9]+:[^:]*:)0:,\199:,' "$work/ack")
sell 1
run pg-tail -t ventas --once --resume "$last"
is "$code" 78 'a row that the server does not have'
like "$(<"$work/err")" "row 99 of the transaction at $lsn was sent, but the server does not have it: changes are lost; $rebuild" 'says which'

# ---- the slot is not ours ----
sql "SELECT pg_create_physical_replication_slot('fisico'), pg_create_logical_replication_slot('otro', 'test_decoding')" >/dev/null
refused 78 'slot fisico is of physical replication' 'a slot of physical replication' --once --slot fisico
refused 78 'slot otro has the output plugin test_decoding; pgoutput is needed' 'a slot of another plugin' --once --slot otro
sql "CREATE DATABASE dos"
sql -d dos "CREATE TABLE ventas (id integer PRIMARY KEY)"
refused 78 'slot tuberia_ventas belongs to another database: postgres' 'a slot of another database' --create --once -d dos
sql "SELECT pg_drop_replication_slot('fisico'), pg_drop_replication_slot('otro')" >/dev/null

# ---- a standing connection is told, too ----
ack=$(<"$work/ack")
tail_in_background "$work/stream" -t ventas --resume "$ack"
wait_for 30 slot_is_active
kill -STOP "$tail_pid"
sql "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots" >/dev/null
wait_for 30 slot_is_free
sql "SELECT pg_drop_replication_slot('tuberia_ventas')" >/dev/null
kill -CONT "$tail_pid"
code=0
wait "$tail_pid" || code=$?
is "$code" 78 'a slot that vanishes in mid-stream'
like "$(<"$work/stream.err")" "connection lost: .*slot tuberia_ventas has vanished; changes behind $lsn may be lost; $rebuild" 'says behind where'
refused 78 "slot tuberia_ventas does not exist: all changes from $lsn to $lsn and further are lost; rebuild" \
    'no slot where there is a checkpoint' --once --resume "$ack"
refused 78 "slot tuberia_ventas does not exist: all changes from $lsn" 'nor does --create make one then' --create --once --resume "$ack"

# ---- the table is taken out of its publication ----
pg-tail -t ventas --create 2>/dev/null
tail_in_background "$work/stream" -t ventas --look-every 100ms
sell 3
wait_for 30 has_lines "$work/stream" 3 '"id"' || not_ok 'three rows come'
sql 'ALTER TABLE ventas RENAME TO vendidas' # under another name it is published still
sql 'ALTER TABLE vendidas RENAME TO ventas'
sell 1
wait_for 30 has_lines "$work/stream" 4 '"id"' || not_ok 'a table that was renamed goes on'
sql 'ALTER PUBLICATION tuberia_ventas DROP TABLE ventas'
code=0
wait "$tail_pid" || code=$?
is "$code" 78 'taken out of its publication in mid-stream'
like "$(<"$work/stream.err")" "ventas is gone, or not published by tuberia_ventas any more: its changes since 20.*Z may be lost; $rebuild" 'says since when'
is "$(tail -n 1 "$work/stream" | cut -c 1-11)" '{"@barrier"' 'what came is closed'
pg-tail -t ventas --drop 2>/dev/null

# ---- the log was recycled ----
run pg-tail -t ventas --create --snapshot --once
first=$(barriers "$work/out")
sql "CREATE TABLE relleno AS SELECT i, repeat('x', 500) FROM generate_series(1, 60000) i"
lost() {
    sql "SELECT pg_switch_wal()" >/dev/null
    sql "CHECKPOINT"
    [ "$(sql "SELECT wal_status FROM pg_replication_slots")" = lost ]
}
wait_for 60 lost || not_ok 'the server has not recycled the log'
refused 78 "slot tuberia_ventas is lost: the server has removed the log behind it .max_slot_wal_keep_size., and with it all changes from $lsn to $lsn; $rebuild" \
    'a slot that was invalidated by max_slot_wal_keep_size' --once --resume "$first"
refused 78 "slot tuberia_ventas is lost" 'without a position too' --once
sell 2
run pg-tail -t ventas --drop --create --snapshot --once
is "$code $(records "$work/out" | wc -l)" "0 $(sql 'SELECT count(*) FROM ventas')" 'and that is how to begin anew'
pg-tail -t ventas --drop 2>/dev/null
is "$(sql 'SELECT count(*) FROM pg_replication_slots')" 0 'no slot is left behind'

done_testing
