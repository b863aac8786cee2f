# --verify finds whatever differs from the manifests.
. "$(dirname "$0")/../../lib/tap.sh"

printf '{"p":"%s","m":%d.50,"t":"2024-03-21T10:00:0%d"}\n' a 1 1 a 2 2 b 3 3 >"$work/in"
publish() {
    rm -rf "$work/pub"
    s3-partition --to "$work/pub" --layout '{p}' --time t --sum m --plain "$@" <"$work/in" >/dev/null
    object=$(ls "$work"/pub/a/part*)
    name=${object#"$work/pub/"}
}
differs() { # NAME REGEX...: status 65, and these lines, and no other
    local name=$1 n=0 regex
    shift
    verify
    is "$code" 65 "$name"
    for regex in "$@"; do
        grep -qE "$regex" "$work/out.txt" && n=$((n + 1))
    done
    is "$n $(grep -c '' "$work/out.txt")" "$# $#" "$name: is said"
}
verify() {
    code=0
    s3-partition --verify "$work/pub" >"$work/out.txt" 2>"$work/err" || code=$?
}

publish
verify
is "$code$(cat "$work/out.txt" "$work/err")" 0 'nothing differs'

# One record less, another digest, other bytes.
publish --compress none
sed -i 1d "$object"
differs 'a record is missing' "^$name: sha256 is [0-9a-f]{64}, the manifest has" "^$name: 45 bytes, the manifest has 90$" \
    "^$name: 45 bytes of records, the manifest has 90$" "^$name: 1 rows, the manifest has 2$" \
    "^$name: the sum of m is 2.50, the manifest has 4.00$" "^$name: least time is 2024-03-21T10:00:02, the manifest has 2024-03-21T10:00:01$"
sed -i 's/2.50/2.49/' "$object"
verify
like "$(cat "$work/out.txt")" 'the sum of m is 2.49, the manifest has 4.00' 'a cent'

publish
truncate -s -5 "$object"
differs 'cut short' "^$name: sha256 is" "^$name: [0-9]+ bytes, the" "^$name: ends too early$"
publish
printf X | dd of="$object" bs=1 seek=20 conv=notrunc 2>/dev/null
differs 'damaged' "^$name: sha256 is" "^$name: not gzip, or damaged"
publish
rm "$object"
differs 'an object is missing' "^$name: is not there$"
publish
cp "$object" "$work/pub/a/other.json.gz"
differs 'an object too many' '^a/other.json.gz: in no manifest$'
publish
rm "$work/pub/b/_SUCCESS"
differs 'an unfinished run' '^b: no _SUCCESS: a run has not come to its end$'
publish
rm "$work/pub/b/_manifest"
differs 'no manifest' '^b/part-.*: in no manifest$'
publish
sed -i 's/"rows":2/"rows":3/' "$work/pub/a/_manifest"
differs 'a manifest that does not add up' '^a/_manifest: its totals are not those of its objects$'
echo '{' >"$work/pub/a/_manifest"
differs 'a broken manifest' '^a/_manifest: '
publish
sed -i 's/"name":"part/"name":"..\/part/' "$work/pub/a/_manifest"
differs 'a manifest that leads elsewhere' "^a/_manifest: object 0: name: not an object's$"

run bash -c 's3-partition --verify "$1" >/dev/full' - "$work/pub"
is "$code" 75 'into a full disk'

done_testing
