#!/bin/bash
# once
# The picture in the README is the one that the script makes of the results beside it.
. "$(dirname "$0")/../../lib/tap.sh"

"$TOP/tests/bench/plot" "$TOP/tests/bench/results.json" >"$work/results.svg"
same_files "$work/results.svg" "$TOP/tests/bench/results.svg" 'the picture is that of the results (make bench-plot)'
passes 'it is XML' python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$work/results.svg"
like "$(cat "$TOP/README.md")" 'tests/bench/results\.svg' 'the README shows it'

done_testing
