#!/bin/bash
# What a transaction did arrives when it has committed, in the order of the commits, and says how the
# table changed: the lines of each case, byte for byte.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

pg_start
sql "CREATE TABLE t (id integer PRIMARY KEY, v text, n numeric(12,2)); ALTER TABLE t REPLICA IDENTITY FULL"
run pg-tail -t t --create --snapshot --once
barrier=$(barriers "$work/out")

# changes NAME [OPTION...] <expected: what came since the last call. Keeps the barriers in $work/out.
changes() {
    run pg-tail -t "${table:-t}" --once --resume "$barrier" "${@:2}"
    cat >"$work/expected"
    records "$work/out" >"$work/got"
    if [ "$code" = 0 ]; then
        same_files "$work/got" "$work/expected" "$1"
    else
        not_ok "$1" "exit status $code" "$(cat "$work/err")"
    fi
    barrier=$(barriers "$work/out" | tail -n 1)
}

sql "INSERT INTO t VALUES (1, 'a', 1.5), (2, NULL, NULL)"
changes 'an INSERT of two rows' <<'END'
{"id":1,"v":"a","n":1.50}
{"id":2,"v":null,"n":null}
END

sql "UPDATE t SET v = 'b' WHERE id = 1; UPDATE t SET id = 3 WHERE id = 2; UPDATE t SET v = v WHERE id = 1; DELETE FROM t WHERE id = 3"
changes 'UPDATE takes the old row back, DELETE too; an UPDATE that changes nothing does as well' <<'END'
{"@op":"-","id":1,"v":"a","n":1.50}
{"id":1,"v":"b","n":1.50}
{"@op":"-","id":2,"v":null,"n":null}
{"id":3,"v":null,"n":null}
{"@op":"-","id":1,"v":"b","n":1.50}
{"id":1,"v":"b","n":1.50}
{"@op":"-","id":3,"v":null,"n":null}
END

sql "BEGIN; INSERT INTO t VALUES (4, 'no', 0); ROLLBACK"
sql "BEGIN; INSERT INTO t VALUES (5, 'yes', 0); SAVEPOINT s; INSERT INTO t VALUES (6, 'no', 0); UPDATE t SET v = 'no';
     ROLLBACK TO s; INSERT INTO t VALUES (7, 'yes', 0); SAVEPOINT s2; DELETE FROM t WHERE id = 7; RELEASE s2; COMMIT"
changes 'what was rolled back never comes, to a savepoint neither' <<'END'
{"id":5,"v":"yes","n":0.00}
{"id":7,"v":"yes","n":0.00}
{"@op":"-","id":7,"v":"yes","n":0.00}
END

# Two sessions: the one that began first commits last.
mkfifo "$work/a" "$work/b"
psql -Xq <"$work/a" >"$work/a.out" 2>&1 & a=$!
psql -Xq <"$work/b" >"$work/b.out" 2>&1 & b=$!
exec {to_a}>"$work/a" {to_b}>"$work/b"
step() { # FD TEXT: and wait until it is done
    # shellcheck disable=SC2028
    printf '%s;\n\\! touch %s\n' "$2" "$work/done" >&"$1"
    wait_for 30 test -e "$work/done"
    rm -f "$work/done"
}
step "$to_a" "BEGIN; INSERT INTO t VALUES (10, 'a1', 0)"
step "$to_b" "BEGIN; INSERT INTO t VALUES (20, 'b1', 0)"
step "$to_a" "INSERT INTO t VALUES (11, 'a2', 0)"
step "$to_b" "INSERT INTO t VALUES (21, 'b2', 0); COMMIT"
step "$to_a" "UPDATE t SET n = 1 WHERE id = 10; COMMIT"
exec {to_a}>&- {to_b}>&-
wait "$a" "$b"
changes 'interleaved transactions come one behind the other, in the order of their commits' <<'END'
{"id":20,"v":"b1","n":0.00}
{"id":21,"v":"b2","n":0.00}
{"id":10,"v":"a1","n":0.00}
{"id":11,"v":"a2","n":0.00}
{"@op":"-","id":10,"v":"a1","n":0.00}
{"id":10,"v":"a1","n":1.00}
END

# ---- TRUNCATE ----
sql "BEGIN; INSERT INTO t VALUES (30, 'x', 0); TRUNCATE t; INSERT INTO t VALUES (31, 'y', 0); COMMIT"
changes 'rows around a TRUNCATE' <<'END'
{"id":30,"v":"x","n":0.00}
{"id":31,"v":"y","n":0.00}
END
is "$(sed -E 's/.*"epoch":([0-9]+),"pos":"[^"]*:([0-9]+):[0-9]+:[^"]*","time":"[^"]*"/\1 at row \2/; s/^\{"id":([0-9]+).*/\1/' "$work/out" | tail -n +2)" \
    "30
6 at row 1}}
7 at row 2,\"snapshot\":true}}
31
8 at row 0}}
{\"@end\":{\"records\":2}}" 'a TRUNCATE closes the epoch, and is an empty epoch that replaces everything'
truncated=$(barriers "$work/out" | sed -n 3p)
run pg-tail -t t --once --resume "$(barriers "$work/out" | sed -n 2p)"
timeless() { sed 's/"time":"[^"]*"//'; }
is "$(barriers "$work/out" | sed -n 2p | timeless)" "$(timeless <<<"$truncated")" \
    'between the two barriers one can resume'

# ---- TOAST ----
sql "CREATE TABLE gordo (id integer PRIMARY KEY, n integer, largo text, otro text); ALTER TABLE gordo REPLICA IDENTITY FULL;
     ALTER TABLE gordo ALTER largo SET STORAGE EXTERNAL; INSERT INTO gordo VALUES (1, 1, repeat('x', 10000), repeat('y', 9000))"
run pg-tail -t gordo --create --snapshot --once
barrier=$(barriers "$work/out")
sql "UPDATE gordo SET n = 2; UPDATE gordo SET otro = 'z'; DELETE FROM gordo"
x=$(printf 'x%.0s' {1..10000}) y=$(printf 'y%.0s' {1..9000})
table=gordo changes 'large values that an UPDATE leaves alone are there, in the new row and in the old' <<END
{"@op":"-","id":1,"n":1,"largo":"$x","otro":"$y"}
{"id":1,"n":2,"largo":"$x","otro":"$y"}
{"@op":"-","id":1,"n":2,"largo":"$x","otro":"$y"}
{"id":1,"n":2,"largo":"$x","otro":"z"}
{"@op":"-","id":1,"n":2,"largo":"$x","otro":"z"}
END

# ---- columns and identities ----
sql "CREATE TABLE clave (id integer PRIMARY KEY, c integer NOT NULL, m integer NOT NULL, nota text, \"Una, rara\" text);
     CREATE UNIQUE INDEX clave_i ON clave (c, m, id) INCLUDE (nota); ALTER TABLE clave REPLICA IDENTITY USING INDEX clave_i;
     INSERT INTO clave VALUES (1, 1, 1, 'x', 'r')"
run pg-tail -t clave --columns nota,m --create
is "$code" 78 'a column that is only included in the identity index is not in old rows'
run pg-tail -t clave --columns 'm, C' --create --snapshot --once
is "$code $(records "$work/out")" '0 {"m":1,"c":1}' '--columns in the order asked for, folded as in SQL'
barrier=$(barriers "$work/out")
sql "UPDATE clave SET nota = 'y'; UPDATE clave SET m = 2; DELETE FROM clave"
table=clave changes 'an index as identity is enough for its own columns' --columns m,c <<'END'
{"@op":"-","m":1,"c":1}
{"m":1,"c":1}
{"@op":"-","m":1,"c":1}
{"m":2,"c":1}
{"@op":"-","m":2,"c":1}
END
pg-tail -t clave --drop 2>/dev/null
sql "INSERT INTO clave VALUES (9, 1, 1, 'x', 'r')"
run pg-tail -t clave --inserts-only --columns '"Una, rara", id' --create --snapshot --once
is "$code $(records "$work/out")" '0 {"Una, rara":"r","id":9}' 'a quoted name with a comma and capitals'
barrier=$(barriers "$work/out")
sql "INSERT INTO clave VALUES (2, 1, 1, 'x', 'r'); UPDATE clave SET m = 2; DELETE FROM clave; TRUNCATE clave; INSERT INTO clave VALUES (3, 1, 1, 'x', 's')"
table=clave changes '--inserts-only needs no identity, and passes over the rest' --inserts-only --columns id,'"Una, rara"' <<'END'
{"id":2,"Una, rara":"r"}
{"id":3,"Una, rara":"s"}
END
# The same from a publication that has all changes: they are passed over here, and counted.
sql "ALTER PUBLICATION tuberia_clave SET (publish = 'insert, update, delete, truncate'); ALTER TABLE clave REPLICA IDENTITY FULL;
     INSERT INTO clave VALUES (4, 1, 1, 'x', 'r'); UPDATE clave SET m = 5; TRUNCATE clave; INSERT INTO clave VALUES (5, 1, 1, 'x', 's')"
table=clave changes 'from a publication with everything too' --inserts-only -v <<'END'
{"id":4,"c":1,"m":1,"nota":"x","Una, rara":"r"}
{"id":5,"c":1,"m":1,"nota":"x","Una, rara":"s"}
END
like "$(cat "$work/err")" 'changes 5 = inserts 2 \+ updates 0 \+ deletes 0 \+ truncates 0 \+ passed over 3; records 2,' 'and counted'

# ---- generated columns, row filters, column lists ----
sql "CREATE TABLE f (id integer PRIMARY KEY, v integer, doble integer GENERATED ALWAYS AS (v * 2) STORED); ALTER TABLE f REPLICA IDENTITY FULL;
     CREATE PUBLICATION parcial FOR TABLE f WHERE (v > 10); INSERT INTO f VALUES (1, 1), (2, 20)"
run pg-tail -t f --publication parcial --create --snapshot --once
is "$code $(records "$work/out")" '0 {"id":2,"v":20}' "a publication's row filter holds for the snapshot too; generated columns are not there"
barrier=$(barriers "$work/out")
sql "INSERT INTO f VALUES (3, 3), (4, 40); UPDATE f SET v = v + 10; DELETE FROM f WHERE id IN (1, 2)"
table=f changes 'and in the stream' --publication parcial <<'END'
{"id":4,"v":40}
{"id":1,"v":11}
{"@op":"-","id":2,"v":20}
{"id":2,"v":30}
{"id":3,"v":13}
{"@op":"-","id":4,"v":40}
{"id":4,"v":50}
{"@op":"-","id":1,"v":11}
{"@op":"-","id":2,"v":30}
END
run pg-tail -t f --publication parcial --columns id,doble --once
is "$code" 78 'a generated column cannot be asked for'

done_testing
