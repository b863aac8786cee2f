# timeout: 300
# once: it is about the script, whose stages others run under sanitizers.
# What batch-pipeline is told: command lines, files of providers, a bare environment, rights, logs; right and wrong.
. "$(dirname "$0")/_batch.sh"

batch_shop
days=(--date 2024-02-28)
refuses() { # STATUS REGEX NAME OPTION...
    local status=$1 regex=$2 name=$3
    shift 3
    batch "$@"
    like "$code $(cat "$work/err")" "^$status batch-pipeline: $regex" "$name"
}

# From cron: no terminal, nothing in the environment.
cron() { env -i PGHOST="$PGHOST" PGUSER=tuberia PGDATABASE=postgres TUBERIA_BIN="$TUBERIA_BIN" "$@" </dev/null; }
yesterday=$(TZ=Pacific/Kiritimati date -d "$(TZ=Pacific/Kiritimati date +%F) 12:00 yesterday" +%F)
sql "INSERT INTO ventas (cliente_id, producto, fecha, monto) VALUES (1, 'NORTE-1', date '$yesterday' + time '23:30', 12.34)"
run cron TZ=Pacific/Kiritimati HOME="$work" sh -c "cd && '$TOP/scripts/batch-pipeline' lake"
is "$code $(cat "$work/out" "$work/err")" '0 ' 'as cron runs it: nothing to say, so no mail'
is "$(jq -r 'select(.rows > 0) | [.provider, .day, .sum] | join(" ")' "$work/batch-pipeline.ndjson")" "1 $yesterday 12.34" \
    'yesterday is that of TZ, and the log is in the working directory'
rm -r "$lake"
run cron TUBERIA_DESTINATION="$lake" TUBERIA_BATCH_LOG=- "$TOP/scripts/batch-pipeline" --date=2024-02-28 -j2
is "$code $(jq -s length "$work/out")" '0 6' 'destination and log by the environment'

# Where Athena looks for a partition is where it is.
template=$(sed -n "s/.*'storage.location.template' = '\(.*\)'.*/\1/p" "$TOP/scripts/deploy/athena.sql")
template=${template#"$(sed -n "s/^LOCATION '\(.*\)'$/\1/p" "$TOP/scripts/deploy/athena.sql")"}
path=$(sed 's/${proveedor}/1/; s/${year}/2024/; s/${month}/02/; s/${day}/28/' <<<"$template")
passes 'the table for Athena has the path of a partition' test -e "$lake/$path/_SUCCESS"

batch --dry-run
is "$code $(cat "$work/err")" '0 ' '--dry-run'
is "$(cat "$work/out")" "$(sql "SELECT '{\"provider\":' || to_json(proveedor) || ',\"day\":\"2024-02-28\",\"rows\":' || count(DISTINCT cliente_id) || ',\"sum\":' || coalesce(sum(monto), 0) || '}'
    FROM proveedores_productos p LEFT JOIN ventas v ON v.producto = p.producto AND fecha::date = '2024-02-28'
    GROUP BY proveedor ORDER BY proveedor COLLATE \"C\"" | sed 's/\\n/\\u000a/')" 'says what SQL says, in order'
rm -r "$lake"
batch --dry-run --provider 1
is "$code $(find "$work" -name 'lake*' -o -name 'log*')" '0 ' 'and leaves nothing'

# The log.
log=$work/none/log refuses 73 "--log: cannot write to $work/none/log" 'a log that cannot be made'
printf '{"half a line' >"$log"
batch
is "$(grep -c '^{"provider"' "$log") $(head -n 1 "$log")" '6 {"half a line' 'a line that was cut off spoils no record'
rm "$log"
log=/dev/full refuses 74 '/dev/full could not be written; all is published' 'no room for the log'

# What is on the server.
refuses 78 'relation "no_table" does not exist' 'no such table' -t no_table
sql "CREATE VIEW floating AS SELECT cliente_id, producto, fecha, monto::float8 AS monto FROM ventas; CREATE ROLE nobody LOGIN"
refuses 78 'floating: monto is of type double precision, which cannot hold amounts exactly' 'floating-point amounts' -t floating
PGUSER=nobody refuses 77 'permission denied for table ventas' 'no right to read'
PGDATABASE=nowhere refuses 78 '.*database "nowhere" does not exist' 'no such database'
TZ=Mars/Base refuses 78 '.*invalid value for parameter "TimeZone"' 'a time zone that the server does not know'
sql 'CREATE TABLE no_providers (proveedor text, producto text)'
refuses 78 'no provider in no_providers' 'no provider' --providers-table no_providers
sql "INSERT INTO no_providers VALUES ('', 'x'), (NULL, 'y')"
refuses 78 'no_providers: a provider without a name' 'a provider without a name' --providers-table no_providers

# A standby will do: it is only read.
primary=$PG_DIR
PG_DIR=$(mktemp -d /tmp/tuberia-XXXXXX) && at_exit "pg_remove '$PG_DIR'"
mkdir "$PG_DIR/s" && chmod 755 "$PG_DIR" "$PG_DIR/s"
[ "$(id -u)" != 0 ] || chown -R "$(getent passwd postgres nobody | head -n 1 | cut -d: -f1)" "$PG_DIR"
pg_as_user "$PG_BIN/pg_basebackup" -D "$PG_DIR/data" -R -h "$PGHOST" -U postgres >"$work/out" 2>&1 || note "$(cat "$work/out")"
pg_as_user tee -a "$PG_DIR/data/postgresql.conf" >/dev/null <<<"unix_socket_directories = '$PG_DIR/s'"
pg_as_user tee "$PG_DIR/port" >/dev/null <<<5432
pg_use "$PG_DIR"
pg_launch
is "$(sql 'SELECT pg_is_in_recovery()')" t 'a standby'
rm -rf "$lake"
batch
is "$code $(published)" '0 6' 'which is enough for the daily files'
pg_stop immediate
pg_use "$primary"

# Files of providers.
for line in $'a' $'\tb' $'a\t' $'a\tb\tc'; do
    printf 'x\ty\n%s\n' "$line" >"$work/p.tsv"
    refuses 65 "$work/p.tsv:2: not a provider, a tab, a product" "$(printf 'a bad line of providers: %q' "$line")" --providers "$work/p.tsv"
done
printf '\xff\tb\n' >"$work/p.tsv"
refuses 65 "$work/p.tsv: not UTF-8" 'not UTF-8' --providers "$work/p.tsv"
refuses 65 "$work/none: cannot be read" 'no file' --providers "$work/none"
: >"$work/p.tsv"
refuses 78 "no provider in $work/p.tsv" 'an empty file' --providers "$work/p.tsv"
printf '%s\ty\nok\t50%%\n' "$(head -c 300 /dev/zero | tr '\0' x)" >"$work/p.tsv"
batch --providers "$work/p.tsv"
is "$code $(logged 'select(.provider == "ok") | .status')" '1 0' 'a name that is too long for a path: the others are published'

# The destination is s3-partition's affair.
mkdir "$work/bin"
printf '#!/bin/bash\nprintf "%%s\\n" "$@" >>"%s"\nexit 78\n' "$work/told" >"$work/bin/s3-partition"
chmod +x "$work/bin/s3-partition"
TUBERIA_BIN=$work/bin run batch-pipeline --log "$log" --date 2024-02-28 --provider 1 's3://bucket/a prefix/' -- --compress zstd
is "$code $(head -n 2 "$work/told" | tr '\n' ' ')$(tail -n 2 "$work/told" | tr '\n' ' ')" '78 --to s3://bucket/a prefix/ --compress zstd ' \
    's3:// is handed on as it is, and what follows --'

# On a terminal.
if command -v expect >/dev/null; then
    printf 'set timeout 60\nset stty_init "columns 60"\nspawn -noecho {*}$argv\nexpect eof\nexit [lindex [wait] 3]\n' >"$work/terminal.exp"
    TERM=xterm run expect "$work/terminal.exp" batch-pipeline --log "$log" "$lake" "${days[@]}"
    like "$code $(tr '\r' '\n' <"$work/out" | sed 's/\x1b\[K//' | grep -c '^[0-9] of 6 partitions, [0-5] running')" '^0 [1-9]' 'progress on a terminal'
    is "$(tail -c 4 "$work/out")" $'\r\e[K' 'which is wiped at the end'
    TERM=dumb run expect "$work/terminal.exp" batch-pipeline --log "$log" "$lake" "${days[@]}"
    is "$code $(cat "$work/out")" '0 ' 'a dumb one has none'
else
    skip 'progress on a terminal' 'expect is not installed'
fi

# Command lines.
refuses 64 '--frobnicate: no such option' 'an unknown option' --frobnicate
refuses 64 '--date: not a date' 'no date' --date 2024-02-30
refuses 64 '--date, or --from and --to' 'two kinds of days' --from 2024-02-28 --to 2024-02-28
days=()
refuses 64 '--from and --to go together' 'no end' --from 2024-02-28
refuses 64 '--from is later than --to' 'the wrong way round' --from 2024-02-28 --to 2024-02-27
refuses 64 '--jobs: not a whole number' 'no workers' -j 0
refuses 64 '--time-limit: not a duration' 'no duration' --time-limit soon
refuses 64 '--provider: no such one: Nadie' 'no such provider' --provider Nadie
refuses 64 '--layout: no \{proveedor\}' 'providers in one place' --layout 'day=%F'
refuses 64 '--layout: it does not tell days apart' 'days in one place' --layout '{proveedor}/%Y-%m'
refuses 64 'one destination, not 2' 'two destinations' "$work/b"
refuses 64 '"1", .*: s3-partition: unknown option --frobnicate' 'what follows -- is for s3-partition' --provider 1 -- --frobnicate
run batch-pipeline
like "$code $(cat "$work/err")" '^64 batch-pipeline: where to\?' 'no destination'
run batch-pipeline --help
like "$code $(cat "$work/out")" '^0 Usage: batch-pipeline' '--help'
like "$(batch-pipeline --version)" '^batch-pipeline \(Tuber.+\) [0-9]' '--version'
run batch-pipeline --log "$log" --date 2024-02-28 /proc/lake
is "$code" 73 'a destination that cannot be made'

done_testing
