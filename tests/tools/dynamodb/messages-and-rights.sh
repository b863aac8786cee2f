# What can be wrong with a table, keys, region or clock: each has its message and its status. And the AWS CLI reads what we
# wrote, and the other way round.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/dynamodb.sh"
dynamodb_start

sale='{"id":"1#a#2024-01-01","cliente_id":1,"producto":"a","num_transacciones":2,"monto_total":1.50,"fecha_hora":"2024-01-01T00:00:00"}'
barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p%d","time":"2024-01-01T00:00:00Z"}}\n' "$1" "$1"; }
put() { ddb-put "$@" <<<"$sale"; }
said() { like "$(cat "$work/.err")" "$1" "and says so"; }
export AWS_MAX_ATTEMPTS=2 TUBERIA_STORE=dynamodb:metricas

fails "no table: a writer" 78 put
said "there is no table \"metricas\": ddb-put --create-table dynamodb:metricas makes it \(or is the region another one\?\)"
fails "a reader" 69 metrics-query cliente 1
passes "no checkpoint there" ddb-put --show-checkpoint a
is "$(ddb-put --show-checkpoint a)" '' "is nothing"
passes "nor one to drop" ddb-put --drop-checkpoint a
fails "a name that is none" 78 put "dynamodb:a b"
AWS_REGION=eu-west-1 fails "another region" 77 put
said 'valid region'
AWS_ACCESS_KEY_ID=READONLY fails "no right to write" 77 ddb-put --create-table
passes "the table is made" ddb-put --create-table
passes "twice" ddb-put --create-table
AWS_ACCESS_KEY_ID=READONLY fails "no right to write into it" 77 put
said 'AccessDeniedException: .* is not authorized to perform: UpdateItem \(credentials: environment\)'
AWS_SECRET_ACCESS_KEY=wrong fails "a wrong secret" 77 put
said 'InvalidSignatureException'
gate_rules '[{"fault": "expired"}]'
fails "expired keys" 77 put
said 'the credentials \(environment\) have expired'
gate_rules '[{"fault": "throttle"}]'
fails "throttled for good: try later" 75 put
said 'ProvisionedThroughputExceededException'
gate_rules '[]'
gate_clock 3600
passes "an hour off: corrected" put -v
like "$(cat "$work/.err")" "ddb-put: this machine's clock is (3599|3600|3601) s behind that of dynamodb at http.*; signatures had its time" "and said with -v"
AWS_ACCESS_KEY_ID=READONLY passes "reading needs no more than that right" metrics-query cliente 1
gate_rules '[{"fault": "no-date", "times": 0}]'
gate_clock 3600
fails "an hour off, and no telling by how much" 78 put
said "is this machine's clock right\?"
gate_rules '[]'
AWS_ENDPOINT_URL=http://127.0.0.1:1 fails "nobody there" 69 put

# Somebody else's tool.
aws_cli() { AWS_PAGER='' /usr/bin/aws --endpoint-url "$GATE" --region us-east-1 dynamodb "$@"; }
aws_cli get-item --table-name metricas --key '{"id":{"S":"1#a#2024-01-01"}}' >"$work/item"
is "$(jq -c '[.Item | .num_transacciones.N, .monto_total.N, .cliente_id.N, .producto.S, .fecha.S, .fecha_hora.S]' "$work/item")" \
    '["2","1.5","1","a","2024-01-01","2024-01-01T00:00:00"]' "the AWS CLI reads an item"
aws_cli put-item --table-name metricas --item '{"id":{"S":"*#z#*"},"cliente_id":{"S":"*"},"producto":{"S":"z"},
    "fecha":{"S":"*"},"num_transacciones":{"N":"7"},"monto_total":{"N":"70.25"},"fecha_hora":{"S":"2024-01-01"}}'
is "$(metrics-query producto z)" \
    '{"producto":"z","num_transacciones":7,"monto_total":70.25,"fecha_hora":"2024-01-01"}' "and writes one that we read"
fails "which --verify finds" 65 ddb-put --verify
like "$(cat "$work/.out")" '^\{"id":"\*#z#\*","expected":\{"num_transacciones":0,.*"found":\{"num_transacciones":7' "and shows"

# Indexes, consistent reads, batches of which half comes back.
ddb-put --create-table dynamodb:many
for c in {1..150}; do
    printf '{"id":"%d#a#2024-01-01","cliente_id":%d,"producto":"a","num_transacciones":1,"monto_total":%d,"fecha_hora":"2024-01-01"}\n' "$c" "$c" "$c"
done | ddb-put dynamodb:many
metrics-query top clientes --limit 150 --store dynamodb:many >"$work/all"
is "$(wc -l <"$work/all")" 150 "a listing of more than a batch"
gate_rules '[{"fault": "partial", "op": "BatchGetItem", "times": 3}]'
metrics-query top clientes --limit 150 --store dynamodb:many >"$work/partial"
same_files "$work/partial" "$work/all" "the same when batches come in halves"
is "$(gate_seen .faults.partial)" 3 "which they did"
metrics-query top clientes --limit 150 --consistent --store dynamodb:many >"$work/consistent"
same_files "$work/consistent" "$work/all" "and with consistent reads"

# Expiry.
passes "a table whose days expire" ddb-put --create-table --ttl 30 dynamodb:mortal
passes "takes records" put dynamodb:mortal
is "$(aws_cli get-item --table-name mortal --key '{"id":{"S":"1#a#2024-01-01"}}' | jq -r .Item.caduca.N)" \
    "$(date -u -d '2024-01-31' +%s)" "a day's item has its date"
is "$(aws_cli get-item --table-name mortal --key '{"id":{"S":"1#a#*"}}' | jq -r .Item.caduca.N)" null "a rollup has none"
fails "nothing to verify there" 78 ddb-put --verify dynamodb:mortal
fails "a file has no such thing" 64 ddb-put --create-table --ttl 30 "sqlite:$work/m.db"

# Of two under one name the older one stops.
mkfifo "$work/old"
ddb-put --checkpoint a <"$work/old" 2>"$work/old.err" &
old=$!
exec {to_old}>"$work/old"
{ echo "$sale"; barrier 1; } >&"$to_old"
wait_for 20 eval '[ -n "$(ddb-put --show-checkpoint a)" ]'
{ barrier 1; echo "$sale"; barrier 2; echo '{"@end":{"records":1}}'; } >"$work/new"
passes "the newer one goes on" bash -c "ddb-put --checkpoint a <$work/new"
{ echo "$sale"; barrier 2; } >&"$to_old"
wait $old
is $? 77 "the older one may not commit any more"
like "$(cat "$work/old.err")" "has been taken over by a newer instance: process [0-9]+ on $(hostname), since 20" "and says who does"
is "$(metrics-query cliente 1 | jq .num_transacciones)" 6 "nothing is lost or doubled"

done_testing
