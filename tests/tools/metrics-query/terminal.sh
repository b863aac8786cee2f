#!/bin/bash
# What a person sees: on a pseudo-terminal of a known width, by script(1).
. "$(dirname "$0")/../../lib/tap.sh"

command -v script >/dev/null || skip_all "no script(1)"
export LC_ALL=C.UTF-8 TERM=xterm
unset NO_COLOR COLUMNS

sale() {
    printf '{"id":"%s#%s#%s","cliente_id":%s,"producto":"%s","num_transacciones":%s,"monto_total":%s,"fecha_hora":"%sT10:00:00"}\n' \
        "$1" "$2" "$3" "$1" "$2" "$4" "$5" "$3"
}
{
    sale 1 "WHITE HANGING HEART" 2024-03-20 40 80.00
    sale 1 漢字 2024-03-20 5 40.00
    sale 2 D 2024-03-21 1 -20.00
    printf '{"@barrier":{"epoch":1,"pos":"p","time":"2024-03-21T10:00:05.000Z"}}\n{"@end":{"records":3}}\n'
} >"$work/sales"
passes "the store is filled" ddb-put --checkpoint test "sqlite:$work/m.db" <"$work/sales"
export TUBERIA_STORE=sqlite:$work/m.db

# on_terminal COLUMNS COMMAND: what it writes to a terminal, escapes shown as in a C string, the age
# of the data as AGE.
on_terminal() {
    script -qec "stty cols $1 rows 24; $2" /dev/null </dev/null |
        sed 's/\r$//; s/([0-9]* d [0-9]* h ago)/(AGE ago)/; s/\x1b/\\e/g'
}

is "$(on_terminal 72 'metrics-query top productos')" \
    '\e[1mTop 10 productos, by monto_total\e[0m

\e[1mproducto             num_transacciones  monto_total\e[0m
\e[2m───────────────────  ─────────────────  ───────────\e[0m
WHITE HANGING HEART                 40        80.00      \e[2m│\e[0m\e[36m█████████████▌\e[0m
漢字                                 5        40.00      \e[2m│\e[0m\e[36m██████▊\e[0m
D                                    1       -20.00  \e[31m▕███\e[0m\e[2m│\e[0m

\e[2mas of 2024-03-21T10:00:05.000Z (AGE ago), epoch 1\e[0m' "a table with colours and bars"

is "$(NO_COLOR=1 on_terminal 60 'metrics-query top productos --por num_transacciones')" \
    'Top 10 productos, by num_transacciones

producto          num_transacciones  monto_total
────────────────  ─────────────────  ───────────
WHITE HANGING H…                 40        80.00  ██████████
漢字                              5        40.00  █▎
D                                 1       -20.00  ▎

as of 2024-03-21T10:00:05.000Z (AGE ago), epoch 1' "NO_COLOR; a narrow one cuts names, not numbers"

for look in "TERM=dumb" "NO_COLOR=1"; do
    is "$(on_terminal 80 "$look metrics-query top clientes" | grep -c '\\e')" 0 "no colours with $look"
done
is "$(NO_COLOR='' on_terminal 80 "metrics-query top clientes" | grep -c '\\e')" 6 "an empty NO_COLOR is none"

is "$(on_terminal 72 'LC_ALL=C NO_COLOR=1 metrics-query top productos' | sed -n '5,6p')" \
    'WHITE HANGING HEART                 40        80.00      |##############
\u6f22\u5b57                         5        40.00      |#######' "ASCII where the locale is not UTF-8"

is "$(on_terminal 72 'NO_COLOR=1 metrics-query cliente 1')" \
    'cliente_id  num_transacciones  monto_total  fecha_hora
──────────  ─────────────────  ───────────  ───────────────────
         1                 45       120.00  2024-03-20T10:00:00

as of 2024-03-21T10:00:05.000Z (AGE ago), epoch 1' "one record"
is "$(on_terminal 40 'NO_COLOR=1 metrics-query cliente 1' | sed 's/([0-9].*…$/(AGE…/')" \
    'cliente_id         1
num_transacciones  45
monto_total        120.00
fecha_hora         2024-03-20T10:00:00

as of 2024-03-21T10:00:05.000Z (AGE…' "which stands upright where it is too wide"

is "$(on_terminal 80 'metrics-query cliente 1 -f ndjson')" \
    '{"cliente_id":1,"num_transacciones":45,"monto_total":120.00,"fecha_hora":"2024-03-20T10:00:00"}
metrics-query: as of 2024-03-21T10:00:05.000Z (AGE ago), epoch 1' "records on a terminal: how fresh goes to stderr"
is "$(on_terminal 80 'metrics-query cliente 1 | cat' | sort)" \
    'metrics-query: as of 2024-03-21T10:00:05.000Z (AGE ago), epoch 1
{"cliente_id":1,"num_transacciones":45,"monto_total":120.00,"fecha_hora":"2024-03-20T10:00:00"}' "a pipe gets records"
is "$(on_terminal 80 'metrics-query cliente 9')" \
    'metrics-query: no sales of cliente 9
metrics-query: as of 2024-03-21T10:00:05.000Z (AGE ago), epoch 1' "nothing found"
is "$(on_terminal 80 'metrics-query estado' | sed 's/^.*age_sec.*$/AGE/')" \
    '\e[1mepoch\e[0m              1
\e[1mtime\e[0m               2024-03-21T10:00:05.000Z
AGE
\e[1mproductos\e[0m          3
\e[1mnum_transacciones\e[0m  46
\e[1mmonto_total\e[0m        100.00
\e[1mfecha_hora\e[0m         2024-03-21T10:00:00' "estado"

# No line is wider than the terminal, as long as the numbers fit.
wide=
for ((columns = 48; columns <= 160; columns += 4)); do
    widest=$(NO_COLOR=1 on_terminal "$columns" "metrics-query top productos" | wc -L)
    [ "$widest" -le "$columns" ] || wide+=" $widest>$columns"
done
is "$wide" "" "no line is wider than the terminal"
is "$(COLUMNS=64 metrics-query top productos --por num_transacciones -f table | wc -L)" 64 "COLUMNS without a terminal"
is "$(NO_COLOR=1 on_terminal 60 'COLUMNS=100 metrics-query top clientes' | wc -L)" 100 "COLUMNS on a terminal"
is "$(metrics-query top clientes -f table | grep -c $'\033')" 0 "a table in a pipe has no colours"

done_testing
