# shellcheck shell=bash
# _chaos.sh: what the chaos run, its liars and the soak share. Source it first.
#
#   chaos_shop [ROWS [KIND]]  a server, its tables with ROWS sales, a store (sqlite or dynamodb); on a small file
#                            system of its own where one can be had (root)
#   failed                   whether a test of this script has
#   storm OPTION...          a round of storm.py into $work: its verdicts become tests; and the store equals SQL

. "$(dirname "${BASH_SOURCE[0]}")/../_lib.sh"

chaos=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
disk='' slower=()
copy=300000 # rows of a large transaction

chaos_shop() {
    # Short, so that a sink that stops for seconds is longer; little memory, so that large transactions go to disk.
    shop 'wal_sender_timeout = 2s' 'logical_decoding_work_mem = 1MB' 'log_min_messages = fatal'
    export PG_BIN
    mkdir "$work/disk"
    if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=400m tuberia-chaos "$work/disk" 2>/dev/null; then
        disk=$work/disk
        at_exit 'umount -l "$work/disk"'
    fi
    store=$work/disk/metricas.db
    export TUBERIA_STORE=sqlite:$store
    if [ "${2:-sqlite}" = dynamodb ]; then
        on_dynamodb
        export XDG_RUNTIME_DIR=$work/disk
        ddb-put --create-table
        # A record is a handful of requests, and the emulator slower than the service.
        slower=(--rate 5 -- --barrier-every 400ms)
        # shellcheck disable=SC2034
        copy=20000
    fi
    [ "${1:-0}" -eq 0 ] || sales "$1" 30
}

# shellcheck disable=SC2154 # of tap.sh
failed() { [ "$tap_failed" -gt 0 ]; }

# What storm.py or soak.py has found.
verdicts() {
    local verdict name why
    while IFS=$'\t' read -r verdict name why; do
        if [ "$verdict" = ok ]; then ok "$name"; else not_ok "$name" "$why"; fi
    done <"$work/verdicts" || not_ok 'it has ended in order'
}

storm() {
    rm -f "$work/verdicts"
    "$chaos/storm.py" --store "$TUBERIA_STORE" --directory "$work" ${disk:+--disk "$disk"} "$@" "${slower[@]}" >"$work/summary"
    note "$(cat "$work/summary")"
    verdicts
    equals_sql 'the store equals SQL'
}
