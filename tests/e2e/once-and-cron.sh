# timeout: 300
# once: it is about the script, whose stages others run under sanitizers.
# --once, as a cron job runs it: a bare environment, no terminal, an end by itself.
. "$(dirname "$0")/_lib.sh"

shop
sales 400
mapfile -t cloud < <(env | grep '^AWS_') # when the store is there
cron() {
    env -i "${cloud[@]}" PGHOST="$PGHOST" PGUSER="$PGUSER" PGDATABASE="$PGDATABASE" TUBERIA_STORE="$TUBERIA_STORE" \
        TUBERIA_BIN="$TUBERIA_BIN" TZ=UTC "${TUBERIA_CLEAN:-/bin/sh}" -c "$TOP/scripts/realtime-pipeline $*" </dev/null
}

run cron --once
is "$code" 0 'the first run ends by itself'
is "$(cat "$work/out" "$work/err")" '' 'and has nothing to say: no mail'
equals_sql 'the first run took the snapshot'
first=$(epoch)
run cron --once
is "$code" 0 'a second run, with nothing new'
equals_sql 'nothing came twice'
sales 300
sql 'DELETE FROM ventas WHERE id % 3 = 0'
run cron --once
is "$code" 0 'a third run, with news'
equals_sql 'the third run took in the news'
epoch_above "$first"
is "$?" 0 'the epochs go on'
is "$(sql 'SELECT active FROM pg_replication_slots')" f 'between two runs the slot is not in use'
run cron --once -v
like "$(cat "$work/err")" 'resuming behind epoch [0-9]+' '-v says from where'

# What was committed was confirmed to the server: it need not keep the log.
confirmed() { sql "SELECT confirmed_flush_lsn > '$1' FROM pg_replication_slots"; }
before=$(sql 'SELECT confirmed_flush_lsn FROM pg_replication_slots')
sales 10
cron --once
is "$(confirmed "$before")" t 'a run confirms to the server what the store has'

run cron --once --frobnicate
is "$code" 64 'an unknown option: status 64'
like "$(cat "$work/err")" 'realtime-pipeline: --frobnicate: no such option' 'and it is named'
PGHOST=$work/nowhere run cron --once --max-restarts 1
is "$code" 69 'no server: status 69 after the last try'
like "$(cat "$work/err")" 'given up after 2 failures in a row' 'and says that it tried'
run cron --help
is "$code" 0 '--help: status 0'
like "$(cat "$work/out")" '^Usage: realtime-pipeline' '--help goes to stdout'
like "$(cron --version)" '^realtime-pipeline \(Tuber.+\) [0-9]' '--version'
done_testing
