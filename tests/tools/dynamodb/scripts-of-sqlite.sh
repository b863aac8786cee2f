# once
# timeout: 600
# The scripts of ddb-put, metrics-query and metrics-cgi, which know of SQLite alone, on DynamoDB: what they expect, to the
# byte; and the case that changes a store by SQL. (same-answers-as-sqlite.sh runs the other cases.)
#
# Not here: full-disk and permissions of ddb-put, which are about files (messages-and-rights.sh has the rights); hang of
# metrics-cgi, where a file that somebody keeps hangs, and load, which is about speed; and in the others what is cut out
# below: locks of files, stores that are no file or not one of ours, a file that is moved away.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/dynamodb.sh"
dynamodb_start

mkdir "$work/bin" "$work/sides"
: >"$work/sides/tables"
ln -s "$TUBERIA_BIN"/* "$work/bin"
for name in ddb-put metrics-query metrics-cgi sqlite3; do
    ln -sf "$TOP/tests/lib/dynamodb-instead" "$work/bin/$name"
done
{
    export -p | grep -E ' AWS_[A-Z_]*='
    echo "export TUBERIA_API_DEADLINE=20s REAL='$TUBERIA_BIN' SIDES='$work/sides' TUBERIA_BIN='$work/bin' PATH='$work/bin:$PATH'"
} >"$work/environment"

# script TOOL/NAME SED-SCRIPT: a copy with that changed.
script() {
    mkdir -p "$work/${1%/*}"
    sed -e "s|^\\. \"\$(dirname \"\$0\")/../../lib/tap.sh\"|. '$work/environment'; . '$TOP/tests/lib/tap.sh'|" \
        -e "/^-- cmd/a . $work/environment" -e "${2:-}" "$TOP/tests/tools/$1" >"$work/$1"
}

# Epochs larger than memory are for a file alone; one seed, of as many requests as an emulator takes.
script ddb-put/oracle.sh 's/^    for limit in .*; do/    for limit in 1000000; do/; s/^for seed in .*; do/for seed in 1; do/'
# So many updates an epoch that it can be killed in it.
script ddb-put/kill.sh 's/^EPOCHS=30 RECORDS=600/EPOCHS=20 RECORDS=60/; s/^for limit in .*; do/for limit in 1000000; do/'
script ddb-put/two-instances.sh '/^# The lock held/,/^wait \$holder/d'
script ddb-put/trickle.sh
script ddb-put/verify-finds-what-was-tampered-with.case
# A key has 2048 bytes.
script metrics-query/manners.sh 's/head -c 100000/head -c 900/; /^# Who may not read/,/^fi/d; /^# A writer that holds/,/^wait "\$writer"/d'
script metrics-query/oracle.sh
script metrics-query/terminal.sh
script metrics-cgi/by-hand.sh '/^# ---- stores that cannot be read/,/^# What a key may not see/d; /^cp .*locked.db"/,/^wait \$locker/d'
script metrics-cgi/nginx.sh '/^mv .*store"/,/another one in its place"$/d'
script metrics-cgi/hostile.sh

cp "$TOP"/tests/tools/metrics-cgi/_* "$work/metrics-cgi"
# Bash hands a variable on once. One that is there twice is for metrics-cgi to see, so fcgiwrap starts it itself.
# shellcheck disable=SC2016
sed -i 's|\$TUBERIA_BIN/metrics-cgi|$REAL/metrics-cgi|; s|\$TUBERIA_STORE|dynamodb:$(cut -d" " -f1 "$SIDES/${work//[!A-Za-z0-9._-]/_}_store_m.db")|' \
    "$work/metrics-cgi/_nginx.sh"
for tool in ddb-put metrics-query metrics-cgi; do
    TIMEOUT_SCALE=8 "$TOP/tests/run" -v -b "$(dirname "$TUBERIA_BIN")" "$work/$tool" >"$work/result" 2>&1
    like "$(tail -n 1 "$work/result")" '^[1-9][0-9]+ passed, 0 failed$' "$tool: $(tail -n 1 "$work/result")"
    note "$(grep -E "^(ok|FAILED) " "$work/result")"
    [ "$tap_failed" = 0 ] || note "$(head -n 60 "$work/result")"
done
is "$(($(wc -l <"$work/sides/tables") > 10))" 1 "in tables"
done_testing
