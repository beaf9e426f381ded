#!/bin/sh
# Installs the programs that the tests run (MariaDB, HAProxy, NGINX, Redis, Node, Chromium, promtool of Prometheus), where that
# is possible: on Debian and Ubuntu, as root. Elsewhere it says what is missing and ends with 0: the tests then skip
# what needs it, and fail instead when CI=true.
# No service is started: the tests start private ones, on ports and in folders of their own.
set -eu

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
missing=""
command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null || missing="$missing mariadb-server"
command -v haproxy >/dev/null || missing="$missing haproxy"
command -v nginx >/dev/null || missing="$missing nginx-light"
command -v redis-server >/dev/null || command -v valkey-server >/dev/null || missing="$missing redis-server"
command -v promtool >/dev/null || missing="$missing prometheus"
command -v chromium >/dev/null || missing="$missing chromium"
command -v npm >/dev/null || missing="$missing npm"
command -v node >/dev/null || missing="$missing nodejs"

if [ -z "$missing" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "Missing for the tests:$missing (Debian's package names). Install them, or run this as root" \
        "on Debian or Ubuntu; without them, tests that need them are skipped."
    exit 0
fi

# Debian starts a server as soon as it is installed unless this file says no (101). One that is there
# already is the operator's decision, and is kept.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
apt-get install -y -qq --no-install-recommends $missing
