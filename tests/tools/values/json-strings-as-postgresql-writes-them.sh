# json_put_string gives the bytes that PostgreSQL's to_json(text) gives.
# timeout: 300
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/postgres.sh"

probe=$TUBERIA_BIN/../unit/probe-text
[ -x "$probe" ] || skip_all "no probe-text beside $TUBERIA_BIN (make units)"
# shellcheck disable=SC2119
pg_start

# Each character once (U+0000 and surrogates are no text in PostgreSQL), between two others; then
# random texts, rich in what has to be escaped. In hexadecimal: psql drops some characters.
sql "
CREATE TABLE texts (id bigint GENERATED ALWAYS AS IDENTITY, t text);
INSERT INTO texts (t) SELECT 'a' || chr(c) || 'z' FROM generate_series(1, 1114111) AS c
	WHERE c NOT BETWEEN 55296 AND 57343 AND (c < 12000 OR c % 13 = 0);
SELECT setseed(0.4242);
INSERT INTO texts (t) SELECT coalesce(string_agg(CASE
		WHEN r < 0.6 THEN chr(32 + (n * 7 + i) % 95) WHEN r < 0.8 THEN chr(1 + (n + i) % 31)
		WHEN r < 0.9 THEN substr('\"\\/', 1 + (n + i) % 3, 1) ELSE chr(128 + (n * i) % 50000) END,
		'' ORDER BY n), '')
	FROM generate_series(1, 20000) AS i
	LEFT JOIN LATERAL (SELECT n, random() AS r FROM generate_series(1, i % 60) AS n) AS x ON true
	GROUP BY i;
" >/dev/null
sql "SELECT encode(convert_to(t, 'UTF8'), 'hex') FROM texts ORDER BY id" | "$probe" >"$work/got"
sql "SELECT encode(convert_to(to_json(t)::text, 'UTF8'), 'hex') FROM texts ORDER BY id" >"$work/want"
is "$(($(wc -l <"$work/want") > 100000))" 1 "many texts"
same_files "$work/got" "$work/want" "to_json(text), byte for byte"
done_testing
