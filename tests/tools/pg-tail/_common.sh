# shellcheck shell=bash
# What the tests of pg-tail share. Source it behind tap.sh and postgres.sh.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# sink run|state|checkpoint FILE: commits epochs, and says what table they make.
sink() { "$here/_sink.py" "$@"; }

# What SQL says of a table (or a query's relation), as sorted lines of JSON.
rows() { sql "SELECT row_to_json(t) FROM $1 t" | LC_ALL=C sort; }

# records FILE: its records; barriers FILE: its barriers.
records() { sed '/^{"@[be]/d' "$1"; }
barriers() { sed -n '/^{"@barrier"/p' "$1"; }

# member NAME: of the barrier on stdin.
member() { sed -n "s/.*\"$1\":\"\\?\\([^\",}]*\\).*/\\1/p"; }

# ventas: the table of the examples, empty.
make_ventas() {
    sql "CREATE TABLE ventas (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cliente_id integer NOT NULL,
             producto varchar(100) NOT NULL, fecha timestamp NOT NULL, monto numeric(12,2) NOT NULL);
         ALTER TABLE ventas REPLICA IDENTITY FULL"
}

# sell [N]: N sales in one transaction.
sell() {
    sql "INSERT INTO ventas (cliente_id, producto, fecha, monto)
         SELECT 17000 + i % 7, 'P' || i % 5, timestamp '2024-03-21 10:00' + i * interval '1 s', i + 0.25
         FROM generate_series(1, ${1:-1}) i"
}

# tail_in_background FILE OPTION...: starts pg-tail, its output into FILE, its messages into FILE.err; sets
# tail_pid. It is ended with the script.
tail_in_background() {
    local file=$1
    shift
    : >"$file" # not by the child alone: until then, what an earlier run left would be taken for its own
    : >"$file.err"
    pg-tail "$@" >"$file" 2>"$file.err" &
    tail_pid=$!
    at_exit "kill -9 $tail_pid 2>/dev/null; wait $tail_pid 2>/dev/null"
}

# stop_tail [SIGNAL]: and wait; sets code.
# shellcheck disable=SC2034
stop_tail() {
    code=0
    kill "-${1:-TERM}" "$tail_pid"
    wait "$tail_pid" 2>/dev/null || code=$?
}

# has_lines FILE N [REGEX]: at least N lines (that match).
has_lines() { [ "$(grep -cE -- "${3:-}" "$1")" -ge "$2" ]; }

slot_confirmed() { sql "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '${1:-tuberia_ventas}'"; }
slot_is_active() { [ "$(sql "SELECT active FROM pg_replication_slots WHERE slot_name = '${1:-tuberia_ventas}'")" = t ]; }
slot_is_free() { [ "$(sql "SELECT active FROM pg_replication_slots WHERE slot_name = '${1:-tuberia_ventas}'")" = f ]; }

# memory_kb PID: what it holds; and what it may. The sanitizers take their own part.
memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
# shellcheck disable=SC2034
case $TUBERIA_BIN in */san/*) memory_limit=1000000 ;; *) memory_limit=24000 ;; esac
