#!/bin/bash
# Catching up in passes: stopped in the midst of one, killed in the midst of one, two readers of a slot during one; a
# backlog of several passes; a partitioned table.
# timeout: 300
# once
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start 'shared_buffers = 256MB' # with so large ones, a pass has two parts
make_ventas
pg-tail -t ventas --create --slot s 2>/dev/null
for i in 1 2 3 4; do sell 25000; done
for i in 1 2 3; do sell 10; done
sql 'ANALYZE ventas' # there are no large rows: so two passes at once
run pg-tail -t ventas --slot s --once --catch-up never
records "$work/out" >"$work/expected"
is "$(wc -l <"$work/expected")" 100030 'there is a backlog'
copies() { sql "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'tuberia\_pass\_%'"; }
no_copy() { [ "$(copies)" = 0 ]; }

# A reader that stops reading holds the pass where it is.
mkfifo "$work/fifo"
# begin_pass OPTION...: reads the first lines of a pass into part; sets tail_pid, and the descriptor reader.
begin_pass() {
    local line i
    pg-tail -t ventas --slot s --barrier-every 10ms --catch-up always -v "$@" >"$work/fifo" 2>"$work/pass.err" &
    tail_pid=$!
    at_exit "kill -9 $tail_pid 2>/dev/null; wait $tail_pid 2>/dev/null"
    exec {reader}<"$work/fifo"
    for ((i = 0; i < 500; i++)); do
        IFS= read -r -t 60 line <&"$reader" || break
        printf '%s\n' "$line"
    done >"$work/part"
}

begin_pass
like "$(<"$work/pass.err")" 'catching up by a pass' 'a pass is under way'
is "$(copies)" 2 'with copies of the slot: for it, and for what is decoded meanwhile'
run pg-tail -t ventas --slot s --once
is "$code" 75 'another reader of the slot is refused meanwhile'
like "$(<"$work/err")" 'slot s is (in use|being read)' 'and told why'

kill -TERM "$tail_pid"
cat <&"$reader" >>"$work/part"
exec {reader}<&-
wait "$tail_pid"
is "$?" 0 'SIGTERM in the midst of a pass: status 0'
wait_for 30 no_copy
is "$?" 0 'and no copy of the slot is left'
n=$(records "$work/part" | wc -l)
same_files <(records "$work/part") <(head -n "$n" "$work/expected") "what came is whole: $n records"
passes 'and not all of it' test "$n" -lt 100030
last=$(barriers "$work/part" | tail -n 1)
run pg-tail -t ventas --slot s --once --catch-up always --resume "$last"
same_files <(records "$work/part"; records "$work/out") "$work/expected" 'the next run gives the rest'

begin_pass
kill -9 "$tail_pid"
wait "$tail_pid" 2>/dev/null
cat <&"$reader" >>"$work/part"
exec {reader}<&-
wait_for 60 no_copy
is "$?" 0 'kill -9 in the midst of a pass: no copy of the slot is left'
# Up to the last barrier that came through.
line=$(grep -n '^{"@barrier"' "$work/part" | tail -n 1)
if [ -n "$line" ]; then
    resume=(--resume "${line#*:}")
    head -n "${line%%:*}" "$work/part" | records /dev/stdin >"$work/good"
else
    resume=()
    : >"$work/good"
fi
run pg-tail -t ventas --slot s --once --catch-up always "${resume[@]}"
same_files <(cat "$work/good"; records "$work/out") "$work/expected" 'the next run gives the rest of that'

# Something happens while the first part is read, of which a reader shall see nothing.
terminate_second() {
    sql "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity JOIN pg_replication_slots ON active_pid = pid
         WHERE slot_name LIKE 'tuberia\_pass\_%' ORDER BY backend_start DESC LIMIT 1) last" >/dev/null
}
whole() { [ "$(records "$work/part" | wc -l)" -ge 100030 ]; }
for happens in terminate_second pg_crash; do
    begin_pass
    "$happens"
    cat <&"$reader" >>"$work/part" &
    rest=$!
    exec {reader}<&-
    wait_for 60 whole
    kill -TERM "$tail_pid"
    wait "$tail_pid"
    is "$?" 0 "$happens in the midst of the first part: status 0"
    like "$(<"$work/pass.err")" 'no passes over the log: .*; following it from|connection lost: .* connected again' "$happens: said"
    wait "$rest"
    same_files <(records "$work/part") "$work/expected" "$happens: nothing is lost or doubled"
done

sell 80000
run pg-tail -t ventas --slot s --once -v
is "$(grep -c 'catching up by a pass' "$work/err")" 1 'of 20 MB of log, the rest is not worth a second part'

# A table that has large rows is read in passes of 64 MB of log.
sql "CREATE TABLE larga (id integer PRIMARY KEY, monto numeric, nota text); ALTER TABLE larga ALTER nota SET STORAGE EXTERNAL,
         REPLICA IDENTITY FULL; INSERT INTO larga VALUES (0, 0, repeat('n', 100000))"
sql 'VACUUM ANALYZE larga'
pg-tail -t larga --create 2>/dev/null
for i in 1 2 3; do
    sql "INSERT INTO larga SELECT i + $i * 1000000, i, repeat('m', 200) FROM generate_series(1, 150000) i"
done
run pg-tail -t larga --once -v --catch-up always
passes_made=$(grep -c 'catching up by a pass' "$work/err")
is "$passes_made" 2 'several passes, and no parts of the second, which is too large for that'
records "$work/out" | LC_ALL=C sort >"$work/got"
rows "(SELECT * FROM larga WHERE id > 0)" >"$work/want"
same_files "$work/got" "$work/want" 'together they give every row once'

# A partitioned table, through its root.
sql "CREATE TABLE partes (id integer, fecha date, monto numeric) PARTITION BY RANGE (fecha);
     CREATE TABLE p1 PARTITION OF partes FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
     CREATE TABLE p2 PARTITION OF partes DEFAULT;
     ALTER TABLE p1 REPLICA IDENTITY FULL; ALTER TABLE p2 REPLICA IDENTITY FULL; ALTER TABLE partes REPLICA IDENTITY FULL"
pg-tail -t partes --create 2>/dev/null
sql "INSERT INTO partes SELECT i, date '2024-01-01' + i % 60, i FROM generate_series(1, 3000) i;
     UPDATE partes SET fecha = fecha + 20 WHERE id < 500; DELETE FROM partes WHERE id > 2900"
run pg-tail -t partes --once --catch-up never
records "$work/out" >"$work/want"
run pg-tail -t partes --once --catch-up always -v
like "$(<"$work/err")" 'catching up by a pass' 'a partitioned table: a pass'
same_files <(records "$work/out") "$work/want" "the same $(wc -l <"$work/want") records as through replication"
done_testing
