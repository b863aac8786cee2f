# shellcheck shell=bash
# postgres.sh: private PostgreSQL servers for a test. Source it after tap.sh.
#
#   pg_start [LINE...]   a new server in a temporary directory, with these lines of postgresql.conf;
#                        sets PG_DIR, exports PGHOST PGPORT PGUSER PGDATABASE. PG_TCP=1: listens on a
#                        free port of 127.0.0.1 too (PGPORT), otherwise on its socket alone.
#   pg_stop [MODE]       stop that server (fast); pg_restart [MODE]; pg_crash: kill -9, then start
#   pg_use DIR           go back to an earlier server (its PG_DIR)
#   sql [OPTION...] TEXT one statement or more, unaligned output without headings; an error ends it
#
# Servers stop and vanish when the script ends. PostgreSQL does not run as root: as root it is run
# as postgres, or nobody where there is no such user.

pg_bindir() {
    local found
    # shellcheck disable=SC2012 # version numbers, and names of our own choice
    found=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)}
    [ -n "$found" ] || found=$(pg_config --bindir 2>/dev/null)
    [ -x "$found/initdb" ] || {
        echo "Bail out! no PostgreSQL server here (scripts/install-deps check)"
        exit 1
    }
    printf '%s\n' "$found"
}

pg_as_user() {
    local user=postgres
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
        return
    fi
    getent passwd "$user" >/dev/null || user=nobody
    # From a directory that user may enter.
    (cd / && exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups \
        env HOME="$PG_DIR" "$@")
}

pg_ctl_run() { pg_as_user "$PG_BIN/pg_ctl" -s -w -t 60 -D "$PG_DIR/data" "$@"; }

pg_free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    printf '%s\n' "$port"
}

pg_use() {
    PG_DIR=$1
    PGHOST=$PG_DIR/s PGPORT=$(cat "$PG_DIR/port") PGUSER=postgres PGDATABASE=postgres
    export PG_DIR PGHOST PGPORT PGUSER PGDATABASE
}

pg_start() {
    local port=5432 try
    PG_BIN=$(pg_bindir) || exit 1
    PG_DIR=$(mktemp -d) || exit 1
    # A socket's path may have 107 bytes.
    if [ ${#PG_DIR} -gt 80 ]; then
        rmdir "$PG_DIR"
        PG_DIR=$(TMPDIR=/tmp mktemp -d) || exit 1
    fi
    at_exit "pg_remove '$PG_DIR'"
    mkdir "$PG_DIR/s"
    chmod 755 "$PG_DIR" "$PG_DIR/s"
    if [ "$(id -u)" -eq 0 ]; then
        chown -R "$(getent passwd postgres nobody | head -n 1 | cut -d: -f1)" "$PG_DIR"
    fi
    pg_as_user "$PG_BIN/initdb" -D "$PG_DIR/data" -U postgres -A trust -E UTF8 --locale=C \
        --no-sync --no-instructions >"$PG_DIR/initdb.log" 2>&1 || {
        cat "$PG_DIR/initdb.log" >&2
        exit 1
    }
    # Durability against a loss of power is not what is tested here; what survives kill -9 is.
    pg_as_user tee -a "$PG_DIR/data/postgresql.conf" >/dev/null <<-CONF
	wal_level = logical
	fsync = off
	full_page_writes = off
	shared_buffers = 32MB
	max_wal_senders = 10
	max_replication_slots = 10
	unix_socket_directories = '$PG_DIR/s'
	listen_addresses = ''
	timezone = 'UTC'
	log_timezone = 'UTC'
	$(printf '%s\n' "$@")
	CONF
    for try in 1 2 3 4 5; do
        [ -z "${PG_TCP:-}" ] || port=$(pg_free_port)
        printf '%s\n' "$port" | pg_as_user tee "$PG_DIR/port" >/dev/null
        pg_use "$PG_DIR"
        if pg_launch; then
            return 0
        fi
        [ -n "${PG_TCP:-}" ] || break # else the port may have been taken since it was looked at
    done
    echo "pg_start: no server after $try tries" >&2
    tail -n 20 "$PG_DIR/log" >&2
    exit 1
}

pg_launch() {
    local options="-p $PGPORT"
    [ -z "${PG_TCP:-}" ] || options+=" -c listen_addresses=127.0.0.1"
    pg_ctl_run -l "$PG_DIR/log" -o "$options" start >/dev/null
}

pg_stop() { pg_ctl_run -m "${1:-fast}" stop; }

pg_restart() { pg_stop "${1:-fast}" && pg_launch; }

pg_crash() {
    kill -9 "$(head -n 1 "$PG_DIR/data/postmaster.pid")"
    # A new server refuses to start until the last child of the old one has noticed.
    wait_for 30 pg_launch 2>/dev/null
}

pg_remove() {
    PG_DIR=$1
    if [ -e "$PG_DIR/data/postmaster.pid" ]; then
        pg_stop immediate 2>/dev/null
    fi
    rm -rf "$PG_DIR"
}

sql() { psql -XqAt -v ON_ERROR_STOP=1 -c "${@: -1}" "${@:1:$#-1}"; }
