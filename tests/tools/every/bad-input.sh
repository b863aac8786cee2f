# timeout: 400
# Bad input is treated the same by every filter: without --rejects it ends the run with 65, naming
# line and byte; with it the line is kept whole, with the reason, and what is good goes on.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_filters.sh"

T=2024-03-21T10:00:00

# times N CHARACTER
times() { head -c "$1" /dev/zero | tr '\0' "$2"; }

# Lines that no filter may take. bad KIND: the line, without a newline.
bad_kinds="nul utf8 overlong surrogate control escape lone-surrogate bom duplicate duplicate-nested
    duplicate-wanted truncated truncated-string empty array scalar trailing two deep leading-zero plus
    point-first point-last nan infinity exponent digits null boolean text missing object
    no-such-day no-such-hour no-time null-time missing-time number-time big"
bad() {
    local good body
    good=$(record 2.50 $T)
    body=${good#?}
    case $1 in
    nul) printf '{"x":"a\0b",%s' "$body" ;;
    utf8) printf '{"x":"a\377b",%s' "$body" ;;
    overlong) printf '{"x":"\300\257",%s' "$body" ;;
    surrogate) printf '{"x":"\355\240\200",%s' "$body" ;;
    control) printf '{"x":"a\tb",%s' "$body" ;;
    escape) printf '{"x":"\\x41",%s' "$body" ;;
    lone-surrogate) printf '{"x":"\\ud800",%s' "$body" ;;
    bom) printf '\357\273\277%s' "$good" ;;
    duplicate) printf '{"x":1,"x":1,%s' "$body" ;;
    duplicate-nested) printf '{"x":{"y":1,"\\u0079":1},%s' "$body" ;;
    duplicate-wanted) printf '{"%s":2.50,%s' "$amount" "$body" ;;
    truncated) printf '%s' "${good%?}" ;;
    truncated-string) printf '%s' "${good%??}" ;;
    empty) ;;
    array) printf '[%s]' "$good" ;;
    scalar) printf '17' ;;
    trailing) printf '%s,' "$good" ;;
    two) printf '%s%s' "$good" "$good" ;;
    deep)
        printf '{"x":'
        times 10000 '['
        times 10000 ']'
        printf ',%s' "$body"
        ;;
    leading-zero) record 01.50 $T ;;
    plus) record +1.50 $T ;;
    point-first) record .50 $T ;;
    point-last) record 1. $T ;;
    nan) record NaN $T ;;
    infinity) record -Infinity $T ;;
    exponent) record 1e999 $T ;;
    digits) record 1234567890123456789012345678901234567890 $T ;;
    null) record null $T ;;
    boolean) record true $T ;;
    text) record '"2.50"' $T ;;
    object) record '{"value":2.50}' $T ;;
    missing) printf '%s' "${good/\"$amount\":2.50,/}" ;;
    no-such-day) record 2.50 2024-02-30 ;;
    no-such-hour) record 2.50 2024-03-21T24:00:00 ;;
    no-time) record 2.50 yesterday ;;
    null-time) printf '%s' "${good/\"$T\"/null}" ;;
    number-time) printf '%s' "${good/\"$T\"/1711015200}" ;;
    missing-time) printf '%s' "${good/,\"$when\":\"$T\"/}" ;;
    big)
        printf '{"x":"'
        times 10000000 y
        printf '",%s' "${body%?}"
        ;;
    esac
}

# Lines that mean just what the good one does.
good_kinds="unknown order spaces return escaped-key escaped-letter deep-enough astral big"
good() {
    local good body
    good=$(record 2.50 $T)
    body=${good#?}
    case $1 in
    unknown) printf '{"x":{"%s":[1,{"y":null}]},"":true,%s' "$amount" "$body" ;;
    order) printf '%s' "$good" | jq -cj 'to_entries | reverse | from_entries' | sed 's/:2\.5\([,}]\)/:2.50\1/' ;;
    spaces) printf ' \t%s  ' "${body/#/{ }" | sed 's/:/ : /;s/,/ ,\t/' ;;
    return) printf '%s\r' "$good" ;;
    escaped-key) printf '%s' "${good/\"$amount\"/\"\\u00$(printf %x "'$amount")${amount#?}\"}" ;;
    escaped-letter) printf '%s' "${good/\"a\"/\"\\u0061\"}" ;;
    deep-enough)
        printf '{"x":'
        times 900 '['
        times 900 ']'
        printf ',%s' "$body"
        ;;
    astral) printf '{"\360\237\230\200":"\\ud83d\\ude00 \303\261",%s' "$body" ;;
    big)
        printf '{"x":"'
        times 10000000 y
        printf '",%s' "$body"
        ;;
    esac
}

# given FILE OPTION...: run the filter on it from nothing; sets code, $work/obs.
given() {
    local file=$1
    shift
    forget
    run "${argv[@]}" "$@" <"$file"
    observe >"$work/obs" 2>/dev/null
}

# adds_up NAME: the last words of -v, "in 3 = a 2 + b 0 + c 1; …": the sum is right, 1 was rejected.
adds_up() {
    local words sum=0 n
    words=$(tail -n 1 "$work/err")
    if ! [[ $words =~ ^$tool:\ in\ ([0-9]+)\ =\ ([^\;]*)(\;.*)?$ ]]; then
        not_ok "$1" "last words: $words"
        return
    fi
    for n in ${BASH_REMATCH[2]//[^0-9]/ }; do
        sum=$((sum + n))
    done
    is "${BASH_REMATCH[1]} $sum $([[ $words =~ rejected\ 1([^0-9]|$) ]] && echo one)" "3 3 one" "$1"
}

check_bad() {
    local kind=$1 place="byte [0-9]+: "
    {
        record 1.25 $T
        echo
        bad "$kind"
        echo
        record 1.50 $T
        echo
    } >"$work/in"
    bad "$kind" >"$work/line"
    echo >>"$work/line"
    case $kind in missing* | empty) place= ;; esac

    given "$work/in"
    if [ "$code" = 65 ] && [ "$(grep -c '' "$work/err")" = 1 ] &&
        grep -qE "^$tool: <stdin>:2: ${place}[^ ]" "$work/err"; then
        ok "$tool: $kind stops it"
    else
        not_ok "$tool: $kind stops it" "exit status $code" "$(head -c 1000 "$work/err")"
    fi

    rm -f "$work/rejects"
    given "$work/in" --rejects "$work/rejects" -v
    is "$code" 0 "$tool: $kind, with --rejects: goes on"
    if cut -f 2- "$work/rejects" | cmp -s - "$work/line" &&
        cut -f 1 "$work/rejects" | grep -qE "^<stdin>:2: ${place}[^ ]"; then
        ok "$tool: $kind is kept whole, with its reason"
    else
        not_ok "$tool: $kind is kept whole, with its reason" "$(head -c 1000 "$work/rejects")"
    fi
    same_files "$work/obs" "$work/two" "$tool: $kind leaves no trace in the result"
    adds_up "$tool: $kind is counted"
}

check_good() {
    local kind=$1
    {
        record 1.25 $T
        echo
        good "$kind"
        echo
    } >"$work/in"
    given "$work/in"
    is "$code$(cat "$work/err")" 0 "$tool: $kind is taken"
    same_files "$work/obs" "$work/base" "$tool: $kind means what it says"
}

for path in "$TUBERIA_BIN"/*; do
    use "${path##*/}"
    case $? in
    1) continue ;;
    2)
        not_ok "${path##*/} has no entry in tests/tools/every/_filters.sh"
        continue
        ;;
    esac

    : >"$work/in"
    given "$work/in"
    is "$code$(cat "$work/err" "$work/out")" 0 "$tool: empty input gives nothing"

    { record 1.25 $T && echo && record 1.50 $T && echo; } >"$work/in"
    given "$work/in"
    is "$code" 0 "$tool: two good records"
    cp "$work/obs" "$work/two"
    like "$(cat "$work/two")" '2\.75' "$tool: are added up"

    { record 1.25 $T && echo && record 1.50 $T; } >"$work/in"
    given "$work/in"
    is "$code$(cat "$work/err")" 0 "$tool: no final newline"
    same_files "$work/obs" "$work/two" "$tool: the last line counts all the same"

    { record 1.25 $T && echo && record 0 $T && echo; } >"$work/in"
    given "$work/in"
    cp "$work/obs" "$work/base"
    { record 1.25 $T && echo && record -0 $T && echo; } >"$work/in"
    given "$work/in"
    is "$code" 0 "$tool: -0"
    same_files "$work/obs" "$work/base" "$tool: is 0"

    { record 1.25 $T && echo && record 2.50 $T && echo; } >"$work/in"
    given "$work/in"
    cp "$work/obs" "$work/base"
    for kind in $good_kinds; do
        check_good "$kind"
    done
    for kind in $bad_kinds; do
        check_bad "$kind"
    done

    { times 68000000 ' ' && record 1.25 $T && echo; } >"$work/in"
    given "$work/in" --rejects "$work/rejects"
    is "$code" 65 "$tool: a line of 68 MB is refused, rejects or not"
    like "$(cat "$work/err")" "^$tool: <stdin>:1: " "$tool: and named"

    # Bad records and good ones in a mixed heap: all good ones are in the result, all bad ones in
    # the file.
    for i in $(seq 200); do
        record 1.00 $T
        echo
        bad truncated
        echo
    done >"$work/in"
    rm -f "$work/rejects"
    given "$work/in" --rejects "$work/rejects"
    is "$code $(grep -c '' "$work/rejects")" "0 200" "$tool: 200 bad lines between 200 good ones"
    like "$(cat "$work/obs")" '200(\.00)?' "$tool: all good ones are there"
    given "$work/in" --rejects "$work/no/such/dir"
    is "$code" 73 "$tool: a rejects file that cannot be made"
    given "$work/in" --rejects /dev/full
    is "$code" 75 "$tool: a rejects file on a full disk"
done

done_testing
