# Every case about what is published, and --verify, once more: the directory is a bucket in truth.
# timeout: 300
# once: what a bucket is told does not depend on the build, and other tests talk to one with each.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/aws.sh"
. "$TOP/tests/lib/s3.sh"
here=$(cd "$(dirname "$0")" && pwd)
s3_start

mkdir -p "$work/b/bin"
for tool in "$TUBERIA_BIN"/*; do
    ln -s "$tool" "$work/b/bin/"
done
rm "$work/b/bin/s3-partition"
{
    printf '#!/bin/sh\nexport S3_TOOL=%q S3_PORT=%q S3_GATE=%q\n' \
        "$TUBERIA_BIN/s3-partition" "$(cat "$work/s3rver.port")" "$GATE"
    # shellcheck disable=SC2016
    printf 'exec /usr/bin/python3 %q "$@"\n' "$here/_on_s3.py"
} >"$work/b/bin/s3-partition"
chmod +x "$work/b/bin/s3-partition"

# Not these: what is in the way of a directory, and where a path leads.
tests=()
for test in "$here"/*.case "$here/verify.sh"; do
    case $test in
    */destination-that-cannot-be-made.case | */symbolic-links-* | */verify-of-nothing.case) continue ;;
    esac
    tests+=("$test")
done
env -u TUBERIA_BIN "$TOP/tests/run" -b "$work/b" "${tests[@]}" >"$work/out" 2>&1
code=$?
is "$code" 0 "all of them: $(tail -n 1 "$work/out")"
[ $code = 0 ] || note "$(cat "$work/out")"
is "$((${#tests[@]} > 25))" 1 'and they are many'
is "$(gate_seen '.requests | [.PutObject, .GetObject, .ListObjectsV2, .DeleteObject] | map(. > 0) | all')" true \
    'they were at S3 indeed'
is "$(gate_seen '.refused')" '{}' 'and nothing was refused there'

done_testing
