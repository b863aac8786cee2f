# S3 that fails at random, and kill -9 at every single request and at 30 moments by chance: by their manifests all
# partitions are as they were or as they will be, and the rerun ends right.
# timeout: 600
# once: the requests are the same with each build, and they are many.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/aws.sh"
. "$TOP/tests/lib/s3.sh"
here=$(cd "$(dirname "$0")" && pwd)
if [ -d /dev/shm ]; then # the disk is not what is tested
    rm -rf "$work"
    work=$(mktemp -d /dev/shm/tuberia-XXXXXX) || exit 1
fi
s3_start

sales() { # DAYS FACTOR PROVIDERS
    awk -v days="$1" -v factor="$2" -v providers="$3" 'BEGIN {
        for (d = 1; d <= days; d++)
            for (i = 0; i < 20 * length(providers); i++)
                printf "{\"p\":\"%s\",\"m\":%d.%02d,\"t\":\"2024-03-%02dT%02d:00:00\"}\n",
                    substr(providers, i % length(providers) + 1, 1), i * factor, d, d, i % 24
    }'
}
how=(--layout 'p_{p}/day=%F' --time t --sum m --threads 1 --plain)
partition() { s3-partition "${how[@]}" --to "$@"; }
whole() { python3 "$here/_check.py" "$@" 2>&1 | tail -n 1; }
# The state at the server, when all that was sent has been done.
state() {
    s3_idle
    s3_copy lake "$work/at"
    whole "$work/at" "$work/old" "$work/new"
}

# ---- faults ----

sales 8 1 abc >"$work/in"
awk 'BEGIN { srand(1); for (i = 0; i < 300000; i++) printf "{\"p\":\"big\",\"m\":%d.%02d,\"x\":\"%s\",\"t\":\"2024-03-01T10:00:00\"}\n", i, i % 100, rand() rand() rand() }' >>"$work/in"
partition "$work/dir" -c none <"$work/in" >"$work/dir.out"
gate_rules '[{"fault": "error-500", "every": 13}, {"fault": "throttle", "every": 9}, {"fault": "error-503", "every": 19},
    {"fault": "reset-before", "every": 11}, {"fault": "reset-after", "every": 12}, {"fault": "truncate", "every": 14},
    {"fault": "hang-after", "skip": 20, "times": 1}, {"fault": "late-error", "op": "CompleteMultipartUpload", "times": 1}]'
# One request is never answered: that is noticed after 30 seconds.
export AWS_MAX_ATTEMPTS=25 # none is unlucky so often
run partition s3://lake/lake -c none <"$work/in"
is "$code" 0 'published in spite of errors, resets, lost and truncated answers, and silence'
[ "$code" = 0 ] || note "$(cat "$work/err")"
same_files "$work/out" "$work/dir.out" 'and the same is said'
note "$(gate_seen '.faults | tostring')"
is "$(gate_seen '.faults | length')" 8 'all of those came'
run s3-partition --verify s3://lake/lake
is "$code" 0 'read again in spite of them'
is "$(gate_seen '.uploads | tostring')" '[]' 'no upload is left'
unset AWS_MAX_ATTEMPTS
gate_rules '[]'
s3_copy lake "$work/at"
passes 'byte for byte what a directory holds' diff -r "$work/at" "$work/dir"
gate_rules '[{"fault": "error-500", "op": "PutObject", "skip": 30}]'
sales 8 2 abc | AWS_MAX_ATTEMPTS=2 partition s3://lake/lake -c none >"$work/out" 2>"$work/err"
is "$? $(grep -c 'InternalError: We encountered' "$work/err")" '75 1' 'trouble that stays is temporary, and said'
gate_rules '[]'
sales 8 2 abc | partition s3://lake/lake -c none >"$work/out"
passes 'the rerun ends right' s3-partition --verify s3://lake/lake

# ---- kill -9 at every request ----

sales 2 1 ab >"$work/in.old"
sales 2 2 ac >"$work/in.new" # one partition a day is new, one is not touched
partition "$work/old" <"$work/in.old" >/dev/null
cp -a "$work/old" "$work/new"
partition "$work/new" <"$work/in.new" >/dev/null
s3_cli s3 rm --quiet --recursive s3://lake
partition s3://lake/lake <"$work/in.old" >/dev/null
s3_keep "$work/old.tar"
gate_rules '[]'
partition s3://lake/lake <"$work/in.new" >/dev/null
requests=$(gate_seen '[.requests[]] | add')
is "$(state)" '0 old, 6 new, 0 without _SUCCESS' 'the state behind'
is "$((requests > 20))" 1 "$requests requests"

bad='' states=''
for ((i = 0; i < requests; i++)); do
    s3_back "$work/old.tar"
    rm -f "$work/pid"
    # The last one killed before its request is carried out, all others with the answer on its way.
    when=$([ $((i + 1)) = "$requests" ] && echo before || echo after)
    gate_rules "[{\"fault\": \"kill-$when\", \"skip\": $i, \"times\": 1, \"pid\": \"$work/pid\"}]"
    s3-partition "${how[@]}" --to s3://lake/lake <"$work/in.new" >"$work/out" 2>"$work/err" &
    pid=$!
    echo $pid >"$work/pid.new" && mv "$work/pid.new" "$work/pid"
    wait $pid 2>/dev/null
    [ $? = 137 ] || bad+="$i: not killed: $(cat "$work/err")"$'\n'
    at=$(state)
    states+="$at"$'\n'
    [[ $at == *' old, '*' new, '* ]] || bad+="killed at request $i: $at"$'\n'
    partition s3://lake/lake <"$work/in.new" >/dev/null 2>"$work/err" || bad+="rerun $i: $(cat "$work/err")"$'\n'
    s3_copy lake "$work/at"
    diff -r "$work/at" "$work/new" >"$work/diff" || bad+="rerun $i: $(head -n 3 "$work/diff")"$'\n'
done
is "$bad" '' "killed at each of $requests requests: old or new, and the rerun gives the new state"
note "$(sort <<<"$states" | uniq -c)"
is "$(($(sort -u <<<"$states" | grep -c .) >= 4))" 1 'states in between were met'

# ---- by chance ----

sales 10 3 abc >"$work/in.old"
sales 10 5 abc >"$work/in.new"
rm -rf "$work/old" "$work/new"
partition "$work/old" <"$work/in.old" >/dev/null
partition "$work/new" <"$work/in.new" >/dev/null
s3_back "$work/old.tar"
gate_rules '[]'
partition s3://lake/lake <"$work/in.old" >/dev/null
begun=$(date +%s%N)
partition s3://lake/lake <"$work/in.new" >/dev/null
took=$((($(date +%s%N) - begun) / 1000))
RANDOM=${SEED:-11} bad='' kills=0 between=0
mv "$work/in.old" "$work/in.x" && mv "$work/in.new" "$work/in.old" && mv "$work/in.x" "$work/in.new"
for ((i = 0; i < 30; i++)); do
    s3-partition "${how[@]}" --to s3://lake/lake <"$work/in.new" >/dev/null 2>&1 &
    pid=$!
    delay=$((RANDOM * RANDOM % (took + 1)))
    sleep "$((delay / 1000000)).$(printf %06d $((delay % 1000000)))"
    kill -9 $pid 2>/dev/null && kills=$((kills + 1))
    wait $pid 2>/dev/null
    at=$(state)
    [[ $at == *' old, '*' new, '* ]] || bad+="$at"$'\n'
    [[ $at == *' 0 without _SUCCESS' ]] || between=$((between + 1))
    # Back and forth, so that each run has something to change.
    mv "$work/in.old" "$work/in.x" && mv "$work/in.new" "$work/in.old" && mv "$work/in.x" "$work/in.new"
done
note "killed $kills times in a run of $took us; $between times with partitions between the states"
is "$bad" '' 'killed at 30 moments: never a partition that is neither old nor new'
is "$((kills >= 5))" 1 'and most of them were in mid-run'
partition s3://lake/lake <"$work/in.new" >/dev/null
passes 'the last run repairs all' s3-partition --verify s3://lake/lake

done_testing
