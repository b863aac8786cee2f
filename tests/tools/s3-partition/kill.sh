# kill -9, or a failure, at every single call that changes a file, and at 50 moments by chance: by their manifests all
# partitions are as they were or as they will be, and the rerun ends right.
# timeout: 300
# once: the calls that fail are counted, and sanitizers make calls of their own.
. "$(dirname "$0")/../../lib/tap.sh"
here=$(dirname "$0")

# In memory, where that can be: the disk is not what is tested, and hundreds of runs would wait for it.
if [ -d /dev/shm ]; then
    rm -rf "$work"
    work=$(mktemp -d /dev/shm/tuberia-XXXXXX) || exit 1
fi

gcc -shared -fPIC -O1 -o "$work/faults.so" "$here/_faults.c" 2>"$work/err" || {
    not_ok 'the faults can be built' "$(cat "$work/err")"
    done_testing
}

# sales DAYS FACTOR [PROVIDERS]: 40 sales of each provider a day.
sales() {
    awk -v days="$1" -v factor="$2" -v providers="${3:-ab}" 'BEGIN {
        for (d = 1; d <= days; d++)
            for (i = 0; i < 40 * length(providers); i++) {
                printf "{\"p\":\"%s\",\"m\":%d.%02d,\"t\":\"2024-%02d-%02dT%02d:00:00\"}\n",
                    substr(providers, i % length(providers) + 1, 1), i * factor, d % 100,
                    1 + (d - 1) / 28, 1 + (d - 1) % 28, i % 24
                n++
            }
        print "{\"@end\":{\"records\":" n "}}"
    }'
}
partition() { s3-partition --to "$1" --layout 'p_{p}/day=%F' --time t --sum m --threads 1; }
faulty() { # FAULT AT FILE: into $work/at
    FAULT=$1 FAULT_AT=$2 LD_PRELOAD=$work/faults.so ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 \
        partition "$work/at" <"$3" >"$work/out" 2>"$work/err"
}
# The state before, anew: cheaper than to publish it each time.
before() { rm -rf "$work/at" && cp -a "$work/old" "$work/at"; }
whole() { python3 "$here/_check.py" "$@" 2>&1 | tail -n 1; }

sales 2 1 >"$work/in.old"
sales 2 2 ac >"$work/in.new" # one partition a day is new, one is not touched
partition "$work/old" <"$work/in.old" >/dev/null
is "$?" 0 'the state before'
cp -a "$work/old" "$work/new"
partition "$work/new" <"$work/in.new" >/dev/null
is "$(whole "$work/new" "$work/old" "$work/new")" '0 old, 6 new, 0 without _SUCCESS' 'the state behind'

before
FAULT_COUNT=$work/count faulty none 0 "$work/in.new"
calls=$(cat "$work/count")
note "$calls calls"
is "$((calls > 30))" 1 'enough of them'

bad='' states=''
for ((at = 1; at <= calls; at++)); do
    before
    faulty kill "$at" "$work/in.new"
    state=$(whole "$work/at" "$work/old" "$work/new")
    states+="$state"$'\n'
    [[ $state == *' old, '*' new, '* ]] || bad+="killed at call $at: $state"$'\n'
    partition "$work/at" <"$work/in.new" >/dev/null 2>"$work/err" || bad+="rerun after $at: $(cat "$work/err")"$'\n'
    diff -r "$work/at" "$work/new" >"$work/diff" || bad+="rerun after $at: $(head -n 3 "$work/diff")"$'\n'
done
is "$bad" '' "killed at each of $calls calls: old or new, and the rerun gives the new state, byte for byte"
# shellcheck disable=SC2046
note $(sort <<<"$states" | uniq -c | sed 's/$/;/')
is "$(($(sort -u <<<"$states" | grep -c .) >= 4))" 1 'states in between were met'

bad=''
for ((at = 1; at <= calls; at++)); do
    errno=$((at % 2 ? 28 : 5)) # no room; an error of input or output
    before
    code=0
    faulty $errno "$at" "$work/in.new" || code=$?
    state=$(whole "$work/at" "$work/old" "$work/new")
    # 0: it was a call that does not fail so.
    case $errno:$code:$state in 28:75:* | 5:7[34]:* | 28:0:'0 old, 6 new, 0 without'*) ;; *)
        bad+="errno $errno at call $at: exit status $code, $(cat "$work/err")"$'\n' ;; esac
    [[ $state == *' old, '*' new, '* ]] || bad+="errno $errno at call $at: $state"$'\n'
    partition "$work/at" <"$work/in.new" >/dev/null 2>"$work/err" && diff -r "$work/at" "$work/new" >"$work/diff" ||
        bad+="rerun after $at: $(cat "$work/err") $(head -n 3 "$work/diff")"$'\n'
done
is "$bad" '' 'each of them fails: said, old or new, and the rerun ends right'

# By chance, in a larger run that puts records aside.
sales 60 3 abc >"$work/in.old"
sales 60 5 abc >"$work/in.new"
rm -rf "$work/old" "$work/new"
partition "$work/old" <"$work/in.old" >/dev/null
begun=$(date +%s%N)
partition "$work/new" <"$work/in.new" >/dev/null
took=$((($(date +%s%N) - begun) / 1000))
RANDOM=${SEED:-11} bad='' kills=0 between=0
before
for ((i = 0; i < 50; i++)); do
    partition "$work/at" <"$work/in.new" >/dev/null 2>&1 &
    pid=$!
    delay=$((RANDOM * RANDOM % (took + 1)))
    sleep "$((delay / 1000000)).$(printf %06d $((delay % 1000000)))"
    kill -9 $pid 2>/dev/null && kills=$((kills + 1))
    wait $pid 2>/dev/null
    state=$(whole "$work/at" "$work/old" "$work/new")
    [[ $state == *' old, '*' new, '* ]] || bad+="$state"$'\n'
    [[ $state == *' 0 without _SUCCESS' ]] || between=$((between + 1))
    # Back and forth, so that each run has something to change.
    mv "$work/in.old" "$work/in.x" && mv "$work/in.new" "$work/in.old" && mv "$work/in.x" "$work/in.new"
done
note "killed $kills times in a run of $took us; $between times with partitions between the states"
is "$bad" '' 'killed at 50 moments: never a partition that is neither old nor new'
is "$((kills >= 10))" 1 'and most of them were in mid-run'
partition "$work/at" <"$work/in.new" >/dev/null
is "$(whole "$work/at")" '180 partitions, 7200 rows, 0 without _SUCCESS' 'the last run repairs all'
is "$(find "$work/at" -name '.*' -type f)" '' 'no temporary file is left'
passes '--verify finds no difference' s3-partition --verify "$work/at"

done_testing
