"""The script that creates databases and accounts, as run by Compose, against a real server."""

import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pymysql
import pytest
import sqlalchemy as sa

from support.chain import RIGHTS
from support.databases import Database
from support.mariadb import MariaDB, private_mariadb
from support.processes import inherited_environment
from support.requirements import MARIADB_CLIENT, need
from support.services import migrate, migrate_tickets

PASSWORDS = {
    f"DOORWARD_DATABASE_{name}_PASSWORD": f"{name.lower()}-0123456789"
    for name in ("AUTH", "USERS", "TICKETS")
}
OWN = {"auth": "sessions", "users": "audit_events", "tickets": "tickets"}


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    need(MARIADB_CLIENT)
    with private_mariadb() as server:
        yield server


@pytest.fixture(scope="module")
def identity(server: MariaDB) -> Database:
    return server.create_database("compose")


def tickets_name(identity: Database) -> str:
    return f"{identity.name}_tickets"


def run(
    server: MariaDB, identity: Database, command: str, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    admin = server.admin_url
    return subprocess.run(
        ["sh", str(RIGHTS / "create-database-accounts.sh"), command],
        env={
            **inherited_environment(),
            "PATH": "/usr/bin:/bin",
            "MYSQL_PWD": str(admin.password),
            "DOORWARD_DATABASE_ROOT": str(admin.username),
            "DOORWARD_DATABASE_HOST": "127.0.0.1",
            "DOORWARD_DATABASE_PORT": str(admin.port),
            "DOORWARD_DATABASE_NAME": identity.name,
            "DOORWARD_DATABASE_TICKETS_NAME": tickets_name(identity),
            "DOORWARD_DATABASE_OWNER": str(sa.make_url(identity.url).username),
            **env,
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def connect(server: MariaDB, identity: Database, service: str, password: str) -> "pymysql.Connection[Any]":
    home = tickets_name(identity) if service == "tickets" else identity.name
    return pymysql.connect(
        host="127.0.0.1",
        port=server.admin_url.port or 0,
        user=f"doorward_{service}",
        password=password,
        database=home,
    )


def test_accounts_after_a_first_start_a_second_start_and_a_changed_password(
    server: MariaDB, identity: Database
) -> None:
    for _ in range(2):
        done = run(server, identity, "databases", {})
        assert done.returncode == 0, done.stderr
        migrate(identity.url)
        own = sa.make_url(identity.url).set(database=tickets_name(identity))
        migrate_tickets(own.render_as_string(hide_password=False))
        done = run(server, identity, "accounts", PASSWORDS)
        assert done.returncode == 0, done.stderr
    changed = {**PASSWORDS, "DOORWARD_DATABASE_TICKETS_PASSWORD": "another-one"}
    assert run(server, identity, "accounts", changed).returncode == 0
    people = f"{tickets_name(identity)}.user_snapshots"
    elsewhere = {"auth": people, "users": people, "tickets": f"{identity.name}.users"}
    for service, table in OWN.items():
        password = changed[f"DOORWARD_DATABASE_{service.upper()}_PASSWORD"]
        with connect(server, identity, service, password) as connection, connection.cursor() as cursor:
            with pytest.raises(pymysql.err.OperationalError, match="1142"):
                cursor.execute(f"DROP TABLE {table}")
            with pytest.raises(pymysql.err.OperationalError, match="1142"):
                cursor.execute(f"SELECT 1 FROM {elsewhere[service]}")


@pytest.mark.parametrize("password", ["'; DROP TABLE users; --", "with space"])
def test_a_password_with_sql_is_rejected(server: MariaDB, identity: Database, password: str) -> None:
    done = run(server, identity, "accounts", {**PASSWORDS, "DOORWARD_DATABASE_USERS_PASSWORD": password})
    assert done.returncode == 1
    assert "may contain letters" in done.stderr
    assert password not in done.stderr


def test_an_unknown_command_is_an_error(server: MariaDB, identity: Database) -> None:
    assert run(server, identity, "everything", PASSWORDS).returncode == 2
