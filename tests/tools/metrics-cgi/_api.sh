# shellcheck shell=bash disable=SC2034,SC2154
# What the tests of the API share: a store, keys, requests by hand. Source it after tap.sh.

export TUBERIA_STORE=sqlite:$work/store/m.db TUBERIA_API_KEYS=$work/keys TUBERIA_API_LIMIT_FILE=$work/limit
mkdir -p "$work/store"

# epoch N SECONDS-AGO < metrics: commit them with a barrier of that age, as a pipeline would.
epoch() {
    { cat && printf '{"@barrier":{"epoch":%d,"pos":"p%d","time":"%s"}}\n' "$1" "$1" \
        "$(date -u -d "-$2 seconds" +%FT%T.%3NZ)" && echo '{"@end":{"records":0}}'; } >"$work/epoch.in"
    # A later run begins with the barrier before.
    if [ "$1" -gt 1 ]; then
        ddb-put --show-checkpoint test "$TUBERIA_STORE" | cat - "$work/epoch.in" >"$work/epoch.both"
        mv "$work/epoch.both" "$work/epoch.in"
    fi
    ddb-put --checkpoint test "$TUBERIA_STORE" <"$work/epoch.in"
}

# metric CLIENTE PRODUCTO DAY COUNT AMOUNT: a record of window-agg, made without it.
metric() {
    local id=$2
    id=${id//%/%25} id=${id//#/%23} id=${id//\*/%2A}
    printf '{"id":"%s#%s#%s","cliente_id":%s,"producto":"%s","num_transacciones":%d,"monto_total":%s,"fecha_hora":"%sT10:00:00"}\n' \
        "$1" "$id" "$3" "$1" "$2" "$4" "$5" "$3"
}

# The store that most tests ask.
make_store() {
    {
        metric 17850 85123A 2010-12-01 2 30.60
        metric 17850 85123A 2010-12-02 1 15.30
        metric 17850 71053 2010-12-01 1 20.34
        metric 13047 85123A 2010-12-03 1 -15.30
        metric 13047 "a b#c*" 2010-12-03 1 99999999999999999999999999999999.99
        metric 9007199254740993 big 2010-12-03 1 0.1
    } | epoch 1 1
}

# by_hand URI [NAME=VALUE...]: a request as CGI; sets code, status and body; headers in $work/head.
by_hand() {
    local uri=$1
    shift
    run env -u HTTP_X_API_KEY REQUEST_METHOD=GET REQUEST_URI="$uri" REMOTE_ADDR=127.0.0.1 GATEWAY_INTERFACE=CGI/1.1 \
        "$@" metrics-cgi
    awk 'body { print; next } /^\r$/ { body = 1; next } { sub(/\r$/, ""); print >head }' \
        head="$work/head" "$work/out" >"$work/body"
    status=$(sed -n 's/^Status: \([0-9]*\) .*/\1/p' "$work/head")
    body=$(cat "$work/body")
}

# header NAME: its value in the last answer.
header() { sed -n "s/^$1: //p" "$work/head"; }
