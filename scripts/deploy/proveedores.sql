-- Which products are whose: what batch-pipeline(1) makes each proveedor's daily files of.
--
--     psql -d shop -f proveedores.sql
--
-- as the owner of the tables; ventas.sql runs it too. A product may belong to several proveedores; one of a
-- proveedor with no line here is in nobody's files.

\set ON_ERROR_STOP 1

CREATE TABLE IF NOT EXISTS proveedores_productos (proveedor varchar(100) NOT NULL CHECK (proveedor <> ''),
                                                  producto varchar(100) NOT NULL, PRIMARY KEY (proveedor, producto));

-- It reads three tables. (The role is that of ventas.sql and existing-table.sql; one without REPLICATION does as well.)
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tuberia') AS role_exists \gset
\if :role_exists
GRANT SELECT ON ventas, clientes, proveedores_productos TO tuberia;
\endif

-- On a large table the days are found by an index; it can be made while sales go on, but in no transaction:
--     CREATE INDEX CONCURRENTLY ON ventas (fecha);
