# tests/layers must see each kind of breach: on a small tree that is right, and then wrong in one way.
# once
. "$(dirname "$0")/../../lib/tap.sh"

tree=$work/tree

# A tree without a breach.
fresh() {
    rm -rf "$tree"
    mkdir -p "$tree"/{lib/l0-base,lib/l1-value,lib/l2-line,cmd,man,tests/tools/sum}
    cd "$tree" || exit 1
    echo '#include <stddef.h>' >lib/l0-base/buf.h
    echo '#include "l0-base/buf.h"' >lib/l0-base/file.h
    echo '#include "l0-base/buf.h"' >lib/l1-value/text.h
    printf '%s\n' '#include "l1-value/text.h"' '/* printf( exit( double */ char *s = "exit(";' >lib/l1-value/text.c
    echo '#include "l1-value/text.h"' >lib/l2-line/json.h
    printf '%s\n' '#include "l2-line/json.h"' '#include <cjson/cJSON.h>' >lib/l2-line/json.c
    printf '%s\n' '#include <stdio.h>' '#include "l2-line/json.h"' >cmd/sum.c
    touch man/sum.1 tests/tools/sum/adds.case
}

# breach WHAT REGEX: the tree as it is now has this breach, and no other.
breach() {
    run "$TOP/tests/layers" "$tree"
    if [ "$code" = 1 ] && [ "$(grep -c . "$work/out")" = 1 ] && grep -qE -- "$2" "$work/out"; then
        ok "$1"
    else
        not_ok "$1" "exit status $code" "$(cat "$work/out" "$work/err")"
    fi
    fresh
}

fresh
passes "a tree without a breach" "$TOP/tests/layers" "$tree"

echo '#include "l2-line/json.h"' >>lib/l0-base/buf.h
run "$TOP/tests/layers" "$tree"
is "$code" 1 "a higher layer"
like "$(cat "$work/out")" 'lib/l0-base/buf.h: "l2-line/json.h" is of a higher layer' "is named"
like "$(cat "$work/out")" 'includes go round' "and makes a round"
fresh

touch lib/l1-value/number.h
echo '#include "l1-value/number.h"' >>lib/l1-value/text.c
breach "a neighbour in the layer" 'text.c: "l1-value/number.h" is of its own layer'
echo '#include "text.h"' >>lib/l1-value/text.c
breach "a header without its layer" 'text.c: "text.h": there is no such file'
echo '#include <cjson/cJSON.h>' >>lib/l1-value/text.c
breach "another module's library" 'text.c: <cjson/cJSON.h> belongs to l2-line/json'
echo '#include <sqlite3.h>' >>cmd/sum.c
breach "a library in a command" 'cmd/sum.c: <sqlite3.h> belongs to'
echo '#include <lzma.h>' >>lib/l2-line/json.c
breach "a library that nobody has been given" 'json.c: <lzma.h>: whose is it'
echo 'void f(void) { printf("x"); }' >>lib/l1-value/text.c
breach "a library that prints" 'text.c:3: a library neither prints nor exits'
echo 'void f(void) { exit(1); }' >>lib/l1-value/text.c
breach "a library that exits" 'text.c:3: a library neither prints nor exits'
echo 'double d;' >>lib/l1-value/text.c
breach "floating point" 'text.c:3: floating point'
rm man/sum.1
breach "a tool without a manual" 'cmd/sum.c: no manual'
rm tests/tools/sum/adds.case
breach "a tool without tests" 'cmd/sum.c: no tests'
touch man/gone.1
breach "a manual of nothing" 'man/gone.1: there is no gone'
touch lib/l1-value/alone.c
breach "code without a header" 'alone.c: has no header'
yes '' | head -n 601 >>lib/l1-value/text.c
breach "a file that grows without end" 'text.c: 603 lines'

done_testing
