#!/usr/bin/env bash
# 406,829 real sales with returns, whose totals were computed by others (Python's Decimal, DuckDB,
# PostgreSQL). They are not part of the repository: TUBERIA_SHARED says where they are.
. "$(dirname "$0")/../../lib/tap.sh"

shared_data ref_minuto.csv.gz || skip_all "no real sales at $data"
per_minute=$data
shared_data ref_cliente.csv.gz || skip_all "no $data"
per_client=$data
shared_data ventas_real.csv.gz || skip_all "no $data"

sales() {
    gzip -dc "$data" | awk -F, 'NR > 1 {
        printf "{\"cliente_id\":%s,\"producto\":\"%s\",\"monto\":%s,\"fecha\":\"%s\"}\n", $2, $3, $4, $5
    }'
}
# Values as they stand, in the order of the record: jq would make doubles of the sums.
values() { sed 's/[{}"]//g; s/\(^\|,\)[a-z_]*:/\1/g'; }

sales | window-agg --time fecha=minuto --window 1m --count n --sum monto=suma | values |
    awk -F, '{ print substr($3, 1, 16) "," $1 "," $2 }' >"$work/got"
gzip -dc "$per_minute" | tail -n +2 >"$work/expected"
same_files "$work/got" "$work/expected" "every minute: count and exact sum"

# One window over all: days since 1970 that fall into one multiple of 3650.
sales | window-agg --time fecha --window 3650d --by cliente_id --no-id --count n --sum monto=suma | values |
    cut -d, -f1-3 | sort >"$work/got"
gzip -dc "$per_client" | tail -n +2 | sort >"$work/expected"
same_files "$work/got" "$work/expected" "every customer: count and exact sum"

is "$(sales | window-agg --time fecha --window 3650d --count n --sum monto=suma)" \
    '{"n":406829,"suma":8300065.814,"fecha_hora":"2009-12-22T00:00:00"}' "the grand total"
done_testing
