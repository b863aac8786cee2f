# shellcheck shell=bash
# tap.sh: what test scripts share. Source it first; end with done_testing.
#
#   . "$(dirname "$0")/../../lib/tap.sh"
#
# Prints TAP. The plan comes last, from done_testing alone: a script that dies on its way has none,
# and the runner counts it as failed. TOP is the repository, work a temporary directory that goes at
# exit; the tools and scripts are on PATH.

set -u -o pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TUBERIA_BIN=$(cd "${TUBERIA_BIN:-$TOP/build/bin}" && pwd) || exit 1
PATH=$TUBERIA_BIN:$TOP/scripts:$PATH
export TOP TUBERIA_BIN PATH

tap_count=0 tap_failed=0
tap_cleanups=()

# at_exit COMMAND: to be run by eval when the script ends, however it ends; the last one first.
at_exit() { tap_cleanups+=("$1"); }

tap_cleanup() {
    local i
    # A child that is killed before it has become another program may still have this trap.
    [ "$BASHPID" = $$ ] || return
    trap - EXIT
    for ((i = ${#tap_cleanups[@]} - 1; i >= 0; i--)); do
        eval "${tap_cleanups[i]}"
    done
}
trap tap_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

work=$(mktemp -d) || exit 1
at_exit 'rm -rf "$work"'

# Lines for a human beneath a failure; control bytes shown, long lines cut.
note() { printf '%s\n' "$@" | cut -c1-400 | cat -v | sed 's/^/# /'; }

# ok NAME / not_ok NAME [DETAIL...]: a test that passed / failed.
ok() { printf 'ok %d - %s\n' $((++tap_count)) "$1"; }
not_ok() {
    printf 'not ok %d - %s\n' $((++tap_count)) "$1"
    tap_failed=$((tap_failed + 1))
    shift
    [ $# -eq 0 ] || note "$@"
}

# is GOT EXPECTED NAME: equal texts.
is() {
    if [ "$1" = "$2" ]; then ok "$3"; else not_ok "$3" "got:      $1" "expected: $2"; fi
}

# like GOT REGEX NAME: an extended regular expression matches somewhere.
like() {
    if [[ $1 =~ $2 ]]; then ok "$3"; else not_ok "$3" "got:      $1" "expected: $2"; fi
}

# passes NAME COMMAND...: the command exits with 0. fails NAME STATUS COMMAND...: with just that.
passes() {
    local name=$1
    shift
    fails "$name" 0 "$@"
}
fails() {
    local name=$1 expected=$2 status=0
    shift 2
    "$@" >"$work/.out" 2>"$work/.err" || status=$?
    if [ "$status" = "$expected" ]; then
        ok "$name"
    else
        not_ok "$name" "exit status $status, expected $expected: $*" "$(tail -n 5 "$work/.out" "$work/.err")"
    fi
}

# same_files GOT EXPECTED NAME: byte for byte.
same_files() {
    if cmp -s "$1" "$2"; then ok "$3"; else not_ok "$3" "$(diff "$2" "$1" | head -n 20)"; fi
}

# skip NAME WHY: one test. skip_all WHY: the whole script, at once.
skip() { printf 'ok %d - %s # SKIP %s\n' $((++tap_count)) "$1" "$2"; }
skip_all() {
    printf '1..0 # SKIP %s\n' "$1"
    exit 0
}

# run COMMAND...: sets code; what it wrote is in $work/out and $work/err.
# shellcheck disable=SC2034
run() {
    code=0
    "$@" >"$work/out" 2>"$work/err" || code=$?
}

# wait_for SECONDS COMMAND...: until the command is true, looking 20 times a second; false when it
# never was. The way to wait in a test: a bare sleep is luck. SECONDS are those of a quick machine, of
# which a slow one gets five times as many: what is slow is not wrong.
wait_for() {
    local deadline=$(($(date +%s%N) + $1 * 5000000000))
    shift
    until "$@"; do
        [ "$(date +%s%N)" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# shared_data NAME: sets data to the path of a large data set that the repository does not hold, or
# fails; the test that needs it skips.
# shellcheck disable=SC2034
shared_data() {
    data=${TUBERIA_SHARED:-$TOP/../shared}/data/$1
    [ -r "$data" ]
}

done_testing() {
    printf '1..%d\n' "$tap_count"
    exit $((tap_failed > 0))
}
