# timeout: 300
# The cases of ddb-put and metrics-query, with their expected bytes as they are, on DynamoDB.
. "$(dirname "$0")/../../lib/tap.sh"
. "$TOP/tests/lib/dynamodb.sh"
dynamodb_start

# Not here: what is about files (their names, and those that are no store); and the case that changes a store by SQL,
# which scripts-of-sqlite.sh has.
except="file-names-mean-nothing-but-files store-that-is-none verify-finds-what-was-tampered-with"

# ddb-put, which makes its table first, and sqlite3, which looks at a copy of it.
mkdir -p "$work/bin"
cat >"$work/bin/ddb-put" <<EOF
#!/bin/bash
case " \$* " in
*" --show-checkpoint "* | *" --drop-checkpoint "* | *" --verify "* | *" --help "*) ;;
*)
    for word; do
        [[ \$word != dynamodb:* ]] || $TUBERIA_BIN/ddb-put --create-table "\$word" || exit
    done
    ;;
esac
exec $TUBERIA_BIN/ddb-put "\$@"
EOF
cat >"$work/bin/sqlite3" <<EOF
#!/bin/bash
if [[ \$1 == *.db ]]; then
    /usr/bin/python3 $TOP/tests/lib/dynamodb-as-sqlite.py "\$PREFIX\$1" "\$1" || exit
fi
exec /usr/bin/sqlite3 "\$@"
EOF
chmod +x "$work/bin"/*
export -p | grep -E ' (AWS_[A-Z_]*|PATH)=' >"$work/environment"

# Each case in a copy, with tables of its own.
number=0
for tool in ddb-put metrics-query; do
    mkdir -p "$work/$tool"
    for case in "$TOP/tests/tools/$tool"/*.case; do
        name=$(basename "$case" .case)
        case " $except " in *" $name "*) continue ;; esac
        number=$((number + 1))
        sed -e "/^-- cmd/a . $work/environment; PATH=$work/bin:\$PATH; export PREFIX=t$number." \
            -e "/which store/!s/sqlite:\\([A-Za-z0-9._-]*\\)/dynamodb:t$number.\\1/g" -e "s/: m\\.db: /: t$number.m.db: /" "$case" >"$work/$tool/$name.case"
    done
    TIMEOUT_SCALE=8 "$TOP/tests/run" -b "$(dirname "$TUBERIA_BIN")" "$work/$tool" >"$work/result" 2>&1
    like "$(tail -n 1 "$work/result")" '^[1-9][0-9]+ passed, 0 failed$' "$tool: $(tail -n 1 "$work/result")"
    [ "$tap_failed" = 0 ] || note "$(head -n 60 "$work/result")"
done

done_testing
