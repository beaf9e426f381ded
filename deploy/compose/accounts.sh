#!/bin/sh
# Creates the services' database accounts and gives them their rights; safe to run again, which is
# also how a password is changed. Runs inside the mariadb image, with root's password in MYSQL_PWD.
set -eu

case "$DOORWARD_DATABASE_AUTH_PASSWORD$DOORWARD_DATABASE_USERS_PASSWORD" in
    *[!A-Za-z0-9_-]*)
        echo "accounts: the database passwords may contain letters, digits, - and _ only" >&2
        exit 1
        ;;
esac

{
    for service in auth users; do
        case "$service" in
            auth) password=$DOORWARD_DATABASE_AUTH_PASSWORD ;;
            users) password=$DOORWARD_DATABASE_USERS_PASSWORD ;;
        esac
        echo "CREATE USER IF NOT EXISTS doorward_$service;"
        echo "ALTER USER doorward_$service IDENTIFIED BY '$password';"
        # Rights that an earlier release gave and this one does not.
        echo "REVOKE ALL PRIVILEGES, GRANT OPTION FROM doorward_$service;"
    done
    cat /grants.sql
} | mariadb --host="${DOORWARD_DATABASE_HOST:-mariadb}" --port="${DOORWARD_DATABASE_PORT:-3306}" \
    --user="${DOORWARD_DATABASE_ROOT:-root}" --database="${DOORWARD_DATABASE_NAME:-doorward}"
echo "accounts: doorward_auth and doorward_users have their rights"
