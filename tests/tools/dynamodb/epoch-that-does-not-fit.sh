# timeout: 180
# An epoch with a sum that does not fit is refused as a whole, before anything of it is stored; and what is far from the
# limit, which is all that there ever is, pays nothing for that.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/dynamodb.sh"
dynamodb_start

nines() { printf '9%.0s' $(seq "$1"); }
# sale CUSTOMER AMOUNT [COUNT [PRODUCT]]
sale() {
    printf '{"id":"%s#%s#2024-01-01","cliente_id":%s,"producto":"%s","num_transacciones":%s,"monto_total":%s,"fecha_hora":"2024-01-01T00:00:00"}\n' \
        "$1" "${4:-a}" "$1" "${4:-a}" "${3:-1}" "$2"
}
barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p%d","time":"2024-01-01T00:00:00Z"}}\n' "$1" "$1"; }
# epoch N RECORD...: behind the one before.
epoch() {
    local n=$1
    shift
    [ "$n" = 1 ] || barrier $((n - 1))
    printf '%s\n' "$@"
    barrier "$n"
    printf '{"@end":{"records":%d}}\n' $#
}
put() { ddb-put --checkpoint a; }
sums() { metrics-query producto "${1:-a}" | sed 's/.*"num_transacciones":\([0-9]*\),"monto_total":\([^,]*\),.*/\1 \2/'; }
new_table() {
    export TUBERIA_STORE=dynamodb:$1
    ddb-put --create-table
    gate_rules '[]'
}

new_table far
epoch 1 "$(sale 1 "$(nines 18).25")" "$(sale 2 7)" >"$work/in"
passes "amounts of 20 digits" put <"$work/in"
# The store's item, and once more for the generation; owner, intent, commit; two items with eight rollups.
is "$(gate_seen '[.requests.UpdateItem, .requests.BatchGetItem] | tostring')" '[15,null]' "take not a request more"
epoch 2 "$(sale 1 1.5)" >"$work/in"
gate_rules '[]'
passes "another epoch" put <"$work/in"
is "$(gate_seen '[.requests.UpdateItem, .requests.BatchGetItem] | tostring')" '[10,null]' "neither"
is "$(sums)" "3 1000000000000000007.75" "the sum"

new_table near
epoch 1 "$(sale 1 "$(nines 37)")" >"$work/in"
passes "37 digits: they fit" put <"$work/in"
epoch 2 "$(sale 0 1)" "$(sale 1 "95$(nines 36)")" "$(sale 9 1)" >"$work/in"
gate_rules '[]'
fails "an epoch that does not" 65 put <"$work/in"
like "$(cat "$work/.err")" 'ddb-put: id \*#a#\*: near: monto_total: more than 38 digits' "is refused, and the sum named"
is "$(gate_seen '.requests.UpdateItem')" 2 "before anything of it was written"
is "$(sums)" "1 $(nines 37)" "all is as it was"
is "$(ddb-put --show-checkpoint a)" "$(barrier 1)" "the barrier too"
epoch 2 "$(sale 0 1)" "$(sale 9 0.5 1 b)" >"$work/in"
passes "one that does goes on from there" put <"$work/in"
is "$(sums) $(sums b)" "2 1$(nines 37 | tr 9 0) 1 0.5" "to the last digit"
epoch 3 "$(sale 5 1 9223372036854775807 c)" >"$work/in"
passes "a count up to the limit" put <"$work/in"
epoch 4 "$(sale 7 1)" "$(sale 4 0 1 c)" >"$work/in"
fails "and beyond" 65 put <"$work/in"
like "$(cat "$work/.err")" 'id \*#c#\*: near: num_transacciones: out of range' "is refused likewise"
is "$(sums c) $(sums)" "9223372036854775807 1 2 1$(nines 37 | tr 9 0)" "all is as it was"
epoch 4 "$(sale 7 "0.$(nines 30)" 1 d)" >"$work/in"
passes "30 decimals" put <"$work/in"
epoch 5 "$(sale 8 1)" "$(sale 7 "$(nines 9)" 1 d)" >"$work/in"
fails "and 9 digits in front of them" 65 put <"$work/in"
like "$(cat "$work/.err")" 'id \*#d#\*: near: monto_total: .* 38 digits' "are too many"
passes "every rollup is right" ddb-put --verify

# Begun, cut off in the middle, and begun again: what it has added already is not added up twice.
epoch 5 "$(sale 6 5 1 e)" "$(sale 6 "5$(nines 37)" 1 f)" >"$work/in"
gate_rules '[{"fault": "denied", "op": "UpdateItem", "skip": 9, "times": 1}]'
fails "cut off in the middle" 77 put <"$work/in"
gate_rules '[]'
passes "an epoch that was begun fits" put <"$work/in"
is "$(sums f)" "1 5$(nines 37)" "and is there once"
passes "with all its rollups" ddb-put --verify

# What is known of the sums outlives the checkpoint, and a plain run knows it too.
passes "the checkpoint is dropped" ddb-put --drop-checkpoint a
epoch 1 "$(sale 8 1 1 g)" "$(sale 6 "5$(nines 37)" 1 f)" >"$work/in"
fails "the same sum beyond the limit, under a new one" 65 put <"$work/in"
is "$(metrics-query producto g 2>/dev/null)" '' "is refused as a whole"
{ sale 8 1 1 g; sale 6 "5$(nines 37)" 1 f; } >"$work/plain"
fails "without one" 65 ddb-put <"$work/plain"
like "$(cat "$work/.err")" 'id \*#f#\*: near: monto_total' "too"
is "$(metrics-query producto g 2>/dev/null)" '' "as a whole"
passes "a snapshot replaces the sums" ddb-put --checkpoint a <<EOF2
$(sale 6 "6$(nines 37)" 1 f)
{"@barrier":{"epoch":1,"pos":"s","time":"2024-01-01T00:00:00Z","snapshot":true}}
{"@end":{"records":1}}
EOF2
is "$(sums f)" "1 6$(nines 37)" "whatever they were"

new_table keys
long=$(printf 'x%.0s' {1..2036})
epoch 1 "$(sale 1 1)" "$(sale 2 1 1 "$long")" >"$work/in"
gate_rules '[]'
fails "an id that is too long for a key" 65 put <"$work/in"
like "$(cat "$work/.err")" 'a key of DynamoDB has 2048 bytes at most, and this id 2049: \*#xxx' "is refused by its length"
is "$(metrics-query producto a 2>/dev/null)" '' "with its epoch"
done_testing
