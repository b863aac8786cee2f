#!/bin/bash
# Every type prints as row_to_json() prints it: from the snapshot, from the stream, as the old row of
# an UPDATE and of a DELETE. The oracle is the server. Allowed differences: none but line feeds between
# the tokens of a json value, which are spaces here.
# timeout: 180
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start
# Settings of a role or a database must not matter; what the client forces is what the oracle gets.
sql "ALTER ROLE postgres SET datestyle = 'German'; ALTER ROLE postgres SET intervalstyle = 'iso_8601';
     ALTER ROLE postgres SET bytea_output = 'escape'; ALTER ROLE postgres SET extra_float_digits = -15;
     ALTER DATABASE postgres SET client_encoding = 'LATIN1'; ALTER ROLE postgres SET timezone = 'Asia/Kathmandu'"
export PGOPTIONS='-c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1 -c client_encoding=UTF8'

sql "CREATE EXTENSION hstore; CREATE SCHEMA \"Otro esquema\";
     CREATE TYPE color AS ENUM ('rojo', 'verde', 'a \"b\" , {c}');
     CREATE DOMAIN positivo AS integer CHECK (VALUE > 0);
     CREATE DOMAIN lista AS integer[];
     CREATE DOMAIN importe AS numeric(12,2);
     CREATE TYPE par AS (a integer, \"B \"\"c\"\"\" text, c timestamptz, d integer[], e importe, f json, g bool);
     CREATE DOMAIN par_dominio AS par;
     CREATE TYPE nido AS (p par, ps par[], d par_dominio, c color, cs color[], vacio text);
     CREATE TYPE un_campo AS (x text);
     CREATE TYPE decimas AS RANGE (subtype = numeric);
     CREATE TYPE \"Otro esquema\".\"Tipo, raro\" AS (\"x{y}\" text[])"

# column definition¦values (SQL expressions)
cat >"$work/types" <<'END'
boolean¦true¦false¦NULL
smallint¦-32768¦32767¦0
integer¦-2147483648¦2147483647
bigint¦9223372036854775807¦-9223372036854775808¦9007199254740993
real¦'NaN'¦'Infinity'¦'-Infinity'¦1e-10¦1.17549435e-38¦3.4028235e38¦-0.0¦0.1
double precision¦'NaN'¦'Infinity'¦'-Infinity'¦1e300¦5e-324¦-0.0¦0.1¦1e15¦123456789012345680¦1e22
numeric¦'NaN'¦'Infinity'¦'-Infinity'¦0¦0.00¦-0.10¦1e130¦123456789012345678901234567890.123456789¦1e-20
numeric(12,2)¦15.3¦-0.005¦9999999999.99
numeric(18,3)¦0.001
money¦12.5¦-3
text¦''¦'a'¦E'\b\f\n\r\t\v\x01\x1f\x7f'¦E'"\\/\''¦'ñandú ☃ 🂡'¦'NULL'¦'\N'¦'\.'¦E'\u2028\u0085'¦repeat('x', 5000)
varchar(100)¦'85123A'¦E'con "comillas"\ny salto'
char(5)¦'ab'¦''
"char"¦'a'¦'"'¦'\'
name¦'un_nombre'
bytea¦'\x'¦'\x00ff5c22'
date¦'2024-02-29'¦'infinity'¦'-infinity'¦'0044-03-15 BC'¦'4713-01-01 BC'¦'5874897-12-31'¦'0001-01-01'
time¦'00:00'¦'24:00'¦'10:11:12.123456'
timetz¦'10:00+00'¦'10:00:00.5-00:44:30'¦'10:00+05:45'
timestamp¦'2010-12-01 08:26'¦'2024-03-21 10:00:05.123456'¦'2024-03-21 10:00:05.1'¦'infinity'¦'-infinity'¦'0044-03-15 12:00 BC'¦'294276-12-31 23:59:59.999999'¦'4713-01-01 00:00 BC'¦'12010-01-01'
timestamptz¦'2010-12-01 08:26+00'¦'2024-03-21 10:00:05.123456-03'¦'infinity'¦'-infinity'¦'0044-03-15 12:00+00 BC'¦'1900-01-01 00:00+00'¦'294276-12-31 00:00+00'
interval¦'1 year 2 mons -3 days 04:05:06.789'¦'-1 mon'¦'0'
uuid¦'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
json¦'{"a" : [1, 2.50, "x\u0041\"\\"], "a": null}'¦E'[1,\n 2,\r\n\t3]'¦'"x"'¦'null'¦' true '¦'1e999'
jsonb¦'{"b": 1.50, "a": [true, null]}'¦'"x\ny"'¦'null'
jsonpath¦'$.a[*] ? (@ > 1)'
xml¦'<a b="c">ñ</a>'
inet¦'192.168.0.1/24'¦'::1'
cidr¦'10.0.0.0/8'
macaddr¦'08:00:2b:01:02:03'
bit(4)¦B'1010'
bit varying¦B''¦B'10101'
point¦'(1.5,-2)'
box¦'(1,1),(0,0)'
path¦'[(0,0),(1,1)]'
polygon¦'((0,0),(1,1),(1,0))'
circle¦'<(1,2),3>'
lseg¦'[(0,0),(1,1)]'
line¦'{1,2,3}'
tsvector¦'a:1 ''b c'':2'¦$$'"x\y"'$$
tsquery¦'a & (b | !c)'
oid¦4294967295
regclass¦'pg_class'
regtype¦'integer'
xid¦'42'
pg_lsn¦'16/B374D848'
txid_snapshot¦'10:20:10,14'
int2vector¦'1 2 3'¦''
oidvector¦'1 2 3'¦''
int4range¦'[1,10)'¦'empty'¦'(,)'
tsrange¦'[2010-01-01 14:30,2010-01-01 15:30)'
nummultirange¦'{[1.1,2.2),[5,6]}'
decimas¦'[1.5,2]'
color¦'rojo'¦'a "b" , {c}'
positivo¦5
importe¦12.3
lista¦'{1,NULL,3}'
hstore¦''¦'a=>1, "b \"x\" ="=>NULL, "c,d"=>"\"y\""'
integer[]¦'{}'¦'{1,NULL,-3}'¦'[2:4]={1,2,3}'¦'{{1,2},{3,NULL}}'¦'[0:1][-1:0]={{1,2},{3,4}}'¦'{{{1},{2}},{{3},{4}}}'
text[]¦'{}'¦'{a,"b c","NULL",NULL,"","\"q\"","\\\\","{x}","a,b"," s "}'¦array[E'\n\t', 'ñ☃']¦array['null', 'Null']
boolean[]¦'{t,f,NULL}'
numeric[]¦'{1.50,NaN,-0.10}'
float8[]¦'{Infinity,1e300,NaN}'
timestamp[]¦'{"2024-03-21 10:00:00",infinity,NULL}'
timestamptz[]¦'{"2024-03-21 10:00:00+05:45"}'
date[]¦'{2024-02-29,"0044-03-15 BC"}'
bytea[]¦array['\x00ff'::bytea, NULL]
json[]¦array['{"a": "b,c"}'::json, E'[1,\n2]', NULL]
jsonb[]¦array['{"a": "b\"c"}'::jsonb]
box[]¦'{(1,1),(0,0);(2,2),(1,1)}'
point[]¦'{"(1,2)","(3,4)"}'
int4range[]¦'{"[1,2)",empty}'
color[]¦array['rojo', 'a "b" , {c}']::color[]
positivo[]¦'{1,2}'
lista[]¦array['{1,2}'::lista, '{}'::lista]
hstore[]¦array['a=>"b,c"'::hstore, '']
int2vector[]¦array['1 2'::int2vector]
"char"[]¦array['a', '"']::"char"[]
par¦(1, E'x "y" \\ ,()\n', '2024-03-21 10:00+00', '{1,NULL}', 1.5, '{"k": [1, 2]}', true)¦(NULL, NULL, NULL, NULL, NULL, NULL, NULL)¦(1, '', 'infinity', '{}', 'NaN', 'null', false)
par_dominio¦row(1, 'x', NULL, NULL, 2, NULL, NULL)::par
par[]¦array[(1, 'a,"b"', NULL, '{{1,2},{3,4}}', 2, '"j"', true)::par, NULL]
nido¦((1, 'a\b', 'infinity', '{1}', 1, '[{"x": "\\\"y"}]', true)::par, array[(2, E'"\\', NULL, NULL, 3, NULL, NULL)::par], NULL, 'a "b" , {c}', array['a "b" , {c}']::color[], '')
nido[]¦array[(NULL, array[(2, 'x"', NULL, '{}', 3, '{}', false)::par, NULL], row(1, '(', NULL, NULL, 2, NULL, NULL)::par, NULL, '{}', NULL)::nido]
un_campo¦row(NULL)¦row('')¦row('a')¦row(' ')
un_campo[]¦array[row(NULL)::un_campo, row('')::un_campo]
"Otro esquema"."Tipo, raro"¦row(array['a', NULL, '"'])
END

# One column a type. Row k has the k-th value of each, NULL where there are fewer.
/usr/bin/python3 - "$work/types" "$work/table.sql" "$work/rows.sql" <<'PY'
import sys
with open(sys.argv[1], encoding="utf-8") as f:
    types = [line.rstrip("\n").split("¦") for line in f]
with open(sys.argv[2], "w", encoding="utf-8") as f:
    columns = ", ".join(f"c{i} {t[0]}" for i, t in enumerate(types, 1))
    f.write(f"CREATE TABLE cosas (fila integer, {columns}); ALTER TABLE cosas REPLICA IDENTITY FULL;\n")
with open(sys.argv[3], "w", encoding="utf-8") as f:
    for k in range(1, max(map(len, types))):
        values = ", ".join(t[k] if k < len(t) else "NULL" for t in types)
        f.write(f"INSERT INTO cosas VALUES ({k}, {values});\n")
PY
psql -Xq -v ON_ERROR_STOP=1 -f "$work/table.sql" || exit 1

cat_rows() { # FILE: pretty name of each type that differs
    /usr/bin/python3 - "$1" "$work/expected" "$work/types" <<'PY'
import re, sys
def rows(path):
    with open(path, encoding="utf-8", newline="\n") as f:
        return [line.rstrip("\n") for line in f]
types = [line.split("¦")[0] for line in rows(sys.argv[3])]
got, expected = rows(sys.argv[1]), rows(sys.argv[2])
differences = 0
print(f"{len(got)} lines, expected {len(expected)}")
for g, e in zip(got, expected):
    if g == e:
        continue
    # Keys are c1 to cN in order: cut both at them.
    parts = [re.split(r',"c(\d+)":', x) for x in (g, e)]
    for i in range(1, min(map(len, parts)), 2):
        if parts[0][i + 1] != parts[1][i + 1]:
            differences += 1
            if differences > 20:
                sys.exit("and so on")
            print(f"{types[int(parts[0][i]) - 1]}: {parts[0][i + 1]!r}, expected {parts[1][i + 1]!r}")
PY
}
# is_as_sql FILE NAME
is_as_sql() {
    if cmp -s "$1" "$work/expected"; then ok "$2"; else not_ok "$2" "$(cat_rows "$1")"; fi
}

PGOPTIONS="$PGOPTIONS -c datestyle=ISO,MDY -c lc_monetary=C" psql -Xq -v ON_ERROR_STOP=1 -1 -f "$work/rows.sql" || exit 1
# The oracle: line feeds inside a row are those of json, between tokens.
PGDATESTYLE=ISO psql -XqAt -R $'\x01' -c "SELECT row_to_json(c) FROM cosas c ORDER BY fila" |
    tr '\n\r\001' '  \n' | sed '$s/ $//' | awk 1 >"$work/expected"

run pg-tail -t cosas --create --snapshot --once
is "$code" 0 'the snapshot is taken'
records "$work/out" >"$work/snapshot"
is_as_sql "$work/snapshot" "a snapshot's rows are as row_to_json() has them"

PGDATESTYLE=ISO sql "UPDATE cosas SET fila = -fila"
PGDATESTYLE=ISO sql "DELETE FROM cosas"
PGOPTIONS="$PGOPTIONS -c datestyle=ISO,MDY -c lc_monetary=C" psql -Xq -v ON_ERROR_STOP=1 -1 -f "$work/rows.sql"
run pg-tail -t cosas --once --resume "$(barriers "$work/out")"
is "$code" 0 'the stream is read'
records "$work/out" >"$work/stream"
n=$(wc -l <"$work/expected")
is "$(wc -l <"$work/stream")" $((4 * n)) 'an UPDATE has two records, a DELETE one'
sed -n "$((3 * n + 1)),\$p" "$work/stream" >"$work/got"
is_as_sql "$work/got" 'rows inserted are as row_to_json() has them'
head -n $((2 * n)) "$work/stream" | grep '^{"@op":"-"' | sed 's/^{"@op":"-",/{/' >"$work/got"
is_as_sql "$work/got" 'old rows of an UPDATE too'
head -n $((2 * n)) "$work/stream" | grep -v '^{"@op"' | sed 's/^{"fila":-/{"fila":/' >"$work/got"
is_as_sql "$work/got" 'new rows of an UPDATE too'
sed -n "$((2 * n + 1)),$((3 * n))p" "$work/stream" | grep '^{"@op":"-"' | sed 's/^{"@op":"-","fila":-/{"fila":/' >"$work/got"
is_as_sql "$work/got" 'old rows of a DELETE too'

# What the project's own reader makes of it: each is one line of JSON, for others as for us.
if /usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1], encoding="utf-8", newline="\n"):
    json.loads(line)' "$work/snapshot"; then ok "each line is JSON for Python"; else not_ok "each line is JSON for Python"; fi

done_testing
