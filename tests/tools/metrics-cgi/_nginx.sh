# shellcheck shell=bash disable=SC2034,SC2154
# nginx with the configuration that is shipped, on free ports, in front of metrics-cgi. Source it after _api.sh.
#
#   fastcgi_start [OPTION...]  metrics-cgi as a server on $work/api.socket; its pid: api
#   fcgiwrap_start             fcgiwrap on $work/wrap.socket
#   nginx_start fastcgi|fcgiwrap   sets port (TLS) and url; cgi_params: more fastcgi_param lines, for CGI
#   ask URI [CURL-OPTION...]   sets status and body; headers in $work/head

nginx_bin=$(command -v nginx || echo /usr/sbin/nginx)
fcgiwrap_bin=$(command -v fcgiwrap || echo /usr/sbin/fcgiwrap)
for needed in "$nginx_bin" "$fcgiwrap_bin"; do
    [ -x "$needed" ] || {
        echo "Bail out! no $needed here (scripts/install-deps check)"
        exit 1
    }
done

listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        listens "$port" || break
    done
    printf '%s\n' "$port"
}

fastcgi_start() {
    metrics-cgi --listen "unix:$work/api.socket" --workers 2 "$@" 2>>"$work/api.err" &
    api=$!
    at_exit "kill $api 2>/dev/null; wait $api 2>/dev/null"
    wait_for 10 eval '[ -S "$work/api.socket" ] && [ "$(pgrep -c -P $api)" = 2 ]'
}

fcgiwrap_start() {
    "$fcgiwrap_bin" -c 4 -s "unix:$work/wrap.socket" 2>>"$work/wrap.err" &
    wrap=$!
    at_exit fcgiwrap_stop
    wait_for 10 [ -S "$work/wrap.socket" ]
}
# Its children do not end with it, and it forks another for each that ends before it: so it goes first.
fcgiwrap_stop() {
    local children
    mapfile -t children < <(pgrep -P "$wrap")
    [ "${#children[@]}" -gt 0 ] || return 0
    kill "$wrap"
    wait "$wrap" 2>/dev/null
    kill "${children[@]}" 2>/dev/null
    wait_for 10 eval "! ps -o stat= -p '${children[*]}' | grep -qv ^Z"
}

nginx_start() {
    local variant=$1 dir=$work/nginx-$1 plain
    mkdir -p "$dir"
    port=$(free_port) plain=$(free_port)
    [ -e "$work/cert.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
        -keyout "$work/cert.key" -out "$work/cert.pem" 2>/dev/null
    cp "$TOP"/scripts/deploy/nginx-*.conf "$dir"
    sed -e "s/listen 80;/listen 127.0.0.1:$plain;/; s/listen 443 /listen 127.0.0.1:$port /" \
        -e "s|/etc/ssl/certs/api.example.com.pem|$work/cert.pem|; s|/etc/ssl/private/api.example.com.key|$work/cert.key|" \
        -e "s|/var/log/nginx/|$dir/|; s|unix:/run/tuberia-api/socket|unix:$work/api.socket|" \
        -e 's/# https:..app.example.com/https:\/\/a.example/' -e "s/include nginx-fastcgi.conf/include nginx-$variant.conf/" \
        -e 's/rate=100r/rate=100000r/; s/burst=200/burst=100000/; s/connections 100;/connections 1000;/' \
        "$TOP/scripts/deploy/nginx.conf" >"$dir/site.conf"
    sed -i -e "s|unix:/run/fcgiwrap.socket|unix:$work/wrap.socket|; s|/usr/local/bin/metrics-cgi|$TUBERIA_BIN/metrics-cgi|" \
        -e "s|sqlite:/var/lib/tuberia/metricas.db|$TUBERIA_STORE|; s|/etc/tuberia/api-keys|$TUBERIA_API_KEYS|" \
        -e "s|/run/tuberia-api/limit|$TUBERIA_API_LIMIT_FILE|; s|fastcgi_param TUBERIA_STORE|${cgi_params:-}&|" "$dir/nginx-fcgiwrap.conf"
    [ "$(id -u)" -ne 0 ] || echo 'user root;' >"$dir/nginx.conf"
    cat >>"$dir/nginx.conf" <<-END
	worker_processes 1;
	pid $dir/pid;
	error_log $dir/error.log;
	daemon off;
	events { worker_connections 512; }
	http {
	    client_body_temp_path $dir/t1; fastcgi_temp_path $dir/t2; proxy_temp_path $dir/t3;
	    scgi_temp_path $dir/t4; uwsgi_temp_path $dir/t5;
	    include $dir/site.conf;
	}
	END
    "$nginx_bin" -p "$dir" -c "$dir/nginx.conf" 2>"$dir/start.err" &
    nginx=$!
    at_exit "kill $nginx 2>/dev/null; wait $nginx 2>/dev/null"
    wait_for 10 listens "$port" || cat "$dir/start.err" >&2
    url=https://127.0.0.1:$port
    plain_url=http://127.0.0.1:$plain
}

ask() {
    local uri=$1
    shift
    curl -sk --path-as-is -D "$work/head" -o "$work/body" --max-time 20 "$@" "$url$uri" || echo "curl: $?" >"$work/head"
    sed -i 's/\r$//' "$work/head"
    status=$(sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$work/head" | tail -n 1)
    body=$(tr -d '\0' <"$work/body")
}

# header NAME: its value in the last answer, whatever its case.
header() { sed -n "s/^$1: //Ip" "$work/head"; }
