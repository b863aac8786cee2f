# shellcheck shell=bash disable=SC2154
# duckdb.sh: DuckDB, which reads Hive partitions. Source tap.sh first.
#
#   duckdb_install     from npm, at the version named here, into build/duckdb of the repository; ends the test when
#                      it cannot be had
#   duckdb SQL         the rows, with a tab between their fields

DUCKDB=1.5.6-r.1

# One process installs, the others wait for it.
duckdb_install() {
    local home=$TOP/build/duckdb
    mkdir -p "$home"
    (
        flock 9
        [ -e "$home/$DUCKDB" ] && exit
        cd "$home" && npm install --silent --no-audit --no-fund --no-package-lock --no-save \
            "@duckdb/node-api@$DUCKDB" >"$home/npm.log" 2>&1 && : >"$DUCKDB"
    ) 9>"$home/lock" && return
    note "npm cannot install DuckDB:" "$(tail -n 5 "$home/npm.log")"
    exit 1
}

duckdb() { NODE_PATH=$TOP/build/duckdb/node_modules node "$TOP/tests/lib/duckdb.cjs" "$1"; }
