// duckdb.cjs SQL: its rows on stdout, tabs between the fields. duckdb.sh says where DuckDB is.
const { DuckDBInstance } = require('@duckdb/node-api');

(async () => {
    const db = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    const rows = (await db.runAndReadAll(process.argv[2])).getRows();
    process.stdout.write(rows.map((row) => row.map(String).join('\t') + '\n').join(''));
})().catch((e) => {
    console.error(String(e));
    process.exitCode = 1;
});
