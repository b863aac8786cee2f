# once
# timeout: 400
# The chaos run in its short form (make chaos is the long one): everything is killed, stopped, cut off and starved, at
# random, while sales go on; then the store equals SQL in every item and rollup, and nothing is left behind.
# The second round begins with another snapshot, in the storm. CHAOS_SEED: another sequence of faults.
. "$(dirname "$0")/_chaos.sh"

chaos_shop 20000
seed=${CHAOS_SEED:-1}
for round in 1 2; do
    storm --seed "$seed" --round "$round" --faults 32 --copy $((round == 1 ? copy : 0)) ${rebuild:+--rebuild}
    rebuild=1
done
is "$(wc -l <"$work/faults.log")" 64 'all faults are in the log'
! failed || note "seed $seed" "$(tail -n 20 "$work/faults.log")" "$(tail -n 40 "$work/pipeline.err")"
done_testing
