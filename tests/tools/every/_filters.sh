# shellcheck shell=bash disable=SC2034,SC2054,SC2154
# What the tests for every tool know of each: how a filter is run, and what its records look like.
#
# A tool that is not listed here fails the tests: a new one has its entry from its first day.

# Tools that read no records, look into none, or need a server for it; they have such tests of their own.
SOURCES="pg-tail metrics-query side-tee metrics-cgi kinesis-put kinesis-tail"

# use TOOL: sets tool, template (a record with @A for an amount and @T for a time), amount and when
# (their fields), out (1: writes records on stdout), argv (how it is run, more options may follow;
# records on stdin), and defines
#   observe              print what has become of the records of the last run: stdout itself, or
#                        what the store holds
#   forget               throw away what was observed
# stops: exit status and stderr of a run that was stopped, 0 for most.
# Returns 1 when the tool is no filter, 2 when it is not known here.
use() {
    tool=$1 stops=0
    forget() { :; }
    case $tool in
    window-agg)
        template='{"cliente_id":1,"producto":"a","monto":@A,"fecha":"@T"}'
        amount=monto when=fecha out=1
        argv=(window-agg --time fecha --window 1m --by cliente_id,producto
            --count num_transacciones --sum monto=monto_total)
        observe() { cat "$work/out"; }
        ;;
    ddb-put)
        template='{"id":"1#a#2024-03-21","cliente_id":1,"producto":"a","num_transacciones":1,"monto_total":@A,"fecha_hora":"@T"}'
        amount=monto_total when=fecha_hora out=
        argv=(ddb-put "sqlite:$work/store")
        observe() { sqlite3 "file:$work/store?mode=ro" "SELECT * FROM metricas ORDER BY id"; }
        forget() { rm -f "$work"/store*; }
        ;;
    alert-when)
        # Each record breaks the rule; the sum of all alerts is what they say together.
        template='{"cliente_id":1,"producto":"a","monto":@A,"fecha":"@T"}'
        amount=monto when=fecha out=1
        argv=(alert-when --field monto --above -1000000 --time fecha)
        observe() { jq -n '[inputs.valor] | add' "$work/out"; }
        ;;
    cw-put)
        # One minute: whatever comes adds up.
        template='{"producto":"a","num_transacciones":1,"monto_total":@A,"fecha_hora":"@T"}'
        amount=monto_total when=fecha_hora out=1
        argv=(cw-put --emf)
        observe() { cat "$work/out"; }
        ;;
    s3-partition)
        template='{"cliente_id":1,"producto":"a","monto":@A,"fecha":"@T"}'
        amount=monto when=fecha out=
        # What was not published is not done.
        stops='75s3-partition: stopped: nothing is published'
        argv=(s3-partition --to "$work/published" --layout 'p_{producto}/%Y' --time fecha --sum monto --plain)
        observe() { jq -c '[.partition, .rows, .sums]' "$work"/published/*/*/_manifest; }
        forget() { rm -rf "$work/published"; }
        ;;
    *)
        [[ " $SOURCES " == *" $tool "* ]] && return 1
        return 2
        ;;
    esac
}

# record AMOUNT TIME: one line, without its newline.
record() {
    local text=${template/@A/$1}
    printf '%s' "${text/@T/$2}"
}

# records N [FIRST]: N records, a minute apart, from the first minute on.
records() {
    awk -v n="$1" -v first="${2:-0}" -v text="$template" 'BEGIN {
        sub(/@A/, "1.25", text)
        for (i = first; i < first + n; i++) {
            line = text
            sub(/@T/, sprintf("%d-%02d-%02dT%02d:%02d:00", 2024 + int(i / 483840),
                              1 + int(i / 40320) % 12, 1 + int(i / 1440) % 28, int(i / 60) % 24,
                              i % 60), line)
            print line
        }
    }'
}
