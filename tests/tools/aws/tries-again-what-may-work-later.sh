# Faults: what is tried again, how often, and what is said in the end.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_probe.sh"
gate_start

for fault in throttle error-500 error-503 reset-before reset-after truncate bad-crc; do
    gate_rules "[{\"fault\": \"$fault\", \"times\": 3}]"
    asks "$fault, three times: answered in the end" 0 '^200 ' "${LIST[@]}"
    is "$(gate_seen ".faults.\"$fault\"")" 3 "after three faults"
done

export AWS_MAX_ATTEMPTS=4
gate_rules '[{"fault": "throttle"}]'
asks "throttled for good: a temporary failure" 75 'ListTables: ProvisionedThroughputExceeded' "${LIST[@]}"
is "$(gate_seen .faults.throttle)" 4 "after as many attempts as AWS_MAX_ATTEMPTS says"
gate_rules '[{"fault": "error-503"}]'
asks "trouble for good: temporary too" 75 'ServiceUnavailable' "${LIST[@]}"
gate_rules '[{"fault": "bad-crc"}]'
asks "never a right checksum: unavailable" 69 'x-amz-crc32' "${LIST[@]}"
gate_rules '[{"fault": "denied"}]'
asks "not allowed: not tried again" 77 'AccessDeniedException' "${LIST[@]}"
is "$(gate_seen .faults.denied)" 1 "one attempt"
AWS_ENDPOINT_URL=http://127.0.0.1:1 asks "nobody there: unavailable" 69 \
    'dynamodb at http://127.0.0.1:1: ListTables: .*[Cc]onnect' "${LIST[@]}"
AWS_MAX_ATTEMPTS=1 AWS_ENDPOINT_URL=http://no-such-host.invalid asks "no such host: unavailable" 69 'resolve' "${LIST[@]}"
export AWS_MAX_ATTEMPTS=100

gate_rules '[{"fault": "throttle", "every": 3}, {"fault": "reset-after", "every": 5}, {"fault": "truncate", "every": 7}]'
asks "a stream of faults" 0 '' "${LIST[@]}" 500 10
is "$(grep -c '^200 {}$' "$work/out")" 500 "every call is answered once"
AWS_RETRY_MODE=adaptive asks "adaptive mode" 0 '' "${LIST[@]}" 200 10
is "$(grep -c '^200 {}$' "$work/out")" 200 "the same"
AWS_RETRY_MODE=never asks "a mode that is none" 78 'AWS_RETRY_MODE' "${LIST[@]}"
AWS_MAX_ATTEMPTS=0 asks "a number that is none" 78 'AWS_MAX_ATTEMPTS' "${LIST[@]}"

unset AWS_MAX_ATTEMPTS

# Clocks: an hour ahead, an hour behind, and a service that does not tell the time.
for off in 3600 -3600; do
    gate_rules '[]'
    gate_clock "$off"
    asks "a clock that is $off seconds off is corrected" 0 '^200' "${LIST[@]}"
    asks "for all calls in flight" 0 '' "${LIST[@]}" 50 10
    is "$(grep -c '^200 {}$' "$work/out")" 50 "all answered"
    is "$(gate_seen '.refused.InvalidSignatureException <= 11')" true "after one refusal each"
done
gate_rules '[{"fault": "no-date", "times": 0}]'
gate_clock 3600
asks "without a Date to go by: the clock is named" 78 "is this machine's clock right?" "${LIST[@]}"


done_testing
