# timeout: 240
# metrics-cgi answers from DynamoDB as it does from SQLite, by the program that it becomes for that.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/dynamodb.sh"
. "$(dirname "$0")/_api.sh"

dynamodb_start
sqlite=$TUBERIA_STORE
{
    metric 17850 85123A 2010-12-01 2 30.60
    metric 17850 71053 2010-12-01 1 20.34
    metric 13047 "a b#c*" 2010-12-03 1 99999999999999999999999999999999.99
} >"$work/metrics"
ddb-put --create-table dynamodb:metricas 2>"$work/create.err" || note "$(cat "$work/create.err")"
for store in "$sqlite" dynamodb:metricas; do
    TUBERIA_STORE=$store
    epoch 1 1 <"$work/metrics"
done
norte=$(api-key add norte)
sur=$(api-key add sur --productos 85123A,x)
for uri in /metricas/cliente/17850 '/metricas/cliente/17850?fecha=2010-12-01&producto=71053' /metricas/producto/a%20b%23c%2A \
    /metricas/cliente/99 /metricas/producto/71053; do
    for key in "$norte" "$sur" ''; do
        by_hand "$uri" HTTP_X_REQUEST_ID=x ${key:+HTTP_X_API_KEY="$key"} TUBERIA_STORE="$sqlite"
        wanted="$status $body"
        by_hand "$uri" HTTP_X_REQUEST_ID=x ${key:+HTTP_X_API_KEY="$key"} TUBERIA_STORE=dynamodb:metricas TUBERIA_API_DEADLINE=20s
        is "$status $body$(cat "$work/err")" "$wanted" "${wanted:0:3} $uri"
    done
done
by_hand /health TUBERIA_STORE=dynamodb:metricas TUBERIA_API_DEADLINE=20s
like "$status $body" '^200 \{"status":"ok","as_of":.*"epoch":1\}$' "/health"
by_hand /health TUBERIA_STORE=dynamodb:metricas AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1 TUBERIA_API_DEADLINE=1s
like "$code $status" '^0 50[34]$' "nobody is there"

done_testing
