#!/bin/sh
# Creates the databases and accounts of the services. Idempotent. Needs the `mariadb` client.
#   create-database-accounts.sh databases   creates the databases, and the owner account that migrates them
#   create-database-accounts.sh accounts    creates the service accounts, sets their passwords, grants their privileges
# Passwords are read from the environment (MYSQL_PWD for root), or from the files root-password, owner-password,
# auth-password, users-password and tickets-password in the folder DOORWARD_DATABASE_PASSWORDS_DIR.
# DOORWARD_DATABASE_TLS_CA_FILE enables TLS, as for the services. DOORWARD_WITHOUT_TICKETS omits tickets.
# DOORWARD_KEEP_GRANTS keeps privileges that this release does not need: required while services are running.
set -eu

here=$(dirname "$0")
identity=${DOORWARD_DATABASE_NAME:-doorward}
tickets=${DOORWARD_DATABASE_TICKETS_NAME:-doorward_tickets}
owner=${DOORWARD_DATABASE_OWNER:-doorward_owner}
names=$identity
[ -n "${DOORWARD_WITHOUT_TICKETS:-}" ] || names="$identity $tickets"

if [ -n "${DOORWARD_DATABASE_PASSWORDS_DIR:-}" ]; then
    password() { cat "$DOORWARD_DATABASE_PASSWORDS_DIR/$1-password"; }
    MYSQL_PWD=$(password root)
    DOORWARD_DATABASE_OWNER_PASSWORD=$(password owner)
    DOORWARD_DATABASE_AUTH_PASSWORD=$(password auth)
    DOORWARD_DATABASE_USERS_PASSWORD=$(password users)
    [ -n "${DOORWARD_WITHOUT_TICKETS:-}" ] || DOORWARD_DATABASE_TICKETS_PASSWORD=$(password tickets)
    export MYSQL_PWD
fi

# Without a CA, newer clients would still require TLS and a certificate that they trust: use TLS only if it is offered.
run() {
    if [ -n "${DOORWARD_DATABASE_TLS_CA_FILE:-}" ]; then
        set -- --ssl-ca="$DOORWARD_DATABASE_TLS_CA_FILE" --ssl-verify-server-cert "$@"
    else
        set -- --disable-ssl-verify-server-cert "$@"
    fi
    mariadb --host="${DOORWARD_DATABASE_HOST:-mariadb}" --port="${DOORWARD_DATABASE_PORT:-3306}" \
        --user="${DOORWARD_DATABASE_ROOT:-root}" --connect-timeout=5 "$@"
}

# The database may be starting at the same time.
wait_for_database() {
    left=${DOORWARD_DATABASE_WAIT_SECONDS:-0}
    until run --execute "SELECT 1" >/dev/null 2>&1 || [ "$left" -le 0 ]; do
        left=$((left - 1))
        sleep 1
    done
}

# check_passwords PASSWORD...: rejects characters that would need quoting in SQL
check_passwords() {
    for password in "$@"; do
        case $password in
            "" | *[!A-Za-z0-9_-]*)
                echo "create-database-accounts: a database password may contain letters, digits, - and _ only, and must not be empty" >&2
                exit 1
                ;;
        esac
    done
}

# account_sql NAME PASSWORD: prints the statements that create the account
account_sql() {
    echo "CREATE USER IF NOT EXISTS doorward_$1 IDENTIFIED BY '$2';"
    echo "ALTER USER doorward_$1 IDENTIFIED BY '$2';"
    # Removes privileges that an earlier release granted. Not while services are running: they would have no privileges
    # for a moment, and the previous release may need what this release does not.
    [ -n "${DOORWARD_KEEP_GRANTS:-}" ] || echo "REVOKE ALL PRIVILEGES, GRANT OPTION FROM doorward_$1;"
}

databases() {
    for database in $names; do
        run --execute "CREATE DATABASE IF NOT EXISTS $database CHARACTER SET utf8mb4;"
    done
    if [ -n "${DOORWARD_DATABASE_OWNER_PASSWORD:-}" ]; then
        check_passwords "$DOORWARD_DATABASE_OWNER_PASSWORD"
        # On stdin, because other processes can read arguments.
        run <<SQL
CREATE USER IF NOT EXISTS $owner IDENTIFIED BY '$DOORWARD_DATABASE_OWNER_PASSWORD';
ALTER USER $owner IDENTIFIED BY '$DOORWARD_DATABASE_OWNER_PASSWORD';
SQL
    fi
    for database in $names; do
        run --execute "GRANT ALL ON $database.* TO $owner;"
        echo "create-database-accounts: database $database exists, owner $owner"
    done
}

accounts() {
    check_passwords "$DOORWARD_DATABASE_AUTH_PASSWORD" "$DOORWARD_DATABASE_USERS_PASSWORD"
    {
        account_sql auth "$DOORWARD_DATABASE_AUTH_PASSWORD"
        account_sql users "$DOORWARD_DATABASE_USERS_PASSWORD"
        cat "$here/grants.sql"
    } | run --database="$identity"
    echo "create-database-accounts: granted privileges to doorward_auth and doorward_users"
    if [ -n "${DOORWARD_WITHOUT_TICKETS:-}" ]; then
        return
    fi
    check_passwords "$DOORWARD_DATABASE_TICKETS_PASSWORD"
    {
        account_sql tickets "$DOORWARD_DATABASE_TICKETS_PASSWORD"
        cat "$here/grants-tickets.sql"
    } | run --database="$tickets"
    echo "create-database-accounts: granted privileges to doorward_tickets"
}

case "${1:-}" in
    databases | accounts)
        wait_for_database
        "$1"
        ;;
    *)
        echo "usage: create-database-accounts.sh databases|accounts" >&2
        exit 2
        ;;
esac
