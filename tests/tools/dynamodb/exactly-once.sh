# timeout: 240
# once
# Answers that get lost, in every way, and kill -9 at any moment: the store is equal to one that nobody disturbed.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/dynamodb.sh"
dynamodb_start

RANDOM=${SEED:-7}
EPOCHS=8 RECORDS=30

awk -v epochs=$EPOCHS -v records=$RECORDS 'BEGIN {
    for (e = 1; e <= epochs; e++) {
        for (i = 0; i < records; i++) {
            c = (e * 7919 + i * 104729) % 13
            p = (e + i * 31) % 5
            printf "{\"id\":\"%d#p%d#2024-01-%02d\",\"cliente_id\":%d,\"producto\":\"p%d\",\"num_transacciones\":1,\"monto_total\":%d.%02d,\"fecha_hora\":\"2024-01-01T00:00:%02d\"}\n",
                c, p, e % 3 + 1, c, p, i, e, e
        }
        printf "{\"@barrier\":{\"epoch\":%d,\"pos\":\"p%d\",\"time\":\"2024-01-01T00:00:%02dZ\"}}\n", e, e, e
    }
    print "{\"@end\":{\"records\":" records * epochs "}}"
}' >"$work/stream"

# stream FROM: all that comes behind epoch FROM's barrier, that barrier first.
stream() { tail -n "+$((($1) * (RECORDS + 1) + ($1 == 0)))" "$work/stream"; }

epoch() {
    local barrier
    barrier=$(ddb-put --show-checkpoint a "$1") || return
    [[ ${barrier:-'"epoch":0,'} =~ \"epoch\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# dump TABLE: what it holds, by botocore.
dump() {
    /usr/bin/python3 "$TOP/tests/lib/dynamodb-as-sqlite.py" "$1" "$work/copy.db"
    sqlite3 "$work/copy.db" 'SELECT * FROM metricas ORDER BY id; SELECT name, epoch, barrier FROM checkpoint'
}

stream 0 | ddb-put --checkpoint a "sqlite:$work/whole.db"
sqlite3 "$work/whole.db" 'SELECT * FROM metricas ORDER BY id; SELECT name, epoch, barrier FROM checkpoint' >"$work/expected"

# Faults, each alone.
export AWS_MAX_ATTEMPTS=50
while read -r fault every times; do
    gate_rules "[{\"fault\": \"$fault\", \"op\": \"UpdateItem\", \"every\": $every, \"times\": $times}]"
    ddb-put --create-table "dynamodb:with-$fault"
    passes "a run with $fault" bash -c "cat $work/stream | ddb-put --checkpoint a dynamodb:with-$fault"
    dump "with-$fault" >"$work/got"
    same_files "$work/got" "$work/expected" "ends as one without"
    is "$(gate_seen ".faults[\"$fault\"] > 0")" true "$(gate_seen ".faults[\"$fault\"]") of them"
done <<EOF
reset-after 7 1000
truncate 7 1000
bad-crc 7 1000
error-500 7 1000
throttle 5 1000
hang-after 60 1
EOF

# Without a checkpoint, what is repeated within the run is not doubled either.
gate_rules '[{"fault": "reset-after", "op": "UpdateItem", "every": 4}]'
ddb-put --create-table dynamodb:plain
grep -v @barrier "$work/stream" | grep -v @end >"$work/records"
passes "a plain run with reset-after" bash -c "ddb-put dynamodb:plain <$work/records"
is "$(dump plain | grep -v '^a|' | cut -d'|' -f1-6)" "$(grep -v '^a|' "$work/expected" | cut -d'|' -f1-6)" "doubles nothing"

# kill -9, with faults all the while.
gate_rules '[{"fault": "reset-after", "op": "UpdateItem", "every": 23}, {"fault": "throttle", "op": "UpdateItem", "every": 19}]'
store=dynamodb:killed kills=0 pendings=0 last=0 before=0 most=100
ddb-put --create-table "$store"
for _ in {1..200}; do
    last=$(epoch "$store")
    [ "$last" = $EPOCHS ] && break
    # As fast as this machine is just now: about one epoch between two kills.
    if [ "$last" = "$before" ]; then most=$((most * 3 / 2)); elif [ $most -gt 50 ]; then most=$((most / 2)); fi
    before=$last
    ! ddb-put --show-checkpoint a "$store" | grep -q '"pending"' || pendings=$((pendings + 1))
    stream "$last" | ddb-put --checkpoint a "$store" 2>/dev/null &
    pid=$!
    # The pipe's last process is the one that is killed.
    millis=$((RANDOM % most + 20))
    sleep "$((millis / 1000)).$(printf %03d $((millis % 1000)))"
    if kill -9 "$pid" 2>/dev/null; then kills=$((kills + 1)); fi
    wait "$pid" 2>/dev/null
done
is "$last" $EPOCHS "it comes to its end"
is "$((kills > 0 && pendings > 0))" 1 "killed $kills times, $pendings of them in the middle of an epoch"
dump killed >"$work/got"
same_files "$work/got" "$work/expected" "equal to a run that nobody disturbed"
passes "and every rollup is right" ddb-put --verify "$store"

# A source that closes the epoch elsewhere would double or lose: it is refused.
gate_rules '[{"fault": "denied", "op": "UpdateItem", "skip": 12, "times": 1}]'
ddb-put --create-table dynamodb:pending
fails "a run that ends in the middle of an epoch" 77 bash -c "ddb-put --checkpoint a dynamodb:pending <$work/stream"
gate_rules '[]'
sed 's/"pos":"p1"/"pos":"elsewhere"/' "$work/stream" >"$work/other"
fails "another end of that epoch" 78 bash -c "ddb-put --checkpoint a dynamodb:pending <$work/other"
like "$(cat "$work/.err")" 'epoch 1 was begun and not committed, up to pos p1, but the stream closes epoch 1 at pos elsewhere' "is named"
passes "the same end goes on" bash -c "ddb-put --checkpoint a dynamodb:pending <$work/stream"
dump pending >"$work/got"
same_files "$work/got" "$work/expected" "and ends well"

# A snapshot replaces all that was there, whatever was begun before it.
{
    echo '{"id":"9#p9#2024-02-01","cliente_id":9,"producto":"p9","num_transacciones":1,"monto_total":1.50,"fecha_hora":"2024-02-01T00:00:00"}'
    echo '{"@barrier":{"epoch":1,"pos":"s","time":"2024-02-01T00:00:00Z","snapshot":true}}'
    echo '{"@end":{"records":1}}'
} >"$work/snapshot"
passes "the checkpoint is dropped" ddb-put --drop-checkpoint a dynamodb:pending
gate_rules '[{"fault": "denied", "op": "DeleteItem", "skip": 20, "times": 1}]'
fails "a snapshot that is cut off" 77 bash -c "ddb-put --checkpoint a dynamodb:pending <$work/snapshot"
gate_rules '[{"fault": "reset-after", "every": 5}]'
passes "and begun again" bash -c "ddb-put --checkpoint a dynamodb:pending <$work/snapshot"
is "$(dump pending | grep -c '#')" 6 "is all that there is"
is "$(metrics-query cliente 9 --store dynamodb:pending)" \
    '{"cliente_id":9,"num_transacciones":1,"monto_total":1.50,"fecha_hora":"2024-02-01T00:00:00"}' "to the last digit"

done_testing
