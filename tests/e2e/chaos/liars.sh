# once
# timeout: 400
# Can the chaos run catch a liar? Each of these breaks the protocol in one place, and the run must fail, for the
# right reason; with an honest stand-in in the same place it must pass.
. "$(dirname "$0")/_chaos.sh"

chaos_shop
bin=$work/bin
export HONEST=$TUBERIA_BIN

# A short storm that is hard on each of them.
n=0
while IFS= read -r entry; do
    printf '{"round": 1, "n": %d, "entry": {%s}}\n' $((++n)) "$entry"
done >"$work/schedule" <<'END'
"fault": "kill", "stages": ["window-agg"], "wait": true, "pause": 0.3
"fault": "stop", "stage": "ddb-put", "seconds": 1, "signal": "KILL", "wait": true, "pause": 0.1
"fault": "kill", "stages": ["ddb-put"], "wait": true, "pause": 0.05
"fault": "kill", "stages": ["pg-tail", "window-agg", "ddb-put"], "wait": true, "pause": 0.08
"fault": "kill-group", "wait": true, "pause": 0.02
END

# The tools, each a link; and the script, which finds them beside itself.
new_bin() {
    rm -rf "$bin"
    mkdir "$bin"
    ln -s "$TUBERIA_BIN"/* "$bin"
    cp "$TOP/scripts/realtime-pipeline" "$bin"
}

# in_front STAGE OPTION KIND: when it is started with that option, a filter stands in front of it.
in_front() {
    rm "$bin/$1"
    cat >"$bin/$1" <<-END
	#!/bin/bash
	for ((i = 1; i < \$#; i++)); do
	    [[ \${@:i:1} != --ack-file ]] || export ACK_FILE=\${@:i+1:1}
	done
	case " \$* " in
	*' $2 '*) exec $TUBERIA_BIN/$1 "\$@" < <(exec $chaos/liar.py $3) ;;
	esac
	exec $TUBERIA_BIN/$1 "\$@"
	END
    chmod +x "$bin/$1"
}

# patch SED-SCRIPT: a changed copy of realtime-pipeline. The change must change something.
patch() {
    sed -i "$1" "$bin/realtime-pipeline"
    ! cmp -s "$bin/realtime-pipeline" "$TOP/scripts/realtime-pipeline" || not_ok "the patch applies: $1"
}

# caught NAME WHAT REGEX: the storm over what is in $bin; the names of what failed must match, or be none.
caught() {
    local failed
    sql 'TRUNCATE ventas' && sales 500
    rm -rf "${store:?}"* "$work/pipeline.err" "$work/verdicts"
    TUBERIA_BIN=$bin PATH=$bin:$PATH "$chaos/storm.py" --store "$TUBERIA_STORE" --directory "$work" ${disk:+--disk "$disk"} \
        --replay "$work/schedule" --patience 3 >"$work/summary" 2>&1 -- --name "$1"
    failed=$(sed -n 's/^not ok\t//p' "$work/verdicts")
    sql_metrics >"$work/expected"
    store_metrics >"$work/got"
    cmp -s "$work/expected" "$work/got" || failed+=$'\nthe store differs from SQL'
    like "$failed" "$3" "$1: $2"
    [ -s "$work/verdicts" ] || note "$(cat "$work/summary")"
    sql "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots" >/dev/null
}

sink=(ddb-put --checkpoint) aggregate=(window-agg --emit)
for honest in sink aggregate; do
    declare -n where=$honest
    new_bin
    in_front "${where[@]}" honest
    caught "honest_$honest" 'an honest stand-in: the run passes' '^$'
done
for liar in 'drop|a record is lost at a restart' 'double|a record comes twice at a restart' \
    'forget|a retraction is lost at a restart'; do
    new_bin
    in_front "${aggregate[@]}" "${liar%%|*}"
    caught "${liar%%|*}" "${liar#*|}" 'the store differs from SQL'
done
new_bin
in_front "${sink[@]}" overtake
caught overtake 'barriers overtake the record before them' 'the store differs from SQL'
new_bin
in_front "${sink[@]}" swallow
caught swallow 'a barrier is lost' 'ended with status 65, for good'
new_bin
in_front "${sink[@]}" acknowledge
caught acknowledge 'the sink acknowledges before it commits' 'ended with status 78, for good'

new_bin
ln -sf "$chaos/liar.py" "$bin/ddb-put"
caught apart 'the sink commits records and barrier, not in one transaction' 'the store differs from SQL'

new_bin
patch 's/--ack-file "$run_dir\/ack" "${verbosely/"${verbosely/'
caught mute 'the sink acknowledges nothing' 'no slot holds WAL back'
new_bin
# From the position before: the number of the epoch is the newest.
patch '/^    rm -f -- "$run_dir"\/ack\*$/i\
    old=$(cat '"$work/old"' 2>/dev/null); printf "%s" "$(member "$checkpoint" pos)" >'"$work/old"'\
    [[ ! $old || ! $checkpoint ]] || checkpoint=${checkpoint/"$(member "$checkpoint" pos)"/$old}'
rm -f "$work/old"
caught stale 'a restart from an older position' 'ended with status (65|78), for good'
new_bin
patch 's/^    rmdir -- "$run_dir".*/    :/'
caught litter 'a directory is left' 'no file but the store is left'
new_bin
patch 's/^    judge$/    judge; sleep 1000 \&/'
caught orphan 'a process is left' 'no process is left'
done_testing
