"""Databases and accounts on a MariaDB or MySQL server with an administrator's account."""

import contextlib
import secrets
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import pymysql
import sqlalchemy as sa

DRIVER: Final = "mysql+pymysql"


class DatabaseServer:
    """A MariaDB or MySQL server with an administrator's account."""

    def __init__(self, admin_url: sa.URL) -> None:
        self.admin_url = admin_url
        self.tls_environment: Mapping[str, str] = {}
        """The settings with which a service reaches it by a name. A MariaDB needs none."""

    def execute(self, statement: str, *arguments: object) -> tuple[tuple[Any, ...], ...]:
        """Run one statement as administrator, autocommitted; return its rows."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement, arguments or None)
            return tuple(cursor.fetchall())

    def connect(self, database: str | None = None) -> "pymysql.Connection[Any]":
        """Open an administrator's connection with timeouts; the caller closes it."""
        url = self.admin_url
        return pymysql.connect(
            host=url.host,
            port=url.port or 3306,
            user=url.username,
            password=str(url.password or ""),
            database=database,
            autocommit=True,
            connect_timeout=5,
            read_timeout=30,
            write_timeout=30,
        )

    def create_database(self, label: str = "test") -> "Database":
        """Create an empty database with a random name, and its owner with DDL privileges."""
        name = f"doorward_{label}_{secrets.token_hex(4)}"
        self.execute(f"CREATE DATABASE `{name}`")
        return Database(self, name)


class Database:
    """One database of a server, with an owner's URL and accounts with fewer privileges."""

    def __init__(self, server: DatabaseServer, name: str) -> None:
        self.server = server
        self.name = name
        self._accounts: list[str] = []
        self.url = self.account("owner", {"*": "ALL PRIVILEGES"})

    def account(self, label: str, grants: Mapping[str, str]) -> str:
        """Create an account and return its URL; grants are privileges by table, `*` for all."""
        user = f"{label[:12]}_{secrets.token_hex(4)}"
        password = secrets.token_urlsafe(18)
        self.server.execute(f"CREATE USER `{user}`@'%%' IDENTIFIED BY %s", password)
        self._accounts.append(user)
        for table, privileges in grants.items():
            target = "*" if table == "*" else f"`{table}`"
            self.server.execute(f"GRANT {privileges} ON `{self.name}`.{target} TO `{user}`@'%'")
        where = self.server.admin_url
        url = sa.URL.create(DRIVER, user, password, where.host, where.port, self.name)
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str, *arguments: object) -> tuple[tuple[Any, ...], ...]:
        """Run one statement in this database as administrator; return its rows."""
        connection = self.server.connect(self.name)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement, arguments or None)
            return tuple(cursor.fetchall())

    def drop(self) -> None:
        """Remove the database and its accounts."""
        self.server.execute(f"DROP DATABASE IF EXISTS `{self.name}`")
        for user in self._accounts:
            self.server.execute(f"DROP USER IF EXISTS `{user}`@'%'")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.drop()
