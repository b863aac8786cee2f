# What ddb-put(1) says that it costs is what DynamoDB counts: units of the table, and of the indexes.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/dynamodb.sh"
dynamodb_start
export TUBERIA_STORE=dynamodb:metricas
ddb-put --create-table

sale() {
    printf '{"id":"%s#%s#2024-01-01","cliente_id":%s,"producto":"%s","num_transacciones":1,"monto_total":1.25,"fecha_hora":"2024-01-01T00:00:00"}\n' "$1" "$2" "$1" "$2"
}
barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p%d","time":"2024-01-01T00:00:00Z"}}\n' "$1" "$1"; }
end() { echo '{"@end":{"records":0}}'; }

# costs NAME EXPECTED: a run over what stands on stdin takes so many units of writing, of writing into indexes.
costs() {
    gate_measures
    passes "$1" ddb-put --checkpoint a
    is "$(gate_seen '[.units.write, .units.index // 0] | tostring')" "$2" "$1: write units, index writes"
}

# Once for a run: the store's item, the checkpoint's owner; at the first epoch its generation. Then two for an epoch, and
# one for each item. Of a new item, its rollups and it, four are in each of the two indexes.
costs "an epoch with one new id" '[11,8]' < <(sale 1 a; barrier 1; end)
costs "another with the same" '[10,0]' < <(barrier 1; sale 1 a; barrier 2; end)
costs "nothing but the beginning" '[2,0]' < <(barrier 2; end)
costs "idle barriers, one each" '[4,0]' < <(barrier 2; barrier 3; barrier 4; end)
costs "twenty sales of one id are one update" '[10,0]' < <(barrier 4; for i in {1..20}; do sale 1 a; done; barrier 5; end)
costs "two ids share two rollups, one is new" '[14,6]' < <(barrier 5; sale 1 a; sale 1 b; barrier 6; end)
costs "ten customers, two products" '[68,90]' < <(barrier 6; for i in {1..10}; do sale "$i" a; sale "$i" b; done; barrier 7; end)

gate_measures
passes "a reader" metrics-query cliente 1
read=$(gate_seen .units.read)
note "$read read units"
is "$(gate_seen '[.units.read <= 2, .units.write] | tostring')" '[true,null]' "reads a few items, for half a unit each"
gate_measures
passes "a consistent one" metrics-query cliente 1 --consistent
is "$(gate_seen "[.units.read > $read, .units.read <= 2 * $read] | tostring")" '[true,true]' "takes up to twice that"
done_testing
