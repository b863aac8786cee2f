# once
# timeout: 300
# The OpenAPI document is one, says Redocly's linter; and what it says of the answers is so.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_api.sh"

document=$TOP/lib/l4-service/apifiles/openapi.json
redocly=$TOP/build/npm/node_modules/.bin/redocly
version=2.77.0
if command -v npm >/dev/null; then
    if ! grep -q "\"version\": \"$version\"" "$TOP/build/npm/node_modules/@redocly/cli/package.json" 2>/dev/null; then
        mkdir -p "$TOP/build/npm"
        (cd "$TOP/build/npm" && npm install --silent --no-audit --no-fund --no-package-lock --no-save "@redocly/cli@$version") \
            >"$work/npm" 2>&1
    fi
    passes "redocly lint" env REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true "$redocly" lint "$document"
else
    skip "redocly lint" "npm is not installed"
fi

make_store
norte=$(api-key add norte)
for path in $(jq -r '.paths | keys[]' "$document"); do
    uri=${path/\{cliente_id\}/17850}
    by_hand "${uri/\{producto_id\}/85123A}" HTTP_X_API_KEY="$norte"
    is "$status" 200 "$path is there"
    documented=$(jq -r --arg p "$path" '.paths[$p].get.responses["200"].content | keys[0]' "$document")
    is "$(header Content-Type)" "$documented" "$path: its type"
    schema=$(jq -r --arg p "$path" '.paths[$p].get.responses["200"].content[].schema["$ref"] // empty | split("/") | last' "$document")
    [ -z "$schema" ] || is "$(jq -c --slurpfile d "$document" --arg s "$schema" '($d[0].components.schemas[$s].properties | keys) - keys' "$work/body")" "[]" \
        "$path: all members"
    for name in $(jq -r --arg p "$path" '.paths[$p].get.responses["200"].headers // {} | keys[]' "$document"); do
        like "$(header "$name")" . "$path: $name"
    done
done
by_hand /metricas/cliente/17850
is "$(jq -c --slurpfile d "$document" '$d[0].components.schemas.Problem.required - keys' "$work/body")" "[]" "a problem has its members"

done_testing
