# api-key: keys are made, replaced and taken away; the file is whole at every moment.
. "$(dirname "$0")/../../lib/tap.sh"

export TUBERIA_API_KEYS=$work/keys

run api-key add norte
like "$(cat "$work/out")" '^tub_[A-Za-z0-9_-]{43}$' "a key"
key=$(cat "$work/out")
is "$code$(cat "$work/err") $(stat -c %a "$work/keys")" "0 600" "its file is its owner's"
is "$(jq -r .sha256 "$work/keys")" "$(printf %s "$key" | sha256sum | cut -d' ' -f1)" "has its SHA-256"
is "$(grep -c "${key#tub_}" "$work/keys")" 0 "and not the key"
is "$(jq -c '[.name, .productos, .expires]' "$work/keys")" '["norte",null,null]' "for all products, for ever"

api-key add sur --productos 'A,B "x\y' --producto 'c,d' --producto=ñ --expires 2100-02-03 >/dev/null
is "$(sed -n 2p "$work/keys" | jq -c '[.productos, .expires]')" '[["A","B \"x\\y","c,d","ñ"],"2100-02-03T00:00:00Z"]' "for some, and until then"
api-key add oeste --expires 2100-02-03T04:05:06Z >/dev/null
is "$(sed -n 3p "$work/keys" | jq -r .expires)" 2100-02-03T04:05:06Z "to the second"

first=$(jq -r .sha256 "$work/keys" | sed -n 2p)
api-key rotate sur >/dev/null
is "$(jq -r 'select(.name == "sur") | .sha256' "$work/keys" | head -n 1)" "$first" "the old key stays beside the new one"
second=$(jq -r 'select(.name == "sur") | .sha256' "$work/keys" | tail -n 1)
is "$(jq -c 'select(.name == "sur") | [.productos, .expires]' "$work/keys" | sort -u | wc -l)" 1 "with the same products and end"
api-key rotate sur --expires 2101-01-01 >/dev/null
is "$(jq -r 'select(.name == "sur") | .sha256' "$work/keys" | head -n 1)" "$second" "a third one ends the first"
is "$(jq -r 'select(.name == "sur") | .expires' "$work/keys" | tail -n 1)" 2101-01-01T00:00:00Z "another end"
is "$(api-key list | cut -f 1,4,5 | tail -n +2)" "$(printf 'norte\tnever\tall\noeste\t2100-02-03T04:05:06Z\tall\nsur\t2100-02-03T00:00:00Z\t["A","B \\"x\\\\y","c,d","ñ"]\nsur\t2101-01-01T00:00:00Z\t["A","B \\"x\\\\y","c,d","ñ"]')" "list"
api-key revoke "${second:0:8}"
is "$(jq -r .name "$work/keys" | xargs)" "norte oeste sur" "one is taken away by its id"
api-key revoke norte
is "$(jq -r .name "$work/keys" | xargs)" "oeste sur" "all of a name"

# ---- refused ----

cp "$work/keys" "$work/before"
fails "a name that is there" 65 api-key add sur
fails "a name that is not" 65 api-key rotate norte
fails "nothing to revoke" 65 api-key revoke norte
fails "no name" 64 api-key add
fails "two names" 64 api-key add a b
for name in 'a b' '' -x 'a/b' "$(head -c 65 /dev/zero | tr '\0' a)" 'a"' ñ .x; do
    fails "a bad name: $(printf '%.9q' "$name")" 64 api-key add "$name"
done
for date in 2024-02-30 2000-01-01 tomorrow 2100-1-1 2100-01-01T00:00:00 '2100-01-01 10:00'; do
    fails "a bad end: $date" 64 api-key add x --expires "$date"
done
for product in '' $'a\nb' $'\xff' "$(head -c 257 /dev/zero | tr '\0' a)"; do
    fails "a bad product: $(printf '%.9q' "$product")" 64 api-key add x --producto "$product"
done
fails "an empty product in a list" 64 api-key add x --productos a,,b
fails "options of another verb" 64 api-key revoke sur --expires 2100-01-01
fails "no such verb" 64 api-key remove sur
fails "no file named" 64 env -u TUBERIA_API_KEYS api-key list
fails "no such directory" 73 api-key -k "$work/no/such/keys" add x
fails "a directory" 78 api-key -k "$work" add x
for mode in 620 602 666; do
    chmod $mode "$work/keys"
    fails "a file of mode $mode" 78 api-key add x
    fails "not even to read" 78 api-key list
done
chmod 640 "$work/keys"
cp "$work/keys" "$work/strange"
echo '{"name":"x"}' >>"$work/strange"
fails "a line of somebody else's" 65 api-key -k "$work/strange" add y
same_files "$work/keys" "$work/before" "nothing was changed"

# ---- the file ----

ln -s keys "$work/link"
api-key -k "$work/link" add enlace >/dev/null
is "$(readlink "$work/link") $(stat -c %a "$work/keys") $(grep -c enlace "$work/keys")" "keys 640 1" \
    "a symbolic link stays one, and the mode stays"
if [ "$(id -u)" -eq 0 ]; then
    chown nobody "$work/keys"
    api-key add dueno >/dev/null
    is "$(stat -c %U "$work/keys")" nobody "the owner stays"
else
    skip "the owner stays" "not root"
fi
for i in $(seq 12); do
    api-key add "n$i" >/dev/null &
done
wait
is "$(grep -c '"name":"n[0-9]*"' "$work/keys")" 12 "many at once, one after the other"
is "$(find "$work" -name 'keys.*' | wc -l)" 0 "nothing else is left there"
passes "all of it is JSON" jq -es 'length > 0' "$work/keys"
code=0
api-key add lleno >/dev/full 2>/dev/null || code=$?
is "$code" 74 "a key that cannot be shown"
# No key in any argument list.
cat >"$work/openssl" <<'EOF'
#!/bin/sh
echo "$@" >>"${0%/*}/arguments"
exec /usr/bin/openssl "$@"
EOF
chmod +x "$work/openssl"
key=$(PATH=$work:$PATH api-key add espia)
is "$(grep -c "${key#tub_}" "$work/arguments") $(grep -c . "$work/arguments")" "0 2" "the key is in no argument list"

done_testing
