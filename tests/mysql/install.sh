#!/bin/sh
# Installs MySQL 9 from Debian unstable, in a folder of its own below ~/.cache/doorward, and prints that folder.
# Ends with 3 where MySQL cannot be had: needs Debian as root. Installs mmdebstrap, which unpacks the packages.
set -eu

cache="${DOORWARD_TEST_CACHE:-$HOME/.cache/doorward}"
root="$cache/mysql-9"

not_run() {
    printf '%s\n' '' "*** NOT RUN: make mysql-test. $1" '*** Nothing was tested with MySQL.' '' >&2
    exit 3
}

# Server, clients and the empty data that each test's server starts with.
is_complete() {
    [ -x "$root/usr/sbin/mysqld" ] && [ -x "$root/usr/bin/mysqldump" ] && [ -d "$root/empty" ]
}

[ "$(id -u)" = 0 ] || not_run 'It needs root, for chroot.'
if ! is_complete; then
    command -v apt-get >/dev/null || not_run 'It needs Debian.'
    command -v mmdebstrap >/dev/null ||
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null ||
        not_run 'apt cannot install mmdebstrap.'
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)
    [ -n "$mirror" ] || not_run 'apt knows no Debian mirror.'
    mkdir -p "$cache"
    new=$(mktemp -d "$cache/new.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    trap 'exit 130' INT TERM
    echo "Downloading MySQL (the first time only) ..." >&2
    # A mirror may be a snapshot, whose date has passed. Its signature is verified all the same.
    mmdebstrap --variant=extract --include=mysql-server-core,mysql-client-core,base-files,libc6,libcurl4t64 \
        --aptopt='Acquire::Check-Valid-Until "false"' sid "$new/root" "deb $mirror sid main" >"$new/log" 2>&1 ||
        not_run "MySQL cannot be downloaded: $(tail -n 1 "$new/log")"
    mkdir -p "$new/root/var/lib/mysql-files" "$new/root/run/mysqld" "$new/root/tmp"
    chroot "$new/root" mysqld --no-defaults --initialize-insecure --user=root --datadir=/empty \
        --innodb-redo-log-capacity=16M >"$new/log" 2>&1 || { cat "$new/log" >&2; exit 1; }
    rm -rf "$root" # of an earlier version of this script
    mv "$new/root" "$root"
fi
chroot "$root" mysqld --version >&2
echo "$root"
