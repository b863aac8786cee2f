# timeout: 300
# once: it is about the script, whose stages others run under sanitizers.
# Two pipelines never write one store; two stores may follow one table.
. "$(dirname "$0")/_lib.sh"

shop
sales 100
pipeline_start
wait_for 60 epoch_above 0

run realtime-pipeline
is "$code" 75 'a second instance on the same store: status 75'
like "$(cat "$work/err")" "another instance writes (sqlite|dynamodb):.*: .*pid $pipeline " 'it names the holder'
run realtime-pipeline --name other
is "$code" 75 'under another name too: it is the same file'

TUBERIA_STORE=sqlite:$work/other.db run realtime-pipeline --once
is "$code" 78 "another store with the same slot: refused, it would take the first one's"
like "$(cat "$work/err")" 'slot tuberia_realtime exists, but sqlite:.*/other.db has no checkpoint' 'and says why'
TUBERIA_STORE=sqlite:$work/other.db run realtime-pipeline --name other --once
is "$code" 0 'another store under another name: follows the same table'

# Past the lock (another machine, say): the checkpoint has an owner, the elder one notices.
before=$(epoch)
wait_for 60 epoch_above "$before"
checkpoint=$(ddb-put --show-checkpoint realtime "$TUBERIA_STORE")
printf '%s\n{"@end":{"records":0}}\n' "$checkpoint" | ddb-put --checkpoint realtime "$TUBERIA_STORE" 2>"$work/err"
pipeline_end
is "$code" 77 'an instance whose checkpoint was taken over ends with status 77'
like "$(cat "$work/pipeline.err")" 'ddb-put' 'and names the stage'
run realtime-pipeline --once
is "$code" 0 'the next start goes on'
equals_sql 'the store equals SQL'
done_testing
