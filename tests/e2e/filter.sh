# timeout: 300
# A filter in mid-pipe, first thing that a user tries: the recipes of tuberia(7), taken from the page itself.
. "$(dirname "$0")/_lib.sh"

# recipe WORD: the literal block of the page that begins with it.
recipe() {
    awk -v word="$1" '/^\.Bd -literal/ { block = ""; inside = 1; next }
        /^\.Ed/ { if (inside && index(block, word " ") == 1) printf "%s", block; inside = 0 }
        inside { block = block $0 "\n" }' "$TOP/man/tuberia.7"
}

shop
sales 3000
for tool in jq sed; do
    filter=$(recipe "$tool")
    like "$filter" POSTAGE "$tool: the manual has a recipe"
    filter=${filter//POSTAGE/SUR 2}
    new_store "filter_$tool"
    pipeline_start --filter "$filter" --name "$tool" --slot "filter_$tool"
    # An UPDATE into, out of, and within what is left out.
    sql "UPDATE ventas SET producto = 'SUR 2' WHERE id IN (SELECT id FROM ventas WHERE producto = 'NORTE-1' LIMIT 20)"
    sql "UPDATE ventas SET producto = 'NORTE-1' WHERE id IN (SELECT id FROM ventas WHERE producto = 'SUR 2' LIMIT 30)"
    sql "UPDATE ventas SET monto = monto + 0.01 WHERE producto = 'SUR 2'; DELETE FROM ventas WHERE id % 10 = 3"
    TUBERIA_CHECKPOINT=$tool reaches_now
    equals_sql "$tool: the store equals SQL without the product" "producto <> 'SUR 2'"
    # A product that only looks like the one left out.
    sql "INSERT INTO ventas (cliente_id, producto, fecha, monto)
         VALUES (1, 'x\",\"producto\":\"SUR 2\",\"', '2024-03-01', 1.5), (1, '{\"@barrier\":1}', '2024-03-01', 1.5)"
    TUBERIA_CHECKPOINT=$tool reaches_now
    equals_sql "$tool: names that look like it pass" "producto <> 'SUR 2'"
    # kill -9 of the filter: replayed through it.
    kill -9 "$(stage "$tool" || stage bash)"
    sql "UPDATE ventas SET monto = monto + 1 WHERE id % 7 = 1"
    TUBERIA_CHECKPOINT=$tool reaches_now
    equals_sql "$tool: killed and replayed" "producto <> 'SUR 2'"
    pipeline_stop
    is "$code" 0 "$tool: SIGTERM drains through the filter"
    like "$(cat "$work/pipeline.err")" 'filter was killed by SIGKILL' "$tool: the script named the filter"
done

# jq's recipe stops where its program fails, and drops nothing.
new_store filter_fails
filter=$(recipe jq)
filter=${filter/select(.producto != \"POSTAGE\")/(.monto |= . + .cliente_id) | if .producto == \"*\" then error(\"no such product\") else . end}
run realtime-pipeline --once --name fails --filter "$filter"
is "$code" 78 'a filter that fails on a record stops the pipe'
like "$(cat "$work/err")" 'filter ended with status 5; stopped' 'and is named'
is "$(ddb-put --show-checkpoint fails "$TUBERIA_STORE")" '' 'nothing was committed'
done_testing
