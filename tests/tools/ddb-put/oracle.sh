#!/bin/bash
# The store against SQL: SQLite's own integer arithmetic over the same records, in thousandths. In one go, in epochs, and in
# epochs larger than the memory they may take; every item, rollup, scale and time.
. "$(dirname "$0")/../../lib/tap.sh"

# records SEED: 20000 records in 10 epochs; customers 1-40, products with names to be encoded, 5 days,
# amounts of 0 to 3 decimals, a third of them retractions.
records() {
    awk -v seed="$1" 'BEGIN {
        srand(seed)
        split("85123A,POST,22#7,50%,*", product, ",")
        split("85123A,POST,22%237,50%25,%2A", encoded, ",")
        for (i = 0; i < 20000; i++) {
            if (i % 2000 == 1999)
                barrier(++epoch)
            c = int(rand() * 40) + 1
            p = int(rand() * 5) + 1
            d = int(rand() * 5) + 1
            scale = int(rand() * 4)
            amount = int(rand() * 10 ^ (scale + 3))
            n = 1 + int(rand() * 3)
            sign = rand() < 0.33 ? "-" : ""
            text = sprintf("%0" (scale + 1) "d", amount)
            if (scale > 0)
                text = substr(text, 1, length(text) - scale) "." substr(text, length(text) - scale + 1)
            time = sprintf("2024-01-%02dT%02d:%02d:00", d, int(rand() * 24), int(rand() * 60))
            printf "{\"id\":\"%d#%s#2024-01-%02d\",\"cliente_id\":%d,\"producto\":\"%s\",\"num_transacciones\":%s%d,\"monto_total\":%s%s,\"fecha_hora\":\"%s\"}\n",
                c, encoded[p], d, c, product[p], sign, n, sign, text, time
            printf "%d|%d|%s|2024-01-%02d|%s%d|%s%d|%d|%s\n", epoch + 1, c, encoded[p], d, sign, n,
                sign, amount * 10 ^ (3 - scale), scale, time >"/dev/fd/3"
        }
        barrier(++epoch)
        print "{\"@end\":{\"records\":20000}}"
    }
    function barrier(e) {
        printf "{\"@barrier\":{\"epoch\":%d,\"pos\":\"p%d\",\"time\":\"2024-01-01T00:%02d:00Z\"}}\n", e, e, e
    }'
}

# expected EPOCHS: all items and rollups. EPOCHS 0: all records are one epoch.
expected() {
    sqlite3 :memory: <<SQL
CREATE TABLE r (epoch INTEGER, c TEXT, p TEXT, d TEXT, n INTEGER, amount INTEGER, scale INTEGER, time TEXT);
.import $work/rows r
UPDATE r SET epoch = 0 WHERE $1 = 0;
WITH kind (kc, kp, kd) AS (VALUES (0,0,0), (0,0,1), (0,1,0), (0,1,1), (1,0,0), (1,0,1)),
each AS (SELECT iif(kc, '*', c) || '#' || iif(kp, '*', p) || '#' || iif(kd, '*', d) AS id, r.* FROM r, kind),
total AS (SELECT id, sum(n) AS n, sum(amount) AS amount, max(scale) AS scale, max(epoch) AS epoch FROM each GROUP BY id)
SELECT id, n,
       iif(amount < 0, '-', '') || (abs(amount) / 1000) ||
       iif(scale = 0, '', '.' || substr(printf('%03d', abs(amount) % 1000), 1, scale)),
       (SELECT max(time) FROM each e WHERE e.id = v.id AND e.epoch = v.epoch)
FROM total v ORDER BY id;
SQL
}

items() { sqlite3 "$1" 'SELECT id, num_transacciones, monto_total, fecha_hora FROM metricas ORDER BY id'; }

for seed in 1 2; do
    records $seed 3>"$work/rows" >"$work/in"
    expected 1 >"$work/expected"
    is "$(wc -l <"$work/expected")" "$(((40 * 5 * 5) + (40 * 5) + (40 * 5) + 40 + (5 * 5) + 5))" "seed $seed: the oracle has all ids"
    for limit in 1000000 300 1; do
        rm -f "$work"/m.db*
        passes "seed $seed, at most $limit items in memory" ddb-put --checkpoint a --max-items $limit "sqlite:$work/m.db" <"$work/in"
        items "$work/m.db" >"$work/got"
        same_files "$work/got" "$work/expected" "seed $seed, $limit: equals SQL"
    done
    rm -f "$work"/m.db*
    grep -v '^{"@' "$work/in" >"$work/plain"
    ddb-put "sqlite:$work/m.db" <"$work/plain"
    expected 0 >"$work/expected"
    items "$work/m.db" >"$work/got"
    same_files "$work/got" "$work/expected" "seed $seed, without barriers: equals SQL"
    run ddb-put --verify "sqlite:$work/m.db"
    is "$code $(grep -vc '"wrong":' "$work/out")" '65 0' \
        "seed $seed: --verify finds items that cannot be, below zero, and every sum right"
done

done_testing
