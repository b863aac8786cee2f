// duckdb-run.mjs THREADS SQL: run the statement, and nothing else.
import { DuckDBInstance } from '@duckdb/node-api';

const [threads, sql] = process.argv.slice(2);
const db = await (await DuckDBInstance.create(':memory:', { threads })).connect();
await db.run('SET preserve_insertion_order = false');
await db.run(sql);
