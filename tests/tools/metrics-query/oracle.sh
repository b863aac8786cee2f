#!/bin/bash
# Every kind of answer over random sales, with retractions among them, against integer SQL in
# SQLite's own shell.
. "$(dirname "$0")/../../lib/tap.sh"

command -v sqlite3 >/dev/null || skip_all "no sqlite3"

# 6000 deltas of 12 customers, 9 products (some with names that need care) and 40 days; cents.
awk 'BEGIN {
	srand(7)
	split("85123A|D|a#b|%|*|é|x y|POST|7", product, "|")
	for (i = 0; i < 6000; i++) {
		day = int(rand() * 40)
		day = day < 31 ? sprintf("2010-12-%02d", day + 1) : sprintf("2011-01-%02d", day - 30)
		cents = int(rand() * 20000) - 4000
		count = rand() < 0.2 ? -1 : 1 + int(rand() * 3)
		printf "%d|%s|%s|%d|%d|%sT%02d:%02d:00\n", 100 + int(rand() * 12), product[1 + int(rand() * 9)],
		    day, count, cents, day, int(rand() * 24), int(rand() * 60)
	}
}' >"$work/rows"

sqlite3 "$work/oracle.db" <<SQL || skip_all "sqlite3 failed"
CREATE TABLE d (c INTEGER, p TEXT, f TEXT, n INTEGER, cents INTEGER, t TEXT);
.mode list
.import $work/rows d
SQL

# What SQL says of a set of rows, as members of a record without their names.
money="(CASE WHEN sum(cents) < 0 THEN '-' ELSE '' END) || (abs(sum(cents)) / 100) || '.' ||
	printf('%02d', abs(sum(cents)) % 100)"
sql() { sqlite3 -separator $'\t' "$work/oracle.db" "$1"; }

awk -F'|' '{
	id = $2; gsub(/%/, "%25", id); gsub(/#/, "%23", id); gsub(/\*/, "%2A", id)
	cents = $5 < 0 ? -$5 : $5
	printf "{\"id\":\"%s#%s#%s\",\"cliente_id\":%s,\"producto\":\"%s\",\"num_transacciones\":%d,\"monto_total\":%s%d.%02d,\"fecha_hora\":\"%s\"}\n",
	    $1, id, $3, $1, $2, $4, $5 < 0 ? "-" : "", int(cents / 100), cents % 100, $6
}' "$work/rows" >"$work/deltas.ndjson"
passes "the store is filled" ddb-put "sqlite:$work/m.db" <"$work/deltas.ndjson"
export TUBERIA_STORE=sqlite:$work/m.db

# Sums, less what a header is; fecha_hora of a retracted item has no equal in SQL, so it is left out.
ask() { metrics-query "$@" -f tsv 2>/dev/null | tail -n +2; }

ask top clientes -n 100000 | cut -f1-3 >"$work/got"
sql "SELECT c, sum(n), $money FROM d GROUP BY c HAVING sum(n) <> 0 ORDER BY sum(cents) DESC, c" >"$work/expected"
same_files "$work/got" "$work/expected" "top clientes"

ask top productos --ascending -n 5 | cut -f1-3 >"$work/got"
sql "SELECT p, sum(n), $money FROM d GROUP BY p HAVING sum(n) <> 0 ORDER BY sum(cents), p LIMIT 5" >"$work/expected"
same_files "$work/got" "$work/expected" "top productos, ascending, five of them"

for p in 'a#b' '*' é; do
    ask top clientes --producto "$p" --fecha 2010-12-24 --por num_transacciones | cut -f1-5
    sql "SELECT c, p, f, sum(n), $money FROM d WHERE p = '$p' AND f = '2010-12-24' GROUP BY c
        HAVING sum(n) <> 0 ORDER BY sum(n) DESC, c LIMIT 10" >&3
done >"$work/got" 3>"$work/expected"
same_files "$work/got" "$work/expected" "top clientes of a product on a day, by count"

for c in 100 105 111; do
    ask serie --cliente "$c" | cut -f1-4
    sql "SELECT c, f, sum(n), $money FROM d WHERE c = $c GROUP BY f HAVING sum(n) <> 0 ORDER BY f" >&3
    ask serie --cliente "$c" --producto % --desde 2010-12-10 --hasta 2011-01-05 | cut -f1-5
    sql "SELECT c, p, f, sum(n), $money FROM d WHERE c = $c AND p = '%' AND
        f BETWEEN '2010-12-10' AND '2011-01-05' GROUP BY f HAVING sum(n) <> 0 ORDER BY f" >&3
done >"$work/got" 3>"$work/expected"
same_files "$work/got" "$work/expected" "serie of customers, and of a product to them"

ask serie --desde 2010-12-05 --hasta 2011-01-08 | cut -f1-3 >"$work/got"
sql "SELECT f, sum(n), $money FROM (SELECT f, sum(n) n, sum(cents) cents FROM d
    WHERE f BETWEEN '2010-12-05' AND '2011-01-08' GROUP BY f, c HAVING sum(n) <> 0)
    GROUP BY f HAVING sum(n) <> 0 ORDER BY f" >"$work/expected"
same_files "$work/got" "$work/expected" "serie of all sales"

for c in 100 101 102 103 104; do
    for p in D 'a#b' % '*' é 'x y' 7; do
        ask cliente "$c" --producto "$p" | cut -f1-4
        sql "SELECT c, p, sum(n), $money FROM d WHERE c = $c AND p = '$p' GROUP BY c, p HAVING sum(n) <> 0" >&3
    done
    ask cliente "$c" --fecha 2011-01-01 | cut -f1-4
    sql "SELECT c, f, sum(n), $money FROM d WHERE c = $c AND f = '2011-01-01' GROUP BY c, f HAVING sum(n) <> 0" >&3
done >"$work/got" 3>"$work/expected"
same_files "$work/got" "$work/expected" "cliente, by product and by day"

# A record a question; the items that were taken back within the range are not in its sum.
for range in "2010-12-01 2010-12-31" "2010-12-15 2011-01-03" "2011-01-09 2011-01-09" "2010-01-01 2012-01-01"; do
    read -r from to <<<"$range"
    for p in POST '*' 85123A; do
        ask producto "$p" --desde "$from" --hasta "$to" | cut -f1-5
        sql "SELECT '$p', '$from', '$to', sum(n), $money FROM (SELECT sum(n) n, sum(cents) cents FROM d
            WHERE p = '$p' AND f BETWEEN '$from' AND '$to' GROUP BY f HAVING sum(n) <> 0) HAVING sum(n) <> 0" >&3
    done
done >"$work/got" 3>"$work/expected"
same_files "$work/got" "$work/expected" "producto over ranges of days"

done_testing
