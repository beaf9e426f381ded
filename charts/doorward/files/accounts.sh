#!/bin/sh
# Runs inside the mariadb image. Safe to run again.
#   accounts.sh databases   makes the services' databases and the owner who migrates them
#   accounts.sh accounts    makes the services' accounts and gives them their rights; also changes a password
# Passwords come from the environment (MYSQL_PWD is root's) or, where DOORWARD_DATABASE_PASSWORDS_DIR names a
# folder, from the files root-password, owner-password, auth-password, users-password and tickets-password in it.
# DOORWARD_DATABASE_TLS_CA_FILE turns TLS on, as it does for the services. DOORWARD_WITHOUT_TICKETS leaves tickets out.
set -eu

here=$(dirname "$0")
identity=${DOORWARD_DATABASE_NAME:-doorward}
tickets=${DOORWARD_DATABASE_TICKETS_NAME:-doorward_tickets}
owner=${DOORWARD_DATABASE_OWNER:-doorward_owner}
homes=$identity
[ -n "${DOORWARD_WITHOUT_TICKETS:-}" ] || homes="$identity $tickets"

if [ -n "${DOORWARD_DATABASE_PASSWORDS_DIR:-}" ]; then
    password() { cat "$DOORWARD_DATABASE_PASSWORDS_DIR/$1-password"; }
    MYSQL_PWD=$(password root)
    DOORWARD_DATABASE_OWNER_PASSWORD=$(password owner)
    DOORWARD_DATABASE_AUTH_PASSWORD=$(password auth)
    DOORWARD_DATABASE_USERS_PASSWORD=$(password users)
    [ -n "${DOORWARD_WITHOUT_TICKETS:-}" ] || DOORWARD_DATABASE_TICKETS_PASSWORD=$(password tickets)
    export MYSQL_PWD
fi

# Without an authority, TLS where the server has it: newer clients would demand it, and a certificate that they know.
run() {
    if [ -n "${DOORWARD_DATABASE_TLS_CA_FILE:-}" ]; then
        set -- --ssl-ca="$DOORWARD_DATABASE_TLS_CA_FILE" --ssl-verify-server-cert "$@"
    else
        set -- --disable-ssl-verify-server-cert "$@"
    fi
    mariadb --host="${DOORWARD_DATABASE_HOST:-mariadb}" --port="${DOORWARD_DATABASE_PORT:-3306}" \
        --user="${DOORWARD_DATABASE_ROOT:-root}" --connect-timeout=5 "$@"
}

# A database that starts beside this script may take a minute.
await() {
    left=${DOORWARD_DATABASE_WAIT_SECONDS:-0}
    until run --execute "SELECT 1" >/dev/null 2>&1 || [ "$left" -le 0 ]; do
        left=$((left - 1))
        sleep 1
    done
}

# plain PASSWORD...: refuses what would need quoting in a statement
plain() {
    for password in "$@"; do
        case $password in
            "" | *[!A-Za-z0-9_-]*)
                echo "accounts: database passwords may contain letters, digits, - and _ only, and not be empty" >&2
                exit 1
                ;;
        esac
    done
}

# account NAME PASSWORD: prints the statements
account() {
    echo "CREATE USER IF NOT EXISTS doorward_$1 IDENTIFIED BY '$2';"
    echo "ALTER USER doorward_$1 IDENTIFIED BY '$2';"
    # Rights that an earlier release gave and this one does not. Not where services run meanwhile: for a moment
    # they would have none, and an older release beside this one may still need what this one does not.
    [ -n "${DOORWARD_KEEP_RIGHTS:-}" ] || echo "REVOKE ALL PRIVILEGES, GRANT OPTION FROM doorward_$1;"
}

databases() {
    for database in $homes; do
        run --execute "CREATE DATABASE IF NOT EXISTS $database CHARACTER SET utf8mb4;"
    done
    if [ -n "${DOORWARD_DATABASE_OWNER_PASSWORD:-}" ]; then
        plain "$DOORWARD_DATABASE_OWNER_PASSWORD"
        # Not as an argument, which others may read.
        run <<SQL
CREATE USER IF NOT EXISTS $owner IDENTIFIED BY '$DOORWARD_DATABASE_OWNER_PASSWORD';
ALTER USER $owner IDENTIFIED BY '$DOORWARD_DATABASE_OWNER_PASSWORD';
SQL
    fi
    for database in $homes; do
        run --execute "GRANT ALL ON $database.* TO $owner;"
        echo "accounts: $database is there, for $owner to migrate"
    done
}

accounts() {
    plain "$DOORWARD_DATABASE_AUTH_PASSWORD" "$DOORWARD_DATABASE_USERS_PASSWORD"
    {
        account auth "$DOORWARD_DATABASE_AUTH_PASSWORD"
        account users "$DOORWARD_DATABASE_USERS_PASSWORD"
        cat "$here/grants.sql"
    } | run --database="$identity"
    echo "accounts: doorward_auth and doorward_users have their rights"
    if [ -n "${DOORWARD_WITHOUT_TICKETS:-}" ]; then
        return
    fi
    plain "$DOORWARD_DATABASE_TICKETS_PASSWORD"
    {
        account tickets "$DOORWARD_DATABASE_TICKETS_PASSWORD"
        cat "$here/grants-tickets.sql"
    } | run --database="$tickets"
    echo "accounts: doorward_tickets has its rights"
}

case "${1:-}" in
    databases | accounts)
        await
        "$1"
        ;;
    *)
        echo "accounts: databases or accounts, not '${1:-}'" >&2
        exit 2
        ;;
esac
