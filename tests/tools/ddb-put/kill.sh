#!/bin/bash
# kill -9 at any moment, again and again; what is started anew from the checkpoint ends equal to a run that nobody
# disturbed. With epochs in memory and on disk, committed one by one and several at once.
# timeout: 240
. "$(dirname "$0")/../../lib/tap.sh"

RANDOM=${SEED:-7}
EPOCHS=30 RECORDS=600

awk -v epochs=$EPOCHS -v records=$RECORDS 'BEGIN {
    for (e = 1; e <= epochs; e++) {
        for (i = 0; i < records; i++) {
            c = (e * 7919 + i * 104729) % 997
            p = (e + i * 31) % 23
            printf "{\"id\":\"%d#p%d#2024-01-%02d\",\"cliente_id\":%d,\"producto\":\"p%d\",\"num_transacciones\":1,\"monto_total\":%d.%02d,\"fecha_hora\":\"2024-01-01T00:00:%02d\"}\n",
                c, p, e % 28 + 1, c, p, i, e, e % 60
        }
        printf "{\"@barrier\":{\"epoch\":%d,\"pos\":\"p%d\",\"time\":\"2024-01-01T00:00:%02dZ\"}}\n", e, e, e % 60
    }
    print "{\"@end\":{\"records\":" records * epochs "}}"
}' >"$work/stream"

# stream FROM: all that comes behind epoch FROM's barrier, that barrier first. It pauses behind some barriers: those in
# between come at once, and are put into one transaction.
stream() {
    tail -n "+$((($1) * (RECORDS + 1) + ($1 == 0)))" "$work/stream" |
        awk '{ print } /@barrier/ && (++n % 4 == 0 || n % 7 == 0) { fflush(); system("sleep 0.01") }'
}

epoch() {
    local barrier
    barrier=$(ddb-put --show-checkpoint a "$1") || return
    [[ ${barrier:-'"epoch":0,'} =~ \"epoch\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

dump() { sqlite3 "$1" 'SELECT * FROM metricas ORDER BY id; SELECT name, epoch, barrier FROM checkpoint'; }

stream 0 | ddb-put --checkpoint a "sqlite:$work/whole.db"
is "$(epoch "sqlite:$work/whole.db")" $EPOCHS 'a run that nobody disturbs'
dump "$work/whole.db" >"$work/expected"

for limit in 1000000 200; do
    store=sqlite:$work/killed$limit.db kills=0 resumed=0 last=0 most=64
    while :; do
        from=$(epoch "$store") || break
        # Where it got no further, the machine is slow: wait longer.
        ((from > last)) && resumed=$((resumed + 1)) most=64 || most=$((most * 2))
        last=$from
        ((from < EPOCHS)) || break
        ddb-put --checkpoint a --max-items $limit "$store" < <(stream "$from") 2>/dev/null &
        pid=$!
        # Anywhere within what a few epochs take.
        delay=$((RANDOM % most))
        sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
        kill -9 $pid 2>/dev/null && kills=$((kills + 1))
        wait $pid 2>/dev/null
    done
    note "at most $limit items in memory: killed $kills times, $resumed times with progress"
    is "$((kills >= 3))" 1 "$limit: killed in mid-run at least 3 times"
    dump "$work/killed$limit.db" >"$work/got"
    same_files "$work/got" "$work/expected" "$limit: the store is what it should be"
    passes "$limit: --verify finds no difference" ddb-put --verify "$store"
done

done_testing
