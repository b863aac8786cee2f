#!/usr/bin/env bash
# timeout: 180
# The oracle is SQLite: the same records summed there, amounts as integers of a thousandth.
. "$(dirname "$0")/../../lib/tap.sh"

# 100,000 sales in order of time, a twentieth of them retractions of the one before; barriers between.
awk -v table="$work/table" -v plain="$work/plain" -v controlled="$work/controlled" 'BEGIN {
    srand(42)
    for (i = 0; i < 100000; i++) {
        if (rand() < 0.05 && i > 0) {
            op = -1
        } else {
            op = 1
            second = int(i * 7200 / 100000)
            client = 10000 + int(rand() * 300)
            product = sprintf("P%02d%s", rand() * 20, rand() < 0.1 ? "#" : "")
            milli = int(rand() * 1000000) - 100000
        }
        sign = milli < 0 ? "-" : ""; m = milli < 0 ? -milli : milli
        amount = sprintf("%s%d.%03d", sign, m / 1000, m % 1000)
        time = sprintf("2010-12-01T%02d:%02d:%02d", 23 + 0 * second, second / 60 % 60, second % 60)
        if (second >= 3600) time = sprintf("2010-12-02T00:%02d:%02d", second / 60 % 60, second % 60)
        printf "%s\t%d\t%d\t%s\t%d\n", time, op, client, product, milli > table
        printf "{%s\"cliente_id\":%d,\"producto\":\"%s\",\"monto\":%s,\"fecha\":\"%s\"}\n", \
            op < 0 ? "\"@op\":\"-\"," : "", client, product, amount, time > plain
        if (i % 977 == 0) barriers++
        if (i % 977 == 0 && i) {
            b = sprintf("{\"@barrier\":{\"epoch\":%d,\"pos\":\"p%d\",\"time\":\"2024-03-21T10:%02d:%02dZ\"}}", \
                barriers, barriers, barriers / 60, barriers % 60)
            print b > controlled
        }
        printf "{%s\"cliente_id\":%d,\"producto\":\"%s\",\"monto\":%s,\"fecha\":\"%s\"}\n", \
            op < 0 ? "\"@op\":\"-\"," : "", client, product, amount, time > controlled
    }
    printf "{\"@barrier\":{\"epoch\":%d,\"pos\":\"end\",\"time\":\"2024-03-21T11:00:00Z\"}}\n{\"@end\":{\"records\":100000}}\n", \
        barriers + 1 > controlled
}'

# sql QUERY: its rows, tab-separated; v is the table, w the minute, s the amount as the tools print it.
sql() {
    sqlite3 -batch <<SQL
CREATE TABLE v (t text, op int, c int, p text, m int);
.mode tabs
.import $work/table v
CREATE VIEW s AS SELECT substr(t, 1, 16) || ':00' AS w, substr(t, 1, 10) AS d, c, replace(p, '#', '%23') AS pid, p,
    sum(op) AS n, sum(op * m) AS m FROM v GROUP BY w, c, p;
$1
SQL
}
amount="CASE WHEN sum(m) < 0 THEN '-' ELSE '' END || (abs(sum(m)) / 1000) || printf('.%03d', abs(sum(m)) % 1000)"
by=(--time fecha --by cliente_id --by producto --count n --sum monto=s)
flat() { jq -r "$1 | @tsv" | LC_ALL=C sort; }

sql "SELECT w, c || '#' || pid || '#' || d, c, p, sum(n), $amount FROM s GROUP BY w, c, p HAVING sum(n) <> 0 OR sum(m) <> 0;" |
    LC_ALL=C sort >"$work/expected"
# jq would print the sums as doubles: they are taken as text.
texts='s/"s":\([-0-9.]*\)/"s":"\1"/'

window-agg "${by[@]}" --window 1m <"$work/plain" | sed "$texts" |
    flat '[.fecha_hora, .id, .cliente_id, .producto, .n, .s]' >"$work/got"
same_files "$work/got" "$work/expected" "plain, windows of a minute: equal to GROUP BY"
passes "there are enough groups for that to mean something" test "$(wc -l <"$work/expected")" -gt 50000

window-agg "${by[@]}" --window 1m <"$work/controlled" | grep -v '^{"@' | sed "$texts" |
    flat '[.fecha_hora, .id, .cliente_id, .producto, .n, .s]' >"$work/got"
same_files "$work/got" "$work/expected" "with barriers: equal to GROUP BY"

window-agg "${by[@]}" --window 1d <"$work/plain" | sed "$texts" |
    flat '[.fecha_hora, .cliente_id, .producto, .n, .s]' >"$work/got"
sql "SELECT d || 'T00:00:00', c, p, sum(n), $amount FROM s GROUP BY d, c, p HAVING sum(n) <> 0 OR sum(m) <> 0;" |
    LC_ALL=C sort >"$work/expected"
same_files "$work/got" "$work/expected" "windows of a day, over midnight: equal to GROUP BY"

# Deltas are additive: their sums over all epochs are the totals, though many groups came more than once.
for groups in 1000000 500; do
    window-agg "${by[@]}" --window 1d --emit delta --max-groups $groups <"$work/controlled" | grep -v '^{"@' |
        sed 's/\("s":-\{0,1\}[0-9]*\)\.\([0-9]*\)/\1\2/' | jq -r '[.fecha_hora, .cliente_id, .producto, .n, .s] | @tsv' >"$work/deltas"
    sqlite3 -batch >"$work/got" <<SQL
CREATE TABLE g (t text, c int, p text, n int, m int);
.mode tabs
.import $work/deltas g
SELECT t, c, p, sum(n), $amount FROM g GROUP BY t, c, p HAVING sum(n) <> 0 OR sum(m) <> 0;
SQL
    LC_ALL=C sort -o "$work/got" "$work/got"
    same_files "$work/got" "$work/expected" "deltas of all epochs, $groups groups at once: equal to GROUP BY"
    passes "groups came more than once" test "$(wc -l <"$work/deltas")" -gt "$(wc -l <"$work/expected")"
done

window-agg --time fecha --window 1h --by producto --min monto=lo --max monto=hi <"$work/plain" |
    sed 's/"\(lo\|hi\)":\([-0-9.]*\)/"\1":"\2"/g' | flat '[.fecha_hora, .producto, .lo, .hi]' >"$work/got"
thousandth() { echo "CASE WHEN $1 < 0 THEN '-' ELSE '' END || (abs($1) / 1000) || printf('.%03d', abs($1) % 1000)"; }
sql "SELECT substr(t, 1, 13) || ':00:00' AS h, p, $(thousandth 'min(m)'), $(thousandth 'max(m)') FROM v WHERE op > 0 GROUP BY h, p;" |
    LC_ALL=C sort >"$work/expected"
same_files "$work/got" "$work/expected" "least and greatest amount of an hour: equal to GROUP BY"
done_testing
