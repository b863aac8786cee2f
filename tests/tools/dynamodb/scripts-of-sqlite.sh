# once
# timeout: 400
# The scripts of ddb-put and metrics-query, which know of SQLite alone, on DynamoDB: what they expect, to the byte; and the
# case that changes a store by SQL. (same-answers-as-sqlite.sh runs the other cases.)
#
# Not here: full-disk and permissions of ddb-put, which are about files (messages-and-rights.sh has the rights); its kill,
# which is exactly-once.sh, with faults; and in the others what is cut out below.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/dynamodb.sh"
dynamodb_start

mkdir "$work/bin" "$work/sides"
: >"$work/sides/tables"
ln -s "$TUBERIA_BIN"/* "$work/bin"
for name in ddb-put metrics-query sqlite3; do
    ln -sf "$TOP/tests/lib/dynamodb-instead" "$work/bin/$name"
done
{
    export -p | grep -E ' AWS_[A-Z_]*='
    echo "export REAL='$TUBERIA_BIN' SIDES='$work/sides' TUBERIA_BIN='$work/bin' PATH='$work/bin:$PATH'"
} >"$work/environment"

# script TOOL/NAME SED-SCRIPT: a copy with that changed.
script() {
    mkdir -p "$work/${1%/*}"
    sed -e "s|^\\. \"\$(dirname \"\$0\")/../../lib/tap.sh\"|. '$work/environment'; . '$TOP/tests/lib/tap.sh'|" \
        -e "/^-- cmd/a . $work/environment" -e 's/wait_for 10 /wait_for 60 /' -e "${2:-}" "$TOP/tests/tools/$1" >"$work/$1"
}

# Epochs larger than memory are for a file alone; one seed, of as many requests as an emulator takes.
script ddb-put/oracle.sh 's/^    for limit in .*; do/    for limit in 1000000; do/; s/^for seed in .*; do/for seed in 1; do/'
script ddb-put/two-instances.sh '/^# The lock held/,/^wait \$holder/d'
script ddb-put/trickle.sh
script ddb-put/verify-finds-what-was-tampered-with.case
# A key has 2048 bytes.
script metrics-query/manners.sh 's/head -c 100000/head -c 900/; /^# Who may not read/,/^fi/d; /^# A writer that holds/,/^wait "\$writer"/d'
script metrics-query/oracle.sh
script metrics-query/terminal.sh

for tool in ddb-put metrics-query; do
    TIMEOUT_SCALE=4 "$TOP/tests/run" -v -b "$(dirname "$TUBERIA_BIN")" "$work/$tool" >"$work/result" 2>&1
    like "$(tail -n 1 "$work/result")" '^[1-9][0-9]+ passed, 0 failed$' "$tool: $(tail -n 1 "$work/result")"
    note "$(grep -E "^(ok|FAILED) " "$work/result")"
    [ "$tap_failed" = 0 ] || note "$(head -n 60 "$work/result")"
done
is "$(($(wc -l <"$work/sides/tables") > 10))" 1 "in tables"
done_testing
