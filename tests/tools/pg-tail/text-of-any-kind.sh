#!/bin/bash
# Naughty strings, from databases of several encodings, as the server's own row_to_json() writes them; and
# bytes of which nobody knows what they mean.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start
export PGCLIENTENCODING=UTF8
sql "CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
sql "CREATE DATABASE bytes ENCODING SQL_ASCII TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"

# naughty DATABASE [--latin1]: as a snapshot, and as a stream, against what SQL says. What the session asks
# for, and what the role has, does not matter.
naughty() {
    PGDATABASE=$1
    sql "CREATE TABLE naughty (id integer PRIMARY KEY, v text); ALTER TABLE naughty REPLICA IDENTITY FULL"
    "$here/_naughty.py" "${@:2}" >"$work/naughty.sql"
    psql -Xq1 -v ON_ERROR_STOP=1 -f "$work/naughty.sql"
    # psql itself leaves out what it takes for no character; COPY does not. Nothing has these quotes and
    # delimiters in it: row_to_json() escapes them.
    sql "COPY (SELECT row_to_json(n) FROM naughty n ORDER BY id) TO STDOUT (FORMAT csv, QUOTE E'\x02', DELIMITER E'\x03')" \
        >"$work/expected"
    n=$(wc -l <"$work/expected")
    PGCLIENTENCODING=WIN1252 PGDATESTYLE=SQL run pg-tail -t naughty --slot "s_$1" --create --snapshot --once
    records "$work/out" >"$work/got"
    same_files "$work/got" "$work/expected" "$1: $n strings in a snapshot"
    sql "TRUNCATE naughty"
    psql -Xq1 -v ON_ERROR_STOP=1 -f "$work/naughty.sql"
    PGCLIENTENCODING=WIN1252 PGDATESTYLE=SQL run pg-tail -t naughty --slot "s_$1" --once --resume "$(barriers "$work/out")"
    records "$work/out" >"$work/got"
    same_files "$work/got" "$work/expected" "$1: and in the stream"
    passes "$1: each line is JSON to others as well" /usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1], encoding="utf-8", newline="\n"):
    json.loads(line)' "$work/got"
}
sql "ALTER ROLE postgres SET client_encoding = 'LATIN9'; ALTER ROLE postgres SET bytea_output = 'escape'"
naughty postgres
naughty latin --latin1
naughty bytes

# ---- bytes of which nobody knows what they mean ----
export PGDATABASE=bytes PGCLIENTENCODING=SQL_ASCII
sql "CREATE TABLE b (id integer PRIMARY KEY, v text, n numeric); ALTER TABLE b REPLICA IDENTITY FULL;
     INSERT INTO b VALUES (1, E'ni\\361o', 1.50), (2, 'bien', 2)"
run pg-tail -t b --create --snapshot --once
is "$code" 65 'a snapshot with a value that is not UTF-8 ends'
like "$(<"$work/err")" 'row 1 of the snapshot: column "v": byte 3 of the value is not UTF-8' 'and says where'
is "$(sql "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'tuberia_b'")" 0 'its slot is gone with it'
run pg-tail -t b --create --snapshot --once --invalid-utf8 replace
is "$code $(records "$work/out")" '0 {"id":1,"v":"ni�o","n":1.50}
{"id":2,"v":"bien","n":2}' 'or each such byte is replaced'
sql "INSERT INTO b VALUES (3, 'ñ', 3); INSERT INTO b VALUES (4, E'\\303(\\355\\240\\200\\364\\220\\200\\200', 4); INSERT INTO b VALUES (5, 'x', 5)"
barrier=$(barriers "$work/out")
run pg-tail -t b --once --resume "$barrier"
is "$code $(records "$work/out")" '65 {"id":3,"v":"ñ","n":3}' 'in the stream it comes so far, and no further'
like "$(<"$work/err")" 'bytes.public.b, change 2 of the transaction at [0-9A-F/]+: column "v": byte 1 of the value is not UTF-8' 'and says where'
run pg-tail -t b --once --resume "$(barriers "$work/out" | tail -n 1)" --invalid-utf8 replace
is "$code $(records "$work/out")" '0 {"id":4,"v":"�(�������","n":4}
{"id":5,"v":"x","n":5}' 'the slot is not wedged: a later run can replace it'

done_testing
