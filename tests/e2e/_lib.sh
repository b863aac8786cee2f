# shellcheck shell=bash
# _lib.sh: what the tests of the whole pipe share. Source it first.
#
#   shop                    a server with the tables of scripts/deploy/ventas.sql, a store, 50 customers
#   new_store [NAME]        TUBERIA_STORE is one with nothing in it; with ON_DYNAMODB in the environment it is a table
#   on_dynamodb [TABLE]     TUBERIA_STORE is a table of an emulator behind a gate (lib/dynamodb.sh); it is not made
#                           yet. What the script keeps beside it is in $work/run
#   store_sql QUERY         what SQLite's own program says of the store
#   pipeline_start [OPT...] realtime-pipeline in the background: its pid is $pipeline, what it says is in
#                           $work/pipeline.err
#   pipeline_stop           SIGTERM, and wait: its exit status is $code
#   reaches_now             wait until the store has all that was committed by now
#   equals_sql NAME         a test: every item and every rollup, as SQL computes them; and --verify
#   traffic_start SECONDS [RATE]
#                            concurrent sessions that INSERT, UPDATE, DELETE and ROLLBACK; traffic_end [now]

. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/postgres.sh"

pipeline=''

shop() {
    pg_start "$@"
    psql -XqAt -f "$TOP/scripts/deploy/ventas.sql" >/dev/null || exit 1
    sql "INSERT INTO clientes SELECT i, 'Ana ' || i, 'Martínez' FROM generate_series(1, 50) i"
    new_store
    at_exit pipeline_abort
}

new_store() {
    store=$work/${1:-metricas}.db
    export TUBERIA_STORE=sqlite:$store
    [ -n "${ON_DYNAMODB:-}" ] || return 0
    on_dynamodb "${1:-metricas_tiempo_real}"
    ddb-put --create-table || exit 1
}

on_dynamodb() {
    if ! declare -F dynamodb_start >/dev/null; then
        . "$TOP/tests/lib/dynamodb.sh"
        dynamodb_start
        export AWS_ENDPOINT_URL_DYNAMODB=$GATE # where a script has another gate besides
    fi
    mkdir -p "$work/run"
    store=$work/copy.db # for SQL, made by store_sql
    export UPSTREAM GATE TUBERIA_STORE=dynamodb:${1:-metricas_tiempo_real} XDG_RUNTIME_DIR=$work/run
}

# sales N [DAYS]: N sales, of the last DAYS days, of products with names that must be escaped too.
sales() {
    sql "INSERT INTO ventas (cliente_id, producto, fecha, monto)
         SELECT 1 + i % 50, (ARRAY['NORTE-1', 'SUR 2', 'ESTE#3', '50%', '*', 'ñandú \"x\"', 'a\\b'])[1 + i % 7],
                date '2024-02-28' + i % ${2:-3} + time '08:00' + i % 600 * interval '1 minute',
                round((i % 9973) * 0.37 - 100, 2)
         FROM generate_series(1, $1) i"
}

pipeline_start() {
    # What runs in the background of a script ignores SIGINT, and under nohup(1) SIGHUP, unless it is told otherwise.
    env --default-signal=INT,HUP realtime-pipeline --barrier-every 100ms "$@" 2>"$work/pipeline.err" &
    pipeline=$!
}

pipeline_stop() {
    kill "-${1:-TERM}" "$pipeline"
    pipeline_end
}

# The pipeline ends by itself: wait, at most a minute.
# shellcheck disable=SC2034
pipeline_end() {
    wait_for 60 gone "$pipeline" || note 'the pipeline does not end'

    code=0
    wait "$pipeline" || code=$?
    pipeline=''
}

pipeline_abort() {
    [ -n "$pipeline" ] || return
    kill "$pipeline" 2>/dev/null
    wait "$pipeline"
}

# gone PID: it has ended (a zombie has, too).
gone() {
    local state
    state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null)
    [ -z "$state" ] || [ "${state:0:1}" = Z ]
}

all_gone() {
    local pid
    for pid; do
        gone "$pid" || return
    done
}

# stage NAME: the pid of a stage of the running pipeline. Before there is one, the script asks ddb-put for the checkpoint.
stage() {
    local pid command
    for pid in $(pgrep -P "$pipeline"); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] || continue
        command=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") 2>/dev/null
        if [ -n "$command" ] && [[ $command != *" --show-checkpoint "* ]]; then
            echo "$pid"
            return
        fi
    done
    return 1
}

# The committed barrier, and its members; in DynamoDB an epoch that was begun has some too.
committed() { ddb-put --show-checkpoint "${TUBERIA_CHECKPOINT:-realtime}" "$TUBERIA_STORE" | sed 's/,"pending":{.*//'; }
epoch() { committed | sed -n 's/^{"@barrier":{"epoch":\([0-9]*\),.*/\1/p'; }
position() { committed | sed -n 's/^.*"pos":"pg1:[0-9]*:\([0-9A-F/]*\):.*/\1/p'; }
epoch_above() { [ "$(epoch)" -gt "$1" ] 2>/dev/null; }
lsn_number() { echo $((16#${1%/*} << 32 | 16#${1#*/})); }

reached() {
    local at
    at=$(position)
    [ -n "$at" ] && [ "$(lsn_number "$at")" -ge "$1" ]
}
reaches_now() {
    local now
    now=$(lsn_number "$(sql 'SELECT pg_current_wal_lsn()')")
    wait_for "${1:-90}" reached "$now" || note "not reached: $(position)" "$(tail -n 5 "$work/pipeline.err")"
}

# The oracle. WHERE: which sales count; TABLE.
sql_metrics() {
    sql "WITH v AS (SELECT cliente_id::text AS c, fecha::date::text AS d, monto,
                           replace(replace(replace(producto, '%', '%25'), '#', '%23'), '*', '%2A') AS p
                    FROM ${2:-ventas} WHERE ${1:-true})
         SELECT CASE GROUPING(c) WHEN 0 THEN c ELSE '*' END || '#' || CASE GROUPING(p) WHEN 0 THEN p ELSE '*' END
                || '#' || CASE GROUPING(d) WHEN 0 THEN d ELSE '*' END, count(*), trim_scale(sum(monto))
         FROM v GROUP BY GROUPING SETS ((c, p, d), (c, p), (c, d), (c), (p, d), (p))" | LC_ALL=C sort
}

store_sql() {
    if [[ $TUBERIA_STORE == dynamodb:* ]]; then
        /usr/bin/python3 "$TOP/tests/lib/dynamodb-as-sqlite.py" "${TUBERIA_STORE#*:}" "$store"
    fi
    sqlite3 -readonly "$store" "$1"
}

# Amounts without the zeros that their scale adds.
store_metrics() {
    store_sql "
        SELECT id, num_transacciones,
               CASE WHEN monto_total LIKE '%.%' THEN rtrim(rtrim(monto_total, '0'), '.') ELSE monto_total END
        FROM metricas WHERE num_transacciones <> 0" | LC_ALL=C sort
}

equals_sql() {
    sql_metrics "${2:-true}" "${3:-ventas}" >"$work/expected"
    store_metrics >"$work/got"
    if [ -s "$work/expected" ] || [ -z "${2:-}" ]; then
        same_files "$work/got" "$work/expected" "$1"
    else
        not_ok "$1" "the oracle has no row: the test would show nothing"
    fi
    passes "$1: --verify finds no difference" ddb-put --verify "$TUBERIA_STORE"
}

# In the background: its pid is $traffic. Seeded.
traffic_start() {
    local rate=${2:-600}
    # A change is a dozen requests, and the emulator slower than the service.
    [[ $TUBERIA_STORE != dynamodb:* || $rate -le 60 ]] || rate=60
    cat >"$work/insert.sql" <<-'SQL'
	\set n random(1, 5)
	INSERT INTO ventas (cliente_id, producto, fecha, monto)
	SELECT 1 + floor(random() * 50)::int, 'P' || floor(random() * 20)::int,
	       date '2024-03-01' + floor(random() * 3)::int + random() * interval '1 day', round((random() * 900 - 50)::numeric, 2)
	FROM generate_series(1, :n);
	SQL
    cat >"$work/update.sql" <<-'SQL'
	\set p random(0, 19)
	UPDATE ventas SET monto = monto + 0.01, producto = 'P' || :p, cliente_id = 1 + (cliente_id + :p) % 50
	WHERE id = (SELECT floor(random() * max(id))::bigint FROM ventas);
	SQL
    cat >"$work/day.sql" <<-'SQL'
	UPDATE ventas SET fecha = fecha + interval '1 day' WHERE id = (SELECT floor(random() * max(id))::bigint FROM ventas);
	SQL
    cat >"$work/delete.sql" <<-'SQL'
	DELETE FROM ventas WHERE id = (SELECT floor(random() * max(id))::bigint FROM ventas);
	SQL
    cat >"$work/rollback.sql" <<-'SQL'
	BEGIN;
	INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (1, 'NEVER', now(), 1000000);
	DELETE FROM ventas WHERE id % 50 = 0;
	ROLLBACK;
	SQL
    "$PG_BIN/pgbench" -n -c 3 -T "$1" --random-seed=7 -R "$rate" -f "$work/insert.sql@10" \
        -f "$work/update.sql@3" -f "$work/day.sql@1" -f "$work/delete.sql@2" -f "$work/rollback.sql@1" \
        >"$work/traffic.log" 2>&1 &
    traffic=$!
}

# It has ended, or ends now; it must have done something.
traffic_end() {
    [ -z "${1:-}" ] || kill "$traffic"
    wait "$traffic" 2>/dev/null
    [ "$(sql "SELECT count(*) > 100 FROM ventas WHERE producto LIKE 'P%'")" = t ] ||
        not_ok 'there was traffic' "$(tail -n 5 "$work/traffic.log")"
}
