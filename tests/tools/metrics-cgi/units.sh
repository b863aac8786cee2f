# once
# The units of systemd are ones, and leave the services little to do harm with.
. "$(dirname "$0")/../../lib/tap.sh"

if ! command -v systemd-analyze >/dev/null; then
    skip "the units" "systemd-analyze is not installed"
    done_testing
    exit
fi
# It looks whether the commands are there.
mkdir "$work/bin" "$work/units"
ln -s "$TUBERIA_BIN"/* "$TOP"/scripts/*-pipeline "$work/bin"
for unit in "$TOP"/scripts/deploy/*.service "$TOP"/scripts/deploy/*.socket "$TOP"/scripts/deploy/*.timer; do
    sed "s|/usr/local/bin/|$work/bin/|" "$unit" >"$work/units/${unit##*/}"
done
for unit in "$work"/units/*; do
    run systemd-analyze verify --man=no "$unit"
    is "$code$(grep -h "${unit##*/}" "$work/out" "$work/err")" 0 "${unit##*/}: nothing wrong with it"
done
# 0 to 10; what has access to nothing of its own is below 2.
for unit in "$work"/units/*.service; do
    run env SYSTEMD_COLORS=0 systemd-analyze security --offline=true --no-pager --threshold=20 "$unit"
    is "$code" 0 "${unit##*/}: $(grep -o 'Overall exposure level.*: [0-9.]*' "$work/out" | grep -o '[0-9.]*$') of exposure"
done

done_testing
