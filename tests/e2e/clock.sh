# once
# timeout: 180
# The clock on the wall is set back while the pipe waits for a stage that has hung: the wait is as long as ever.
. "$(dirname "$0")/_lib.sh"

library=$(compgen -G '/usr/lib/*/faketime/libfaketime.so.1') || skip_all 'libfaketime is not here'
shop
sales 100
echo +0 >"$work/clock"
FAKETIME_TIMESTAMP_FILE=$work/clock FAKETIME_CACHE_DURATION=1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 \
    LD_PRELOAD=$library pipeline_start --filter 'cat >/dev/null; sleep 1000'
started=$pipeline
wait_for 30 stage ddb-put >/dev/null
kill -9 "$(stage ddb-put)"
echo -3600 >"$work/clock"
waits_again() { grep -q 'ddb-put was killed by SIGKILL; starting again' "$work/pipeline.err"; }
wait_for 40 waits_again
is "$?" 0 'a stage that has hung is ended in time, though the clock is set back by an hour'
pipeline_stop
is "$code" 0 'SIGTERM: exit status 0'
rm -f /dev/shm/*faketime_s*_"$started"
done_testing
