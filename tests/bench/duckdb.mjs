// duckdb.mjs FILE THREADS SQL: run the statement with $FILE's records as the view `sales`. With columns
// given, DuckDB need not guess them: the best it can do. (Its JSON reader takes each amount through a
// double, into DECIMAL as well.)
import { DuckDBInstance } from '@duckdb/node-api';

const [file, threads, sql] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:', { threads });
const db = await instance.connect();
await db.run('SET preserve_insertion_order = false');
await db.run(`CREATE VIEW sales AS SELECT * FROM read_json('${file}', format = 'newline_delimited',
    columns = {cliente_id: 'BIGINT', producto: 'VARCHAR', monto: 'DECIMAL(18,2)', fecha: 'TIMESTAMP'})`);
await db.run(sql);
