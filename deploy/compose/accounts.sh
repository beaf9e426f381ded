#!/bin/sh
# Runs inside the mariadb image, with root's password in MYSQL_PWD. Safe to run again.
#   accounts.sh databases   makes tickets' database, which the owner of the schemas then migrates
#   accounts.sh accounts    makes the services' accounts and gives them their rights; also changes a password
set -eu

identity=${DOORWARD_DATABASE_NAME:-doorward}
tickets=${DOORWARD_DATABASE_TICKETS_NAME:-doorward_tickets}
grants=${DOORWARD_GRANTS_DIR:-}

run() {
    mariadb --host="${DOORWARD_DATABASE_HOST:-mariadb}" --port="${DOORWARD_DATABASE_PORT:-3306}" \
        --user="${DOORWARD_DATABASE_ROOT:-root}" "$@"
}

# account NAME PASSWORD: prints the statements
account() {
    echo "CREATE USER IF NOT EXISTS doorward_$1;"
    echo "ALTER USER doorward_$1 IDENTIFIED BY '$2';"
    # Rights that an earlier release gave and this one does not.
    echo "REVOKE ALL PRIVILEGES, GRANT OPTION FROM doorward_$1;"
}

databases() {
    run --execute "CREATE DATABASE IF NOT EXISTS $tickets CHARACTER SET utf8mb4;
        GRANT ALL ON $tickets.* TO ${DOORWARD_DATABASE_OWNER:-doorward_owner};"
    echo "accounts: $tickets is there, for its owner to migrate"
}

accounts() {
    case "$DOORWARD_DATABASE_AUTH_PASSWORD$DOORWARD_DATABASE_USERS_PASSWORD$DOORWARD_DATABASE_TICKETS_PASSWORD" in
        *[!A-Za-z0-9_-]*)
            echo "accounts: the database passwords may contain letters, digits, - and _ only" >&2
            exit 1
            ;;
    esac
    {
        account auth "$DOORWARD_DATABASE_AUTH_PASSWORD"
        account users "$DOORWARD_DATABASE_USERS_PASSWORD"
        cat "$grants/grants.sql"
    } | run --database="$identity"
    {
        account tickets "$DOORWARD_DATABASE_TICKETS_PASSWORD"
        cat "$grants/grants-tickets.sql"
    } | run --database="$tickets"
    echo "accounts: doorward_auth, doorward_users and doorward_tickets have their rights"
}

case "${1:-}" in
    databases | accounts) "$1" ;;
    *)
        echo "accounts: databases or accounts, not '${1:-}'" >&2
        exit 2
        ;;
esac
