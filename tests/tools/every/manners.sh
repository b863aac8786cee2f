# timeout: 180
# Every tool and script: --help, --version, wrong options, closed and full outputs, completion; and
# its manual says what --help says.
. "$(dirname "$0")/../../lib/tap.sh"

# External libraries that a tool may load; a name left out may not be.
libraries() {
    case $1 in
    pg-tail) echo "libpq libcjson" ;;
    window-agg) echo "libcjson" ;;
    s3-partition) echo "libz libzstd libcjson" ;;
    cw-put) echo "libz libcjson" ;;
    ddb-put | metrics-query) echo "libsqlite3 libcjson" ;;
    metrics-cgi) ;; # it is static
    *) echo "libpq libsqlite3 libcjson" ;;
    esac
}

# words_of NAME: operands that have a --help of their own.
words_of() { [ "$1" != metrics-query ] || echo "cliente producto top serie"; }

# says STATUS NAME COMMAND...: nothing on stdout, one line on stderr, which names the tool.
says() {
    local expected=$1 name=$2
    shift 2
    run "$@"
    if [ "$code" = "$expected" ] && [ ! -s "$work/out" ] && [ "$(grep -c '' "$work/err")" = 1 ] &&
        grep -q "^$tool: " "$work/err"; then
        ok "$tool: $name"
    else
        not_ok "$tool: $name" "exit status $code, expected $expected" "$(cat "$work/out" "$work/err")"
    fi
}

check_help() {
    run "$tool" --help
    is "$code$(cat "$work/err")" 0 "$tool: --help"
    like "$(head -n 1 "$work/out")" "^[Uu]sage: $tool" "$tool: --help begins with the usage"
    is "$(LC_ALL=C.UTF-8 awk 'length > 80' "$work/out")" "" "$tool: --help fits 80 columns"
    is "$(grep -n ' $' "$work/out")" "" "$tool: --help has no spaces at the end of lines"
    cp "$work/out" "$work/help"
    for word in $(words_of "$tool"); do
        run "$tool" "$word" --help
        is "$code$(cat "$work/err")" 0 "$tool: $word --help"
        cat "$work/out" >>"$work/help"
    done
    run "$tool" -h
    is "$code" 0 "$tool: -h"

    code=0
    "$tool" --help >/dev/full 2>"$work/err" || code=$?
    is "$code" 74 "$tool: --help >/dev/full"
    like "$(cat "$work/err")" "No space left" "$tool: --help >/dev/full says so"
    code=0
    "$tool" --help >&- 2>"$work/err" || code=$?
    is "$code" 74 "$tool: --help >&-"
    code=0
    "$tool" --help 2>&- >"$work/out" || code=$?
    is "$code" 0 "$tool: --help 2>&-"
    same_files "$work/out" <("$tool" --help) "$tool: --help 2>&- is the same"
}

# Options that every tool has need no word in each manual.
own_options() { grep -vxE -- '-h|--help|--version|--completion' | sort -u; }

# The options of --help, --long names and -x letters, one a line.
options_of_help() {
    grep -E '^ +-' "$work/help" | grep -oE '^ +(-[A-Za-z], )?--[a-z][a-z0-9-]*' |
        grep -oE -- '--[a-z][a-z0-9-]*|-[A-Za-z]\b' | own_options
}

# options_of_manual PAGE: the same, from ".It Fl b , Fl -by Ar FIELD" and ".It Fl b , -by Ar FIELD".
options_of_manual() {
    sed 's/\\-/-/g' "$1" | awk '/^\.It Fl/ {
        flag = 0
        for (i = 2; i <= NF; i++) {
            if ($i == "Fl") flag = 1
            else if ($i ~ /^[A-Z][a-z]$/) flag = 0
            else if (flag && $i ~ /^-?[A-Za-z]/) print "-" $i
        }
    }' | own_options
}

check_manual() {
    local page=$TOP/man/$tool.1 section
    [ -e "$page" ] || page=$TOP/man/$tool.8
    if [ ! -e "$page" ]; then
        not_ok "$tool: a manual"
        return
    fi
    options_of_help >"$work/help.options"
    options_of_manual "$page" >"$work/manual.options"
    same_files "$work/manual.options" "$work/help.options" "$tool: the manual has the options of --help"
    for section in NAME SYNOPSIS DESCRIPTION ENVIRONMENT "EXIT STATUS" EXAMPLES "SEE ALSO"; do
        if grep -q "^\.Sh $section" "$page"; then
            ok "$tool: the manual has $section"
        else
            not_ok "$tool: the manual has $section"
        fi
    done
    for name in $(grep -oE '\[\$[A-Z_]+\]' "$work/help" | tr -d '[]$' | sort -u); do
        if grep -qE "Ev $name\b" "$page"; then
            ok "$tool: the manual has \$$name"
        else
            not_ok "$tool: the manual has \$$name"
        fi
    done
}

check_completion() {
    run "$tool" --completion=bash
    is "$code$(cat "$work/err")" 0 "$tool: --completion=bash"
    cat >"$work/complete.bash" <<'EOF'
source "$1"
tool=$2
shift 2
COMP_WORDS=("$tool" "$@") COMP_CWORD=$#
function=$(complete -p "$tool" | grep -oE -- '-F [^ ]+') || exit 9
"${function#-F }"
printf '%s\n' "${COMPREPLY[@]}"
EOF
    complete() { bash "$work/complete.bash" "$work/out" "$tool" "$@" 2>&1; }
    is "$(complete --vers)" "--version" "$tool: completion of a name"
    is "$(complete --completion = b)" "bash" "$tool: completion of a choice behind '='"
    is "$(complete --completion b)" "bash" "$tool: completion of a choice as a word of its own"
    is "$(complete - | grep -- '^--' | sort)" "$("$tool" --help | grep -oE '^ +(-[A-Za-z], )?--[a-z][a-z0-9-]*' |
        grep -oE -- '--.*' | sort)" "$tool: completion offers all options"
    touch "$work/rejects file"
    if grep -q -- '--rejects' "$work/help"; then
        is "$(complete --rejects "$work/rej")" "$work/rejects file" "$tool: completion of a file"
    fi
}

check_linked() {
    local library allowed
    allowed=$(libraries "$tool")
    for library in $(ldd "$TUBERIA_BIN/$tool" 2>/dev/null | grep -oE '^\s*lib(pq|sqlite3|cjson|curl|crypto|ssl|z|zstd)\b'); do
        # libpq brings crypto and ssl.
        [[ " $allowed " == *" $library "* ]] || [[ $allowed == *libpq* && $library =~ crypto|ssl ]] ||
            not_ok "$tool: loads $library, which is none of its own"
    done
    ok "$tool: loads what it uses"
}

for path in "$TUBERIA_BIN"/*; do
    tool=${path##*/}
    check_help
    run "$tool" --version
    is "$code $(cat "$work/out" "$work/err")" "0 $tool (Tubería) 0.1.0" "$tool: --version"
    says 64 "an unknown option" "$tool" --no-such-option
    like "$(cat "$work/err")" "unknown option --no-such-option" "$tool: an unknown option is named"
    says 64 "an unknown letter" "$tool" -Z
    says 64 "a misspelt option" "$tool" --hlep
    like "$(cat "$work/err")" 'did you mean --help\?' "$tool: a misspelt option is recognized"
    says 64 "an option without its argument" "$tool" --completion
    says 64 "a flag with an argument" "$tool" --version=2
    says 64 "a bad choice" "$tool" --completion=fish
    check_manual
    check_completion
    [ -n "${TUBERIA_SANITIZED:-}" ] || check_linked
done

for path in "$TOP"/scripts/*; do
    tool=${path##*/}
    [ -e "$TOP/man/$tool.1" ] || continue
    run "$tool" --help
    is "$code$(cat "$work/err")" 0 "$tool: --help"
    cp "$work/out" "$work/help"
    is "$(LC_ALL=C.UTF-8 awk 'length > 80' "$work/help")" "" "$tool: --help fits 80 columns"
    run "$tool" --version
    is "$code $(cat "$work/out" "$work/err")" "0 $tool (Tubería) 0.1.0" "$tool: --version"
    says 64 "an unknown option" "$tool" --no-such-option
    code=0
    "$tool" --help >/dev/full 2>"$work/err" || code=$?
    is "$code" 74 "$tool: --help >/dev/full"
    check_manual
done

done_testing
