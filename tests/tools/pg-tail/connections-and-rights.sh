#!/bin/bash
# The server's socket, TCP with a password, TLS with verify-full against a CA of our own; and a role with
# no more rights than the manual says.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/../../lib/postgres.sh"
. "$(dirname "$0")/_common.sh"

# A CA, a certificate of the server for localhost alone, and another CA that knows nothing of it.
new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2>/dev/null; }
new_key "$work/ca.key" && new_key "$work/server.key" && new_key "$work/other.key"
openssl req -x509 -new -key "$work/ca.key" -subj '/CN=Test CA' -days 2 -out "$work/ca.pem"
openssl req -x509 -new -key "$work/other.key" -subj '/CN=Other CA' -days 2 -out "$work/other.pem"
openssl req -new -key "$work/server.key" -subj '/CN=localhost' -out "$work/server.csr"
openssl x509 -req -in "$work/server.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -set_serial 1 -days 2 \
    -extfile <(echo 'subjectAltName=DNS:localhost') -out "$work/server.pem" 2>/dev/null

PG_TCP=1 pg_start "password_encryption = 'scram-sha-256'"
socket=$PGHOST
pg_as_user tee "$PG_DIR/data/server.crt" <"$work/server.pem" >/dev/null
pg_as_user tee "$PG_DIR/data/server.key" <"$work/server.key" >/dev/null
pg_as_user chmod 600 "$PG_DIR/data/server.key"
sql "CREATE DATABASE tienda"
export PGDATABASE=tienda
sql "CREATE SCHEMA privado; CREATE TABLE privado.ventas (id integer PRIMARY KEY, monto numeric(12,2), secreto text);
     ALTER TABLE privado.ventas REPLICA IDENTITY FULL; INSERT INTO privado.ventas VALUES (1, 1.5, 's')"
# What the manual asks for, and nothing else. What everybody has by default is taken away.
sql "REVOKE ALL ON DATABASE tienda FROM public; REVOKE ALL ON SCHEMA public FROM public;
     CREATE ROLE lector LOGIN REPLICATION PASSWORD 'clave ñ'; CREATE ROLE nadie LOGIN PASSWORD 'nada'"
pg_as_user tee "$PG_DIR/data/pg_hba.conf" >/dev/null <<'END'
local   all     postgres                  trust
local   tienda  lector                    scram-sha-256
hostssl tienda  lector  127.0.0.1/32      scram-sha-256
hostssl tienda  nadie   127.0.0.1/32      scram-sha-256
END
sql "ALTER SYSTEM SET ssl = on" && sql "SELECT pg_reload_conf()" >/dev/null
wait_for 30 openssl s_client -starttls postgres -connect "127.0.0.1:$PGPORT" </dev/null >/dev/null 2>&1 || not_ok 'TLS is on'
printf '*:*:*:lector:clave ñ\n' >"$work/pgpass"
chmod 600 "$work/pgpass"

# as_reader OPTION...: as that role, over TLS.
as_reader() {
    env -u PGHOST PGHOST=localhost PGHOSTADDR=127.0.0.1 PGUSER="${role:-lector}" PGPASSFILE="${pgpass:-$work/pgpass}" \
        PGSSLMODE=verify-full PGSSLROOTCERT="$work/ca.pem" "${environment[@]}" \
        pg-tail -t privado.ventas --columns id,monto "$@"
}
environment=(A=b)
as_owner() { PGHOST=$socket PGUSER=postgres sql "$1"; }
denied() { # CODE REGEX NAME OPTION...
    run as_reader "${@:4}"
    is "$code" "$1" "$3"
    like "$(<"$work/err")" "$2" '... and says why'
}

# ---- the rights, one after the other ----
denied 77 'permission denied for database "tienda"' 'without CONNECT' --once
as_owner "GRANT CONNECT ON DATABASE tienda TO lector, nadie"
denied 77 'permission denied for schema privado' 'without USAGE' --once
as_owner "GRANT USAGE ON SCHEMA privado TO lector, nadie"
denied 78 'publication tuberia_privado_ventas does not exist' 'without a publication' --once
denied 77 'publication tuberia_privado_ventas cannot be created: server: permission denied' 'who does not own the table cannot make one' --create
as_owner "CREATE PUBLICATION tuberia_privado_ventas FOR TABLE privado.ventas"
denied 77 'snapshot: server: permission denied for table ventas' 'without SELECT' --create --snapshot --once
is "$(as_owner 'SELECT count(*) FROM pg_replication_slots')" 0 'no slot is left'
as_owner "GRANT SELECT (id, monto) ON privado.ventas TO lector"
run as_reader --create --snapshot --once
is "$code $(records "$work/out")" '0 {"id":1,"monto":1.50}' 'with SELECT on just these columns, over TLS, with a password: a snapshot'
barrier=$(barriers "$work/out")
as_owner "REVOKE SELECT (id, monto) ON privado.ventas FROM lector; INSERT INTO privado.ventas VALUES (2, 2, 's'); DELETE FROM privado.ventas WHERE id = 1"
run as_reader --once --resume "$barrier"
is "$code $(records "$work/out")" '0 {"id":2,"monto":2.00}
{"@op":"-","id":1,"monto":1.50}' 'a stream needs no SELECT'
as_owner "GRANT SELECT ON privado.ventas TO lector; ALTER TABLE privado.ventas ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON privado.ventas USING (id > 100)"
denied 77 'snapshot: server: query would be affected by row-level security policy' 'row-level security refuses a snapshot, and does not cut it short' \
    --create --snapshot --once --slot rls
as_owner "ALTER ROLE lector BYPASSRLS"
run as_reader --create --snapshot --once --slot rls
is "$code $(records "$work/out")" '0 {"id":2,"monto":2.00}' 'with BYPASSRLS it has them all'
run as_reader --drop --slot rls --publication none
is "$code" 0 'the role may drop its slots'
printf '*:*:*:nadie:nada\n' >"$work/pgpass2"
chmod 600 "$work/pgpass2"
role=nadie pgpass=$work/pgpass2
denied 77 'must be superuser or replication role' 'without REPLICATION' --once
unset role pgpass

# ---- who is who ----
printf '*:*:*:lector:falsa\n' >"$work/pgpass3"
chmod 600 "$work/pgpass3"
pgpass=$work/pgpass3
denied 77 'password authentication failed for user "lector"' 'a wrong password' --once
pgpass=/dev/null
denied 77 'no password supplied' 'no password' --once
unset pgpass
environment=(PGSSLROOTCERT="$work/other.pem")
denied 77 'certificate verify failed' "another CA's certificate" --once
environment=(PGHOST=127.0.0.1)
denied 77 'certificate for "localhost" does not match host name "127.0.0.1"|does not match host name' 'a host of another name' --once
environment=(PGSSLMODE=disable)
denied 77 'no pg_hba.conf entry for host "127.0.0.1", user "lector", database "tienda", no encryption' 'no TLS where it is asked for' --once
environment=(PGPORT=1)
denied 69 'Connection refused' 'nobody listens' --once
environment=(A=b)
run pg-tail -t privado.ventas --once -d "postgresql://lector:clave@localhost/tienda"
is "$code" 64 'a password in the command line is refused'
run pg-tail -t privado.ventas --once -d "host=localhost password=x"
is "$code" 64 'in a connection string too'
like "$(<"$work/err")" 'a password in the command line can be read by everybody' '... and says why'
case $(<"$work/err") in *clave*) not_ok 'a password is shown' ;; *) ok 'no password is shown' ;; esac

# ---- other ways in ----
run env PGPASSFILE="$work/pgpass" pg-tail -t privado.ventas --columns id --once --resume "$barrier" \
    -d "postgresql://lector@localhost:$PGPORT/tienda?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=$work/ca.pem"
is "$code $(records "$work/out" | tail -n 1)" '0 {"@op":"-","id":1}' 'a URI'
printf '[tienda]\nhost=%s\nport=%s\nuser=lector\ndbname=tienda\n' "$socket" "$PGPORT" >"$work/services"
run env -u PGHOST -u PGUSER -u PGDATABASE PGSERVICEFILE="$work/services" PGSERVICE=tienda PGPASSFILE="$work/pgpass" \
    pg-tail -t privado.ventas --columns id --once --resume "$barrier"
is "$code $(records "$work/out" | tail -n 1)" '0 {"@op":"-","id":1}' 'a service, over the socket'

# ---- a server that is not ready ----
as_owner "ALTER SYSTEM SET wal_level = replica"
PGHOST=$socket PGUSER=postgres run pg-tail -t privado.ventas --drop
PGHOST=$socket pg_restart fast
PGHOST=$socket PGUSER=postgres run pg-tail -t privado.ventas --create
is "$code" 78 'wal_level = replica'
like "$(<"$work/err")" 'slot tuberia_privado_ventas cannot be created: server: logical decoding requires wal_level >= logical' '... and says so'

done_testing
