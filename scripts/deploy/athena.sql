-- The daily files of batch-pipeline(1) as a table of Amazon Athena: statements to be run one by one, with bucket and
-- prefix of one's own in the two places where they stand.
--
-- Partitions are projected: Athena works out their places from the query, nothing has to be registered after a
-- run, and none has to be listed. What begins with an underscore (_SUCCESS, _manifest) it passes over.

CREATE DATABASE IF NOT EXISTS tuberia;

-- A proveedor is named in each query, and as it is in the path: percent-encoded, where it has more than letters,
-- digits and - _ . ~. With 'projection.proveedor.type' = 'enum' and 'projection.proveedor.values' = '1,2,3' a
-- query may leave it out.
CREATE EXTERNAL TABLE IF NOT EXISTS tuberia.ventas_diarias (
    cliente_id string,
    nombre string,
    apellido string,
    fecha date,
    transacciones bigint,
    monto_total decimal(18,2) -- with as many decimals as ventas.monto has
)
PARTITIONED BY (proveedor string, year int, month int, day int)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://puntored-analytics/batch/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.proveedor.type' = 'injected',
    'projection.year.type' = 'integer',
    'projection.year.range' = '2020,2050',
    'projection.month.type' = 'integer',
    'projection.month.range' = '1,12',
    'projection.month.digits' = '2',
    'projection.day.type' = 'integer',
    'projection.day.range' = '1,31',
    'projection.day.digits' = '2',
    'storage.location.template' = 's3://puntored-analytics/batch/proveedor_${proveedor}/year=${year}/month=${month}/day=${day}'
);

-- A month of one proveedor. Its sums stand in the manifests and in the run log too, to compare with: a reader of JSON may
-- take numbers through doubles, which amounts of up to 15 digits survive.
SELECT fecha, count(*) AS clientes, sum(transacciones) AS transacciones, sum(monto_total) AS monto_total
FROM tuberia.ventas_diarias
WHERE proveedor = '1' AND year = 2024 AND month = 3
GROUP BY fecha
ORDER BY fecha;
