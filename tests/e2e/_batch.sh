# shellcheck shell=bash disable=SC2154
# _batch.sh: what the tests of batch-pipeline share. Source it first.
#
#   batch_shop [LINE...]    a server with the tables of scripts/deploy/ventas.sql, customers, sales of three days
#                           (2024-02-28 to 2024-03-01) and proveedores with names that are hostile
#   batch [OPTION...]       batch-pipeline into $lake, its log $log; sets code, as run does
#   batch_start [OPTION...] the same in the background: its pid is $batch; batch_end waits, at most a minute: $code
#   rows_of_sql             what SQL says: proveedor (as in a path), day, the record
#   rows_of_lake [DIR]      the same out of the files, if their partitions are whole
#   equals_sql NAME         a test: both are equal, and --verify finds no difference
#   logged FILTER           the records of the run log, through jq
#   published               how many partitions are whole
#   gate_shut               from now on who asks the view `slow` for the sales of 2024-03-01 waits until gate_open
#   gate_waits              wait until somebody does

. "$(dirname "${BASH_SOURCE[0]}")/_lib.sh"
batch_py=$(dirname "${BASH_SOURCE[0]}")/_batch.py
days=(--from 2024-02-28 --to 2024-03-01)

batch_shop() {
    lake=$work/lake log=$work/log.ndjson
    shop "$@"
    sales 3000
    psql -Xq -v ON_ERROR_STOP=1 <<'SQL'
INSERT INTO clientes VALUES (51, E'Zoë "la" \\ \t', E'O''Hara\n'), (52, 'Sin', 'Ventas');
UPDATE ventas SET cliente_id = 51 WHERE cliente_id = 7;
INSERT INTO proveedores_productos VALUES ('1', 'NORTE-1'), ('1', 'SUR 2'), ('../../etc', 'ESTE#3'), ('a=b/c', '50%'),
    ('a=b/c', '*'), (E'x"\\\x1b[31m\n', 'ñandú "x"'), ('$(id) ; ''--', 'a\b'), ('vacío', 'no such thing');
SQL
}

batch() { run batch-pipeline --log "$log" "$lake" "${days[@]}" "$@"; }
batch_start() {
    env --default-signal=INT batch-pipeline --log "$log" "$lake" "${days[@]}" "$@" >"$work/batch.out" 2>"$work/batch.err" &
    batch=$!
}
# shellcheck disable=SC2034
batch_end() {
    wait_for 60 gone "$batch" || note 'it does not end'
    code=0
    wait "$batch" || code=$?
}

rows_of_sql() {
    sql "SELECT json_build_array(proveedor, fecha::date, cliente_id::text, nombre, apellido, count(*), sum(monto))
         FROM ventas JOIN proveedores_productos USING (producto) LEFT JOIN clientes c ON c.id = cliente_id
         WHERE fecha::date BETWEEN '${days[1]}' AND '${days[3]}' GROUP BY proveedor, fecha::date, cliente_id, nombre, apellido" |
        python3 "$batch_py" sql
}
rows_of_lake() { python3 "$batch_py" lake "${1:-$lake}" 2>&1; }

equals_sql() {
    rows_of_sql >"$work/expected"
    rows_of_lake >"$work/got"
    if [ "$(wc -l <"$work/expected")" -gt 50 ]; then
        same_files "$work/got" "$work/expected" "$1"
    else
        not_ok "$1" "the oracle has no rows: the test would show nothing"
    fi
    passes "$1: --verify finds no difference" s3-partition --verify "$lake"
}

logged() { jq -r "$1" "$log"; }
published() { find "$lake" -name _SUCCESS 2>/dev/null | wc -l; }

gate_view() {
    sql "CREATE FUNCTION pass() RETURNS numeric LANGUAGE plpgsql AS \$\$
         BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN 0; END \$\$;
         CREATE VIEW slow AS SELECT cliente_id, producto, fecha,
             CASE fecha::date WHEN '2024-03-01' THEN monto + pass() ELSE monto END AS monto FROM ventas"
}
gate_shut() {
    PGAPPNAME=gate psql -XqAt -c 'SELECT pg_advisory_lock(7)' -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 &
    gate=$!
    wait_for 30 locks_are granted 1
}
gate_open() {
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gate'" >/dev/null
    wait "$gate"
}
gate_waits() { wait_for 60 locks_are 'NOT granted' 1; }
locks_are() { [ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND $1")" -ge "$2" ]; }
