-- The tables, the publication and the role that Tubería's two pipelines work with.
--
--     psql -d shop -f ventas.sql
--
-- as the owner of the database (CREATE ROLE … REPLICATION needs a superuser, or rds_superuser on
-- Amazon RDS: see rds.md). The server needs wal_level = logical (postgresql.conf; a restart).
-- For tables that are there already: existing-table.sql.

\set ON_ERROR_STOP 1
BEGIN;

CREATE TABLE clientes (id integer PRIMARY KEY, nombre varchar(100) NOT NULL, apellido varchar(100) NOT NULL);
CREATE TABLE ventas (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cliente_id integer NOT NULL REFERENCES clientes,
                     producto varchar(100) NOT NULL, fecha timestamp NOT NULL, monto numeric(12,2) NOT NULL);

-- An UPDATE or DELETE must say what the row was before, so that its sale can be taken back from the
-- totals. With the default identity the server logs no old row, or its key only.
ALTER TABLE ventas REPLICA IDENTITY FULL;

-- What the server decodes for us: this table and no other.
CREATE PUBLICATION tuberia_ventas FOR TABLE ventas;

-- The least that pg-tail(1) needs: to replicate, to connect, and to read this table (for the first
-- snapshot). No password is set here: give it one by \password, a certificate, or peer
-- authentication, and let ~/.pgpass or PGSERVICE tell it to the pipeline.
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tuberia') AS role_missing \gset
\if :role_missing
CREATE ROLE tuberia LOGIN REPLICATION;
\endif
GRANT SELECT ON ventas TO tuberia;

-- What the daily files need besides.
\ir proveedores.sql

COMMIT;
