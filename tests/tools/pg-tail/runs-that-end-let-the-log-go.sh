#!/bin/bash
# Runs that end behind a pass, one after the other as cron starts them: the server need not decode from
# where the first one began, nor keep its log.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start
make_ventas
pg-tail -t ventas --create 2>/dev/null
resume=()
before=
for run in 1 2 3; do
    last=$before
    sell 1000
    before=$(sql 'SELECT pg_current_wal_lsn()')
    sql CHECKPOINT # the server can begin in its midst from there
    sell 1000
    pg-tail -t ventas -v --once --catch-up always --ack-file "$work/ack" "${resume[@]}" 2>"$work/err" |
        sink run "$work/sunk" "$work/ack"
    is "${PIPESTATUS[*]} $(grep -c 'catching up by a pass' "$work/err")" '0 0 1' "run $run: a pass"
    resume=(--resume "$(<"$work/ack")")
    [ -z "$last" ] || is "$(sql "SELECT restart_lsn >= '$last' FROM pg_replication_slots")" t "run $run: what the one before has read is let go"
done
same_files <(sink state "$work/sunk") <(rows ventas) 'and nothing is lost'

done_testing
