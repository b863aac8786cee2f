# The textfile for the node exporter, read by the parser of Prometheus' own client library.
. "$(dirname "$0")/../../lib/tap.sh"
cd "$work" || exit 1

parsed() {
    /usr/bin/python3 - "$1" <<'PYTHON'
import sys
from prometheus_client.parser import text_string_to_metric_families
with open(sys.argv[1], encoding="utf-8", newline="") as f:
    for family in text_string_to_metric_families(f.read()):
        for s in family.samples:
            assert s.timestamp is None, "the node exporter refuses timestamps"
            print(family.type, s.name, sorted(s.labels.items()), s.value)
PYTHON
}
window() { printf '{"producto":%s,"num_transacciones":%s,"monto_total":%s,"fecha_hora":"2024-03-21T10:%s:00"}\n' "$@"; }

{
    window '"viejo"' 9 9 00
    window '"añ\"\\o\n\u0000"' 2 15.30 01
    window 17 1 0.05 01
} | cw-put --textfile out.prom --by producto,producto=2º 2>err
is "$?" 64 "one field twice"
{
    window '"viejo"' 9 9 00
    window '"añ\"\\o\n\u0000"' 2 15.30 01
    window 17 1 0.05 01
} | cw-put --textfile out.prom --by producto=2Código --namespace 0a/B
is "$?" 0 "three windows"
parsed out.prom >got
cat >expected <<'END'
gauge _0a_b_transacciones_x_minuto [('_2_c_digo', 'añ"\\o%0A%00')] 2.0
gauge _0a_b_transacciones_x_minuto [('_2_c_digo', '17')] 1.0
gauge _0a_b_monto_total_x_minuto [('_2_c_digo', 'añ"\\o%0A%00')] 15.3
gauge _0a_b_monto_total_x_minuto [('_2_c_digo', '17')] 0.05
gauge _0a_b_minute_timestamp_seconds [] 1711015260.0
END
sed -i 's/_2_[^'"'"']*digo/_2_c_digo/' got
same_files got expected "the last whole minute, as Prometheus reads it"
is "$(stat -c %a out.prom)" 644 "whoever runs the exporter may read it"

# Live: a file a minute, never half a one, and a minute that was shown is not replaced by a part.
mkfifo feed
cw-put --textfile live.prom <feed &
pid=$!
exec 3>feed
barrier() { printf '{"@barrier":{"epoch":%d,"pos":"p","time":"2024-03-21T10:%sZ"}}\n' "$@"; }
value() { sed -n 's/^tuberia_transacciones_x_minuto //p' live.prom 2>/dev/null; }
shows() { [ "$(value)" = "$1" ]; }
{ barrier 1 00:00 && window 1 3 1 00 && barrier 2 01:05; } >&3
wait_for 10 shows 3
passes "a minute is shown when it is over" shows 3
inode=$(stat -c %i live.prom)
{ window 1 4 1 00 && window 1 1 1 01 && barrier 3 01:06 && window 1 5 1 01 && barrier 4 02:10; } >&3
wait_for 10 shows 6
passes "the next one takes its place, whole" shows 6
passes "by another file" test "$(stat -c %i live.prom)" != "$inode"
barrier 5 03:10 >&3
wait_for 10 shows 0
passes "a silent minute is shown as 0" shows 0
exec 3>&-
code=0
wait $pid || code=$?
is "$code" 75 "the end without @end"

window 1 1 1 00 >one
fails "a directory that is not there" 73 cw-put --textfile no/such/dir/x.prom <one
ln -s /dev/full full
code=0
cw-put --textfile full <one 2>err || code=$?
like "$code $(cat err)" '^7[345] .*full' "what is no file is refused"
like "$(cat err)" '^cw-put: ' "and said"

done_testing
