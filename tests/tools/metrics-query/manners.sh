#!/bin/bash
# A closed pipe, a full disk, a closed stdout; names of 100 kB; a store that cannot be read or is being
# written; help and completion.
. "$(dirname "$0")/../../lib/tap.sh"

sale() {
    printf '{"id":"%s#%s#2024-01-01","cliente_id":"%s","producto":"%s","num_transacciones":1,"monto_total":1.50,"fecha_hora":"2024-01-01T00:00:00"}\n' \
        "$1" "$2" "$1" "$2"
}
long=$(head -c 100000 /dev/zero | tr '\0' x)
{
    for i in {1..3000}; do sale "c$i" p; done
    sale c "$long"
} >"$work/sales"
passes "the store is filled" ddb-put "sqlite:$work/m.db" <"$work/sales"
export TUBERIA_STORE=sqlite:$work/m.db

for format in table json ndjson csv tsv; do
    fails "$format to a full disk" 75 bash -c "metrics-query top clientes -n 9999 -f $format >/dev/full"
    like "$(cat "$work/.err")" '^metrics-query: .*No space left on device$' "which it says ($format)"
done
{ metrics-query top clientes -n 9999 2>"$work/err"; echo $? >"$work/code"; } | true
is "$(cat "$work/code" "$work/err")" 74 "a reader that went away: status 74, without a word"
fails "stdout is closed" 74 bash -c 'metrics-query cliente c1 >&-'

is "$(metrics-query cliente c --producto "$long")" \
    "{\"cliente_id\":\"c\",\"producto\":\"$long\",\"num_transacciones\":1,\"monto_total\":1.50,\"fecha_hora\":\"2024-01-01T00:00:00\"}" \
    "a name of 100 kB"
is "$(metrics-query serie --producto "$long" -f table | head -n 1)" \
    "Daily sales of producto xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..." "which a title cuts"
is "$(metrics-query producto "${long}y" 2>&1)" \
    "metrics-query: no sales of producto xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..." "and a message"
is "$(metrics-query top productos --cliente c -f table | wc -L)" 80 "and the table, at 80 columns"

is "$(metrics-query top clientes -n 100000 | wc -l)" 3001 "a listing of all"
is "$(metrics-query --store="sqlite:$work/m.db" -- cliente c1 | wc -l)" 1 "operands behind --"
is "$(metrics-query -f csv cliente -- -x 2>&1 >/dev/null)" "metrics-query: no sales of cliente -x" "a name with a dash"

# A signal ends it at once, also while nobody reads what it writes.
for signal in TERM INT; do
    mkfifo "$work/stuck.$signal"
    exec 7<>"$work/stuck.$signal"
    # A shell has its background jobs ignore SIGINT.
    env --default-signal="$signal" metrics-query top clientes -n 9999 >"$work/stuck.$signal" &
    asking=$!
    blocked() { [ "$(cut -d ' ' -f 3 "/proc/$asking/stat")" = S ] && grep -q metrics "/proc/$asking/comm"; }
    wait_for 10 blocked
    kill -s "$signal" "$asking"
    code=0
    wait "$asking" || code=$?
    is "$code" $((128 + $(kill -l "$signal"))) "SIG$signal ends it"
    exec 7>&-
done

# Who may not read it. Root may read anything, so ask as nobody.
chmod 700 "$work"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    fails "a store that may not be read" 77 setpriv --reuid 65534 --clear-groups \
        bash -c 'exec 2>&1; "$0" cliente c1' "$(command -v metrics-query)"
else
    chmod 000 "$work/m.db"
    fails "a store that may not be read" 77 metrics-query cliente c1
    chmod 600 "$work/m.db"
fi

# A writer that holds its lock does not hold up a reader.
mkfifo "$work/fifo"
sqlite3 "$work/m.db" <"$work/fifo" >"$work/locked" &
writer=$!
exec 7>"$work/fifo"
printf 'BEGIN IMMEDIATE;\nSELECT 1;\n' >&7
wait_for 10 grep -q 1 "$work/locked"
is "$(timeout 5 metrics-query cliente c1 | wc -l)" 1 "answers while a writer holds the store"
exec 7>&-
wait "$writer"

for sub in "" cliente producto top serie estado; do
    run metrics-query $sub --help
    is "$code $(head -n 1 "$work/out" | cut -d ' ' -f 1-2)" "0 Usage: metrics-query" "${sub:-top level} --help"
    is "$(wc -L <"$work/out" | awk '{ print $1 <= 80 }')" 1 "within 80 columns"
done
like "$(metrics-query top --help)" '--ascending' "top's help has its own options"
is "$(metrics-query cliente --help | grep -c -e --ascending)" 0 "cliente's has not"

complete_word() {
    bash --norc -c 'eval "$(metrics-query --completion=bash)"
        COMP_WORDS=(metrics-query "$@") COMP_CWORD=$#
        '"$(metrics-query --completion=bash | sed -n 's/^complete -F \([^ ]*\).*/\1/p')"'
        echo "${COMPREPLY[*]}"' bash "$@" 2>/dev/null
}
is "$(complete_word pro)" "producto productos" "completion of a subcommand"
is "$(complete_word top clientes --por n)" num_transacciones "of an option's choice"
is "$(complete_word top --asc)" --ascending "of an option"
is "$(complete_word -f ts)" tsv "of a format"

done_testing
