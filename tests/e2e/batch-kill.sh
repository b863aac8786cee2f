# timeout: 300
# once: what is killed is a script, and fsync takes its time
# kill -9 of batch-pipeline at 20 moments: each partition is as it was or as it will be, by its manifest; what it had
# started ends with it; and the rerun gives the bytes of a run that nothing has disturbed.
. "$(dirname "$0")/_batch.sh"

if [ -d /dev/shm ]; then # in memory, where that can be: the disk is not what is tested
    rm -rf "$work"
    work=$(mktemp -d /dev/shm/tuberia-XXXXXX) || exit 1
fi
batch_shop
days=(--from 2024-02-28 --to 2024-02-29)
sql "CREATE TABLE more AS SELECT cliente_id, producto, fecha, monto + 0.01 AS monto FROM ventas WHERE cliente_id <> 3"
disturbed=$lake
for table in ventas more; do
    lake=$work/of.$table
    begun=$(date +%s%N)
    batch -t $table
    took=$((($(date +%s%N) - begun) / 1000))
    is "$code $(published)" '0 12' "a run that nothing disturbs, of $table"
done
lake=$disturbed
cp -a "$work/of.ventas" "$lake"

children_of() { grep -lsx "PPid:[[:space:]]$1" /proc/[0-9]*/status | cut -d / -f 3; }
lock_is_free() { [ ! -e "$lake.run" ] || flock -n "$lake.run" true; }
RANDOM=${SEED:-5} bad='' kills=0 between=0 was=ventas will=more
for ((i = 0; i < 20; i++)); do
    batch_start -t $will
    delay=$((RANDOM * RANDOM % (took + 1)))
    sleep "$((delay / 1000000)).$(printf %06d $((delay % 1000000)))"
    kill -STOP "$batch" && mapfile -t children < <(children_of "$batch")
    kill -9 "$batch"
    batch_end 2>/dev/null
    [ "$code" = 0 ] || kills=$((kills + 1))
    [ "$code" = 137 ] || [ "$code" = 0 ] || bad+="run $i: status $code: $(cat "$work/batch.err")"$'\n'
    wait_for 20 all_gone "${children[@]}" || bad+="run $i: processes are left: ${children[*]}"$'\n'
    wait_for 20 lock_is_free || bad+="run $i: the lock is held"$'\n'
    state=$(python3 "$batch_py" states "$lake" "$work/of.$was" "$work/of.$will" 2>&1 | tail -n 1)
    [[ $state == *' old, '*' new, 0 other' ]] || bad+="run $i: $state"$'\n'
    [[ $state == 0\ old* || $state == *' 0 new'* ]] || between=$((between + 1))
    # In turn: rerun to its end, or the other table's over what is there.
    if ((i % 5 == 4)); then
        batch -t $will
        [ "$code" = 0 ] || bad+="rerun $i: status $code: $(cat "$work/err")"$'\n'
        diff -r "$lake" "$work/of.$will" >"$work/diff" || bad+="rerun $i: $(head -n 3 "$work/diff")"$'\n'
    fi
    other=$was was=$will will=$other
done
note "killed $kills times in a run of $took us; $between times between the states"
is "$bad" '' 'killed at 20 moments: old or new, nothing is left, and the rerun is byte-identical'
is "$((kills >= 5))" 1 'most of them in the middle'
batch -t $was
is "$code $(diff -r "$lake" "$work/of.$was" && echo same)" '0 same' 'the last rerun'
batch
equals_sql 'the files equal SQL'
is "$(find "${TMPDIR:-/tmp}" "$work" -maxdepth 1 \( -name 'tuberia-batch.*' -o -name '*.run' \) -user "$(id -u)" -newer "$work/of.ventas" 2>/dev/null)" '' \
    'nothing is left of those that were killed'
done_testing
