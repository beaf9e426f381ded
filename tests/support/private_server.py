"""What a private MariaDB and a private MySQL have in common."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final, Self

import pymysql
import sqlalchemy as sa

from support.databases import DRIVER, DatabaseServer
from support.loopback import LOOPBACK
from support.ports import free_port
from support.processes import Process

ADMIN: Final = "doorward_tests"


class PrivateServer(DatabaseServer):
    """A private server on LOOPBACK: its own port, its own folder, a random password.

    `process` has kill9(), restart(), freeze() and thaw(); the port and the data survive them.
    """

    account: ClassVar = f"`{ADMIN}`@'{LOOPBACK}'"
    process: Process

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._password = secrets.token_urlsafe(24)
        super().__init__(sa.URL.create(DRIVER, ADMIN, self._password, LOOPBACK, self.port))

    def start(self) -> Self:
        """Start and wait until it answers queries."""
        self.process.start()
        return self

    def stop(self) -> None:
        """Shut down; the data stays for the next start()."""
        self.process.stop(grace=30)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze the server during the block; connections stay open without responses."""
        self.process.freeze()
        try:
            yield
        finally:
            self.process.thaw()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Reject writes of ordinary accounts (error 1290), as a demoted primary does."""
        self.execute("SET GLOBAL read_only = 1")
        try:
            yield
        finally:
            self.execute("SET GLOBAL read_only = 0")

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """Run it for the block; stop it also where the wait for its first response was interrupted."""
        try:
            yield self.start()
        finally:
            self.stop()

    def _write_init_file(self, create: str, *further: str) -> Path:
        """Write the statements that the server runs at each start, so that root always has a password.

        `create` is the server's way to create an account that may be there.
        """
        statements = (
            f"{create} {self.account} IDENTIFIED BY '{self._password}';",
            f"GRANT ALL PRIVILEGES ON *.* TO {self.account} WITH GRANT OPTION;",
            f"ALTER USER root@localhost IDENTIFIED BY '{self._password}';",
            *further,
        )
        file = self.folder / "init.sql"
        file.touch(mode=0o600)
        file.write_text("\n".join(statements), encoding="utf-8")
        return file

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except pymysql.err.OperationalError:
            return False
        return True
