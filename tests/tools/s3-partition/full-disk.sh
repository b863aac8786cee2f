# A disk without room, for the temporary file or for the destination: temporary, nothing is published, and with room
# the next run does it.
. "$(dirname "$0")/../../lib/tap.sh"
here=$(dirname "$0")

if [ -d /dev/shm ]; then # what is no small disk need not be a slow one
    rm -rf "$work"
    work=$(mktemp -d /dev/shm/tuberia-XXXXXX) || exit 1
fi

awk 'BEGIN { srand(1); for (i = 0; i < 60000; i++) printf "{\"p\":\"p%d\",\"m\":%d.%02d,\"x\":\"%s\"}\n", i % 7, i, i % 100, rand() rand() rand()
    print "{\"@end\":{\"records\":60000}}" }' >"$work/in"
partition() { s3-partition --layout '{p}' --sum m "$@" <"$work/in"; }

mkdir "$work/small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=1m tuberia-test "$work/small" 2>/dev/null; then
    at_exit 'umount "$work/small"'
    run partition --to "$work/pub" --temporary "$work/small" --compress none
    like "$code $(cat "$work/err")" "^75 s3-partition: .*a temporary file in $work/small: No space left on device$" \
        'no room for the temporary file'
    is "$(find "$work/pub" 2>/dev/null)" '' 'nothing is published'
    run partition --to "$work/small/pub" --temporary "$work" --compress none
    is "$code" 75 'no room in the destination'
    like "$(cat "$work/err")" "^s3-partition: $work/small/pub/p[0-6]/part-.*: No space left on device$" 'says so'
    is "$(python3 "$here/_check.py" "$work/small/pub")" '0 partitions, 0 rows, 0 without _SUCCESS' 'nothing claims to be whole'
    mount -o remount,size=64m "$work/small"
    passes 'with room again it is published' partition --to "$work/small/pub" --temporary "$work" --compress none
    is "$(python3 "$here/_check.py" "$work/small/pub")" '7 partitions, 60000 rows, 0 without _SUCCESS' 'whole'
else
    skip 'a disk without room' 'mounting a small one takes root'
fi

mkdir "$work/d"
partition --to "$work/full" >/dev/full 2>"$work/err"
is "$? $(cat "$work/err")" '75 s3-partition: cannot write: No space left on device' 'no room for the report'
is "$(python3 "$here/_check.py" "$work/full")" '7 partitions, 60000 rows, 0 without _SUCCESS' 'all is published nevertheless'

# Thousands of partitions in little memory.
awk 'BEGIN { srand(2); for (i = 0; i < 200000; i++) printf "{\"p\":%d,\"m\":0.01}\n", int(rand() * 1000) }' >"$work/many"
run s3-partition --to "$work/many.out" --layout '{p}' --sum m --plain --memory 1 -v <"$work/many"
is "$code" 0 '1000 partitions with 1 MB of records in memory'
if [[ $(cat "$work/err") =~ at\ most\ ([0-9]+)\ kB\ of\ records\ held,\ of\ 1024\ kB\;\ put\ aside\ ([0-9]+)\ kB ]]; then
    # The buffer that brought it over the limit is counted too.
    is "$((BASH_REMATCH[1] < 1100 && BASH_REMATCH[2] > 1000))" 1 "bounded: ${BASH_REMATCH[0]}"
else
    not_ok 'says how much it held' "$(cat "$work/err")"
fi
is "$(python3 "$here/_check.py" "$work/many.out")" '1000 partitions, 200000 rows, 0 without _SUCCESS' 'all there'

done_testing
