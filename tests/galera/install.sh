#!/bin/sh
# Installs Galera, the cluster of tests/galera, from Debian's packages: galera-4 for Debian's own MariaDB.
# Ends with 3 where that is not possible.
set -eu

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

not_run() {
    printf '%s\n' '' "*** NOT RUN: make ${1:-galera-test}. $2" \
        '*** NOTHING was tested with a cluster of databases.' '' >&2
    exit 3
}

target="${1:-galera-test}"
missing=
for library in /usr/lib/galera/libgalera_smm.so /usr/lib64/galera-4/libgalera_smm.so /usr/lib/galera-4/libgalera_smm.so; do
    [ ! -e "$library" ] || found=1
done
[ -n "${found:-}" ] || missing="$missing galera-4"
command -v rsync >/dev/null || missing="$missing rsync"
# The script that copies a node's data asks one of both which port is in use.
command -v lsof >/dev/null || command -v ss >/dev/null || missing="$missing lsof"
command -v mariadbd >/dev/null || missing="$missing mariadb-server"
command -v haproxy >/dev/null || missing="$missing haproxy"
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] ||
    not_run "$target" "Missing:$missing (Debian's names), and this is not Debian as root."
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of packages
apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    not_run "$target" "apt cannot install:$missing."
