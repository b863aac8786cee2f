# The runner must catch liars: each kind of failure, put before it, has to make it fail and be told.
# once
. "$(dirname "$0")/../../lib/tap.sh"

mkdir "$work/t"

# put NAME: a test made of stdin.
put() { cat >"$work/t/$1"; }
# judge NAME: run it; sets code, and verdict to the last line.
judge() {
    run env TIMEOUT_SCALE=1 "$TOP/tests/run" "$work/t/$1"
    verdict=$(tail -n 1 "$work/out")
}
# caught NAME REGEX WHAT: the runner fails on it and says why.
caught() {
    judge "$1"
    if [ "$code" = 1 ] && [[ $verdict =~ ^[0-9]+\ passed,\ [1-9][0-9]*\ failed ]] &&
        grep -qE -- "$2" "$work/out"; then
        ok "$3"
    else
        not_ok "$3" "exit status $code" "$(cat "$work/out" "$work/err")"
    fi
}

# ---- what passes ----

put good.case <<'EOF'
# why it exists
-- cmd
cat; cat f; echo 'warning: 17' >&2; printf 'x\n' >g; exit 3
-- in
one
-- out
one
two
-- err
^warning: [[:digit:]]+$
-- code
3
-- file f
two
-- expect g
x
EOF
judge good.case
is "$code $verdict" "0 1 passed, 0 failed" "a case with every section passes"

put good.sh <<'EOF'
echo "ok 1 - a"
echo "ok 2 # SKIP no such server"
echo 1..2
EOF
judge good.sh
is "$code $verdict" "0 1 passed, 0 failed, 1 skipped" "TAP with a skip passes, and it is counted"
like "$(cat "$work/out")" "no such server" "the reason of a skip is told"

run "$TOP/tests/run" "$work/t"
is "$code $(tail -n 1 "$work/out")" "0 2 passed, 0 failed, 1 skipped" "a directory: all that is in it"

# ---- cases that fail ----

put out.case <<'EOF'
-- cmd
echo b
-- out
a
EOF
caught out.case '\+b' "wrong stdout"

put newline.case <<'EOF'
-- cmd
printf a
-- out
a
EOF
caught newline.case 'no newline' "a newline that is missing"

put more.case <<'EOF'
-- cmd
echo b
EOF
caught more.case '\+b' "stdout where none was expected"

put code.case <<'EOF'
-- cmd
exit 1
EOF
caught code.case 'exit status 1, expected 0' "wrong exit status"

put signal.case <<'EOF'
-- cmd
kill -SEGV $$
EOF
caught signal.case 'exit status 139' "death by a signal"

put err.case <<'EOF'
-- cmd
:
-- err
^bad
EOF
caught err.case 'no line like: \^bad' "a message that is missing"

put quiet.case <<'EOF'
-- cmd
echo surprise >&2
EOF
caught quiet.case 'stderr: surprise' "a message that was not expected"

put both.case <<'EOF'
-- cmd
echo bad >&2; echo surprise >&2
-- err
^bad
EOF
caught both.case 'stderr: surprise' "a message more than expected"

put expect.case <<'EOF'
-- cmd
echo a >f
-- expect f
b
EOF
caught expect.case '\+a' "a file with other content"

put absent.case <<'EOF'
-- cmd
:
-- expect f
b
EOF
caught absent.case 'f: No such file' "a file that was not made"

put typo.case <<'EOF'
-- cmd
:
-- stdout
EOF
caught typo.case 'no such section' "a section that does not exist"

put twice.case <<'EOF'
-- cmd
exit 1
-- cmd
exit 0
EOF
caught twice.case "'cmd' twice" "a section that stands twice"

put empty.case </dev/null
caught empty.case 'no command' "an empty case"

put hang.case <<'EOF'
# timeout: 1
-- cmd
sleep 1000.25 & sleep 1000.25
EOF
caught hang.case 'still running' "a command that hangs"
like "$(cat "$work/out")" '  [0-9]+ sleep 1000\.25' "what hangs is named"
fails "nothing is left of it" 1 pgrep -f '^sleep 1000.25$'

put deaf.case <<'EOF'
# timeout: 1
-- cmd
trap '' TERM; while :; do sleep 0.2; done
EOF
caught deaf.case 'still running' "a command that hangs and ignores SIGTERM"

put left.case <<'EOF'
-- cmd
setsid sleep 1000.75 >/dev/null 2>&1 &
EOF
caught left.case 'left a process running.*sleep 1000.75' "a process that outlives its test"
fails "it is ended" 1 pgrep -f '^sleep 1000.75$'

# ---- sanitizers: real reports, by a real program ----
# By clang, as `make san`: what gcc's undefined sanitizer finds goes to stderr whatever log_path says.

cat >"$work/overflow.c" <<'EOF'
#include <stdlib.h>
int main(int argc, char **argv)
{
	volatile int big = 2147483647;
	char *volatile p = malloc(4);
	int result = 0;

	if (argc > 1 && argv[1][0] == 'u')
		result = big + argc > 0;
	else if (argc > 1)
		result = p[4];
	if (argc > 1)
		free(p);
	p = NULL;
	return result != 0;
}
EOF
if clang -w -g -fsanitize=address,undefined -o "$work/overflow" "$work/overflow.c" 2>"$work/err"; then
    for what in undefined address leak; do
        put san.case <<EOF
-- cmd
$work/overflow ${what#leak} 2>/dev/null || :
EOF
        sed -i 's/overflow  /overflow /' "$work/t/san.case"
        caught san.case 'sanitizer report' "a sanitizer's report ($what) that the test hides"
    done
else
    skip "a sanitizer's report that the test hides" "no clang with sanitizers here"
fi
put report.case <<'EOF'
-- cmd
echo "x.c:3:9: runtime error: signed integer overflow" >&2
-- err
runtime error
EOF
caught report.case 'sanitizer report' "a sanitizer's report, though the case expects it"

# ---- TAP that lies ----

put notok.sh <<'EOF'
echo "ok 1"
echo "not ok 2 - sums"
echo "# got 3"
echo 1..2
exit 1
EOF
caught notok.sh 'got 3' "a test that is not ok"
is "$verdict" "1 passed, 1 failed" "counted once"

put status.sh <<'EOF'
echo "not ok 1 - sums"
echo 1..1
EOF
caught status.sh 'sums' "a test that is not ok, with exit status 0"

put noplan.sh <<'EOF'
echo "ok 1"
EOF
caught noplan.sh 'without a plan' "no plan"

put died.sh <<'EOF'
echo "ok 1"
exit 3
echo 1..1
EOF
caught died.sh 'died after 1 tests.*exit status 3' "a script that dies in the middle"

put few.sh <<'EOF'
echo 1..3
echo "ok 1"
EOF
caught few.sh '3 tests planned, 1 seen' "fewer tests than planned"

put many.sh <<'EOF'
echo 1..1
echo "ok 1"
echo "ok 2"
EOF
caught many.sh '1 tests planned, 2 seen' "more tests than planned"

put number.sh <<'EOF'
echo "ok 1"
echo "ok 1"
echo 1..2
EOF
caught number.sh 'test 2 calls itself 1' "numbers out of order"

put plans.sh <<'EOF'
echo 1..1
echo "ok 1"
echo 1..1
EOF
caught plans.sh 'two plans' "two plans"

put exit.sh <<'EOF'
echo "ok 1"
echo 1..1
exit 9
EOF
caught exit.sh 'exit status 9, though' "a bad exit status behind good tests"

put none.sh <<'EOF'
:
EOF
caught none.sh 'without a plan' "a script without tests"

put zero.sh <<'EOF'
echo 1..0
EOF
judge zero.sh
is "$code $verdict" "1 0 passed, 0 failed, 1 skipped" "nothing passed is no success"

put bail.sh <<'EOF'
echo "ok 1"
echo "Bail out! no server"
echo 1..1
EOF
caught bail.sh 'no server' "bailing out"

put hang.sh <<'EOF'
# timeout: 1
echo "ok 1"
sleep 1000.5
EOF
caught hang.sh 'still running' "a script that hangs"

caught missing.sh 'no such test' "a test that is not there"
caught missing.case 'no such test' "a case that is not there"
mkdir "$work/t/nothing"
caught nothing 'no such test' "a directory without tests"

# ---- cleanliness ----

put tidy.sh <<EOF
. "$TOP/tests/lib/tap.sh"
at_exit 'echo second >>"$work/order"'
at_exit 'echo first >>"$work/order"'
echo "\$work" >"$work/where"
ok a
kill -TERM \$\$
done_testing
EOF
caught tidy.sh 'exit status 143' "a script that is told to end"
is "$(tr '\n' ' ' <"$work/order")" "first second " "it has cleaned up, the last thing first"
fails "and its directory is gone" 1 test -e "$(cat "$work/where")"

put env.case <<'EOF'
-- cmd
echo "${PGHOST-unset} ${AWS_PROFILE-unset} $TZ $LC_ALL"
-- out
unset unset UTC C
EOF
PGHOST=elsewhere AWS_PROFILE=mine TZ=Asia/Kathmandu LC_ALL=C.UTF-8 judge env.case
is "$verdict" "1 passed, 0 failed" "the caller's configuration does not reach a test"

# ---- several builds ----

mkdir -p "$work/one/bin" "$work/san/bin"
printf '#!/bin/sh\necho %s\n' one >"$work/one/bin/which-build"
printf '#!/bin/sh\necho %s\n' two >"$work/san/bin/which-build"
chmod +x "$work"/*/bin/which-build
put build.case <<'EOF'
-- cmd
which-build
-- out
one
EOF
unset TUBERIA_BIN
run "$TOP/tests/run" -b "$work/one" -b "$work/san" "$work/t/build.case"
is "$code $(tail -n 1 "$work/out")" "1 1 passed, 1 failed" "every build is tested"
like "$(cat "$work/out")" "not ok .*san: .*build.case" "and named"
sed -i '1i # once: it has only one build' "$work/t/build.case"
run "$TOP/tests/run" -b "$work/one" -b "$work/san" "$work/t/build.case"
is "$code $(tail -n 1 "$work/out")" "0 1 passed, 0 failed" "but a test that asks for the first only"

done_testing
