#!/bin/sh
# Runs tests on a MySQL 9 from Debian unstable, in a folder of its own below ~/.cache/doorward.
# Arguments go to pytest. Ends with 3 where MySQL cannot be had: needs Debian as root, and mmdebstrap.
set -eu

cache="${DOORWARD_TEST_CACHE:-$HOME/.cache/doorward}"
root="$cache/mysql-9"
pytest="${PYTEST:-.venv/bin/python -m pytest}"

not_run() {
    printf '%s\n' '' "*** NOT RUN: make mysql-test. $1" '*** Nothing was tested with MySQL.' '' >&2
    exit 3
}

install_mysql() {
    command -v mmdebstrap >/dev/null || not_run 'mmdebstrap is not installed (Debian: apt-get install mmdebstrap).'
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)
    [ -n "$mirror" ] || not_run 'apt knows no Debian mirror.'
    mkdir -p "$cache"
    new=$(mktemp -d "$cache/new.XXXXXX")
    echo "Downloading MySQL (the first time only) ..."
    # A mirror may be a snapshot, whose date has passed. Its signature is verified all the same.
    if ! mmdebstrap --variant=extract --include=mysql-server-core,base-files,libc6,libcurl4t64 \
        --aptopt='Acquire::Check-Valid-Until "false"' sid "$new/root" "deb $mirror sid main" >"$new/log" 2>&1; then
        reason=$(tail -n 1 "$new/log")
        rm -rf "$new"
        not_run "MySQL cannot be downloaded: $reason"
    fi
    mkdir -p "$new/root/var/lib/mysql-files" "$new/root/run/mysqld" "$new/root/tmp"
    mv "$new/root" "$root"
    rm -rf "$new"
}

[ "$(id -u)" = 0 ] || not_run 'It needs root, for chroot.'
[ -x "$root/usr/sbin/mysqld" ] || install_mysql

run=$(mktemp -d "$root/run.XXXXXX")
inside="/${run##*/}"
server=
stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$run"
}
trap stop EXIT
trap 'exit 130' INT TERM

# The accounts of the tests are on this machine alone, and die with the folder.
printf '%s\n' "CREATE USER doorward@'127.0.0.1' IDENTIFIED BY 'test';" \
    "GRANT ALL ON *.* TO doorward@'127.0.0.1' WITH GRANT OPTION;" >"$run/init.sql"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
chroot "$root" mysqld --no-defaults --initialize-insecure --user=root --datadir="$inside/data" \
    >"$run/initialize.log" 2>&1 || { cat "$run/initialize.log" >&2; exit 1; }
chroot "$root" mysqld --no-defaults --user=root --datadir="$inside/data" --socket="$inside/mysql.sock" \
    --pid-file="$inside/mysql.pid" --port="$port" --bind-address=127.0.0.1 --mysqlx=OFF --max-connections=250 \
    --skip-log-bin --skip-name-resolve --init-file="$inside/init.sql" >"$run/mysqld.log" 2>&1 &
server=$!
tries=0
until python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1).close()" 2>/dev/null; do
    tries=$((tries + 1))
    kill -0 "$server" 2>/dev/null && [ "$tries" -lt 120 ] || { cat "$run/mysqld.log" >&2; exit 1; }
    sleep 0.5
done
chroot "$root" mysqld --version
# shellcheck disable=SC2086 - a command with its arguments
DOORWARD_TEST_DATABASE_URL="mysql+pymysql://doorward:test@127.0.0.1:$port/" $pytest "$@"
