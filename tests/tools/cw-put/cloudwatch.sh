# timeout: 240
# Into CloudWatch: each request is signed and formed as botocore wants it, and the AWS CLI's own requests pass
# through the same gate first. What could not be sent is merged, and nobody waits for it.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/aws.sh"
cd "$work" || exit 1

/usr/bin/python3 "$TOP/tests/lib/cloudwatch.py" "$work/cloudwatch.port" >cloudwatch.log 2>&1 &
cloudwatch=$!
at_exit "kill $cloudwatch 2>/dev/null; wait $cloudwatch 2>/dev/null"
wait_for 30 test -s cloudwatch.port || note "$(cat cloudwatch.log)"
gate_start --upstream "$(cat cloudwatch.port)"
data() {
    /usr/bin/python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())' \
        "http://127.0.0.1:$(cat cloudwatch.port)/__data__" | jq -r "$1"
}

# The oracle's oracle: what the AWS CLI says of the same things is accepted, and what it says wrongly is not.
now=$(date -u +%Y-%m-%dT%H:%M:00Z)
cli() { AWS_PAGER='' AWS_DEFAULT_REGION=$AWS_REGION /usr/bin/aws cloudwatch "$@" --endpoint-url "$GATE"; }
passes "the AWS CLI: PutMetricData" cli put-metric-data --namespace Cli --metric-data \
    "MetricName=M,Timestamp=$now,StatisticValues={SampleCount=2,Sum=3.5,Minimum=1,Maximum=2.5},Dimensions=[{Name=k,Value=a b}]"
is "$(data '.metrics[] | select(.namespace == "Cli") | [.name, .sum, .max, .count, .dimensions.k] | @csv')" '"M",3.5,2.5,2,"a b"' \
    "is understood"
passes "the AWS CLI: PutMetricAlarm" cli put-metric-alarm --alarm-name A --namespace Cli --metric-name M --statistic Sum \
    --period 60 --evaluation-periods 1 --threshold 5 --comparison-operator GreaterThanThreshold --treat-missing-data missing
fails "the AWS CLI: a time that is too old is refused" 254 cli put-metric-data --namespace Cli --metric-data \
    "MetricName=M,Timestamp=2010-01-01T00:00:00Z,Value=1"
fails "the AWS CLI: two dimensions of one kind of wrong" 254 cli put-metric-data --namespace Cli --metric-data \
    "MetricName=M,Timestamp=$now,Value=1,Dimensions=[{Name=k,Value=ñ}]"

# ---- the same by cw-put ----

minute() { date -u -d "$1" +%Y-%m-%dT%H:%M:00; }
window() { printf '{"producto":"%s","num_transacciones":%s,"monto_total":%s,"monto_maximo":%s,"fecha_hora":"%s"}\n' "$@"; }
gate_rules '[]'
a=$(minute '-3 minutes') b=$(minute '-2 minutes')
{
    window x 2 15.30 9.30 "$a"
    window 'añ' 1 1000.70 1000.70 "$a"
    window x 3 0.05 0.03 "$b"
    window x 1 1 1 2010-12-01T10:00:00
    window x 1 1 1 "$(minute '+3 hours')"
} >windows
run cw-put -v --namespace Uno <windows
is "$code" 0 "windows into CloudWatch"
like "$(cat err)" 'points 4 = sent 2 \+ merged 0 \+ outdated 2 \+ refused 0 \+ lost 0; requests [12]' "what is too old or ahead is not sent, and said"
is "$(data '.metrics[] | select(.namespace == "Uno") | [.name, (.timestamp | strftime("%H:%M")), .count, .sum, .min, .max] | join(" ")')" \
    "$(
        printf 'MontoMaximoXMinuto %s 1 1000.7 1000.7 1000.7\n' "${a:11:5}"
        printf 'MontoMaximoXMinuto %s 1 0.03 0.03 0.03\n' "${b:11:5}"
        printf 'MontoTotalXMinuto %s 2 1016 15.3 1000.7\n' "${a:11:5}"
        printf 'MontoTotalXMinuto %s 1 0.05 0.05 0.05\n' "${b:11:5}"
        printf 'TransaccionesXMinuto %s 2 3 1 2\n' "${a:11:5}"
        printf 'TransaccionesXMinuto %s 1 3 3 3\n' "${b:11:5}"
    )" "sums as statistic sets, merged; the greatest as a value"
head -n 3 windows | cw-put --namespace Dos --by producto
is "$(data '[.metrics[] | select(.namespace == "Dos" and .name == "TransaccionesXMinuto") | .dimensions.producto + "=" + (.sum | tostring)] | sort | join(" ")')" \
    "a%C3%B1=1 x=2 x=3" "dimensions"

# More than a request may have: 900 series of three metrics in one minute, and a second minute.
for m in "$a" "$b"; do for i in $(seq 900); do window "p$i" 1 1.5 1 "$m"; done; done >many
run cw-put -v --namespace Muchos --by producto --max-series 1000 <many
like "$(cat err)" 'points 1800 = sent 1800 .*requests [0-9]+' "many series go in several requests"
is "$(data '[.metrics[] | select(.namespace == "Muchos" and .name == "MontoTotalXMinuto") | .sum] | add, length' | tr '\n' ' ')" "2700 1800 " "each once"
is "$(data '[.requests[] | .metrics] | max <= 1000')" true "of a thousand metrics at most"


# ---- compressed, as the SDKs do it ----

sizes() { data "[.requests[] | select(.op == \"PutMetricData\")] | $1"; }
is "$(sizes 'map(.encoding == (if .bytes >= 10240 then "gzip" else null end)) | all')" true "what has 10,240 bytes is compressed, and nothing else"
passes "to a tenth" test "$(sizes 'map(select(.encoding)) | (map(.bytes) | add) / (map(.sent) | add) | floor')" -ge 10
head -n 200 many >some
mkdir -p home/.aws
packed() { # SETTING…: how the requests were sent, one mostly, several by a slow machine
    before=$(sizes length)
    env "$@" cw-put --namespace Siete --by producto <some && sizes ".[$before:] | map(.encoding // empty) | unique | join(\" \")"
}
is "$(packed A=)" gzip "two hundred series"
is "$(packed AWS_DISABLE_REQUEST_COMPRESSION=true)" "" "not when it is not wanted"
is "$(packed AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES=1000000)" "" "nor when it is called short"
head -n 1 some >one && cp one some
is "$(packed AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES=0)" gzip "a short one, when that is wanted"
printf '[default]\nrequest_min_compression_size_bytes = 1\n' >home/.aws/config
is "$(packed A=)" gzip "as the profile says"
rm home/.aws/config
is "$(data '[.metrics[] | select(.namespace == "Siete" and .name == "TransaccionesXMinuto") | .count] | add')" 602 "and all of it is understood"
AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES=muchos run cw-put <one
like "$code $(cat err)" '^78 .*AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES' "a setting that is none"

# ---- trouble ----

gate_rules '[{"fault": "throttle", "times": 2}, {"fault": "error-503", "times": 1}]'
run cw-put -v --namespace Tres < <(head -n 3 windows)
is "$code $(data '[.metrics[] | select(.namespace == "Tres" and .name == "TransaccionesXMinuto") | .sum] | add')" "0 6" \
    "throttled, and trouble there: in the end it is sent"

gate_rules '[{"fault": "denied"}]'
run cw-put --namespace Cuatro < <(head -n 3 windows)
like "$code $(cat err)" '^77 .*AccessDenied' "not allowed: the tool says so and ends"
AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_MAX_ATTEMPTS=1 run cw-put -v --linger 300ms --namespace Cinco < <(head -n 3 windows)
like "$code $(cat err)" '^75 .*points 2 = sent 0 .* lost 2' "nobody there: what could not be sent is counted"
code=0
(unset AWS_REGION; cw-put --namespace Cinco <windows >out 2>err) || code=$?
like "$code $(cat err)" '^78 .*region' "no region"

# The service hangs: the stream is read on, what comes is merged, and sent when it answers again.
gate_rules '[{"fault": "delay", "seconds": 2, "times": 1}]'
mkfifo feed
barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p","time":"%sZ"}}\n' "$@"; }
now=$(minute now) # and all of it made before, or a slow machine would take longer than the service hangs
for i in $(seq 3 2000); do window x 1 0.01 1 "$a" && barrier "$i" "$now"; done >rest
cw-put -v --namespace Seis --no-zeros <feed 2>err &
pid=$!
exec 3>feed
{ barrier 1 "$a" && window x 1 1 1 "$a" && barrier 2 "$(minute now)"; } >&3
waits() { [ "$(gate_seen '.faults.delay // 0')" = 1 ]; }
wait_for 10 waits
cat rest >&3
printf '{"@end":{"records":1999}}\n' >&3
exec 3>&-
code=0
wait $pid || code=$?
is "$code $(data '[.metrics[] | select(.namespace == "Seis" and .name == "TransaccionesXMinuto") | .sum, .count] | join(" ")')" "0 1999 1999" \
    "while the service does not answer, the stream is read on and merged"
requests=$(sed -n 's/.*requests \([0-9]*\)$/\1/p' err)
passes "in a few requests ($requests)" test "$requests" -lt 200

# ---- alarms and a dashboard ----

gate_rules '[]'
topic=arn:aws:sns:us-east-1:123456789012:ventas
for _ in 1 2; do
    run cw-put --alarms --dashboard --sns "$topic" --alarm-max 999.50
    is "$code$(cat out err)" 0 "--alarms --dashboard"
done
is "$(data '.alarms | del(.A) | keys | join(" ")')" "Tuberia-MontoMaximoXMinuto Tuberia-TransaccionesXMinuto" "two alarms, however often"
is "$(data '.alarms[] | select(.AlarmName != "A") | [.MetricName, .Statistic, .Period, .EvaluationPeriods, .Threshold, .ComparisonOperator, .TreatMissingData, .AlarmActions[0], (.InsufficientDataActions | length)] | join(" ")')" \
    "TransaccionesXMinuto Sum 60 1 1000 GreaterThanThreshold missing $topic 1
MontoMaximoXMinuto Maximum 60 1 999.5 GreaterThanThreshold notBreaching $topic 0" "as the manual says"
is "$(data '.dashboards.Tuberia.widgets | map(.properties | .title + " " + .stat + " " + (.annotations.horizontal[0].value // "-" | tostring)) | join(", ")')" \
    "TransaccionesXMinuto Sum 1000, MontoTotalXMinuto Sum -, MontoMaximoXMinuto Maximum 999.5" "a dashboard of the three metrics"
fails "--alarms with dimensions" 64 cw-put --alarms --by producto
fails "--alarm-sum without a number" 64 cw-put --alarms --alarm-sum muchos

done_testing
