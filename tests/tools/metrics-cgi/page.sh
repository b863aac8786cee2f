# once
# timeout: 180
# The page in a headless Chromium: its form asks, and draws; nothing breaks its policy. A picture is kept in
# build/page.png, to be looked at.
. "$(dirname "$0")/../../lib/tap.sh"
. "$(dirname "$0")/_api.sh"
. "$(dirname "$0")/_nginx.sh"

browser=$(command -v chromium-headless-shell || command -v chromium) || {
    echo "Bail out! no Chromium here (scripts/install-deps check)"
    exit 1
}
make_store
norte=$(api-key add norte)
fastcgi_start
nginx_start fastcgi

# A frame around the page would be refused; so a copy of nginx's site adds a script that fills the form in.
cat >"$work/fill.js" <<END
addEventListener('load', () => setTimeout(() => {
  document.getElementById('key').value = '$norte';
  document.getElementById('id').value = location.hash.slice(1);
  document.getElementById('form').requestSubmit();
}, 100));
addEventListener('securitypolicyviolation', e => { document.title = 'violation ' + e.violatedDirective; });
END
sed -i "s|^    include nginx-fastcgi.conf;|&\n    location = /fill.js { default_type text/javascript; alias $work/fill.js; }\n    sub_filter '</head>' '<script src=\"fill.js\"></script></head>'; sub_filter_once on;|" \
    "$work/nginx-fastcgi/site.conf"
chmod 755 "$work"
kill -HUP "$nginx"
wait_for 10 eval 'curl -sk "$url/" | grep -q fill.js'
browse() { # URL OPTION...
    timeout 90 "$browser" --headless --no-sandbox --disable-gpu --ignore-certificate-errors --user-data-dir="$work/profile" \
        --virtual-time-budget=9000 --window-size=900,1250 "${@:2}" "$1" 2>"$work/browser.err"
}
browse "$url/#17850" --dump-dom >"$work/dom"
shown() { sed -n "s|.*id=\"$1\"[^>]*>\([^<]*\)<.*|\1|p" "$work/dom" | head -n 1; }
is "$(shown count) $(shown amount)" "4 66.24" "the form asks, and shows every digit"
like "$(sed -n 's/.*id="curve" points="\([^"]*\)".*/\1/p' "$work/dom")" '^[0-9.]+,[0-9.]+ ([0-9.]+,[0-9.]+ ?)+$' "and draws a line of several answers"
is "$(shown problem)" "" "without a problem"
is "$(grep -c '<title>violation' "$work/dom")" 0 "nothing breaks the policy"
browse "$url/#99" --dump-dom >"$work/dom"
is "$(shown problem)" "404: There are no such sales." "a problem is told in words"
browse "$url/#17850" --screenshot="$work/page.png" >/dev/null
mkdir -p "$TOP/build"
cp "$work/page.png" "$TOP/build/page.png"
is "$(head -c 4 "$work/page.png" | tail -c 3)" PNG "a picture"
curl -sk "$url/" | sed 's/<script[^>]*><\/script>//g; /<noscript>/s/<\/*noscript>//g' >"$work/plain.html"
like "$(sed 's/<[^>]*>//g' "$work/plain.html")" 'curl -H @key.header' "without JavaScript, the text is all there"

done_testing
