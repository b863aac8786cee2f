#!/bin/bash
# A disk without room: temporary, nothing of the epoch is there; with room, the next run goes on.
. "$(dirname "$0")/../../lib/tap.sh"

# stream FROM [TO]: epochs of 2000 new items each, behind FROM, up to TO (5).
stream() {
    awk -v from="$1" -v to="${2:-5}" 'BEGIN {
        if (from > 0)
            barrier(from)
        for (e = from + 1; e <= to; e++) {
            for (i = 0; i < 2000; i++)
                printf "{\"id\":\"%d#p#2024-01-01\",\"cliente_id\":%d,\"producto\":\"p\",\"num_transacciones\":1,\"monto_total\":1.25,\"fecha_hora\":\"2024-01-01T00:00:00\"}\n",
                    e * 10000 + i, e * 10000 + i
            barrier(e)
        }
        print "{\"@end\":{\"records\":10000}}"
    }
    function barrier(e) {
        printf "{\"@barrier\":{\"epoch\":%d,\"pos\":\"p%d\",\"time\":\"2024-01-01T00:00:0%dZ\"}}\n", e, e, e
    }'
}
epoch() {
    local barrier
    barrier=$(ddb-put --show-checkpoint a "$1") || return
    [[ ${barrier:-'"epoch":0,'} =~ \"epoch\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}
sum() { sqlite3 "$1" "SELECT num_transacciones, monto_total FROM metricas WHERE id = '*#p#*'"; }

mkdir "$work/small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=3m tuberia-test "$work/small" 2>/dev/null; then
    at_exit 'umount "$work/small"'
    store=sqlite:$work/small/m.db
    for from in 0 1 2 3 4; do # one by one: those of one input would be put into one transaction
        stream $from $((from + 1)) >"$work/in"
        run ddb-put --checkpoint a --ack-file "$work/ack" "$store" <"$work/in"
        [ "$code" = 0 ] || break
    done
    is "$code" 75 'no room: temporary'
    like "$(cat "$work/err")" 'm\.db: (database or disk is full|.*No space left)' 'and says so'
    at=$(epoch "$store")
    is "$((at > 0 && at < 5))" 1 "it came as far as epoch $at"
    is "$(sum "$work/small/m.db")" "$((at * 2000))|$((at * 2500)).00" 'whole epochs are there, and nothing else'
    is "$(cat "$work/ack")" "$(ddb-put --show-checkpoint a "$store")" 'what was acknowledged is what is there'
    passes 'with nothing wrong in it' ddb-put --verify "$store"
    mount -o remount,size=64m "$work/small"
    stream "$at" >"$work/in"
    passes 'with room again, the next run goes on' ddb-put --checkpoint a "$store" <"$work/in"
    is "$(sum "$work/small/m.db")" '10000|12500.00' 'to the end'

    mkdir "$work/tiny"
    mount -t tmpfs -o size=64k tuberia-test "$work/tiny" && at_exit 'umount "$work/tiny"'
    stream 0 >"$work/in"
    SQLITE_TMPDIR=$work/tiny run ddb-put --checkpoint a --max-items 100 "sqlite:$work/spill.db" <"$work/in"
    is "$code" 75 'no room for an epoch larger than memory: temporary'
    is "$(epoch "sqlite:$work/spill.db")" 0 'nothing of it is there'
    stream 0 >"$work/in"
    run ddb-put --checkpoint a --ack-file "$work/tiny/full/ack" "sqlite:$work/ack.db" <"$work/in"
    is "$code" 73 'no place for the acknowledgement'
    dd if=/dev/zero of="$work/tiny/zero" bs=4k 2>/dev/null
    run ddb-put --checkpoint a --ack-file "$work/tiny/ack" "sqlite:$work/ack2.db" <"$work/in"
    is "$code" 75 'no room for the acknowledgement: temporary'
    is "$(epoch "sqlite:$work/ack2.db")" 5 'what it was about is committed'
else
    skip 'a disk without room' 'mounting a small one takes root'
fi

# A limit on the size of files, for those who are not root. (SIGXFSZ would end it as kill -9 does.)
for from in 0 1 2 3 4; do
    stream $from $((from + 1)) >"$work/in"
    run bash -c 'trap "" XFSZ; ulimit -f 1500; exec ddb-put --checkpoint a "$1" <"$2"' - "sqlite:$work/limited.db" "$work/in"
    [ "$code" = 0 ] || break
done
is "$code" 74 'a file that may not grow: an error of writing'
at=$(epoch "sqlite:$work/limited.db")
is "$(sum "$work/limited.db")" "$((at * 2000))|$((at * 2500)).00" "whole epochs are there ($at)"
stream "$at" >"$work/in"
passes 'and the next run goes on' ddb-put --checkpoint a "sqlite:$work/limited.db" <"$work/in"
is "$(sum "$work/limited.db")" '10000|12500.00' 'to the end'

run bash -c 'ddb-put --show-checkpoint a "$1" >/dev/full' - "sqlite:$work/limited.db"
is "$code" 75 '--show-checkpoint into a full disk'
sqlite3 "$work/limited.db" "UPDATE metricas SET num_transacciones = 2"
run bash -c 'ddb-put --verify "$1" >/dev/full' - "sqlite:$work/limited.db"
is "$code" 75 '--verify into a full disk'
# shellcheck disable=SC2016
run bash -c '{ until [ -e "$2" ]; do sleep 0.05; done; ddb-put --verify "$1"; } | { exec 0<&-; touch "$2"; }
    exit ${PIPESTATUS[0]}' - "sqlite:$work/limited.db" "$work/closed"
is "$code $(cat "$work/err")" '74 ' '--verify into a pipe that nobody reads'

done_testing
